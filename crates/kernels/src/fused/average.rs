use candle_core::{DType, Result, Tensor, Var};

use crate::element::Element;
use crate::fused::elementwise::{CHUNK, rows, sum, update2, vectorised};
use crate::fused::operation::{change, is_fused, on_cpu};

/// See [`average_update`](crate::average_update).
pub(crate) fn average_update(average: &Var, value: &Tensor, decay: f64) -> Result<Option<()>> {
    if !is_fused(&[average.as_tensor(), value]) || !average.is_contiguous() {
        return Ok(None);
    }
    match average.dtype() {
        DType::F64 => fused::<f64>(average, value, decay),
        _ => fused::<f32>(average, value, decay),
    }
    .map(Some)
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

/// See [`squared_norm`](crate::squared_norm).
pub(crate) fn squared_norm(tensor: &Tensor) -> Result<Option<f64>> {
    if !is_fused(&[tensor]) {
        return Ok(None);
    }
    match tensor.dtype() {
        DType::F64 => fused_squared_norm::<f64>(tensor),
        _ => fused_squared_norm::<f32>(tensor),
    }
    .map(Some)
}

fn fused_squared_norm<T: Element>(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let values = on_cpu::<T>(&storage, layout)?;
    // Chunks are summed separately and their sums added in 64 bits, so the error does not grow with
    // the number of elements.
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
