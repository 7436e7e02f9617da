//! The tensor operations that latent-variable models are made of, one function each.
//!
//! Every function takes and returns candle tensors, can be differentiated, and is numerically safe:
//! logits of ±1000 give finite values and finite gradients. The hot paths of models and
//! distributions call these functions and nothing beneath them.
//!
//! On the CPU each is one operation of candle's graph, with a gradient of its own: a matrix product
//! and a vectorised pass or two, for 32- and 64-bit floats, at the widest vectors that the running
//! machine has. So are all the layers of a network together, as a [`sequence`]. Elsewhere the functions are [`composed`] of candle's operations, which is also
//! what the fused ones are tested against. Train with [`backward`] in place of the loss's own: it
//! gives the same gradients, sooner.
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
mod average;
mod bernoulli;
mod categorical;
mod columns;
pub mod composed;
mod convolution;
mod coupling;
mod dequantise;
mod diagonal;
mod element;
mod elementwise;
mod gradient_error;
mod linear;
mod logistic;
mod math;
mod mixture;
mod normal;
mod operation;
mod parallel;
mod product;
mod sequence;
mod tiles;

pub use activation::Activation;
pub use adam::{Adam, Moments, adam_update};
pub use average::{average_update, squared_norm};
pub use bernoulli::{bernoulli_log_likelihood, sigmoid};
pub use categorical::categorical_log_likelihood;
pub use columns::{columns, side_by_side};
pub use convolution::{Convolution, TransposedConvolution, conv_transpose2d, conv2d};
pub use coupling::{affine_coupling, affine_coupling_inverse};
pub use dequantise::dequantised_logit;
pub use diagonal::{diagonal_affine, diagonal_affine_inverse};
pub use elementwise::vector_width;
pub use gradient_error::gradient_error;
pub use linear::linear;
pub use logistic::standard_logistic_log_density;
pub use mixture::{MOST_COMPONENTS, logistic_mixture, logistic_mixture_inverse};
pub use normal::{
    kl_to_standard_normal, normal_log_density, reparametrise, standard_normal_log_density,
};
pub use operation::backward;
pub use sequence::{Layer, sequence};
