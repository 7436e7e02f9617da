//! Probability distributions and bijectors (normalizing flows) on candle tensors, with the
//! interface of `torch.distributions` and distrax: `log_prob`, `sample`, `rsample` and KL
//! divergences.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use latent_distributions::{Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal};
//!
//! # fn main() -> Result<(), latent_distributions::Error> {
//! let device = Device::Cpu;
//! // Two diagonal normals in three dimensions: a batch of two events of size three.
//! let loc = Tensor::new(&[[0f32, 1.0, -1.0], [0.5, 0.0, 2.0]], &device)?;
//! let log_scale = Tensor::new(&[[0f32, -1.0, 0.5], [0.0, 0.0, 0.0]], &device)?;
//! let posterior = Normal::new(loc, log_scale)?;
//!
//! // The generator is an argument: the same seed gives the same draw.
//! let mut generator = Generator::new(42);
//! let z = posterior.rsample(&[], &mut generator)?; // [2, 3], differentiable in both parameters
//! let nats = posterior.log_prob(&z)?; // [2], summed over the event
//! assert_eq!(nats.dims(), [2]);
//!
//! let prior = StandardNormal::new(3, z.dtype(), &device);
//! let kl = posterior.kl_divergence(&prior)?.to_vec1::<f32>()?; // [2]
//! assert!((kl[1] - 0.5 * (0.25 + 4.0)).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! # Shapes
//! The last dimension is the *event*: one vector with independent components. All dimensions before
//! it are the *batch*: separate distributions of the same family. [`Distribution::log_prob`] sums
//! over the event only, so a distribution over `[..., d]` returns densities `[...]`, in nats.
//! Sampling prepends a *sample shape*: `[50]` draws from a batch `[n, d]` have the shape
//! `[50, n, d]`.
//!
//! # Flows
//! A [`Bijector`] is an invertible map with its log-determinant. A [`Chain`] composes several, in
//! the order from latents to data. [`Transformed`] is the distribution that results from a base
//! distribution and a bijector. The network of a [`Coupling`] is any function of its given columns:
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use latent_distributions::{
//!     Affine, Chain, Coupling, Distribution, Generator, Mask, StandardNormal, Transformed,
//! };
//!
//! # fn main() -> Result<(), latent_distributions::Error> {
//! let network = |given: &Tensor, (): &()| Ok((given.tanh()?, given.clone())); // log-scale, translation
//! let flow = Transformed::new(
//!     StandardNormal::new(4, DType::F32, &Device::Cpu),
//!     Chain::new(vec![
//!         Box::new(Coupling::new(Mask::blocks(4)?, Affine, network)),
//!         Box::new(Coupling::new(Mask::blocks(4)?.swapped(), Affine, network)),
//!     ]),
//! );
//! let draws = flow.sample(&[100], &mut Generator::new(1))?; // [100, 4]
//! assert_eq!(flow.log_prob(&draws)?.dims(), [100]); // nats
//! # Ok(())
//! # }
//! ```
//!
//! # For users of `torch.distributions`
//! | `torch.distributions` | this crate |
//! |---|---|
//! | `Independent(Normal(loc, scale), 1)` | [`Normal::new`]`(loc, log_scale)`: the *logarithm* of the scale; `log_prob` sums over the last dimension |
//! | `Independent(Bernoulli(logits=l), 1)` | [`Bernoulli::new`]`(l)` |
//! | `sample((50,))`, `rsample()` | `sample(&[50], &mut generator)`, `rsample(&[], &mut generator)` |
//! | `kl_divergence(p, q)` | `p.kl_divergence(&q)`; does not compile if there is no closed form |
//! | `TransformedDistribution(base, [f, g])` | `Transformed::new(base, Chain::new(vec![f, g]))` |
//! | `manual_seed(7)` | [`Generator::new`]`(7)`, passed as an argument |
//!
//! # Gradients
//! [`Distribution::sample`] is detached from the parameters; [`Reparametrised::rsample`] is
//! differentiable. They are in separate traits, so that a pathwise gradient through a
//! [`Bernoulli`], which does not exist, does not compile:
//!
//! ```compile_fail
//! # use candle_core::{Device, Tensor};
//! use latent_distributions::{Bernoulli, Generator, Reparametrised};
//! let pixels = Bernoulli::new(Tensor::zeros((1, 784), candle_core::DType::F32, &Device::Cpu).unwrap());
//! pixels.rsample(&[], &mut Generator::new(0));
//! ```
//!
//! # Features
//! `x86-v4` (default) compiles kernels for AVX-512; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, latent-kernels, rand. Status: part of the
//! `latent` workspace, below 1.0; minor versions may break the interface.

mod bernoulli;
mod bijector;
mod coupling;
mod diagonal;
mod discretised_logistic;
mod error;
mod factor_out;
mod generator;
mod invertible_linear;
mod logistic;
mod mask;
mod normal;
mod pixelwise;
mod sigmoid;
mod standard_normal;

use candle_core::Tensor;

pub use bernoulli::Bernoulli;
pub use bijector::{Bijector, Chain, Transformed};
pub use coupling::{Additive, Affine, Conditioner, Coupling, Elementwise, LogisticMixture};
pub use diagonal::{ActNorm, Scaling};
pub use discretised_logistic::DiscretisedLogistic;
pub use error::Error;
pub use factor_out::FactorOut;
pub use generator::Generator;
pub use invertible_linear::InvertibleLinear;
pub use latent_kernels::Shape;
pub use logistic::Logistic;
pub use mask::{Mask, Permutation};
pub use normal::Normal;
pub use pixelwise::Pixelwise;
pub use sigmoid::Sigmoid;
pub use standard_normal::StandardNormal;

/// A probability distribution over vectors, with a density and a sampler.
pub trait Distribution {
    /// The log-density (the log-probability, if discrete) of `value` in nats, summed over the
    /// event.
    ///
    /// `value` has the shape `[..., d]` and broadcasts with the batch; the result is `[...]`.
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error>;

    /// Draws samples of shape `sample_shape` + batch + event, detached from the parameters.
    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error>;
}

/// A distribution whose samples are differentiable functions of its parameters (reparametrisation
/// trick).
pub trait Reparametrised: Distribution {
    /// Draws samples of shape `sample_shape` + batch + event, differentiable in the parameters.
    fn rsample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error>;
}

/// A pair of distributions with a closed-form Kullback–Leibler divergence.
pub trait KlDivergence<Q: ?Sized> {
    /// KL(self ‖ q) = E[log self(x) − log q(x)] for x drawn from `self`, in nats, summed over the
    /// event.
    ///
    /// It is never negative, and 0 only if both distributions are equal.
    fn kl_divergence(&self, q: &Q) -> Result<Tensor, Error>;
}

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
