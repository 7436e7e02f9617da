//! Latent-variable models on candle behind one trait, written so that a reader of the papers
//! recognises the equations.
//!
//! ```
//! use candle_core::Device;
//! use latent_distributions::Generator;
//! use latent_models::{Conditional, LatentModel, Parameters, Vae, VaeConfig};
//!
//! # fn main() -> Result<(), latent_models::Error> {
//! // A VAE 784-512-2 and its mirror, its weights drawn from seed 1.
//! let config = VaeConfig { hidden: vec![512], latent_size: 2, ..VaeConfig::default() };
//! let parameters = Parameters::seeded(1, &Device::Cpu);
//! let vae = Vae::new(784, &config, &parameters.builder())?;
//!
//! let mut generator = Generator::new(2);
//! let latents = vae.sample_prior(3, &mut generator)?; // [3, 2]
//! let images = vae.decode(&latents, &())?; // [3, 784], each pixel the probability of ink
//! assert_eq!(images.dims(), [3, 784]);
//! assert_eq!(vae.encode(&images, &())?.dims(), [3, 2]);
//!
//! // A conditional one draws the digits that it is told to: one call from labels to images.
//! let parameters = Parameters::seeded(1, &Device::Cpu);
//! let conditional = Vae::conditional(784, 10, &config, &parameters.builder())?;
//! let images = conditional.sample_conditional(&[3, 1, 4], &mut generator)?; // [3, 784]
//! # assert_eq!(images.dims(), [3, 784]);
//! # Ok(())
//! # }
//! ```
//!
//! Images are `[n, pixels]` with values in [0, 1], where a pixel of several channels counts as several (see
//! [`Shape`]). Every loss and bound is in nats, one number an
//! image, summed over pixels and latent dimensions.

mod blocks;
mod classifier;
mod config;
mod error;
mod flow;
mod latent_model;
pub mod latent_space;
mod log_mean_exp;
mod networks;
mod parameters;
mod vae;

pub use classifier::{Classifier, ClassifierConfig};
pub use config::{AnyModel, ModelConfig, Variables};
pub use error::Error;
pub use flow::{
    BaseDistribution, ConditionalFlow, Flow, FlowConfig, MaskPattern, Normalisation, Preprocessing,
    Transform,
};
pub use latent_distributions::Generator;
pub use latent_kernels::{Activation, Shape};
pub use latent_model::{Conditional, LatentModel, Loss, LossContext, Trainable};
pub use log_mean_exp::LogMeanExp;
pub use networks::{
    AdditiveConditioning, ConcatConditioning, Condition, Conv2d, ConvTranspose2d,
    ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder, Labels, Linear, Mlp, Network,
    Sequential,
};
pub use parameters::{Parameters, shapes};
pub use vae::{
    Bound, ConditionalConvolutionalVae, ConditionalVae, ConvolutionalVae, ConvolutionalVaeConfig,
    FlowPrior, InitialSamples, Likelihood, Objective, PixelDistribution, Prior, Vae, VaeConfig,
};
