//! Tools for latent spaces: interpolation paths, grids, statistics, alignment, nearest neighbours, and class
//! exemplars.

mod alignment;
mod exemplars;
mod grids;
mod neighbours;
mod paths;
mod statistics;

pub use alignment::{Procrustes, neighbour_overlap};
pub use exemplars::exemplars;
pub use grids::Grid;
pub use neighbours::{knn_agreement, nearest, nearest_labels};
pub use paths::{Path, perturbations};
pub use statistics::{FittedNormal, PrincipalComponents};
