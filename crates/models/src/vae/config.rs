use latent_kernels::{Activation, Shape};
use serde::{Deserialize, Serialize};

use super::likelihood::Likelihood;
use super::objective::Objective;
use super::prior::Prior;
use crate::error::{positive, refuse_too_many, refuse_too_many_blocks};
use crate::{ConvolutionalConfig, Error};

/// The configuration of a fully connected [`Vae`](crate::Vae).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// The sizes of the encoder's hidden layers; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// The number of [`ResidualBlock`](crate::ResidualBlock)s after each hidden layer.
    #[serde(skip_serializing_if = "is_zero")]
    pub blocks: usize,
    /// The activation after each hidden layer.
    pub activation: Activation,
    /// The number of latent dimensions.
    pub latent_size: usize,
    /// The likelihood p(x|z).
    pub likelihood: Likelihood,
    /// The training objective.
    pub objective: Objective,
    /// The prior p(z).
    pub prior: Prior,
}

impl Default for VaeConfig {
    /// One hidden layer of 512 units with ReLU, two latent dimensions, Bernoulli likelihood, standard normal prior.
    fn default() -> Self {
        Self {
            hidden: vec![512],
            blocks: 0,
            activation: Activation::Relu,
            latent_size: 2,
            likelihood: Likelihood::default(),
            objective: Objective::default(),
            prior: Prior::default(),
        }
    }
}

/// Whether a field has its default and is not written, so that the files of older models keep their bytes.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl VaeConfig {
    /// Checks that the VAE can be built for images of `pixels` values.
    ///
    /// # Errors
    /// A size is 0, the objective or the prior is invalid, or there are more than 100 hidden layers, 100 residual blocks
    /// after a layer, or 2²⁸ weights.
    pub fn check(&self, pixels: usize) -> Result<(), Error> {
        const LAYERS: usize = 100;
        positive("pixels", pixels)?;
        positive("latent_size", self.latent_size)?;
        self.objective.check()?;
        self.prior.check(self.latent_size)?;
        self.hidden
            .iter()
            .try_for_each(|&size| positive("hidden", size))?;
        let layers = self.hidden.len();
        if layers > LAYERS {
            let value = format!("a list of {layers}");
            return Err(Error::Config {
                key: "hidden",
                value,
                remedy: "use 100 layers or fewer",
            });
        }
        let sizes = [&[pixels], &self.hidden[..], &[self.latent_size]].concat();
        let weights = sizes.windows(2).fold(0usize, |sum, pair| {
            sum.saturating_add(pair[0].saturating_mul(pair[1]))
        });
        refuse_too_many_blocks(self.blocks)?;
        let of_blocks = self.hidden.iter().fold(0usize, |sum, &size| {
            let block = size.saturating_mul(size).saturating_mul(2 * self.blocks);
            sum.saturating_add(block)
        });
        refuse_too_many(of_blocks, "blocks", &self.blocks)?;
        let (key, value) = match self.hidden.iter().max() {
            Some(&largest) if largest > self.latent_size => ("hidden", largest),
            _ => ("latent_size", self.latent_size),
        };
        refuse_too_many(weights, key, &value)
    }
}

/// The configuration of a convolutional [`Vae`](crate::Vae).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConvolutionalVaeConfig {
    /// The encoder and the decoder.
    #[serde(flatten)]
    pub networks: ConvolutionalConfig,
    /// The likelihood p(x|z).
    pub likelihood: Likelihood,
    /// The training objective.
    pub objective: Objective,
    /// The prior p(z).
    pub prior: Prior,
}

impl From<ConvolutionalConfig> for ConvolutionalVaeConfig {
    /// These networks with the default likelihood, objective and prior.
    fn from(networks: ConvolutionalConfig) -> Self {
        Self {
            networks,
            ..Self::default()
        }
    }
}

impl ConvolutionalVaeConfig {
    /// Checks that the VAE can be built for images of this shape and labels of `classes` classes (0 without labels).
    ///
    /// # Errors
    /// Those of [`ConvolutionalConfig::check`], or the objective or the prior is invalid.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        self.networks.check(image, classes)?;
        self.objective.check()?;
        self.prior.check(self.networks.latent_size)
    }
}
