use candle_core::Tensor;
use latent_kernels::{bernoulli_log_likelihood, sigmoid};

use crate::{Distribution, Error, Generator, KlDivergence};

/// Independent Bernoulli variables, parametrised by their logits.
///
/// With logits l, a component is 1 with probability 1 / (1 + exp(−l)). [`Distribution::log_prob`]
/// also accepts values between 0 and 1, as is common for grey-scale MNIST: the result is then the
/// negative binary cross-entropy, which is not the logarithm of a probability.
#[derive(Clone, Debug)]
pub struct Bernoulli {
    logits: Tensor,
}

impl Bernoulli {
    /// Creates Bernoulli variables from their logits, `[..., d]`.
    pub fn new(logits: Tensor) -> Self {
        Self { logits }
    }

    /// The logits, `[..., d]`.
    pub fn logits(&self) -> &Tensor {
        &self.logits
    }

    /// The mean (the probability of 1), `[..., d]`.
    pub fn mean(&self) -> Result<Tensor, Error> {
        Ok(sigmoid(&self.logits)?)
    }

    /// The entropy in nats, `[...]`.
    pub fn entropy(&self) -> Result<Tensor, Error> {
        // The log-likelihood is linear in x, so its expectation is its value at the mean.
        Ok(bernoulli_log_likelihood(&self.logits, &self.mean()?)?.neg()?)
    }
}

impl Distribution for Bernoulli {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        Error::refuse_different_events(value, &self.logits)?;
        Ok(bernoulli_log_likelihood(&self.logits, value)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let mean = sigmoid(&self.logits.detach())?;
        let shape = [sample_shape, mean.dims()].concat();
        let uniform = generator.uniform(shape, mean.dtype(), mean.device())?;
        Ok(uniform.broadcast_lt(&mean)?.to_dtype(mean.dtype())?)
    }
}

impl KlDivergence<Bernoulli> for Bernoulli {
    /// KL(self ‖ q) in nats, `[...]`; the batches broadcast.
    ///
    /// # Errors
    /// The events differ in size, or the batches do not broadcast.
    fn kl_divergence(&self, q: &Bernoulli) -> Result<Tensor, Error> {
        Error::refuse_different_events(&self.logits, &q.logits)?;
        // log p(x) − log q(x) is linear in x, so its expectation is its value at the mean.
        let mean = self.mean()?;
        let own = bernoulli_log_likelihood(&self.logits, &mean)?;
        Ok(own.broadcast_sub(&bernoulli_log_likelihood(&q.logits, &mean)?)?)
    }
}
