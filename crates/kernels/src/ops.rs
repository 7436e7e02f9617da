//! The public operations: they check their arguments and call the fused form if it supports the
//! device, dtype and shapes, otherwise the composed form.

mod bijectors;
mod concat;
mod distributions;
mod layers;
mod updates;

pub use bijectors::{
    affine_coupling, affine_coupling_inverse, dequantised_logit, diagonal_affine,
    diagonal_affine_inverse, logistic_mixture, logistic_mixture_inverse,
};
pub use concat::{concat, narrow, transpose_blocks};
pub use distributions::{
    bernoulli_log_likelihood, categorical_log_likelihood, kl_to_standard_normal,
    normal_log_density, reparametrise, sigmoid, standard_logistic_log_density,
    standard_normal_log_density,
};
pub use layers::{conv_transpose2d, conv2d, linear, sequence};
pub use updates::{adam_update, average_update, squared_norm};
