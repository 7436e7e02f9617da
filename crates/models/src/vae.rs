//! Variational autoencoders: configuration, likelihood, prior, objective, and the model with its variants.

mod config;
mod families;
mod ladder;
mod likelihood;
mod model;
mod objective;
mod prior;

pub use config::{ConvolutionalVaeConfig, VaeConfig};
pub use families::{ConditionalConvolutionalVae, ConditionalVae, ConvolutionalVae};
pub use ladder::{ConditionalLadderVae, LadderVae, LadderVaeConfig};
pub use likelihood::{Likelihood, OwnDistribution, PixelDistribution, PixelLikelihood};
pub use model::Vae;
pub use objective::{Bound, GradientEstimator, InitialSamples, Objective};
pub use prior::{FlowPrior, LatentPrior, Prior};
