//! Variational autoencoders: their configuration, what they are trained by, the model, and its families.

mod config;
mod families;
mod model;
mod objective;

pub use config::{ConvolutionalVaeConfig, VaeConfig};
pub use families::{ConditionalConvolutionalVae, ConditionalVae, ConvolutionalVae};
pub use model::Vae;
pub use objective::{Beginning, Bound, Objective};
