//! Fused CPU implementations, for 32- and 64-bit floats, of the operations that gain from it: each
//! is one operation of candle's graph with a hand-written gradient.
//!
//! The functions have the arguments and results of those at the root of the crate. They return
//! `None` for tensors that they do not support: on another device, of another dtype, or of shapes
//! that broadcast in unusual ways.

mod activation;
mod adam;
mod average;
mod bernoulli;
mod convolution;
mod coupling;
mod diagonal;
mod elementwise;
mod linear;
mod map;
mod mixture;
mod operation;
mod parallel;
mod product;
mod sequence;
mod transpose;

pub(crate) use adam::adam_update;
pub(crate) use average::{average_update, squared_norm};
pub(crate) use bernoulli::bernoulli_log_likelihood;
pub(crate) use coupling::{affine_coupling, affine_coupling_inverse, sum_of_rows};
pub(crate) use diagonal::{diagonal_affine, diagonal_affine_inverse};
pub use elementwise::vector_width;
pub(crate) use mixture::{logistic_mixture_elementwise, logistic_mixture_roots};
pub use operation::backward;
pub(crate) use sequence::sequence;
pub(crate) use transpose::transpose_blocks;
