use latent_datasets::{Dataset, Shape, Splits};
use serde_json::{Map, Value, json};

use crate::{DataRecord, Error, Model};

/// The data set that a trained model is used with.
#[derive(Clone, Debug)]
pub struct ModelData {
    /// All its images.
    pub splits: Splits,
    /// In what it differs from the data that the model was trained on; `None` of the same images.
    pub difference: Option<DataDifference>,
    /// The classes of images that a conditional model saw none of in training, in ascending order. [`Self::test`] and
    /// [`Self::train`] leave these images out, since such a model has no p(x|y) of them.
    pub unseen_classes: Vec<u8>,
}

/// The data that a model was trained on, and others, in words that tell them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDifference {
    /// What the model was trained on.
    pub trained: String,
    /// What was found.
    pub found: String,
}

impl ModelData {
    /// Compares a data set with the one that a model was trained on.
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

    /// What JSON says of an evaluation on `test`, which is part of the test images: which images they are, and whether
    /// the model was trained on this data set.
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
