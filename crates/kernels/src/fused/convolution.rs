mod patches;
mod winograd;

use std::borrow::Cow;

use candle_core::{Result, Tensor, bail};

use patches::{Axis, Patches};
use winograd::Winograd;

use crate::element::Element;
use crate::fused::activation::OfOutput;
use crate::fused::elementwise::column_sums;
use crate::fused::map::Map;
use crate::layer::{Convolution, TransposedConvolution};

/// The four dimensions of a batch of images.
fn images(shape: &[usize]) -> Result<[usize; 4]> {
    match shape.try_into() {
        Ok(sizes) => Ok(sizes),
        Err(_) => bail!("a convolution needs images [n, height, width, channels], not {shape:?}"),
    }
}

/// Refuses images or kernels with a size of 0; an empty batch is allowed.
fn refuse_nothing(shape: &[usize], weight: &Tensor) -> Result<()> {
    if shape[1..].contains(&0) || weight.dims().contains(&0) {
        bail!(
            "a convolution of images {shape:?} by a kernel {:?}: every size must be at least 1",
            weight.shape()
        );
    }
    Ok(())
}

pub(crate) struct Conv2d {
    method: Method,
    outputs: usize,
    activation: OfOutput,
}

/// How a convolution is computed.
enum Method {
    Patches(Patches),
    Winograd(Winograd),
}

impl Conv2d {
    pub(crate) fn check(
        shape: &mut Vec<usize>,
        weight: &Tensor,
        bias: &Tensor,
        convolution: Convolution,
        activation: OfOutput,
    ) -> Result<Self> {
        let Convolution { stride, padding } = convolution;
        let [images, height, width, channels] = images(shape)?;
        let (outputs, inputs, kernel_height, kernel_width) = weight.dims4()?;
        if inputs != channels || bias.dims() != [outputs] {
            bail!(
                "a convolution needs an input [n, height, width, in], a weight [out, in, height, width] \
             and a bias [out]: these are {shape:?}, {:?} and {:?}",
                weight.shape(),
                bias.shape()
            );
        }
        let positions = |size: usize, kernel: usize| {
            (size + 2 * padding)
                .checked_sub(kernel)
                .filter(|_| stride > 0 && kernel > 0)
                .map(|room| room / stride + 1)
        };
        let (Some(rows), Some(columns)) = (
            positions(height, kernel_height),
            positions(width, kernel_width),
        ) else {
            bail!(
                "a kernel of {kernel_height}×{kernel_width} with stride {stride} does not fit into images of \
             {height}×{width} with padding {padding}"
            );
        };
        refuse_nothing(shape, weight)?;
        *shape = vec![images, rows, columns, outputs];
        let axis = |size, kernel, positions| Axis {
            size,
            kernel,
            stride,
            padding,
            positions,
        };
        let winograd = Winograd {
            height,
            width,
            inputs,
            outputs,
            padding,
        };
        let method = if (stride, kernel_height, kernel_width) == (1, 3, 3) && winograd.suits() {
            Method::Winograd(winograd)
        } else {
            Method::Patches(Patches {
                vertical: axis(height, kernel_height, rows),
                horizontal: axis(width, kernel_width, columns),
                channels,
            })
        };
        Ok(Self {
            method,
            outputs,
            activation,
        })
    }
}

impl Map<2> for Conv2d {
    fn activation(&self) -> OfOutput {
        self.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [weight, bias]: [&[T]; 2]) -> Vec<T> {
        let finish = |rows: &mut [T]| self.activation.with_bias(rows, bias);
        match &self.method {
            Method::Patches(patches) => {
                patches.times(&input, &patches.kernels(weight), self.outputs, finish)
            }
            Method::Winograd(tiles) => tiles.times(&input, weight, finish),
        }
    }

    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        _: [&[T]; 2],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Option<Vec<T>>; 2] {
        let of_weight = || match &self.method {
            Method::Patches(patches) => {
                patches.weight(&patches.correlate(input, gradient, self.outputs))
            }
            Method::Winograd(tiles) => tiles.correlate(input, gradient),
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
        Cow::Owned(match &self.method {
            Method::Patches(patches) => {
                patches.spread(&gradient, &patches.kernels(weight), self.outputs, |_| {})
            }
            Method::Winograd(tiles) => tiles.spread(&gradient, weight),
        })
    }
}

pub(crate) struct ConvTranspose2d {
    /// The patches of the output, to which the pixels of the input are added.
    patches: Patches,
    inputs: usize,
    activation: OfOutput,
}

impl ConvTranspose2d {
    pub(crate) fn check(
        shape: &mut Vec<usize>,
        weight: &Tensor,
        bias: &Tensor,
        convolution: TransposedConvolution,
        activation: OfOutput,
    ) -> Result<Self> {
        let TransposedConvolution {
            stride,
            padding,
            output_padding,
        } = convolution;
        let [images, rows, columns, channels] = images(shape)?;
        let (inputs, outputs, kernel_height, kernel_width) = weight.dims4()?;
        if inputs != channels || bias.dims() != [outputs] {
            bail!(
                "a transposed convolution needs an input [n, height, width, in], a weight [in, out, height, \
             width] and a bias [out]: these are {shape:?}, {:?} and {:?}",
                weight.shape(),
                bias.shape()
            );
        }
        let size = |positions: usize, kernel: usize, output_padding: usize| {
            (positions.checked_sub(1)? * stride + kernel + output_padding)
                .checked_sub(2 * padding)
                .filter(|&size| size > 0 && kernel > 0)
        };
        let (Some(height), Some(width)) = (
            size(rows, kernel_height, output_padding[0]),
            size(columns, kernel_width, output_padding[1]),
        ) else {
            bail!(
                "a padding of {padding} removes the whole output of the transposed convolution of {rows}×{columns} \
             pixels by a kernel of {kernel_height}×{kernel_width}"
            );
        };
        if let Some(padding) = output_padding
            .into_iter()
            .find(|&padding| padding >= stride)
        {
            bail!(
                "a transposed convolution needs an output padding below its stride: they are {padding} and {stride}"
            );
        }
        refuse_nothing(shape, weight)?;
        *shape = vec![images, height, width, outputs];
        let axis = |size, kernel, positions| Axis {
            size,
            kernel,
            stride,
            padding,
            positions,
        };
        Ok(Self {
            patches: Patches {
                vertical: axis(height, kernel_height, rows),
                horizontal: axis(width, kernel_width, columns),
                channels: outputs,
            },
            inputs,
            activation,
        })
    }
}

impl Map<2> for ConvTranspose2d {
    fn activation(&self) -> OfOutput {
        self.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [weight, bias]: [&[T]; 2]) -> Vec<T> {
        let patches = &self.patches;
        let kernels = patches.kernels(weight);
        patches.spread(&input, &kernels, self.inputs, |image| {
            self.activation.with_bias(image, bias);
        })
    }

    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        _: [&[T]; 2],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Option<Vec<T>>; 2] {
        let patches = &self.patches;
        let of_weight = || {
            let correlated = patches.correlate(gradient, input, self.inputs);
            patches.weight(&correlated)
        };
        [
            wanted[0].then(of_weight),
            wanted[1].then(|| column_sums(gradient, patches.channels)),
        ]
    }

    fn input_gradient<'a, T: Element>(
        &self,
        [weight, _]: [&[T]; 2],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        let patches = &self.patches;
        let kernels = patches.kernels(weight);
        Cow::Owned(patches.times(&gradient, &kernels, self.inputs, |_| {}))
    }
}
