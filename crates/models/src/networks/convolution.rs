use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Convolution, Layer, TransposedConvolution};

use super::Sequential;
use super::linear::{small, uniform};

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

/// A residual block on images `[n, height, width, channels]`: x + W₂ ∗ a(W₁ ∗ a(x)) with 3×3 convolutions and activation a
/// (He et al. 2016, "Identity Mappings in Deep Residual Networks", figure 1b, without batch normalisation).
///
/// The variables are those of two [`Conv2d`], named `0` and `1`. The initial values of the second are a tenth of PyTorch's,
/// so that a block is initially close to the identity.
#[derive(Clone, Debug)]
pub struct ResidualBlock {
    activation: Activation,
    convolutions: [Conv2d; 2],
}

impl ResidualBlock {
    /// Builds a block for images of `channels` channels.
    pub fn new(channels: usize, activation: Activation, builder: &VarBuilder) -> Result<Self> {
        let convolution = |name: &str, activation, init: fn(usize) -> Init| {
            let geometry = Convolution {
                stride: 1,
                padding: KERNEL / 2,
            };
            let init = init(channels * KERNEL * KERNEL);
            let builder = builder.pp(name);
            Conv2d::with_init(
                channels, channels, KERNEL, geometry, activation, init, &builder,
            )
        };
        Ok(Self {
            activation,
            convolutions: [
                convolution("0", activation, uniform)?,
                convolution("1", Activation::Identity, small)?,
            ],
        })
    }
}

impl Sequential for ResidualBlock {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        let [first, second] = self.convolutions.each_ref().map(Conv2d::layer);
        let before = Layer::Activation(self.activation);
        vec![Layer::Skip, before, first, second, Layer::AddSkip]
    }
}

/// Residual blocks and a last activation.
#[derive(Clone, Debug)]
pub(super) struct ResidualBlocks {
    blocks: Vec<ResidualBlock>,
    activation: Activation,
}

impl ResidualBlocks {
    /// Builds `count` blocks, whose variables are named `0`, `1`, ….
    pub(super) fn new(
        count: usize,
        channels: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let block = |index| ResidualBlock::new(channels, activation, &builder.pp(index));
        Ok(Self {
            blocks: (0..count).map(block).collect::<Result<_>>()?,
            activation,
        })
    }

    /// The layers; none without blocks, where the layer before has the activation.
    pub(super) fn layers(&self) -> Vec<Layer<'_>> {
        let mut layers: Vec<_> = self
            .blocks
            .iter()
            .flat_map(|block| block.layers(&()))
            .collect();
        if !layers.is_empty() {
            layers.push(Layer::Activation(self.activation));
        }
        layers
    }
}
