use candle_core::{D, Result, Tensor};

use crate::{composed, fused};

/// The logistic function 1 / (1 + exp(−x)), elementwise: the mean of a Bernoulli from its logit.
pub fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    composed::sigmoid(logits)
}

/// log p(x) of independent Bernoulli variables, in nats, summed over the event.
///
/// With logits l the sum is Σ x l − log(1 + exp(l)). `logits` and `targets` are `[..., d]` and
/// broadcast against each other; the result is `[...]`. Targets may lie anywhere in [0, 1]: for
/// grey pixels this is the negative binary cross-entropy.
pub fn bernoulli_log_likelihood(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    fused::bernoulli_log_likelihood(logits, targets)?
        .map_or_else(|| composed::bernoulli_log_likelihood(logits, targets), Ok)
}

/// log p(y) of a categorical variable given by unnormalised logits, in nats.
///
/// `logits` is `[n, classes]` and `labels` holds `[n]` class numbers (u32); the result is `[n]`:
/// the negative cross-entropy of a classifier.
pub fn categorical_log_likelihood(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    candle_nn::ops::log_softmax(logits, D::Minus1)?
        .gather(&labels.unsqueeze(1)?, 1)?
        .squeeze(1)
}

/// log of the density of independent standard logistic variables, in nats, summed over the event.
///
/// Σ log σ(x) + log σ(−x); `value` is `[..., d]`, the result is `[...]`.
pub fn standard_logistic_log_density(value: &Tensor) -> Result<Tensor> {
    // Twice x / 2 − log(1 + exp(x)), the logarithm of the geometric mean of σ(x) and σ(−x).
    let width = value.dim(D::Minus1)?;
    let half = (Tensor::ones(width, value.dtype(), value.device())? * 0.5)?;
    bernoulli_log_likelihood(value, &half)? * 2.0
}

/// A draw of a diagonal normal as a differentiable function of its parameters: μ + exp(log σ) ε.
///
/// `loc` and `log_scale` are `[..., d]`; `noise` holds standard normal draws ε and may have more
/// leading dimensions, for several draws each. Kingma & Welling 2014, section 2.4.
pub fn reparametrise(loc: &Tensor, log_scale: &Tensor, noise: &Tensor) -> Result<Tensor> {
    composed::reparametrise(loc, log_scale, noise)
}

/// log N(x; μ, diag σ²) in nats, summed over the event.
///
/// `value`, `loc` and `log_scale` are `[..., d]` and broadcast against each other; the result is
/// `[...]`.
pub fn normal_log_density(value: &Tensor, loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    composed::normal_log_density(value, loc, log_scale)
}

/// log N(x; 0, I) in nats, summed over the event.
///
/// `value` is `[..., d]`, the result `[...]`.
pub fn standard_normal_log_density(value: &Tensor) -> Result<Tensor> {
    composed::standard_normal_log_density(value)
}

/// KL(N(μ, diag σ²) ‖ N(0, I)) in nats, summed over the event.
///
/// ½ Σ (σ² + μ² − 1) − Σ log σ; `loc` and `log_scale` are `[..., d]`, the result is `[...]`.
/// Kingma & Welling 2014, appendix B.
pub fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    composed::kl_to_standard_normal(loc, log_scale)
}
