//! The classifier of generated images.

use latent_datasets::{Dataset, Splits};
use latent_training::{ModelData, Silent, TrainedClassifier, train_classifier};

use crate::{Context, Error};

/// Refuses images without labels, which cannot be classified.
pub(crate) fn refuse_unlabelled(images: &Dataset) -> Result<(), Error> {
    if images.is_labelled() {
        return Ok(());
    }
    Err(latent_figures::Error::NoLabels.into())
}

/// Trains a classifier on the training images of a model's data, of at most `limit` images, and returns it with them.
pub(crate) fn classifier_for(
    data: &ModelData,
    classes: &[u8],
    limit: Option<usize>,
    seed: u64,
    context: &Context,
) -> Result<(TrainedClassifier, Splits), Error> {
    let splits = Splits {
        name: data.name().to_owned(),
        train: data.train(),
        validation: None,
        test: data.test(),
    };
    refuse_unlabelled(&splits.train)?;
    let splits = splits.truncated(limit.unwrap_or(usize::MAX));
    context.say("training a classifier on the training images");
    let trained = train_classifier(&splits, classes, seed, &context.device, &mut Silent)?;
    Ok((trained, splits))
}
