use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Convolution, Layer, TransposedConvolution};

use super::Sequential;
use super::linear::uniform;

/// The size of the kernels of the networks here.
pub(super) const KERNEL: usize = 3;

/// A convolution with an activation, on images `[n, height, width, channels]`.
///
/// The variables are `weight` `[out, in, height, width]` and `bias` `[out]`, with PyTorch's initial distribution.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    convolution: Convolution,
    activation: Activation,
}

impl Conv2d {
    /// Builds a layer from `inputs` to `outputs` channels with a square kernel of size `kernel`.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        convolution: Convolution,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let init = uniform(inputs * kernel * kernel);
        Self::with_init(
            inputs,
            outputs,
            kernel,
            convolution,
            activation,
            init,
            builder,
        )
    }

    pub(super) fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        convolution: Convolution,
        activation: Activation,
        init: Init,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let shape = (outputs, inputs, kernel, kernel);
        Ok(Self {
            weight: builder.get_with_hints(shape, "weight", init)?,
            bias: builder.get_with_hints(outputs, "bias", init)?,
            convolution,
            activation,
        })
    }

    pub(super) fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// The layer as part of a sequence.
    pub(super) fn layer(&self) -> Layer<'_> {
        Layer::Conv2d {
            weight: &self.weight,
            bias: &self.bias,
            convolution: self.convolution,
            activation: self.activation,
        }
    }
}

impl Sequential for Conv2d {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        vec![self.layer()]
    }
}

/// A transposed convolution with an activation, on images `[n, height, width, channels]`.
///
/// The variables are `weight` `[in, out, height, width]` and `bias` `[out]`, with PyTorch's initial distribution.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Tensor,
    convolution: TransposedConvolution,
    activation: Activation,
}

impl ConvTranspose2d {
    /// Builds a layer from `inputs` to `outputs` channels with a square kernel of size `kernel`.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        convolution: TransposedConvolution,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        // As in PyTorch, the fan-in is computed from the second dimension of the weight, here the outputs.
        let init = uniform(outputs * kernel * kernel);
        let shape = (inputs, outputs, kernel, kernel);
        Ok(Self {
            weight: builder.get_with_hints(shape, "weight", init)?,
            bias: builder.get_with_hints(outputs, "bias", init)?,
            convolution,
            activation,
        })
    }

    /// The layer as part of a sequence.
    pub(super) fn layer(&self) -> Layer<'_> {
        Layer::ConvTranspose2d {
            weight: &self.weight,
            bias: &self.bias,
            convolution: self.convolution,
            activation: self.activation,
        }
    }
}

impl Sequential for ConvTranspose2d {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        vec![self.layer()]
    }
}
