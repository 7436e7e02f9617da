use candle_core::Tensor;
use latent_kernels::{bernoulli_log_likelihood, sigmoid};

use crate::{Distribution, Error, Generator, KlDivergence};

/// Independent Bernoulli variables, given by their logits.
///
/// With logits l, a component is 1 with probability 1 / (1 + exp(−l)). [`Distribution::log_prob`]
/// also takes values between 0 and 1, as the literature on grey MNIST does: it is then the negative
/// binary cross-entropy, no longer the logarithm of a probability.
#[derive(Clone, Debug)]
pub struct Bernoulli {
    logits: Tensor,
}

impl Bernoulli {
    /// Independent Bernoulli variables with these logits, `[..., d]`.
    pub fn new(logits: Tensor) -> Self {
        Self { logits }
    }

    /// The logits, `[..., d]`.
    pub fn logits(&self) -> &Tensor {
        &self.logits
    }

    /// The mean, `[..., d]`: the probabilities of 1.
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
    /// The batches broadcast against each other.
    ///
    /// # Errors
    /// The events differ in size, or the batches do not broadcast.
    fn kl_divergence(&self, q: &Bernoulli) -> Result<Tensor, Error> {
        Error::refuse_different_events(&self.logits, &q.logits)?;
        // E[log p(x) − log q(x)], both linear in x, so the expectation is the value at the mean.
        let mean = self.mean()?;
        let own = bernoulli_log_likelihood(&self.logits, &mean)?;
        Ok(own.broadcast_sub(&bernoulli_log_likelihood(&q.logits, &mean)?)?)
    }
}
