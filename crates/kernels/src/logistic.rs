use candle_core::{D, Result, Tensor};

use crate::bernoulli_log_likelihood;

/// log of the density of independent standard logistic variables, in nats, summed over the event.
///
/// Σ log σ(x) + log σ(−x); `value` is `[..., d]`, the result is `[...]`.
pub fn standard_logistic_log_density(value: &Tensor) -> Result<Tensor> {
    // Twice x / 2 − log(1 + exp(x)), the logarithm of the geometric mean of σ(x) and σ(−x).
    let width = value.dim(D::Minus1)?;
    let half = (Tensor::ones(width, value.dtype(), value.device())? * 0.5)?;
    bernoulli_log_likelihood(value, &half)? * 2.0
}
