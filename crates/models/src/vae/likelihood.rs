use std::f64::consts::LN_2;
use std::fmt;
use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use latent_distributions::{Bernoulli, DiscretisedLogistic, Distribution, Generator};
use latent_kernels::sigmoid;
use serde::{Deserialize, Serialize};

use crate::{Error, Loss};

/// The likelihood p(x|z) of the pixels of an image given its latent; pixels are independent given z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Likelihood {
    /// [`Bernoulli`], for binary pixels; the output of the decoder is the logits. Kingma & Welling 2014, appendix C.1.
    #[default]
    Bernoulli,
    /// [`DiscretisedLogistic`], for pixels with 256 levels. The output of the decoder is the logit of the location; the
    /// scale is a trained parameter for each pixel and does not depend on z. Kingma et al. 2016, appendix C.
    ///
    /// Scales differ between pixels because pixels at the border of MNIST images are nearly always black: a common scale
    /// would be too wide for them.
    DiscretisedLogistic,
}

/// The name in experiments.
impl fmt::Display for Likelihood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bernoulli => "bernoulli",
            Self::DiscretisedLogistic => "discretised-logistic",
        })
    }
}

/// A likelihood of your own: the distribution p(x|z) of pixels for a decoder's output.
///
/// [`Vae::with_pixel_likelihood`](crate::Vae::with_pixel_likelihood) takes one. Its variables, if it has some, come from
/// the same builder as those of the networks.
pub trait PixelLikelihood: fmt::Debug + Send + Sync {
    /// The distribution of pixels for the output `[..., outputs]` of the decoder: batch `[...]`, event `pixels`.
    ///
    /// # Errors
    /// The output has another shape than the likelihood's variables.
    fn given(&self, output: &Tensor) -> Result<Arc<dyn Distribution>, Error>;

    /// The image that is shown for an output, `[..., pixels]` in [0, 1]: usually the mean of [`Self::given`].
    ///
    /// # Errors
    /// Those of [`Self::given`].
    fn location(&self, output: &Tensor) -> Result<Tensor, Error>;
}

/// A likelihood with its variables.
#[derive(Clone, Debug)]
pub(super) enum PixelModel {
    Bernoulli,
    DiscretisedLogistic { log_scale: Tensor },
    Own(Arc<dyn PixelLikelihood>),
}

impl PixelModel {
    /// Builds the likelihood for images of `pixels` values. The discretised logistic has the variable `log_scale`,
    /// `[pixels]`.
    pub(super) fn new(
        likelihood: Likelihood,
        pixels: usize,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        /// A scale of e⁻² ≈ 1/7 of the range from black to white.
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
            Self::Own(likelihood) => PixelDistribution::Own(OwnDistribution {
                distribution: likelihood.given(&output)?,
                likelihood: Arc::clone(likelihood),
                output,
            }),
        })
    }

    /// With pixels of 256 levels, adds the part `bits_per_dimension` to a loss of images with so many pixels: the negative
    /// ELBO divided by their number and log 2.
    pub(super) fn with_bits_per_dimension(
        &self,
        mut loss: Loss,
        pixels: usize,
    ) -> Result<Loss, Error> {
        let is_of_levels = matches!(self, Self::DiscretisedLogistic { .. });
        let elbo = loss.parts.iter().find(|(name, _)| *name == "elbo");
        if let (true, Some((_, elbo))) = (is_of_levels, elbo) {
            let nats_to_bits = -1.0 / (LN_2 * pixels as f64);
            let bits = (elbo.detach() * nats_to_bits)?;
            loss.parts.push(("bits_per_dimension", bits));
        }
        Ok(loss)
    }
}

/// The distribution p(x|z) of pixels for a batch of latents z.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PixelDistribution {
    /// The distribution for [`Likelihood::Bernoulli`].
    Bernoulli(Bernoulli),
    /// The distribution for [`Likelihood::DiscretisedLogistic`].
    DiscretisedLogistic(DiscretisedLogistic),
    /// The distribution of a [`PixelLikelihood`].
    Own(OwnDistribution),
}

/// The distribution of a [`PixelLikelihood`] for an output of the decoder.
#[derive(Clone)]
pub struct OwnDistribution {
    distribution: Arc<dyn Distribution>,
    likelihood: Arc<dyn PixelLikelihood>,
    output: Tensor,
}

/// The likelihood with the output.
impl fmt::Debug for OwnDistribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OwnDistribution")
            .field("likelihood", &self.likelihood)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl PixelDistribution {
    /// The location, `[..., pixels]` in [0, 1]: the mean of a Bernoulli distribution, the location parameter (the
    /// median) of a discretised logistic distribution.
    ///
    /// # Errors
    /// An operation fails on the device.
    pub fn location(&self) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Bernoulli(distribution) => distribution.mean()?,
            Self::DiscretisedLogistic(distribution) => distribution.loc().clone(),
            Self::Own(own) => own.likelihood.location(&own.output)?,
        })
    }

    fn distribution(&self) -> &dyn Distribution {
        match self {
            Self::Bernoulli(distribution) => distribution,
            Self::DiscretisedLogistic(distribution) => distribution,
            Self::Own(own) => &*own.distribution,
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
