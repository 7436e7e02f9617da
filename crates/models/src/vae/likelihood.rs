use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use latent_distributions::{Bernoulli, DiscretisedLogistic, Distribution, Generator};
use latent_kernels::sigmoid;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The likelihood of the pixels of an image given its latent, p(x|z), in which pixels are independent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Likelihood {
    /// [`Bernoulli`], with the decoder's output as logits: of pixels that are 0 or 1. Kingma & Welling 2014,
    /// appendix C.1.
    #[default]
    Bernoulli,
    /// [`DiscretisedLogistic`], of pixels with 256 levels: the decoder's output is the logit of the location, and each
    /// pixel has a scale that is trained and does not depend on z (Kingma et al. 2016, appendix C). A scale for each
    /// pixel, since a pixel at the border of a digit's image is nearly always black and one in the middle is not:
    /// with one scale for all, the first would pay for the second.
    DiscretisedLogistic,
}

/// A likelihood with its own variables.
#[derive(Clone, Debug)]
pub(super) enum PixelModel {
    Bernoulli,
    DiscretisedLogistic { log_scale: Tensor },
}

impl PixelModel {
    /// For images of `pixels` values; the discretised logistic takes `log_scale` `[pixels]` from `builder`.
    pub(super) fn new(
        likelihood: Likelihood,
        pixels: usize,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        /// An eighth of the range from black to white.
        const INITIAL_LOG_SCALE: Init = Init::Const(-2.0);
        Ok(match likelihood {
            Likelihood::Bernoulli => Self::Bernoulli,
            Likelihood::DiscretisedLogistic => Self::DiscretisedLogistic {
                log_scale: builder.get_with_hints(pixels, "log_scale", INITIAL_LOG_SCALE)?,
            },
        })
    }

    /// The distribution of the pixels for the decoder's output, `[..., pixels]`.
    pub(super) fn given(&self, output: Tensor) -> Result<PixelDistribution, Error> {
        Ok(match self {
            Self::Bernoulli => PixelDistribution::Bernoulli(Bernoulli::new(output)),
            Self::DiscretisedLogistic { log_scale } => {
                let log_scale = log_scale.clone();
                let distribution = DiscretisedLogistic::new(sigmoid(&output)?, log_scale)?;
                PixelDistribution::DiscretisedLogistic(distribution)
            }
        })
    }

    /// Whether it is one of pixels with 256 levels.
    pub(super) fn is_of_levels(&self) -> bool {
        matches!(self, Self::DiscretisedLogistic { .. })
    }
}

/// p(x|z) for one or several z.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PixelDistribution {
    /// Of [`Likelihood::Bernoulli`].
    Bernoulli(Bernoulli),
    /// Of [`Likelihood::DiscretisedLogistic`].
    DiscretisedLogistic(DiscretisedLogistic),
}

impl PixelDistribution {
    /// The image that stands for the distribution, `[..., pixels]` in [0, 1]: the mean of Bernoulli variables, the
    /// location (the median) of discretised logistic ones.
    ///
    /// # Errors
    /// None but of the device.
    pub fn location(&self) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Bernoulli(distribution) => distribution.mean()?,
            Self::DiscretisedLogistic(distribution) => distribution.loc().clone(),
        })
    }

    fn distribution(&self) -> &dyn Distribution {
        match self {
            Self::Bernoulli(distribution) => distribution,
            Self::DiscretisedLogistic(distribution) => distribution,
        }
    }
}

impl Distribution for PixelDistribution {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, latent_distributions::Error> {
        self.distribution().log_prob(value)
    }

    fn sample(
        &self,
        sample_shape: &[usize],
        generator: &mut Generator,
    ) -> Result<Tensor, latent_distributions::Error> {
        self.distribution().sample(sample_shape, generator)
    }
}
