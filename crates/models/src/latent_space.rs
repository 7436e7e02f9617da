//! Latent spaces of any model: paths between latents, grids over a plane, statistics of latents, nearest
//! neighbours, and exemplars of a class.

mod exemplars;
mod grids;
mod neighbours;
mod paths;
mod statistics;

pub use exemplars::exemplars;
pub use grids::Grid;
pub use neighbours::{knn_agreement, nearest, nearest_labels};
pub use paths::{Path, perturbations};
pub use statistics::{FittedNormal, PrincipalComponents};
