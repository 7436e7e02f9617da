//! Fused tensor operations for latent-variable models on candle tensors: layers, log-densities,
//! couplings and optimiser updates.
//!
//! Every function takes and returns candle tensors, is differentiable and numerically stable:
//! logits of ±1000 give finite values and finite gradients. Models and distributions use these
//! functions for all time-critical computations.
//!
//! On the CPU, the operations that gain from it (see the README's table) are one fused operation of
//! candle's graph with a hand-written gradient: matrix products by gemm and vectorised elementwise
//! passes, for 32- and 64-bit floats, with the widest vectors of the running machine. A
//! [`sequence`] fuses all layers of a network. All other operations, devices and dtypes use the
//! [`composed`] forms of candle's operations, with which tests compare the fused ones. Train with
//! [`backward`] instead of the loss's own method: it gives the same gradients, faster.
//!
//! Work is divided among the threads of candle's pool (`CANDLE_NUM_THREADS` sets their number,
//! which does not change results). An application gains most from an allocator that keeps freed
//! memory, such as mimalloc.
//!
//! Shapes are written `[..., d]`: any number of leading *batch* dimensions and one last *event*
//! dimension. A function that returns `[...]` sums over the event, never over the batch.
//!
//! # Features
//! `x86-v4` (default) compiles kernels for AVX-512; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, candle-nn, gemm, pulp. Status: part of the
//! `latent` workspace, below 1.0; minor versions may break the interface.
//!
//! # Example
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use latent_kernels::{Activation, bernoulli_log_likelihood, linear};
//!
//! # fn main() -> candle_core::Result<()> {
//! let input = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
//! let weight = Tensor::new(&[[0.5f32, -1.0], [3.0, 0.0], [1.0, 1.0]], &Device::Cpu)?;
//! let bias = Tensor::new(&[0f32, 0.0, 1.0], &Device::Cpu)?;
//! let logits = linear(&input, &weight, &bias, Activation::Relu)?;
//! assert_eq!(logits.to_vec2::<f32>()?, [[0.0, 3.0, 4.0]]);
//!
//! let targets = Tensor::new(&[[0f32, 1.0, 1.0]], &Device::Cpu)?;
//! let nats = bernoulli_log_likelihood(&logits, &targets)?.to_vec1::<f32>()?;
//! assert!((nats[0] - -0.75988555).abs() < 1e-5);
//! # Ok(())
//! # }
//! ```

#![expect(
    clippy::inline_always,
    reason = "a loop is vectorised for the running machine only where all that it calls is inlined"
)]

mod activation;
mod adam;
pub mod composed;
mod element;
mod fused;
mod gradient_error;
mod layer;
mod math;
mod mixture;
mod ops;
mod shape;

pub use activation::Activation;
pub use adam::{Adam, Moments};
pub use fused::{backward, vector_width};
pub use gradient_error::gradient_error;
pub use layer::{Convolution, Layer, TransposedConvolution};
pub use mixture::MAX_COMPONENTS;
pub use ops::{
    adam_update, affine_coupling, affine_coupling_inverse, average_update,
    bernoulli_log_likelihood, categorical_log_likelihood, concat, conv_transpose2d, conv2d,
    dequantised_logit, diagonal_affine, diagonal_affine_inverse, kl_to_standard_normal, linear,
    logistic_mixture, logistic_mixture_inverse, narrow, normal_log_density, reparametrise,
    sequence, sigmoid, squared_norm, standard_logistic_log_density, standard_normal_log_density,
    transpose_blocks,
};
pub use shape::Shape;

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
