//! The inverse of the mixture-of-logistics map, by root finding.

use candle_core::{DType, Device, Result, Tensor};

use super::{Mixture, bound, log_scale};
use crate::element::Element;
use crate::fused::operation::{Gradient, Operation, apply2};
use crate::fused::parallel::share_rows;

/// The x that the map takes to each value, by Newton's method and bisection in 64 bits, without
/// gradients, for tensors on any device.
pub(crate) fn logistic_mixture_roots(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<Tensor> {
    let width = *value.dims().last().unwrap_or(&0);
    if width == 0 {
        return Ok(value.detach());
    }
    let exactly = |tensor: &Tensor| {
        let tensor = tensor.detach().to_device(&Device::Cpu)?;
        tensor.to_dtype(DType::F64)
    };
    let roots = apply2(
        Roots(Mixture { width, components }),
        [&exactly(value)?, &exactly(parameters)?],
        value.shape(),
    )?;
    roots.to_dtype(value.dtype())?.to_device(value.device())
}

/// The operation that computes the x for each y.
struct Roots(Mixture);

impl Operation<2> for Roots {
    const NAME: &'static str = "logistic_mixture_inverse";

    fn forward<T: Element>(&self, [value, parameters]: [&[T]; 2]) -> Vec<T> {
        let Self(Mixture { width, components }) = *self;
        let mut roots = vec![T::zero(); value.len()];
        share_rows([&mut roots], [width], 1, |row, [roots]| {
            let parameters = &parameters[row * self.0.parameters()..][..self.0.parameters()];
            let mut terms = vec![[0.0; 3]; components];
            for (column, (root, y)) in roots.iter_mut().zip(&value[row * width..]).enumerate() {
                let parameter = |block: usize| parameters[block * width + column].to_f64();
                let bounded = |raw: f64| log_scale(bound(raw));
                for (k, term) in terms.iter_mut().enumerate() {
                    *term = [
                        parameter(2 + k),
                        parameter(2 + components + k),
                        bounded(parameter(2 + 2 * components + k)).exp(),
                    ];
                }
                let target = (y.to_f64() - parameter(1)) * (-bounded(parameter(0))).exp();
                *root = T::from_f64(quantile(target, &terms));
            }
        });
        roots
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 2],
        _: &[T],
        _: &[T],
        _: [bool; 2],
    ) -> [Gradient<T>; 2] {
        // The caller detaches the inputs.
        [Gradient::None, Gradient::None]
    }
}

/// The x with logit F(x) = `target`, for components given by the logits of their weights, their
/// means and their scales.
fn quantile(target: f64, components: &[[f64; 3]]) -> f64 {
    // The root is between the smallest and the largest of the components' own quantiles.
    let own = |&[_, mean, scale]: &[f64; 3]| mean + scale * target;
    let mut low = components.iter().map(own).fold(f64::INFINITY, f64::min);
    let mut high = components.iter().map(own).fold(f64::NEG_INFINITY, f64::max);
    let mut x = 0.5 * (low + high);
    let mut last_step = high - low;
    // At least one of any two steps halves the other or the bracket, so this many are enough.
    for _ in 0..300 {
        let (logit, slope) = logit_and_slope(x, components);
        let distance = logit - target;
        // The rounding error of a sum of terms of this size.
        if distance.abs() <= 4.0 * f64::EPSILON * (1.0 + target.abs()) {
            break;
        }
        if distance > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let newton = x - distance / slope;
        // A Newton step outside the bracket, or NaN, is rejected.
        let is_inside = low < newton && newton < high;
        let is_shorter = (newton - x).abs() < 0.5 * last_step;
        let next = if is_inside && is_shorter {
            newton
        } else {
            0.5 * (low + high)
        };
        last_step = (next - x).abs();
        if last_step <= f64::EPSILON * x.abs() {
            break;
        }
        x = next;
    }
    x
}

/// logit F(x) and its derivative.
fn logit_and_slope(x: f64, components: &[[f64; 3]]) -> (f64, f64) {
    let mut sums = [Sum::default(); 3];
    for &[logit, mean, scale] in components {
        let u = (x - mean) / scale;
        let rest = (-u.abs()).exp().ln_1p();
        let (below, above) = (u.min(0.0) - rest, (-u).min(0.0) - rest);
        sums[0].add(logit + below);
        sums[1].add(logit + above);
        sums[2].add(logit + below + above - scale.ln());
    }
    let [below, above, density] = sums.map(Sum::logarithm);
    let weight = {
        let mut total = Sum::default();
        for &[logit, ..] in components {
            total.add(logit);
        }
        total.logarithm()
    };
    (below - above, (density + weight - below - above).exp())
}

/// log Σ exp of terms that are added one at a time.
#[derive(Clone, Copy, Default)]
struct Sum(Option<(f64, f64)>);

impl Sum {
    fn add(&mut self, term: f64) {
        self.0 = Some(match self.0 {
            None => (term, 1.0),
            Some((largest, sum)) if term <= largest => (largest, sum + (term - largest).exp()),
            Some((largest, sum)) => (term, sum * (largest - term).exp() + 1.0),
        });
    }

    fn logarithm(self) -> f64 {
        self.0
            .map_or(f64::NEG_INFINITY, |(largest, sum)| largest + sum.ln())
    }
}
