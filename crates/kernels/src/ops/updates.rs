use candle_core::{Result, Tensor, Var, bail};

use crate::adam::{Adam, Moments};
use crate::{composed, fused};

/// Adam's update of one parameter and its moments, in place. Kingma & Ba 2015, algorithm 1.
///
/// `step` counts from 1 and determines the bias correction. A gradient that is part of a graph is
/// detached first.
///
/// # Errors
/// The gradient or the moments differ from the parameter in shape, dtype or device.
pub fn adam_update(
    parameter: &Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<()> {
    let others = [gradient, &moments.first, &moments.second];
    if others
        .iter()
        .any(|tensor| tensor.dims() != parameter.dims())
    {
        bail!(
            "Adam needs a gradient and moments of the parameter's shape {:?}, not {:?}, {:?} and {:?}",
            parameter.shape(),
            gradient.shape(),
            moments.first.shape(),
            moments.second.shape()
        );
    }
    fused::adam_update(parameter, gradient, moments, adam, step)?.map_or_else(
        || composed::adam_update(parameter, gradient, moments, adam, step),
        Ok,
    )
}

/// Updates an exponential moving average in place: a ← decay · a + (1 − decay) · x.
///
/// # Errors
/// The average and the value differ in shape, dtype or device.
pub fn average_update(average: &Var, value: &Tensor, decay: f64) -> Result<()> {
    if average.dims() != value.dims() {
        bail!(
            "an average of shape {:?} does not match a value of shape {:?}",
            average.shape(),
            value.shape()
        );
    }
    fused::average_update(average, value, decay)?
        .map_or_else(|| composed::average_update(average, value, decay), Ok)
}

/// The squared Euclidean norm of a tensor: the sum of the squares of all elements.
///
/// # Errors
/// The tensor is not of a float type.
pub fn squared_norm(tensor: &Tensor) -> Result<f64> {
    fused::squared_norm(tensor)?.map_or_else(|| composed::squared_norm(tensor), Ok)
}
