//! The constants of the logistic mixture, which the fused and the composed form share.

/// B: logarithms of scales r are bounded smoothly, to B tanh(r / B), so that no scale leaves
/// exp(±5), whatever a network says.
pub(crate) const LOG_SCALE_BOUND: f64 = 5.0;

/// How many components a [`logistic_mixture`](crate::logistic_mixture) may have.
pub const MOST_COMPONENTS: usize = 32;
