use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{column_sums, map2, rows_of};
use crate::fused::operation::{Gradient, Operation, apply3, is_fused};

/// See [`diagonal_affine`](crate::diagonal_affine).
pub(crate) fn diagonal_affine(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<Option<(Tensor, Tensor)>> {
    let Some(width) = width(value, log_scale, translation) else {
        return Ok(None);
    };
    let operation = Diagonal { width };
    let transformed = apply3(operation, [value, log_scale, translation], value.shape())?;
    Ok(Some((transformed, log_scale.sum_all()?)))
}

/// See [`diagonal_affine_inverse`](crate::diagonal_affine_inverse).
pub(crate) fn diagonal_affine_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<Option<(Tensor, Tensor)>> {
    let Some(width) = width(value, log_scale, translation) else {
        return Ok(None);
    };
    let operation = DiagonalInverse { width };
    let transformed = apply3(operation, [value, log_scale, translation], value.shape())?;
    Ok(Some((transformed, log_scale.sum_all()?.neg()?)))
}

/// The length of a row if the fused operation supports these tensors.
fn width(value: &Tensor, log_scale: &Tensor, translation: &Tensor) -> Option<usize> {
    let width = *value.dims().last()?;
    (width > 0 && is_fused(&[value, log_scale, translation])).then_some(width)
}

struct Diagonal {
    width: usize,
}

impl Operation<3> for Diagonal {
    const NAME: &'static str = "diagonal_affine";

    fn forward<T: Element>(&self, [value, log_scale, translation]: [&[T]; 3]) -> Vec<T> {
        let scale: Vec<T> = log_scale.iter().map(|s| s.exp()).collect();
        rows_of(value, [&scale, translation], self.width, |x, [s, t]| {
            x * s + t
        })
    }

    fn backward<T: Element>(
        &self,
        [value, log_scale, _]: [&[T]; 3],
        _: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        let scale: Vec<T> = log_scale.iter().map(|s| s.exp()).collect();
        [
            Gradient::when(wanted[0], || {
                rows_of(gradient, [&scale, &scale], self.width, |g, [s, _]| g * s)
            }),
            Gradient::when(wanted[1], || {
                let products = map2(value, gradient, |x, g| x * g);
                let mut sums = column_sums(&products, self.width);
                sums.iter_mut().zip(&scale).for_each(|(sum, &s)| *sum *= s);
                sums
            }),
            Gradient::when(wanted[2], || column_sums(gradient, self.width)),
        ]
    }
}

struct DiagonalInverse {
    width: usize,
}

impl Operation<3> for DiagonalInverse {
    const NAME: &'static str = "diagonal_affine_inverse";

    fn forward<T: Element>(&self, [value, log_scale, translation]: [&[T]; 3]) -> Vec<T> {
        let scale: Vec<T> = log_scale.iter().map(|&s| (-s).exp()).collect();
        rows_of(value, [&scale, translation], self.width, |y, [s, t]| {
            (y - t) * s
        })
    }

    fn backward<T: Element>(
        &self,
        [_, log_scale, _]: [&[T]; 3],
        output: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        let scale: Vec<T> = log_scale.iter().map(|&s| (-s).exp()).collect();
        [
            Gradient::when(wanted[0], || {
                rows_of(gradient, [&scale, &scale], self.width, |g, [s, _]| g * s)
            }),
            Gradient::when(wanted[1], || {
                column_sums(&map2(output, gradient, |x, g| -g * x), self.width)
            }),
            Gradient::when(wanted[2], || {
                let mut sums = column_sums(gradient, self.width);
                sums.iter_mut().zip(&scale).for_each(|(sum, &s)| *sum *= -s);
                sums
            }),
        ]
    }
}
