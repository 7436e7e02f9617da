use candle_core::{D, Result, Tensor};

/// The logistic function 1 / (1 + exp(−x)), elementwise: the mean of a Bernoulli from its logit.
pub fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(logits)
}

/// log p(x) of independent Bernoulli variables, in nats, summed over the event.
///
/// With logits l the sum is Σ x l − log(1 + exp(l)). `logits` and `targets` are `[..., d]` and
/// broadcast against each other; the result is `[...]`. Targets may lie anywhere in [0, 1]: for
/// grey pixels this is the negative binary cross-entropy.
pub fn bernoulli_log_likelihood(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    logits
        .broadcast_mul(targets)?
        .broadcast_sub(&softplus(logits)?)?
        .sum(D::Minus1)
}

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(−|x|)): the exponent is never positive, so nothing
/// overflows.
///
/// The gradient at 0, where untrained networks start, is the true ½ only since candle differentiates
/// both relu and |x| there as 1: 1 − ½.
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}
