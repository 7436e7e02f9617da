use latent_datasets::{CLASSES, Splits};
use serde::{Deserialize, Deserializer, Serialize};

/// The data that a model was trained on: what identifies them, and no place on a computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The data set's name.
    pub name: String,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image. (An image has one channel.)
    pub width: usize,
    /// The number of training images.
    pub images: usize,
    /// The labels of the training images, each once, in ascending order. Files from before this was
    /// recorded are of all ten.
    #[serde(default = "ten_classes", deserialize_with = "classes")]
    pub classes: Vec<u8>,
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
            height: splits.train.height(),
            width: splits.train.width(),
            images: splits.train.len(),
            classes: splits.train.classes(),
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

fn ten_classes() -> Vec<u8> {
    (0..CLASSES as u8).collect()
}

/// Classes from a file, which anybody may have written.
fn classes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let classes = Vec::<u8>::deserialize(deserializer)?;
    let is_ascending = classes.windows(2).all(|pair| pair[0] < pair[1]);
    let is_known = classes
        .last()
        .is_some_and(|&last| usize::from(last) < CLASSES);
    if is_ascending && is_known {
        Ok(classes)
    } else {
        let expected = "expected labels from 0 to 9 in ascending order";
        Err(serde::de::Error::custom(format!(
            "the classes {classes:?}, {expected}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_from_a_file_are_labels_in_ascending_order() {
        let record = |classes: &str| {
            let text = format!(
                r#"{{"name":"idx","height":2,"width":3,"images":4,{classes}"checksum":"a","test_checksum":"b"}}"#
            );
            serde_json::from_str::<DataRecord>(&text)
        };
        assert_eq!(record("").unwrap().classes, ten_classes());
        assert_eq!(record(r#""classes":[1,4,9],"#).unwrap().classes, [1, 4, 9]);
        for wrong in ["[]", "[10]", "[3,1]", "[1,1]"] {
            let error = record(&format!(r#""classes":{wrong},"#)).unwrap_err();
            assert!(error.to_string().contains("ascending order"), "{error}");
        }
        let seen = record(r#""classes":[1,4],"#).unwrap();
        assert!(seen.check_seen(&[4, 1, 4]).is_ok());
        let error = seen.check_seen(&[1, 7]).unwrap_err().to_string();
        assert!(error.contains('7') && error.contains("1, 4"), "{error}");
    }
}
