use latent_datasets::{Shape, Splits};
use serde::{Deserialize, Serialize};

/// The identity of the training data of a model: name, shape, classes and checksums, without a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct DataRecord {
    /// The data set's name.
    pub name: String,
    /// The shape of an image.
    pub shape: Shape,
    /// The number of classes; labels are less than it. 0 for images without labels.
    pub classes: usize,
    /// The names of the classes, in the order of their labels; empty if they are numbered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// The distinct labels of the training images, in ascending order; empty without labels.
    pub classes_present: Vec<u8>,
    /// The number of training images.
    pub images: usize,
    /// The checksum of the training images and their labels.
    pub checksum: String,
    /// The checksum of the test images and their labels.
    pub test_checksum: String,
}

impl DataRecord {
    /// The record of `splits`, which [`Experiment::prepared`](crate::Experiment::prepared) returns.
    pub fn of(splits: &Splits) -> Self {
        Self {
            name: splits.name.clone(),
            shape: splits.train.shape(),
            classes: splits.train.classes(),
            class_names: splits.train.class_names().to_vec(),
            classes_present: splits.train.classes_present(),
            images: splits.train.len(),
            checksum: splits.train.checksum(),
            test_checksum: splits.test.checksum(),
        }
    }

    /// The name of a class: that of the data set, otherwise its number.
    pub fn class_name(&self, label: u8) -> String {
        let name = self.class_names.get(usize::from(label));
        name.cloned().unwrap_or_else(|| label.to_string())
    }

    /// Whether both records have the same training and test images (equal checksums; names may differ).
    pub fn has_same_images(&self, other: &Self) -> bool {
        (&self.checksum, &self.test_checksum) == (&other.checksum, &other.test_checksum)
    }

    /// A description that distinguishes these data from `other`: the name and the first 12 characters of the
    /// checksum that differs.
    pub fn unlike(&self, other: &Self) -> String {
        let (images, checksum) = if self.checksum == other.checksum {
            ("test images", &self.test_checksum)
        } else {
            ("training images", &self.checksum)
        };
        let checksum: String = checksum.chars().take(12).collect();
        format!("{} (checksum of the {images} {checksum}…)", self.name)
    }
}

/// The fields of a record in a file, before validation.
#[derive(Deserialize)]
struct Stored {
    name: String,
    shape: Shape,
    classes: usize,
    #[serde(default)]
    class_names: Vec<String>,
    classes_present: Vec<u8>,
    images: usize,
    checksum: String,
    test_checksum: String,
}

impl TryFrom<Stored> for DataRecord {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored {
            classes,
            class_names,
            classes_present,
            ..
        } = &stored;
        let is_ascending = classes_present.windows(2).all(|pair| pair[0] < pair[1]);
        let last = classes_present.last().copied().map(usize::from);
        let is_below = last.map_or(*classes == 0, |last| last < *classes);
        if !is_ascending || !is_below {
            return Err(format!(
                "the classes {classes_present:?}, expected labels less than {classes} in ascending order"
            ));
        }
        if !class_names.is_empty() && class_names.len() != *classes {
            let names = class_names.len();
            return Err(format!("{names} names of classes, expected {classes}"));
        }
        Ok(Self {
            name: stored.name,
            shape: stored.shape,
            classes: stored.classes,
            class_names: stored.class_names,
            classes_present: stored.classes_present,
            images: stored.images,
            checksum: stored.checksum,
            test_checksum: stored.test_checksum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &str) -> Result<DataRecord, serde_json::Error> {
        let text =
            format!(r#"{{"name":"idx","images":4,{fields}"checksum":"a","test_checksum":"b"}}"#);
        serde_json::from_str(&text)
    }

    #[test]
    fn a_record_survives_a_round_trip() {
        let record = parse(
            r#""shape":{"channels":3,"height":2,"width":5},"classes":26,"classes_present":[0,25],"#,
        );
        let record = record.unwrap();
        assert_eq!((record.classes, record.shape.channels), (26, 3));
        let again = serde_json::from_str(&serde_json::to_string(&record).unwrap());
        assert_eq!(record, again.unwrap());
        assert!(parse("").unwrap_err().to_string().contains("shape"));
    }

    #[test]
    fn classes_from_a_file_are_labels_in_ascending_order() {
        let record = |classes: &str| {
            parse(&format!(
                r#""shape":{{"channels":1,"height":2,"width":3}},"classes":10,"classes_present":{classes},"#
            ))
        };
        for wrong in ["[]", "[10]", "[3,1]", "[1,1]"] {
            let error = record(wrong).unwrap_err();
            assert!(error.to_string().contains("ascending order"), "{error}");
        }
        let seen = record("[1,4]").unwrap();
        assert!(seen.check_seen(&[4, 1, 4]).is_ok());
        let error = seen.check_seen(&[1, 7]).unwrap_err().to_string();
        assert!(error.contains('7') && error.contains("1, 4"), "{error}");
    }
}
