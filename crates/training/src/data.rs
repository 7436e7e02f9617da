use std::path::{Path, PathBuf};

use latent_datasets::Splits;
use serde::{Deserialize, Serialize};

use crate::{DataRecord, Error, Experiment};

/// The contents of a run's `data.json`: the [`DataRecord`] and the directory of the data files.
///
/// Model files, which may be published, contain the record without the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunData {
    /// The identity of the data.
    #[serde(flatten)]
    pub record: DataRecord,
    /// The directory of the data files; `None` for generated data, and for a path that is not UTF-8.
    pub directory: Option<DataDirectory>,
}

/// The path of a data directory, as given and absolute, since either may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirectory {
    /// The path as given; it may be relative to the current directory.
    pub given: PathBuf,
    /// The absolute path.
    pub resolved: PathBuf,
}

impl DataDirectory {
    /// Resolves `given` against the current directory; `None` if a path is not UTF-8.
    pub fn new(given: &Path) -> Option<Self> {
        let resolved = std::path::absolute(given).ok()?;
        (given.to_str().is_some() && resolved.to_str().is_some()).then(|| Self {
            given: given.to_owned(),
            resolved,
        })
    }
}

impl DataRecord {
    /// The label of a class that is given by its name or its number.
    ///
    /// # Errors
    /// [`Error::NoClass`], or [`Error::NoLabels`] if there are no classes.
    pub fn label_of(&self, class: &str) -> Result<u8, Error> {
        if self.classes == 0 {
            return Err(Error::NoLabels {
                data: self.name.clone(),
                needed_for: "a choice of classes".to_owned(),
            });
        }
        let named = self.class_names.iter().position(|name| name == class);
        // Where names are numbers, a number is a name.
        let is_number = |name: &String| name.parse::<u64>().is_ok();
        let label = named
            .or_else(|| {
                class
                    .parse()
                    .ok()
                    .filter(|_| !self.class_names.iter().any(is_number))
            })
            .filter(|&label| label < self.classes);
        let label = label.and_then(|label| u8::try_from(label).ok());
        label.ok_or_else(|| Error::NoClass {
            class: class.to_owned(),
            classes: (0..self.classes)
                .map(|label| self.class_name(label as u8))
                .collect(),
        })
    }

    /// Checks that all labels are among the classes of the training images.
    ///
    /// # Errors
    /// [`Error::UnseenClass`] for the first label that is not.
    pub fn check_seen(&self, labels: &[u8]) -> Result<(), Error> {
        match labels
            .iter()
            .find(|label| !self.classes_present.contains(label))
        {
            None => Ok(()),
            Some(&class) => Err(Error::UnseenClass {
                class,
                seen: self.classes_present.clone(),
            }),
        }
    }
}

impl Experiment {
    /// Selects the images that this experiment uses: the first [`DataConfig::limit`] of each split, with
    /// [`TrainingConfig::validation_images`] held out.
    ///
    /// For a conditional model, validation and test images of classes without a training image are
    /// removed, since p(x|y) of such a class is not trained.
    ///
    /// [`DataConfig::limit`]: crate::DataConfig::limit
    /// [`TrainingConfig::validation_images`]: crate::TrainingConfig::validation_images
    #[must_use]
    pub fn prepared(&self, splits: Splits) -> Splits {
        let splits = splits
            .truncated(self.data.limit.unwrap_or(usize::MAX))
            .held_out(self.training.validation_images);
        if !self.model.is_conditional() {
            return splits;
        }
        let classes = splits.train.classes_present();
        Splits {
            validation: splits.validation.map(|images| images.of_classes(&classes)),
            test: splits.test.of_classes(&classes),
            ..splits
        }
    }
}
