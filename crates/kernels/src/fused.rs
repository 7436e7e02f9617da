//! The operations of this crate on the CPU, for 32- and 64-bit floats: one operation of candle's graph
//! each, with a hand-written gradient.
//!
//! The functions have the arguments and results of those at the root of the crate, and return `None`
//! for tensors that they have no code for: on another device, of another dtype, or of shapes that
//! broadcast in unusual ways.

mod activation;
mod adam;
mod average;
mod bernoulli;
mod columns;
mod convolution;
mod coupling;
mod dequantise;
mod diagonal;
mod elementwise;
mod linear;
mod map;
mod mixture;
mod normal;
mod operation;
mod parallel;
mod product;
mod sequence;
mod tiles;

pub(crate) use adam::adam_update;
pub(crate) use average::{average_update, squared_norm};
pub(crate) use bernoulli::{bernoulli_log_likelihood, sigmoid};
pub(crate) use columns::{columns, side_by_side};
pub(crate) use coupling::{affine_coupling, affine_coupling_inverse, sum_of_rows};
pub(crate) use dequantise::dequantised_logit;
pub(crate) use diagonal::{diagonal_affine, diagonal_affine_inverse};
pub use elementwise::vector_width;
pub(crate) use mixture::{logistic_mixture_elementwise, logistic_mixture_roots};
pub(crate) use normal::{kl_to_standard_normal, reparametrise, standard_normal_log_density};
pub use operation::backward;
pub(crate) use sequence::sequence;
