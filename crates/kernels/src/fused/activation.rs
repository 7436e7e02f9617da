use std::borrow::Cow;

use crate::activation::Activation;
use crate::element::Element;
use crate::fused::elementwise::{map2, update_rows, update2, vectorised};

#[inline(always)]
pub(crate) fn relu<T: Element>(x: T) -> T {
    // A NaN passes through.
    if x < T::zero() { T::zero() } else { x }
}

impl Activation {
    /// Adds `bias` to every row and applies the function, in place.
    pub(crate) fn with_bias<T: Element>(self, values: &mut [T], bias: &[T]) {
        fn each<T: Element>(values: &mut [T], bias: &[T], f: impl Fn(T) -> T + Sync) {
            update_rows(values, bias.len(), |_, rows| {
                vectorised(
                    #[inline(always)]
                    || {
                        for row in rows.chunks_exact_mut(bias.len()) {
                            for (value, &bias) in row.iter_mut().zip(bias) {
                                *value = f(*value + bias);
                            }
                        }
                    },
                );
            });
        }
        match self {
            Self::Identity => each(values, bias, |x| x),
            Self::Relu => each(values, bias, relu),
            Self::Tanh => each(values, bias, T::tanh),
        }
    }

    /// From the gradient of the function's value that of its argument, by way of the value: all
    /// functions here have a derivative that their value determines.
    pub(crate) fn backward<'a, T: Element>(
        self,
        output: &[T],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        fn each<'a, T: Element>(
            output: &[T],
            gradient: Cow<'a, [T]>,
            f: impl Fn(T, T) -> T + Sync,
        ) -> Cow<'a, [T]> {
            Cow::Owned(match gradient {
                Cow::Borrowed(gradient) => map2(output, gradient, f),
                Cow::Owned(mut gradient) => {
                    update2(&mut gradient, output, |g, y| f(y, g));
                    gradient
                }
            })
        }
        match self {
            Self::Identity => gradient,
            Self::Relu => each(
                output,
                gradient,
                |y, g| {
                    if y > T::zero() { g } else { T::zero() }
                },
            ),
            Self::Tanh => each(output, gradient, |y, g| g * (T::one() - y * y)),
        }
    }
}
