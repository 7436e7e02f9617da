use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{map2, map3, rows, sum, update_rows, vectorised};
use crate::fused::operation::{Gradient, Operation, apply1, apply3, is_fused};

/// See [`affine_coupling`](crate::affine_coupling).
pub(crate) fn affine_coupling(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<Option<(Tensor, Tensor)>> {
    if !is_affine(value, log_scale, translation) {
        return Ok(None);
    }
    let transformed = apply3(Affine, [value, log_scale, translation], value.shape())?;
    let log_det = sum_of_rows(log_scale, 1.0)?;
    Ok(log_det.map(|log_det| (transformed, log_det)))
}

/// See [`affine_coupling_inverse`](crate::affine_coupling_inverse).
pub(crate) fn affine_coupling_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<Option<(Tensor, Tensor)>> {
    if !is_affine(value, log_scale, translation) {
        return Ok(None);
    }
    let transformed = apply3(
        AffineInverse,
        [value, log_scale, translation],
        value.shape(),
    )?;
    let log_det = sum_of_rows(log_scale, -1.0)?;
    Ok(log_det.map(|log_det| (transformed, log_det)))
}

fn is_affine(value: &Tensor, log_scale: &Tensor, translation: &Tensor) -> bool {
    is_fused(&[value, log_scale, translation])
        && value.rank() > 0
        && value.dims() == log_scale.dims()
        && value.dims() == translation.dims()
}

struct Affine;

impl Operation<3> for Affine {
    const NAME: &'static str = "affine_coupling";

    fn forward<T: Element>(&self, [value, log_scale, translation]: [&[T]; 3]) -> Vec<T> {
        map3(value, log_scale, translation, |x, s, t| x * s.exp() + t)
    }

    fn backward<T: Element>(
        &self,
        [value, log_scale, _]: [&[T]; 3],
        _: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        [
            Gradient::when(wanted[0], || map2(log_scale, gradient, |s, g| g * s.exp())),
            Gradient::when(wanted[1], || {
                map3(value, log_scale, gradient, |x, s, g| g * x * s.exp())
            }),
            if wanted[2] {
                Gradient::Same
            } else {
                Gradient::None
            },
        ]
    }
}

struct AffineInverse;

impl Operation<3> for AffineInverse {
    const NAME: &'static str = "affine_coupling_inverse";

    fn forward<T: Element>(&self, [value, log_scale, translation]: [&[T]; 3]) -> Vec<T> {
        map3(value, log_scale, translation, |y, s, t| {
            (y - t) * (-s).exp()
        })
    }

    fn backward<T: Element>(
        &self,
        [_, log_scale, _]: [&[T]; 3],
        output: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        [
            Gradient::when(wanted[0], || {
                map2(log_scale, gradient, |s, g| g * (-s).exp())
            }),
            Gradient::when(wanted[1], || map2(output, gradient, |x, g| -g * x)),
            Gradient::when(wanted[2], || {
                map2(log_scale, gradient, |s, g| -g * (-s).exp())
            }),
        ]
    }
}

/// `sign` times the sum of each row.
pub(crate) fn sum_of_rows(values: &Tensor, sign: f64) -> Result<Option<Tensor>> {
    match values.dims() {
        // The number of rows of an empty event cannot be computed from the number of elements.
        [leading @ .., width] if is_fused(&[values]) && *width > 0 => {
            let sum = SumOfRows {
                width: *width,
                sign,
            };
            apply1(sum, values, leading).map(Some)
        }
        _ => Ok(None),
    }
}

struct SumOfRows {
    width: usize,
    sign: f64,
}

impl Operation<1> for SumOfRows {
    const NAME: &'static str = "sum_of_rows";

    fn forward<T: Element>(&self, [values]: [&[T]; 1]) -> Vec<T> {
        let (width, sign) = (self.width, T::from_f64(self.sign));
        rows(values.len() / width, width, |row| {
            let values = &values[row * width..][..width];
            vectorised(
                #[inline(always)]
                || sign * sum(values, |x| x),
            )
        })
    }

    fn backward<T: Element>(
        &self,
        [values]: [&[T]; 1],
        _: &[T],
        gradient: &[T],
        _: [bool; 1],
    ) -> [Gradient<T>; 1] {
        let sign = T::from_f64(self.sign);
        let mut result = vec![T::zero(); values.len()];
        update_rows(&mut result, self.width, |first, rows| {
            for (row, &g) in rows.chunks_exact_mut(self.width).zip(&gradient[first..]) {
                row.fill(sign * g);
            }
        });
        [Gradient::Values(result)]
    }
}
