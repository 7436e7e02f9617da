use candle_core::{Result, Tensor, bail};

use crate::composed;
use crate::element::Element;
use crate::elementwise::{map2, rows, sum2, vectorised};
use crate::operation::{Gradient, Operation, apply2, is_fused, is_tracked};

/// Pixels as a flow sees them: dequantised, squeezed away from 0 and 1, and put through the logit;
/// with the logarithm of the determinant of all three together.
///
/// A pixel x of 256 levels, given in [0, 1], becomes u = (255 x + ε) / 256 with uniform noise ε in
/// [0, 1), then a = λ + (1 − 2λ) u and y = log a − log(1 − a). `pixels` and `noise` are `[..., d]`;
/// the results are y `[..., d]` and log |det ∂y/∂(255 x + ε)| `[...]` in nats: adding the latter to
/// the log-density of y gives the log-density of the dequantised levels 0–256, from which bits per
/// dimension follow without another term. Papamakarios et al. 2017, appendix E; Dinh et al. 2017,
/// section 4.1.
///
/// # Errors
/// λ does not lie in [0, ½), or the shapes, dtypes or devices differ.
pub fn dequantised_logit(pixels: &Tensor, noise: &Tensor, lambda: f64) -> Result<(Tensor, Tensor)> {
    if !(0.0..0.5).contains(&lambda) {
        bail!("the logit needs 0 ≤ λ < 1/2, but λ is {lambda}");
    }
    // Nothing is learnt on this side of a model.
    let is_data = !is_tracked(pixels) && !is_tracked(noise);
    if !is_fused(&[pixels, noise]) || pixels.dims() != noise.dims() || !is_data {
        return composed::dequantised_logit(pixels, noise, lambda);
    }
    // The rows of an empty event hold no numbers to count them by.
    let Some((&width, leading)) = pixels.dims().split_last().filter(|(width, _)| **width > 0)
    else {
        return composed::dequantised_logit(pixels, noise, lambda);
    };
    let operation = |part| DequantisedLogit {
        lambda,
        width,
        part,
    };
    Ok((
        apply2(operation(Part::Value), [pixels, noise], pixels.shape())?,
        apply2(operation(Part::LogDeterminant), [pixels, noise], leading)?,
    ))
}

#[derive(Clone, Copy)]
enum Part {
    Value,
    LogDeterminant,
}

struct DequantisedLogit {
    lambda: f64,
    width: usize,
    part: Part,
}

impl Operation<2> for DequantisedLogit {
    const NAME: &'static str = "dequantised_logit";

    fn forward<T: Element>(&self, [pixels, noise]: [&[T]; 2]) -> Vec<T> {
        let (levels, inverse) = (T::from_f64(255.0), T::from_f64(1.0 / 256.0));
        let (lambda, range) = (
            T::from_f64(self.lambda),
            T::from_f64(1.0 - 2.0 * self.lambda),
        );
        // Both distances from the ends, since 1 − a would round away what is left near 1.
        let ends = move |x: T, e: T| {
            let unit = (x * levels + e) * inverse;
            let below = lambda + range * unit;
            let above = lambda + range * (T::one() - unit);
            (below, above)
        };
        match self.part {
            Part::Value => map2(pixels, noise, |x, e| {
                let (below, above) = ends(x, e);
                below.ln() - above.ln()
            }),
            Part::LogDeterminant => {
                let width = self.width;
                let constant = (1.0 - 2.0 * self.lambda).ln() - 256f64.ln();
                let constant = T::from_f64(constant * width as f64);
                rows(pixels.len() / width, width, |row| {
                    let (pixels, noise) = (
                        &pixels[row * width..][..width],
                        &noise[row * width..][..width],
                    );
                    vectorised(
                        #[inline(always)]
                        || {
                            constant
                                - sum2(pixels, noise, |x, e| {
                                    let (below, above) = ends(x, e);
                                    (below * above).ln()
                                })
                        },
                    )
                })
            }
        }
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 2],
        _: &[T],
        _: &[T],
        _: [bool; 2],
    ) -> [Gradient<T>; 2] {
        // Both inputs are data, by the check above.
        [Gradient::None, Gradient::None]
    }
}
