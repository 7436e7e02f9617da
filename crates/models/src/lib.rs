//! Variational autoencoders and normalizing flows on candle behind one trait, [`LatentModel`], with
//! optional class labels, and tools for latent spaces.
//!
//! ```
//! use candle_core::Device;
//! use latent_distributions::Generator;
//! use latent_models::{Conditional, LatentModel, Parameters, Vae, VaeConfig};
//!
//! # fn main() -> Result<(), latent_models::Error> {
//! // A VAE with layers 784-512-2 and the reverse; seed 1 determines the initial weights.
//! let config = VaeConfig { hidden: vec![512], latent_size: 2, ..VaeConfig::default() };
//! let parameters = Parameters::seeded(1, &Device::Cpu);
//! let vae = Vae::new(784, &config, &parameters.builder())?;
//!
//! let mut generator = Generator::new(2);
//! let latents = vae.sample_prior(3, &mut generator)?; // [3, 2]
//! let images = vae.decode(&latents, &())?; // [3, 784], Bernoulli means
//! assert_eq!(images.dims(), [3, 784]);
//! assert_eq!(vae.encode(&images, &())?.dims(), [3, 2]);
//!
//! // A conditional VAE samples images of the requested labels.
//! let parameters = Parameters::seeded(1, &Device::Cpu);
//! let conditional = Vae::conditional(784, 10, &config, &parameters.builder())?;
//! let images = conditional.sample_conditional(&[3, 1, 4], &mut generator)?; // [3, 784]
//! # assert_eq!(images.dims(), [3, 784]);
//! # Ok(())
//! # }
//! ```
//!
//! # Models
//! | type | configuration | source |
//! |---|---|---|
//! | [`Vae`], [`ConditionalVae`] | [`VaeConfig`] | Kingma & Welling 2014; Sohn et al. 2015 |
//! | [`ConvolutionalVae`], [`ConditionalConvolutionalVae`] | [`ConvolutionalVaeConfig`] | |
//! | [`LadderVae`], [`ConditionalLadderVae`] | [`LadderVaeConfig`] | Sønderby et al. 2016 |
//! | [`Flow`], [`ConditionalFlow`] | [`FlowConfig`] | NICE (Dinh et al. 2014), RealNVP (Dinh et al. 2017), mixture couplings of Flow++ (Ho et al. 2019) |
//!
//! VAEs are trained with the ELBO, optionally with β and warm-up, or with the importance-weighted bound (Burda et
//! al. 2016). [`ModelConfig`] and [`AnyModel`] select a model at run time. [`latent_space`] has interpolation
//! paths, grids, principal components, nearest neighbours and class exemplars for any model.
//!
//! # Shapes and units
//! Images are `[n, pixels]` with values in [0, 1]; with several channels, `pixels` is height × width × channels
//! ([`Shape`]). Latents are `[n, latent_size]`. Losses and bounds are `[n]`, in nats per image: sums over pixels
//! and latent dimensions.
//!
//! # Features
//! `x86-v4` (default) compiles kernels for AVX-512; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, candle-nn, latent-distributions, nalgebra. Status: part of
//! the `latent` workspace, below 1.0; minor versions may break the interface.

mod blocks;
mod classifier;
mod config;
mod equations;
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
    BaseDistribution, ConditionalFlow, Dequantisation, Flow, FlowConfig, MaskPattern,
    MultiScaleConfig, Normalisation, Preprocessing, Transform, VariationalDequantisation,
};
pub use latent_distributions::Generator;
pub use latent_kernels::{Activation, Shape};
pub use latent_model::{Conditional, LatentModel, Loss, LossContext, Trainable};
pub use log_mean_exp::LogMeanExp;
pub use networks::{
    AdditiveConditioning, ConcatConditioning, Condition, Conv2d, ConvTranspose2d,
    ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder, Labels, Linear, Mlp, Network,
    ResidualBlock, Sequential,
};
pub use parameters::{Parameters, shapes};
pub use vae::{
    Bound, ConditionalConvolutionalVae, ConditionalLadderVae, ConditionalVae, ConvolutionalVae,
    ConvolutionalVaeConfig, FlowPrior, GradientEstimator, InitialSamples, LadderVae,
    LadderVaeConfig, LatentPrior, Likelihood, Objective, OwnDistribution, PixelDistribution,
    PixelLikelihood, Prior, Vae, VaeConfig,
};

/// The source of [`Vae`], for reports that show its loss.
#[doc(hidden)]
pub const VAE_SOURCE: &str = include_str!("vae/model.rs");

/// The source of [`Objective`], for the same reports.
#[doc(hidden)]
pub const OBJECTIVE_SOURCE: &str = include_str!("vae/objective.rs");

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
