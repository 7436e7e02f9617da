use candle_core::{D, Result, Tensor, bail};

use crate::composed;
use crate::element::Element;
use crate::elementwise::{column_sums, map2, rows_of};
use crate::operation::{Gradient, Operation, apply3, is_fused};

/// The same affine transform of every row, y = x exp(s) + t, and log |det ∂y/∂x| = Σ s of one row.
///
/// `value` x is `[..., d]`, `log_scale` s and `translation` t are `[d]`; the results are `[..., d]` and
/// one number in nats, `[]`. Dinh et al. 2014, section 3.3; Kingma & Dhariwal 2018, section 3.1.
///
/// # Errors
/// The shapes do not fit together, or dtypes or devices differ.
pub fn diagonal_affine(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let Some(width) = check(value, log_scale, translation)? else {
        return composed::diagonal_affine(value, log_scale, translation);
    };
    let operation = Diagonal { width };
    let transformed = apply3(operation, [value, log_scale, translation], value.shape())?;
    Ok((transformed, log_scale.sum_all()?))
}

/// The inverse of [`diagonal_affine`], x = (y − t) exp(−s), and log |det ∂x/∂y| = −Σ s.
///
/// # Errors
/// As [`diagonal_affine`].
pub fn diagonal_affine_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let Some(width) = check(value, log_scale, translation)? else {
        return composed::diagonal_affine_inverse(value, log_scale, translation);
    };
    let operation = DiagonalInverse { width };
    let transformed = apply3(operation, [value, log_scale, translation], value.shape())?;
    Ok((transformed, log_scale.sum_all()?.neg()?))
}

/// The length of a row, if the fused operations apply.
fn check(value: &Tensor, log_scale: &Tensor, translation: &Tensor) -> Result<Option<usize>> {
    let width = value.dim(D::Minus1)?;
    if log_scale.dims() != [width] || translation.dims() != [width] {
        bail!(
            "a diagonal transform of {:?} needs a scale and a translation for each of {width} columns, \
             not {:?} and {:?}",
            value.shape(),
            log_scale.shape(),
            translation.shape()
        );
    }
    Ok((width > 0 && is_fused(&[value, log_scale, translation])).then_some(width))
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
