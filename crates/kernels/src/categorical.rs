use candle_core::{D, Result, Tensor};

/// log p(y) of a categorical variable given by unnormalised logits, in nats.
///
/// `logits` is `[n, classes]` and `labels` holds `[n]` class numbers (u32); the result is `[n]`:
/// the negative cross-entropy of a classifier.
pub fn categorical_log_likelihood(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    candle_nn::ops::log_softmax(logits, D::Minus1)?
        .gather(&labels.unsqueeze(1)?, 1)?
        .squeeze(1)
}
