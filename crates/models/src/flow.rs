//! Normalizing flows: their configuration, the preprocessing of pixels, and the model.

mod config;
mod model;
mod preprocessing;

pub use config::{FlowConfig, Halves, Normalisation, Prior, Transform};
pub use model::{ConditionalFlow, Flow};
pub use preprocessing::Preprocessing;
