//! The tensor operations that latent-variable models are made of, one function each.
//!
//! Every function takes and returns candle tensors, can be differentiated, and is numerically safe:
//! logits of ±1000 give finite values and finite gradients. The hot paths of models and
//! distributions call these functions and nothing beneath them.
//!
//! On the CPU the operations that pay (see the README's table) are one fused operation of candle's graph,
//! with a hand-written gradient: matrix products by gemm and a vectorised pass or two, for 32- and 64-bit
//! floats, at the widest vectors that the running machine has. So are all the layers of a network together,
//! as a [`sequence`]. All other operations, other devices and other dtypes use the [`composed`] forms, of
//! candle's operations, which are also what the fused ones are tested against. Train with [`backward`] in
//! place of the loss's own: it gives the same gradients, sooner.
//!
//! Work is shared out on candle's pool of threads (`CANDLE_NUM_THREADS` sets their number, which
//! changes no result). What gains most from there is an allocator that keeps memory, such as mimalloc,
//! in the application.
//!
//! Shapes are written `[..., d]`: any number of leading *batch* dimensions and one last *event*
//! dimension. A function that returns `[...]` has summed over the event, never over the batch.
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
pub use mixture::MOST_COMPONENTS;
pub use ops::{
    adam_update, affine_coupling, affine_coupling_inverse, average_update,
    bernoulli_log_likelihood, categorical_log_likelihood, concat, conv_transpose2d, conv2d,
    dequantised_logit, diagonal_affine, diagonal_affine_inverse, kl_to_standard_normal, linear,
    logistic_mixture, logistic_mixture_inverse, narrow, normal_log_density, reparametrise,
    sequence, sigmoid, squared_norm, standard_logistic_log_density, standard_normal_log_density,
};
pub use shape::Shape;
