use candle_core::{DType, Result, Tensor, Var, bail};

use crate::composed;
use crate::element::Element;
use crate::elementwise::{CHUNK, rows, sum, update2, vectorised};
use crate::operation::{change, is_fused, on_cpu};

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
    if !is_fused(&[average.as_tensor(), value]) || !average.is_contiguous() {
        return composed::average_update(average, value, decay);
    }
    match average.dtype() {
        DType::F64 => fused::<f64>(average, value, decay),
        _ => fused::<f32>(average, value, decay),
    }
}

fn fused<T: Element>(average: &Var, value: &Tensor, decay: f64) -> Result<()> {
    let value = value.contiguous()?;
    let (storage, layout) = value.storage_and_layout();
    let value = on_cpu::<T>(&storage, layout)?;
    let rest = T::from_f64(1.0 - decay);
    change::<T>(average, |average| {
        update2(average, value, |a, x| a + rest * (x - a));
        Ok(())
    })
}

/// The sum of the squares of all numbers of a tensor.
///
/// # Errors
/// The tensor holds no floats.
pub fn squared_norm(tensor: &Tensor) -> Result<f64> {
    if !is_fused(&[tensor]) {
        return composed::squared_norm(tensor);
    }
    match tensor.dtype() {
        DType::F64 => fused_squared_norm::<f64>(tensor),
        _ => fused_squared_norm::<f32>(tensor),
    }
}

fn fused_squared_norm<T: Element>(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let values = on_cpu::<T>(&storage, layout)?;
    // Pieces by themselves, and their sums in 64 bits, so that many numbers add up as well as few.
    let sums = rows(values.len().div_ceil(CHUNK), CHUNK, |piece| {
        let rest = &values[piece * CHUNK..];
        let piece = &rest[..rest.len().min(CHUNK)];
        vectorised(
            #[inline(always)]
            || sum(piece, |x| x * x),
        )
    });
    Ok(sums.into_iter().map(T::to_f64).sum())
}
