use std::f64::consts::TAU;

use candle_core::{Result, Tensor};

use crate::composed;
use crate::element::Element;
use crate::elementwise::{map, map2, map3, rows, sum, sum2, update_rows, vectorised};
use crate::operation::{Gradient, Operation, apply1, apply2, apply3, is_fused};

/// A draw of a diagonal normal as a differentiable function of its parameters: μ + exp(log σ) ε.
///
/// `loc` and `log_scale` are `[..., d]`; `noise` holds standard normal draws ε and may have more
/// leading dimensions, for several draws each. Kingma & Welling 2014, section 2.4.
pub fn reparametrise(loc: &Tensor, log_scale: &Tensor, noise: &Tensor) -> Result<Tensor> {
    let one_shape = loc.dims() == noise.dims() && log_scale.dims() == noise.dims();
    if !is_fused(&[loc, log_scale, noise]) || !one_shape {
        return composed::reparametrise(loc, log_scale, noise);
    }
    apply3(Reparametrise, [loc, log_scale, noise], noise.shape())
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

/// log N(x; μ, diag σ²) in nats, summed over the event.
///
/// `value`, `loc` and `log_scale` are `[..., d]` and broadcast against each other; the result is
/// `[...]`.
pub fn normal_log_density(value: &Tensor, loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    composed::normal_log_density(value, loc, log_scale)
}

/// log N(x; 0, I) in nats, summed over the event.
///
/// `value` is `[..., d]`, the result `[...]`.
pub fn standard_normal_log_density(value: &Tensor) -> Result<Tensor> {
    match value.dims() {
        // The rows of an empty event hold no numbers to count them by.
        [leading @ .., width] if is_fused(&[value]) && *width > 0 => {
            apply1(StandardNormalLogDensity { width: *width }, value, leading)
        }
        _ => composed::standard_normal_log_density(value),
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

/// KL(N(μ, diag σ²) ‖ N(0, I)) in nats, summed over the event.
///
/// ½ Σ (σ² + μ² − 1) − Σ log σ; `loc` and `log_scale` are `[..., d]`, the result is `[...]`.
/// Kingma & Welling 2014, appendix B.
pub fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    match loc.dims() {
        [leading @ .., width]
            if is_fused(&[loc, log_scale]) && loc.dims() == log_scale.dims() && *width > 0 =>
        {
            apply2(
                KlToStandardNormal { width: *width },
                [loc, log_scale],
                leading,
            )
        }
        _ => composed::kl_to_standard_normal(loc, log_scale),
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
