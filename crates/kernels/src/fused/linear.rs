use std::borrow::Cow;

use candle_core::{Result, Tensor, bail};

use crate::element::Element;
use crate::fused::activation::OfOutput;
use crate::fused::elementwise::column_sums;
use crate::fused::map::Map;
use crate::fused::product::{Matrix, product, product_into};

/// x Wᵀ + b with an activation.
pub(crate) struct Linear {
    rows: usize,
    inputs: usize,
    outputs: usize,
    activation: OfOutput,
}

impl Linear {
    pub(crate) fn check(
        shape: &mut [usize],
        weight: &Tensor,
        bias: &Tensor,
        activation: OfOutput,
    ) -> Result<Self> {
        let (outputs, inputs) = weight.dims2()?;
        match shape.split_last_mut() {
            Some((last, rows)) if *last == inputs && bias.dims() == [outputs] => {
                *last = outputs;
                Ok(Self {
                    rows: rows.iter().product(),
                    inputs,
                    outputs,
                    activation,
                })
            }
            _ => bail!(
                "a linear map needs an input [..., in], a weight [out, in] and a bias [out]: these are \
                 {shape:?}, {:?} and {:?}",
                weight.shape(),
                bias.shape()
            ),
        }
    }
}

impl Map<2> for Linear {
    fn activation(&self) -> OfOutput {
        self.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [weight, bias]: [&[T]; 2]) -> Vec<T> {
        let input = Matrix::new(&input, self.rows, self.inputs);
        let weight = Matrix::new(weight, self.outputs, self.inputs);
        let mut output = product(input, weight.transposed());
        self.activation.with_bias(&mut output, bias);
        output
    }

    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        _: [&[T]; 2],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Option<Vec<T>>; 2] {
        let of_weight = || {
            let delta = Matrix::new(gradient, self.rows, self.outputs);
            product(
                delta.transposed(),
                Matrix::new(input, self.rows, self.inputs),
            )
        };
        [
            wanted[0].then(of_weight),
            wanted[1].then(|| column_sums(gradient, self.outputs)),
        ]
    }

    fn input_gradient<'a, T: Element>(
        &self,
        [weight, _]: [&[T]; 2],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        let delta = Matrix::new(&gradient, self.rows, self.outputs);
        let weight = Matrix::new(weight, self.outputs, self.inputs);
        Cow::Owned(product(delta, weight))
    }
}

/// x + y Wᵀ + b with an activation; y, W and b are the operands.
pub(crate) struct AddLinear(Linear);

impl AddLinear {
    pub(crate) fn check(
        shape: &[usize],
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        activation: OfOutput,
    ) -> Result<Self> {
        let mut sum = input.dims().to_vec();
        let linear = Linear::check(&mut sum, weight, bias, activation)?;
        let items = |shape: &[usize]| {
            let (&count, item) = shape.split_first()?;
            Some((count, item.iter().product::<usize>()))
        };
        if items(shape) != items(&sum) {
            bail!(
                "a linear map can only be added to items of its output size: {sum:?} does not match \
                 {shape:?}"
            );
        }
        Ok(Self(linear))
    }
}

impl Map<3> for AddLinear {
    const KEEPS_INPUT: bool = false;

    fn activation(&self) -> OfOutput {
        self.0.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [joining, weight, bias]: [&[T]; 3]) -> Vec<T> {
        let mut sum = input.into_owned();
        let joining = Matrix::new(joining, self.0.rows, self.0.inputs);
        let weight = Matrix::new(weight, self.0.outputs, self.0.inputs);
        product_into(&mut sum, joining, weight.transposed(), true);
        self.0.activation.with_bias(&mut sum, bias);
        sum
    }

    fn operand_gradients<T: Element>(
        &self,
        _: &[T],
        [joining, weight, bias]: [&[T]; 3],
        gradient: &[T],
        [wanted, own @ ..]: [bool; 3],
    ) -> [Option<Vec<T>>; 3] {
        let operands = [weight, bias];
        let [of_weight, of_bias] = self.0.operand_gradients(joining, operands, gradient, own);
        let of_joining = wanted.then(|| {
            let gradient = self.0.input_gradient(operands, Cow::Borrowed(gradient));
            gradient.into_owned()
        });
        [of_joining, of_weight, of_bias]
    }

    fn input_gradient<'a, T: Element>(&self, _: [&[T]; 3], gradient: Cow<'a, [T]>) -> Cow<'a, [T]> {
        gradient
    }
}
