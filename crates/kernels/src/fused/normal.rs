use std::f64::consts::TAU;

use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{map, map2, map3, rows, sum, sum2, update_rows, vectorised};
use crate::fused::operation::{Gradient, Operation, apply1, apply2, apply3, is_fused};

/// See [`reparametrise`](crate::reparametrise).
pub(crate) fn reparametrise(
    loc: &Tensor,
    log_scale: &Tensor,
    noise: &Tensor,
) -> Result<Option<Tensor>> {
    let one_shape = loc.dims() == noise.dims() && log_scale.dims() == noise.dims();
    if !is_fused(&[loc, log_scale, noise]) || !one_shape {
        return Ok(None);
    }
    apply3(Reparametrise, [loc, log_scale, noise], noise.shape()).map(Some)
}

struct Reparametrise;

impl Operation<3> for Reparametrise {
    const NAME: &'static str = "reparametrise";

    fn forward<T: Element>(&self, [loc, log_scale, noise]: [&[T]; 3]) -> Vec<T> {
        map3(loc, log_scale, noise, |m, s, e| m + s.exp() * e)
    }

    fn backward<T: Element>(
        &self,
        [_, log_scale, noise]: [&[T]; 3],
        _: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        [
            if wanted[0] {
                Gradient::Same
            } else {
                Gradient::None
            },
            Gradient::when(wanted[1], || {
                map3(log_scale, noise, gradient, |s, e, g| g * s.exp() * e)
            }),
            Gradient::when(wanted[2], || map2(log_scale, gradient, |s, g| g * s.exp())),
        ]
    }
}

/// See [`standard_normal_log_density`](crate::standard_normal_log_density).
pub(crate) fn standard_normal_log_density(value: &Tensor) -> Result<Option<Tensor>> {
    match value.dims() {
        // The rows of an empty event hold no numbers to count them by.
        [leading @ .., width] if is_fused(&[value]) && *width > 0 => {
            apply1(StandardNormalLogDensity { width: *width }, value, leading).map(Some)
        }
        _ => Ok(None),
    }
}

struct StandardNormalLogDensity {
    width: usize,
}

impl Operation<1> for StandardNormalLogDensity {
    const NAME: &'static str = "standard_normal_log_density";

    fn forward<T: Element>(&self, [value]: [&[T]; 1]) -> Vec<T> {
        let width = self.width;
        let constant = T::from_f64(-0.5 * TAU.ln() * width as f64);
        let half = T::from_f64(-0.5);
        rows(value.len() / width, width, |row| {
            let values = &value[row * width..][..width];
            vectorised(
                #[inline(always)]
                || constant + half * sum(values, |x| x * x),
            )
        })
    }

    fn backward<T: Element>(
        &self,
        [value]: [&[T]; 1],
        _: &[T],
        gradient: &[T],
        _: [bool; 1],
    ) -> [Gradient<T>; 1] {
        let mut values = value.to_vec();
        update_rows(&mut values, self.width, |first, rows| {
            for (row, &g) in rows.chunks_exact_mut(self.width).zip(&gradient[first..]) {
                for x in row {
                    *x = -g * *x;
                }
            }
        });
        [Gradient::Values(values)]
    }
}

/// See [`kl_to_standard_normal`](crate::kl_to_standard_normal).
pub(crate) fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Option<Tensor>> {
    match loc.dims() {
        [leading @ .., width]
            if is_fused(&[loc, log_scale]) && loc.dims() == log_scale.dims() && *width > 0 =>
        {
            let operation = KlToStandardNormal { width: *width };
            apply2(operation, [loc, log_scale], leading).map(Some)
        }
        _ => Ok(None),
    }
}

struct KlToStandardNormal {
    width: usize,
}

impl KlToStandardNormal {
    /// The gradient of the row that each number belongs to, times f of the number.
    fn times<T: Element>(&self, values: &[T], gradient: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
        let mut values = map(values, f);
        update_rows(&mut values, self.width, |first, rows| {
            for (row, &g) in rows.chunks_exact_mut(self.width).zip(&gradient[first..]) {
                for value in row {
                    *value *= g;
                }
            }
        });
        values
    }
}

impl Operation<2> for KlToStandardNormal {
    const NAME: &'static str = "kl_to_standard_normal";

    fn forward<T: Element>(&self, [loc, log_scale]: [&[T]; 2]) -> Vec<T> {
        let width = self.width;
        let half = T::from_f64(0.5);
        rows(loc.len() / width, width, |row| {
            let (loc, log_scale) = (
                &loc[row * width..][..width],
                &log_scale[row * width..][..width],
            );
            vectorised(
                #[inline(always)]
                || {
                    sum2(loc, log_scale, |m, s| {
                        half * ((s + s).exp() + m * m - T::one()) - s
                    })
                },
            )
        })
    }

    fn backward<T: Element>(
        &self,
        [loc, log_scale]: [&[T]; 2],
        _: &[T],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Gradient<T>; 2] {
        [
            Gradient::when(wanted[0], || self.times(loc, gradient, |m| m)),
            Gradient::when(wanted[1], || {
                self.times(log_scale, gradient, |s| (s + s).exp() - T::one())
            }),
        ]
    }
}
