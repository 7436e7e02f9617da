use candle_core::{Result, Tensor, bail};

use crate::activation::relu;
use crate::element::Element;
use crate::elementwise::{column_sums, map2};
use crate::operation::{Gradient, Operation, apply2, apply3, is_fused};
use crate::product::{Matrix, product};
use crate::{Activation, composed};

/// activation(x Wᵀ + b): a linear layer and what follows it.
///
/// `input` is `[..., in]`, `weight` is `[out, in]` (PyTorch's layout) and `bias` is `[out]`; the
/// result is `[..., out]`.
///
/// # Errors
/// The shapes do not fit together, or dtypes or devices differ.
pub fn linear(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    if !is_fused(&[input, weight, bias]) {
        return composed::linear(input, weight, bias, activation);
    }
    let (outputs, inputs) = weight.dims2()?;
    let mut shape = input.dims().to_vec();
    match shape.last_mut() {
        Some(last) if *last == inputs && bias.dims() == [outputs] => *last = outputs,
        _ => bail!(
            "a linear map needs an input [..., in], a weight [out, in] and a bias [out]: these are \
             {:?}, {:?} and {:?}",
            input.shape(),
            weight.shape(),
            bias.shape()
        ),
    }
    let rows = shape[..shape.len() - 1].iter().product();
    let operation = Linear {
        rows,
        inputs,
        outputs,
        activation,
    };
    apply3(operation, [input, weight, bias], shape)
}

struct Linear {
    rows: usize,
    inputs: usize,
    outputs: usize,
    activation: Activation,
}

impl Operation<3> for Linear {
    const NAME: &'static str = "linear";

    fn forward<T: Element>(&self, [input, weight, bias]: [&[T]; 3]) -> Vec<T> {
        let input = Matrix::new(input, self.rows, self.inputs);
        let weight = Matrix::new(weight, self.outputs, self.inputs);
        let mut output = product(input, weight.transposed());
        self.activation.with_bias(&mut output, bias);
        output
    }

    fn backward<T: Element>(
        &self,
        [input, weight, _]: [&[T]; 3],
        output: &[T],
        gradient: &[T],
        wanted: [bool; 3],
    ) -> [Gradient<T>; 3] {
        let inner = self.activation.backward(output, gradient);
        let inner = inner.values_or(gradient);
        let delta = Matrix::new(inner, self.rows, self.outputs);
        let input = Matrix::new(input, self.rows, self.inputs);
        let weight = Matrix::new(weight, self.outputs, self.inputs);
        [
            Gradient::when(wanted[0], || product(delta, weight)),
            Gradient::when(wanted[1], || product(delta.transposed(), input)),
            Gradient::when(wanted[2], || column_sums(inner, self.outputs)),
        ]
    }
}

/// activation(a + b), elementwise: where two linear maps of different inputs meet.
///
/// `a` and `b` have the same shape, and so has the result.
///
/// # Errors
/// The shapes, dtypes or devices differ.
pub fn add(a: &Tensor, b: &Tensor, activation: Activation) -> Result<Tensor> {
    if !is_fused(&[a, b]) || a.dims() != b.dims() {
        return composed::add(a, b, activation);
    }
    apply2(Add(activation), [a, b], a.shape())
}

struct Add(Activation);

impl Operation<2> for Add {
    const NAME: &'static str = "add";

    fn forward<T: Element>(&self, [a, b]: [&[T]; 2]) -> Vec<T> {
        match self.0 {
            Activation::Identity => map2(a, b, |a, b| a + b),
            Activation::Relu => map2(a, b, |a, b| relu(a + b)),
            Activation::Tanh => map2(a, b, |a, b| (a + b).tanh()),
        }
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 2],
        output: &[T],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Gradient<T>; 2] {
        let inner = self.0.backward(output, gradient);
        wanted.map(|wanted| match &inner {
            _ if !wanted => Gradient::None,
            Gradient::Values(values) => Gradient::Values(values.clone()),
            Gradient::None | Gradient::Same => Gradient::Same,
        })
    }
}
