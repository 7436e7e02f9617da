use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use crate::{Error, LatentModel, Vae, VaeConfig};

/// Any model of this crate, as an experiment names it: `kind` and the fields of its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelConfig {
    /// The fully connected [`Vae`].
    Vae(VaeConfig),
}

impl ModelConfig {
    /// The model for images of `pixels` values, with its variables from `builder`.
    ///
    /// # Errors
    /// A size in the configuration is impossible, or `builder` holds variables of other shapes.
    pub fn build(
        &self,
        pixels: usize,
        builder: &VarBuilder,
    ) -> Result<Box<dyn LatentModel<Condition = ()>>, Error> {
        match self {
            Self::Vae(config) => Ok(Box::new(Vae::new(pixels, config, builder)?)),
        }
    }

    /// How many dimensions a latent has.
    pub fn latent_size(&self) -> usize {
        match self {
            Self::Vae(config) => config.latent_size,
        }
    }

    /// Whether such a model can exist for images of `pixels` values.
    ///
    /// # Errors
    /// Names the field of the configuration that is impossible.
    pub fn check(&self, pixels: usize) -> Result<(), Error> {
        match self {
            Self::Vae(config) => config.check(pixels),
        }
    }
}
