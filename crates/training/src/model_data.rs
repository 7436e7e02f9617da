use latent_datasets::{Dataset, Shape, Splits};
use serde_json::{Map, Value, json};

use crate::{DataRecord, Error, Model};

/// A data set that a trained model is used with, compared with its training data.
#[derive(Clone, Debug)]
pub struct ModelData {
    /// All images of the data set.
    pub splits: Splits,
    /// The difference from the training data of the model; `None` if the images are the same.
    pub difference: Option<DataDifference>,
    /// The classes without a training image, in ascending order; empty unless the model is conditional.
    /// [`Self::test`] and [`Self::train`] omit these images, since p(x|y) of such a class is not trained.
    pub unseen_classes: Vec<u8>,
}

/// Descriptions of the training data of a model and of other data, with the checksum that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDifference {
    /// The training data of the model.
    pub trained: String,
    /// The data that were found.
    pub found: String,
}

impl ModelData {
    /// Compares a data set with the training data of a model.
    ///
    /// # Errors
    /// [`Error::ImageSize`]: its images have another size than the model's.
    pub fn new(model: &Model, splits: Splits) -> Result<Self, Error> {
        let (trained, experiment) = (&model.metadata.data, &model.metadata.experiment);
        let size = |shape: Shape| match shape {
            Shape { channels: 1, .. } => format!("{} × {}", shape.height, shape.width),
            _ => shape.to_string(),
        };
        if trained.shape != splits.test.shape() {
            return Err(Error::ImageSize {
                model: size(trained.shape),
                data: size(splits.test.shape()),
            });
        }
        let found = DataRecord::of(&experiment.prepared(splits.clone()));
        let difference = (!trained.has_same_images(&found)).then(|| DataDifference {
            trained: trained.unlike(&found),
            found: found.unlike(trained),
        });
        let mut unseen_classes = Vec::new();
        if model.model.conditional().is_ok() {
            unseen_classes = [
                splits.train.classes_present(),
                splits.test.classes_present(),
            ]
            .concat();
            unseen_classes.retain(|class| !trained.classes_present.contains(class));
            unseen_classes.sort_unstable();
            unseen_classes.dedup();
        }
        Ok(Self {
            splits,
            difference,
            unseen_classes,
        })
    }

    /// The data set's name.
    pub fn name(&self) -> &str {
        &self.splits.name
    }

    /// The name of a class: that of the data set, otherwise its number.
    pub fn class_name(&self, label: u8) -> String {
        self.splits.train.class_name(label)
    }

    /// The test images, without those of [`Self::unseen_classes`].
    pub fn test(&self) -> Dataset {
        self.seen(&self.splits.test)
    }

    /// The training images, without those of [`Self::unseen_classes`].
    pub fn train(&self) -> Dataset {
        self.seen(&self.splits.train)
    }

    fn seen(&self, images: &Dataset) -> Dataset {
        let mut classes = images.classes_present();
        classes.retain(|class| !self.unseen_classes.contains(class));
        images.clone().of_classes(&classes)
    }

    /// The JSON fields that describe an evaluation on `test`, a subset of the test images: name, checksum, split,
    /// number of images, and whether the model was trained on this data set.
    pub fn facts(&self, test: &Dataset) -> Map<String, Value> {
        let facts = [
            ("data", json!(self.splits.name)),
            ("checksum", json!(test.checksum())),
            ("split", json!("test")),
            ("images", json!(test.len())),
            ("trained_on_these_data", json!(self.difference.is_none())),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        facts.into_iter().collect()
    }
}
