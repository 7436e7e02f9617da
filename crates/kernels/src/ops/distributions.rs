use candle_core::{D, Result, Tensor};

use crate::{composed, fused};

/// The logistic function σ(x) = 1 / (1 + exp(−x)), elementwise.
pub fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    composed::sigmoid(logits)
}

/// The Bernoulli log-likelihood log p(x) from logits, in nats, summed over the event.
///
/// With logits l it is Σ x l − log(1 + exp(l)). `logits` and `targets` are `[..., d]` and
/// broadcast; the result is `[...]`. Targets may be any numbers in [0, 1]: for grey pixels the
/// result is the negative binary cross-entropy.
pub fn bernoulli_log_likelihood(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    fused::bernoulli_log_likelihood(logits, targets)?
        .map_or_else(|| composed::bernoulli_log_likelihood(logits, targets), Ok)
}

/// The categorical log-likelihood log p(y) from unnormalised logits, in nats: the negative
/// cross-entropy of a classifier.
///
/// `logits` is `[n, classes]` and `labels` is `[n]` (u32); the result is `[n]`.
pub fn categorical_log_likelihood(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    candle_nn::ops::log_softmax(logits, D::Minus1)?
        .gather(&labels.unsqueeze(1)?, 1)?
        .squeeze(1)
}

/// The log-density of independent standard logistic variables, in nats, summed over the event.
///
/// Σ log σ(x) + log σ(−x); `value` is `[..., d]`, the result is `[...]`.
pub fn standard_logistic_log_density(value: &Tensor) -> Result<Tensor> {
    // 2 (x / 2 − log(1 + exp(x))), which equals log σ(x) + log σ(−x).
    let width = value.dim(D::Minus1)?;
    let half = (Tensor::ones(width, value.dtype(), value.device())? * 0.5)?;
    bernoulli_log_likelihood(value, &half)? * 2.0
}

/// A reparametrised sample of a diagonal normal distribution: μ + exp(log σ) ε.
///
/// `loc` and `log_scale` are `[..., d]`; `noise` contains standard normal samples ε and may have
/// more leading dimensions, for several samples each. Kingma & Welling 2014, section 2.4.
pub fn reparametrise(loc: &Tensor, log_scale: &Tensor, noise: &Tensor) -> Result<Tensor> {
    composed::reparametrise(loc, log_scale, noise)
}

/// The log-density log N(x; μ, diag σ²) in nats, summed over the event.
///
/// `value`, `loc` and `log_scale` are `[..., d]` and broadcast; the result is `[...]`.
pub fn normal_log_density(value: &Tensor, loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    composed::normal_log_density(value, loc, log_scale)
}

/// The log-density log N(x; 0, I) in nats, summed over the event.
///
/// `value` is `[..., d]`, the result `[...]`.
pub fn standard_normal_log_density(value: &Tensor) -> Result<Tensor> {
    composed::standard_normal_log_density(value)
}

/// The KL divergence KL(N(μ, diag σ²) ‖ N(0, I)) in nats, summed over the event.
///
/// ½ Σ (σ² + μ² − 1) − Σ log σ; `loc` and `log_scale` are `[..., d]`, the result is `[...]`.
/// Kingma & Welling 2014, appendix B.
pub fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    composed::kl_to_standard_normal(loc, log_scale)
}
