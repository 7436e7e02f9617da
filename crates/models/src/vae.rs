//! Variational autoencoders: their configuration, likelihood, prior and objective, the model, and its families.

mod config;
mod families;
mod likelihood;
mod model;
mod objective;
mod prior;

pub use config::{ConvolutionalVaeConfig, VaeConfig};
pub use families::{ConditionalConvolutionalVae, ConditionalVae, ConvolutionalVae};
pub use likelihood::{Likelihood, PixelDistribution};
pub use model::Vae;
pub use objective::{Bound, InitialSamples, Objective};
pub use prior::{FlowPrior, Prior};
