use latent_datasets::{Shape, Splits};
use serde::{Deserialize, Serialize};

/// The data that a model was trained on: what identifies them, and no place on a computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct DataRecord {
    /// The data set's name.
    pub name: String,
    /// The shape of an image.
    pub shape: Shape,
    /// The number of classes: every label is less.
    pub classes: usize,
    /// The labels of the training images, each once, in ascending order.
    pub classes_present: Vec<u8>,
    /// The number of training images.
    pub images: usize,
    /// The checksum of the training images and their labels.
    pub checksum: String,
    /// The checksum of the test images and labels that the test figures are of.
    pub test_checksum: String,
}

impl DataRecord {
    /// The record of splits as a training uses them ([`Experiment::prepared`](crate::Experiment::prepared)).
    pub fn of(splits: &Splits) -> Self {
        Self {
            name: splits.name.clone(),
            shape: splits.train.shape(),
            classes: splits.train.classes(),
            classes_present: splits.train.classes_present(),
            images: splits.train.len(),
            checksum: splits.train.checksum(),
            test_checksum: splits.test.checksum(),
        }
    }

    /// Whether both are of the same training and test images, whatever they are called.
    pub fn has_same_images(&self, other: &Self) -> bool {
        (&self.checksum, &self.test_checksum) == (&other.checksum, &other.test_checksum)
    }

    /// The data in words that tell them from others: the name, and the beginning of the checksum that differs.
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

/// A record as files have it: today's, and those from before images had channels, which are all of ten classes.
#[derive(Deserialize)]
struct Stored {
    name: String,
    shape: Option<Shape>,
    height: Option<usize>,
    width: Option<usize>,
    classes: Option<Classes>,
    classes_present: Option<Vec<u8>>,
    images: usize,
    checksum: String,
    test_checksum: String,
}

/// The number of classes; formerly the labels of the training images.
#[derive(Deserialize)]
#[serde(untagged)]
enum Classes {
    Number(usize),
    Labels(Vec<u8>),
}

impl TryFrom<Stored> for DataRecord {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        /// The classes of files from before their number was recorded.
        const TEN: usize = 10;
        let shape = match (stored.shape, stored.height, stored.width) {
            (Some(shape), ..) => shape,
            (None, Some(height), Some(width)) => Shape::grey(height, width),
            _ => return Err("the data have no `shape`".to_owned()),
        };
        let (classes, labels) = match stored.classes {
            Some(Classes::Number(number)) => (number, stored.classes_present),
            Some(Classes::Labels(labels)) => (TEN, Some(labels)),
            None => (TEN, None),
        };
        let every = || (0..=255u8).take(classes).collect();
        let classes_present = labels.unwrap_or_else(every);
        let is_ascending = classes_present.windows(2).all(|pair| pair[0] < pair[1]);
        let last = classes_present.last().copied().map(usize::from);
        // A file that anybody may have written.
        if !is_ascending || last.is_none_or(|last| last >= classes) {
            return Err(format!(
                "the classes {classes_present:?}, expected labels less than {classes} in ascending order"
            ));
        }
        Ok(Self {
            name: stored.name,
            shape,
            classes,
            classes_present,
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
    fn a_record_is_read_as_it_is_written_and_as_it_was_written_before() {
        let today = parse(
            r#""shape":{"channels":3,"height":2,"width":5},"classes":26,"classes_present":[0,25],"#,
        );
        let today = today.unwrap();
        assert_eq!((today.classes, today.shape.channels), (26, 3));
        let again = serde_json::from_str(&serde_json::to_string(&today).unwrap());
        assert_eq!(today, again.unwrap());

        let before = parse(r#""height":2,"width":3,"classes":[1,4,9],"#).unwrap();
        assert_eq!((before.shape, before.classes), (Shape::grey(2, 3), 10));
        assert_eq!(before.classes_present, [1, 4, 9]);
        let oldest = parse(r#""height":2,"width":3,"#).unwrap();
        assert_eq!(oldest.classes_present, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(parse("").unwrap_err().to_string().contains("shape"));
    }

    #[test]
    fn classes_from_a_file_are_labels_in_ascending_order() {
        let record =
            |classes: &str| parse(&format!(r#""height":2,"width":3,"classes":{classes},"#));
        let number = r#"3,"classes_present":[0,3]"#;
        for wrong in ["[]", "[10]", "[3,1]", "[1,1]", "0", number] {
            let error = record(wrong).unwrap_err();
            assert!(error.to_string().contains("ascending order"), "{error}");
        }
        let seen = record("[1,4]").unwrap();
        assert!(seen.check_seen(&[4, 1, 4]).is_ok());
        let error = seen.check_seen(&[1, 7]).unwrap_err().to_string();
        assert!(error.contains('7') && error.contains("1, 4"), "{error}");
    }
}
