use std::path::{Path, PathBuf};

use latent_datasets::Splits;
use serde::{Deserialize, Serialize};

use crate::{DataRecord, Error, Experiment};

/// What a run stores of its data, in `data.json`: [`DataRecord`], and where the files are. The place is
/// not part of the model's file, which others may get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunData {
    /// The data.
    #[serde(flatten)]
    pub record: DataRecord,
    /// The directory of the files; `None` for data that are in no files, and for a directory whose name
    /// is not UTF-8.
    pub directory: Option<DataDirectory>,
}

/// A directory, in both forms in which it may be found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirectory {
    /// As it was named, perhaps relative to the directory in which the program ran.
    pub given: PathBuf,
    /// The absolute path.
    pub resolved: PathBuf,
}

impl DataDirectory {
    /// A directory as it is named now; `None` where its name is not UTF-8.
    pub fn new(given: &Path) -> Option<Self> {
        let resolved = std::path::absolute(given).ok()?;
        (given.to_str().is_some() && resolved.to_str().is_some()).then(|| Self {
            given: given.to_owned(),
            resolved,
        })
    }
}

impl DataRecord {
    /// Whether all labels are among the classes of the training images.
    ///
    /// # Errors
    /// [`Error::UnseenClass`] names the first that is not.
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
    /// The images that a training of this experiment uses: the first [`DataConfig::limit`] of each split,
    /// with the [`TrainingConfig::validation_images`] images held out. For a conditional model, without the
    /// validation and test images of classes that have no training image, since nothing is learned of
    /// p(x|y) of such a class.
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
