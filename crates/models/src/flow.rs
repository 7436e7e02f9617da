//! Normalizing flows: configuration, preprocessing of pixels, and the model.

mod config;
mod model;
mod preprocessing;

pub use config::{BaseDistribution, FlowConfig, MaskPattern, Normalisation, Transform};
pub use model::{ConditionalFlow, Flow};
pub use preprocessing::Preprocessing;
