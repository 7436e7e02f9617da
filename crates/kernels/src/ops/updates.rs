use candle_core::{Result, Tensor, Var, bail};

use crate::adam::{Adam, Moments};
use crate::{composed, fused};

/// Moves one parameter along its gradient and updates its moments, in place.
///
/// `step` counts from 1, and is what the bias correction depends on. A gradient that still carries
/// its history is detached first. Kingma & Ba 2015, algorithm 1.
///
/// # Errors
/// The gradient or the moments do not have the parameter's shape, dtype and device.
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

/// Moves a running average towards a value, in place: a ← decay · a + (1 − decay) · x.
///
/// # Errors
/// Both do not have one shape, dtype and device.
pub fn average_update(average: &Var, value: &Tensor, decay: f64) -> Result<()> {
    if average.dims() != value.dims() {
        bail!(
            "an average of shape {:?} does not go with a value of shape {:?}",
            average.shape(),
            value.shape()
        );
    }
    fused::average_update(average, value, decay)?
        .map_or_else(|| composed::average_update(average, value, decay), Ok)
}

/// The sum of the squares of all numbers of a tensor.
///
/// # Errors
/// The tensor holds no floats.
pub fn squared_norm(tensor: &Tensor) -> Result<f64> {
    fused::squared_norm(tensor)?.map_or_else(|| composed::squared_norm(tensor), Ok)
}
