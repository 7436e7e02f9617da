//! The constants of the mixture of logistics, shared by the fused and the composed form.

/// B: raw log-scales r are bounded smoothly as B tanh(r / B), so that every scale is within exp(±5)
/// for any output of a network.
pub(crate) const LOG_SCALE_BOUND: f64 = 5.0;

/// The largest number of components of a [`logistic_mixture`](crate::logistic_mixture).
pub const MAX_COMPONENTS: usize = 32;
