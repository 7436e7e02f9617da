use candle_core::Device;
use latent_datasets::{Batching, Dataset, Splits};
use latent_models::Trainable;

use crate::{Error, Metrics, evaluate};

/// The generalisation gap: the difference in ELBO or log-likelihood between training and held-out
/// images.
///
/// Both means use the same weights, the same number of draws and the same number of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralisationGap {
    /// The mean ELBO (without an ELBO, the negative loss) of training images, nats per image.
    pub train: f64,
    /// The same mean over images of [`Self::split`], nats per image.
    pub held_out: f64,
    /// `validation` if there are validation images, otherwise `test`.
    pub split: &'static str,
    /// The number of images in each mean.
    pub images: usize,
}

impl GeneralisationGap {
    /// The largest number of images in each mean. On MNIST it gives a standard error of the gap of
    /// about 1.5 nats.
    const IMAGES: usize = 1000;

    /// Evaluates the model on evenly spaced training and held-out images of `splits`, which
    /// [`Experiment::prepared`](crate::Experiment::prepared) returns.
    ///
    /// The result is `None` if a mean is not finite or a split is empty.
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

    /// Whether the model overfits: the gap exceeds 10 nats plus 5 % of the training mean.
    pub fn is_overfitting(&self) -> bool {
        self.nats() > 10.0 + 0.05 * self.train.abs()
    }
}
