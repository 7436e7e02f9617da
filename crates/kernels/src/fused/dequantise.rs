use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{map2, rows, sum2, vectorised};
use crate::fused::operation::{Gradient, Operation, apply2, is_fused, is_tracked};

/// See [`dequantised_logit`](crate::dequantised_logit).
pub(crate) fn dequantised_logit(
    pixels: &Tensor,
    noise: &Tensor,
    lambda: f64,
) -> Result<Option<(Tensor, Tensor)>> {
    // Nothing is learnt on this side of a model.
    let is_data = !is_tracked(pixels) && !is_tracked(noise);
    if !is_fused(&[pixels, noise]) || pixels.dims() != noise.dims() || !is_data {
        return Ok(None);
    }
    // The rows of an empty event hold no numbers to count them by.
    let Some((&width, leading)) = pixels.dims().split_last().filter(|(width, _)| **width > 0)
    else {
        return Ok(None);
    };
    let operation = |part| DequantisedLogit {
        lambda,
        width,
        part,
    };
    Ok(Some((
        apply2(operation(Part::Value), [pixels, noise], pixels.shape())?,
        apply2(operation(Part::LogDeterminant), [pixels, noise], leading)?,
    )))
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
