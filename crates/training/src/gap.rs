use candle_core::Device;
use latent_datasets::{Batching, Dataset, Splits};
use latent_models::Trainable;

use crate::{Error, Metrics, evaluate};

/// How much better a model is on images that it was trained on than on images that it was not.
///
/// Both figures are of the same weights, the same number of draws and the same number of images, so that
/// they differ in nothing but the images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralisationGap {
    /// The mean of the bound or the log-likelihood over training images, nats per image.
    pub train: f64,
    /// The same over as many images of [`Self::split`].
    pub held_out: f64,
    /// `validation` if there are validation images, and else `test`.
    pub split: &'static str,
    /// Images of each kind.
    pub images: usize,
}

impl GeneralisationGap {
    /// Images of each kind, where there are as many: the standard error of the gap is then about 1.5
    /// nats for digits.
    const IMAGES: usize = 1000;

    /// Evaluates the model on images at equal distances in the training images and in the held-out
    /// images of `splits`, as training used them ([`Experiment::prepared`](crate::Experiment::prepared)).
    ///
    /// `None` if the loss is not finite or there are no images of one kind.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn measure<M: Trainable + ?Sized>(
        model: &M,
        splits: &Splits,
        batching: &Batching,
        device: &Device,
    ) -> Result<Option<Self>, Error> {
        let (held_out, split) = match &splits.validation {
            Some(images) => (images, "validation"),
            None => (&splits.test, "test"),
        };
        let images = Self::IMAGES.min(held_out.len()).min(splits.train.len());
        if images == 0 {
            return Ok(None);
        }
        let figure = |metrics: Metrics| {
            let bound = metrics.get("elbo").copied();
            bound.or(metrics.get("loss").map(|loss| -loss))
        };
        let mean = |dataset: &Dataset| {
            let some = dataset.clone().evenly_spaced(images);
            Ok::<_, Error>(figure(evaluate(model, &some, batching, device)?))
        };
        let both = mean(&splits.train)?.zip(mean(held_out)?);
        let both = both.filter(|(train, held_out)| train.is_finite() && held_out.is_finite());
        Ok(both.map(|(train, held_out)| Self {
            train,
            held_out,
            split,
            images,
        }))
    }

    /// The gap, nats per image.
    pub fn nats(&self) -> f64 {
        self.train - self.held_out
    }

    /// Whether the model overfits: the gap is more than 10 nats and 5 % of the training figure.
    pub fn is_overfitting(&self) -> bool {
        self.nats() > 10.0 + 0.05 * self.train.abs()
    }
}
