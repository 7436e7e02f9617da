use std::borrow::Cow;

use crate::activation::{Activation, GELU_CUBE, GELU_FACTOR};
use crate::element::Element;
use crate::fused::elementwise::{map, map2, update_rows, update2, vectorised};

#[inline(always)]
pub(crate) fn relu<T: Element>(x: T) -> T {
    // NaN stays NaN.
    if x < T::zero() { T::zero() } else { x }
}

/// σ(x); an overflow of exp gives the right limit.
#[inline(always)]
fn sigmoid<T: Element>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}

#[inline(always)]
fn silu<T: Element>(x: T) -> T {
    x * sigmoid(x)
}

#[inline(always)]
fn silu_derivative<T: Element>(x: T) -> T {
    let s = sigmoid(x);
    s + x * s * (T::one() - s)
}

/// tanh(√(2/π) (x + 0.044715 x³)).
#[inline(always)]
fn gelu_tanh<T: Element>(x: T) -> T {
    let [factor, cube] = [GELU_FACTOR, GELU_CUBE].map(T::from_f64);
    (factor * (x + cube * x * x * x)).tanh()
}

#[inline(always)]
fn gelu<T: Element>(x: T) -> T {
    T::from_f64(0.5) * x * (T::one() + gelu_tanh(x))
}

#[inline(always)]
fn gelu_derivative<T: Element>(x: T) -> T {
    let [half, factor, cubes] = [0.5, GELU_FACTOR, 3.0 * GELU_CUBE].map(T::from_f64);
    let t = gelu_tanh(x);
    let inner = factor * (T::one() + cubes * x * x);
    half * (T::one() + t) + half * x * (T::one() - t * t) * inner
}

/// An activation whose derivative is a function of its input: a separate pass after the map, which
/// keeps the input for the gradient.
#[derive(Clone, Copy)]
pub(crate) enum OfInput {
    Relu,
    Tanh,
    Silu,
    Gelu,
}

impl OfInput {
    /// The function's values.
    pub(crate) fn forward<T: Element>(self, input: Cow<[T]>) -> Vec<T> {
        fn each<T: Element>(input: Cow<[T]>, f: impl Fn(T) -> T + Sync) -> Vec<T> {
            match input {
                Cow::Borrowed(input) => map(input, f),
                Cow::Owned(mut values) => {
                    update_rows(&mut values, 1, |_, piece| {
                        vectorised(
                            #[inline(always)]
                            || {
                                for value in piece {
                                    *value = f(*value);
                                }
                            },
                        );
                    });
                    values
                }
            }
        }
        match self {
            Self::Relu => each(input, relu),
            Self::Tanh => each(input, T::tanh),
            Self::Silu => each(input, silu),
            Self::Gelu => each(input, gelu),
        }
    }

    /// The gradient of the input, from the gradient of the output.
    pub(crate) fn backward<'a, T: Element>(
        self,
        input: &[T],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        match self {
            Self::Relu => each_gradient(
                input,
                gradient,
                |x, g| {
                    if x > T::zero() { g } else { T::zero() }
                },
            ),
            Self::Tanh => each_gradient(input, gradient, |x, g| {
                let y = x.tanh();
                g * (T::one() - y * y)
            }),
            Self::Silu => each_gradient(input, gradient, |x, g| g * silu_derivative(x)),
            Self::Gelu => each_gradient(input, gradient, |x, g| g * gelu_derivative(x)),
        }
    }
}

/// f(value, gradient) elementwise, in place if the gradient is owned.
fn each_gradient<'a, T: Element>(
    values: &[T],
    gradient: Cow<'a, [T]>,
    f: impl Fn(T, T) -> T + Sync,
) -> Cow<'a, [T]> {
    Cow::Owned(match gradient {
        Cow::Borrowed(gradient) => map2(values, gradient, f),
        Cow::Owned(mut gradient) => {
            update2(&mut gradient, values, |g, y| f(y, g));
            gradient
        }
    })
}

/// An activation whose derivative is a function of its output: computed as part of the map before
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfOutput {
    Identity,
    Relu,
    Tanh,
}

impl Activation {
    /// The part of the activation that the map computes, and the separate pass after it.
    pub(crate) fn passes(self) -> (OfOutput, Option<OfInput>) {
        match self {
            Self::Identity => (OfOutput::Identity, None),
            Self::Relu => (OfOutput::Relu, None),
            Self::Tanh => (OfOutput::Tanh, None),
            Self::Silu => (OfOutput::Identity, Some(OfInput::Silu)),
            Self::Gelu => (OfOutput::Identity, Some(OfInput::Gelu)),
        }
    }
}

impl Activation {
    /// The activation as a pass of its own; nothing for the identity.
    pub(crate) fn pass(self) -> Option<OfInput> {
        match self {
            Self::Identity => None,
            Self::Relu => Some(OfInput::Relu),
            Self::Tanh => Some(OfInput::Tanh),
            Self::Silu => Some(OfInput::Silu),
            Self::Gelu => Some(OfInput::Gelu),
        }
    }
}

impl OfOutput {
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

    /// The gradient of the input, from the gradient of the output and the output.
    pub(crate) fn backward<'a, T: Element>(
        self,
        output: &[T],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        match self {
            Self::Identity => gradient,
            Self::Relu => {
                each_gradient(
                    output,
                    gradient,
                    |y, g| {
                        if y > T::zero() { g } else { T::zero() }
                    },
                )
            }
            Self::Tanh => each_gradient(output, gradient, |y, g| g * (T::one() - y * y)),
        }
    }
}
