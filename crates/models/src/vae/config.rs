use latent_kernels::{Activation, Shape};
use serde::{Deserialize, Serialize};

use super::likelihood::Likelihood;
use super::objective::Objective;
use super::prior::Prior;
use crate::error::{positive, refuse_too_many};
use crate::{ConvolutionalConfig, Error};

/// The shape of a fully connected [`Vae`](crate::Vae), and what it is trained by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// Sizes of the encoder's hidden layers; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// How many dimensions the latent space has.
    pub latent_size: usize,
    /// The likelihood of pixels given a latent.
    pub likelihood: Likelihood,
    /// What it is trained by.
    pub objective: Objective,
    /// The distribution of latents.
    pub prior: Prior,
}

impl Default for VaeConfig {
    /// 784-512-2 with ReLU.
    fn default() -> Self {
        Self {
            hidden: vec![512],
            activation: Activation::Relu,
            latent_size: 2,
            likelihood: Likelihood::default(),
            objective: Objective::default(),
            prior: Prior::default(),
        }
    }
}

impl VaeConfig {
    /// Whether a VAE of this shape can exist for images of `pixels` values.
    ///
    /// # Errors
    /// The image, the latent space or a hidden layer has size 0; the objective or the prior is impossible; or there
    /// are more layers or weights than any computer that this is for could train.
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
        let (key, value) = match self.hidden.iter().max() {
            Some(&largest) if largest > self.latent_size => ("hidden", largest),
            _ => ("latent_size", self.latent_size),
        };
        refuse_too_many(weights, key, &value)
    }
}

/// The shape of a convolutional [`Vae`](crate::Vae), and what it is trained by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConvolutionalVaeConfig {
    /// The encoder and the decoder.
    #[serde(flatten)]
    pub networks: ConvolutionalConfig,
    /// The likelihood of pixels given a latent.
    pub likelihood: Likelihood,
    /// What it is trained by.
    pub objective: Objective,
    /// The distribution of latents.
    pub prior: Prior,
}

impl From<ConvolutionalConfig> for ConvolutionalVaeConfig {
    /// These networks, trained by the default objective.
    fn from(networks: ConvolutionalConfig) -> Self {
        Self {
            networks,
            ..Self::default()
        }
    }
}

impl ConvolutionalVaeConfig {
    /// Whether a VAE of this shape can exist for such images, with labels of so many classes: 0 without labels.
    ///
    /// # Errors
    /// [`ConvolutionalConfig::check`] finds the networks impossible, or the objective or the prior is.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        self.networks.check(image, classes)?;
        self.objective.check()?;
        self.prior.check(self.networks.latent_size)
    }
}
