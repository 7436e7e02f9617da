//! Probability distributions on candle tensors, in the shape that `torch.distributions` and distrax
//! taught their users to expect: `log_prob`, `sample`, `rsample`, and KL divergences.
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
//! // Randomness is an argument: the same seed gives the same draw.
//! let mut generator = Generator::new(42);
//! let z = posterior.rsample(&[], &mut generator)?; // [2, 3], carries gradients to both parameters
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
//! The last dimension is the *event*: one vector with its independent components. All dimensions
//! before it are the *batch*: separate distributions of one kind. [`Distribution::log_prob`] sums
//! over the event and nothing else, so a distribution over `[..., d]` gives densities `[...]`, in
//! nats. Sampling puts a *sample shape* in front: `[50]` draws of a batch `[n, d]` are `[50, n, d]`.
//!
//! # Flows
//! A [`Bijector`] is an invertible map with its log-determinant, a [`Chain`] several in the order
//! written, from the latent side to the data's, and [`Transformed`] what a base distribution becomes
//! through one. Any function of the columns that a [`Coupling`] leaves alone is its network:
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
//! | there | here |
//! |---|---|
//! | `Independent(Normal(loc, scale), 1)` | [`Normal::new`]`(loc, log_scale)`: the *logarithm* of the scale, the last dimension summed already |
//! | `Independent(Bernoulli(logits=l), 1)` | [`Bernoulli::new`]`(l)` |
//! | `sample((50,))`, `rsample()` | `sample(&[50], &mut generator)`, `rsample(&[], &mut generator)` |
//! | `kl_divergence(p, q)` | `p.kl_divergence(&q)`; a pair without a closed form does not compile |
//! | `TransformedDistribution(base, [f, g])` | `Transformed::new(base, Chain::new(vec![f, g]))` |
//! | `manual_seed(7)` | [`Generator::new`]`(7)`, passed along |
//!
//! # Gradients
//! [`Distribution::sample`] is detached from the parameters. [`Reparametrised::rsample`] is not, and
//! is a trait of its own, so that a pathwise gradient through a [`Bernoulli`], which does not exist,
//! does not compile:
//!
//! ```compile_fail
//! # use candle_core::{Device, Tensor};
//! use latent_distributions::{Bernoulli, Generator, Reparametrised};
//! let pixels = Bernoulli::new(Tensor::zeros((1, 784), candle_core::DType::F32, &Device::Cpu).unwrap());
//! pixels.rsample(&[], &mut Generator::new(0));
//! ```

mod bernoulli;
mod bijector;
mod coupling;
mod diagonal;
mod discretised_logistic;
mod error;
mod generator;
mod logistic;
mod normal;
mod sigmoid;
mod standard_normal;

use candle_core::Tensor;

pub use bernoulli::Bernoulli;
pub use bijector::{Bijector, Chain, Transformed};
pub use coupling::{
    Additive, Affine, Conditioner, Coupling, Elementwise, LogisticMixture, Mask, Permutation,
};
pub use diagonal::{ActNorm, Scaling};
pub use discretised_logistic::DiscretisedLogistic;
pub use error::Error;
pub use generator::Generator;
pub use latent_kernels::Shape;
pub use logistic::Logistic;
pub use normal::Normal;
pub use sigmoid::Sigmoid;
pub use standard_normal::StandardNormal;

/// A probability distribution over vectors: something with a density that can be drawn from.
pub trait Distribution {
    /// The logarithm of the density (or of the probability, if discrete) at `value`, in nats,
    /// summed over the event.
    ///
    /// `value` is `[..., d]` and broadcasts against the batch; the result is `[...]`.
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error>;

    /// Draws of shape `sample_shape` + batch + event, detached from the parameters.
    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error>;
}

/// A distribution whose draws are differentiable functions of its parameters.
pub trait Reparametrised: Distribution {
    /// As [`Distribution::sample`], with gradients from the draws to the parameters.
    fn rsample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error>;
}

/// A pair of distributions whose Kullback–Leibler divergence is known in closed form.
pub trait KlDivergence<Q: ?Sized> {
    /// KL(self ‖ q) = E[log self(x) − log q(x)] for x drawn from `self`, in nats, summed over the
    /// event: never negative, and 0 only where both are equal.
    fn kl_divergence(&self, q: &Q) -> Result<Tensor, Error>;
}
