use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::activation::relu;
use crate::fused::elementwise::{rows, sum2, update_rows, vectorised};
use crate::fused::operation::{Gradient, Operation, apply2, is_fused, is_tracked};

#[inline(always)]
fn logistic<T: Element>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(−|x|)): the exponent is never positive, so nothing
/// overflows.
#[inline(always)]
fn softplus<T: Element>(x: T) -> T {
    relu(x) + (-x.abs()).exp().ln_1p()
}

/// See [`bernoulli_log_likelihood`](crate::bernoulli_log_likelihood).
pub(crate) fn bernoulli_log_likelihood(
    logits: &Tensor,
    targets: &Tensor,
) -> Result<Option<Tensor>> {
    let (shape, repeated) = (logits.dims(), targets.dims());
    // The targets of the fused operation are constant data and repeat over the leading dimensions
    // that only the logits have: several samples of z for one image.
    if !is_fused(&[logits, targets]) || !shape.ends_with(repeated) || is_tracked(targets) {
        return Ok(None);
    }
    // The number of rows of an empty event cannot be computed from the number of elements.
    let Some((&width, leading)) = shape
        .split_last()
        .filter(|(width, _)| **width > 0 && !repeated.is_empty())
    else {
        return Ok(None);
    };
    apply2(BernoulliLogLikelihood { width }, [logits, targets], leading).map(Some)
}

struct BernoulliLogLikelihood {
    width: usize,
}

impl BernoulliLogLikelihood {
    /// The targets of a row of the logits.
    fn targets<'a, T>(&self, targets: &'a [T], row: usize) -> &'a [T] {
        let repeated = targets.len() / self.width;
        &targets[row % repeated * self.width..][..self.width]
    }
}

impl Operation<2> for BernoulliLogLikelihood {
    const NAME: &'static str = "bernoulli_log_likelihood";

    fn forward<T: Element>(&self, [logits, targets]: [&[T]; 2]) -> Vec<T> {
        rows(logits.len() / self.width, self.width, |row| {
            let targets = self.targets(targets, row);
            let logits = &logits[row * self.width..][..self.width];
            vectorised(
                #[inline(always)]
                || sum2(logits, targets, |l, x| x * l - softplus(l)),
            )
        })
    }

    fn backward<T: Element>(
        &self,
        [logits, targets]: [&[T]; 2],
        _: &[T],
        gradient: &[T],
        _: [bool; 2],
    ) -> [Gradient<T>; 2] {
        let width = self.width;
        let mut values = logits.to_vec();
        update_rows(&mut values, width, |first, rows| {
            vectorised(
                #[inline(always)]
                || {
                    for (index, row) in rows.chunks_exact_mut(width).enumerate() {
                        let g = gradient[first + index];
                        for (l, &x) in row.iter_mut().zip(self.targets(targets, first + index)) {
                            *l = g * (x - logistic(*l));
                        }
                    }
                },
            );
        });
        [Gradient::Values(values), Gradient::None]
    }
}
