//! Normalizing flows: configuration, preprocessing of pixels, and the model.

mod config;
mod coupling;
mod dequantisation;
mod model;
mod multi_scale;
mod preprocessing;

pub use config::{BaseDistribution, FlowConfig, MaskPattern, Normalisation, Transform};
pub use dequantisation::{Dequantisation, VariationalDequantisation};
pub use model::{ConditionalFlow, Flow};
pub use multi_scale::MultiScaleConfig;
pub use preprocessing::Preprocessing;
