use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use latent_kernels::{Activation, Convolution, Layer, Shape, sequence, transpose_blocks};

use super::convolution::{Conv2d, KERNEL};
use super::linear::small;
use super::{Condition, Network, ResidualBlock, Sequential};

/// The sizes of a [`ResidualNetwork`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResidualNetworkSizes {
    /// The shape of the input.
    pub(crate) input: Shape,
    /// The channels of the hidden layers.
    pub(crate) hidden: usize,
    /// The number of residual blocks.
    pub(crate) blocks: usize,
    /// The number of images in the output.
    pub(crate) images: usize,
    /// The channels of each of them.
    pub(crate) channels: usize,
    /// The activation before each convolution but the first.
    pub(crate) activation: Activation,
}

/// A convolutional network from images to images of the same size: a 3×3 convolution, to which a linear map of the label of
/// a conditional network is added, residual blocks, and a 1×1 convolution.
///
/// Images are vectors `[n, height × width × channels]`, and the output is a vector of several images, one after the other.
/// The variables are `first`, `blocks` and `last`, the last of which is initially small.
pub(crate) struct ResidualNetwork<C> {
    input: Shape,
    first: Box<dyn Sequential<Condition = C>>,
    blocks: Vec<ResidualBlock>,
    last: Conv2d,
    activation: Activation,
    images: usize,
    channels: usize,
}

impl<C: Condition> ResidualNetwork<C> {
    /// Builds the network, conditional on labels of `classes` classes if there are any.
    pub(crate) fn new(
        sizes: ResidualNetworkSizes,
        classes: Option<usize>,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let ResidualNetworkSizes {
            input,
            hidden,
            blocks,
            images,
            channels,
            activation,
        } = sizes;
        let geometry = |kernel| Convolution {
            stride: 1,
            padding: kernel / 2,
        };
        let (identity, own) = (Activation::Identity, builder.pp("first"));
        let (inputs, kernel) = (input.channels, KERNEL);
        let first = Conv2d::new(inputs, hidden, kernel, geometry(kernel), identity, &own)?;
        let outputs = input.height * input.width * hidden;
        let block = |index: usize| {
            let builder = builder.pp("blocks").pp(index);
            ResidualBlock::convolutional(hidden, activation, &builder)
        };
        let (last, init) = (builder.pp("last"), small(hidden));
        let total = images * channels;
        Ok(Self {
            input,
            first: C::added(first, classes, outputs, &own)?,
            blocks: (0..blocks).map(block).collect::<Result<_>>()?,
            last: Conv2d::with_init(hidden, total, 1, geometry(1), identity, init, &last)?,
            activation,
            images,
            channels,
        })
    }

    /// The bias of the last layer, which is approximately the initial output at each pixel: `[images × channels]`.
    pub(crate) fn last_bias(&self) -> &Tensor {
        self.last.bias()
    }
}

impl<C: Condition> Network for ResidualNetwork<C> {
    type Condition = C;

    fn forward(&self, input: &Tensor, condition: &C) -> Result<Tensor> {
        let Shape {
            channels,
            height,
            width,
        } = self.input;
        let mut layers = vec![Layer::Unflatten(height, width, channels)];
        layers.extend(self.first.layers(condition));
        layers.extend(self.blocks.iter().flat_map(|block| block.layers(&())));
        layers.extend([Layer::Activation(self.activation), self.last.layer()]);
        let output = sequence(input, &layers)?;
        let count = output.dim(0)?;
        let pixels = output.reshape((count, height * width, self.images, self.channels))?;
        transpose_blocks(&pixels)?.reshape((count, ()))
    }

    fn classes(&self) -> Option<usize> {
        self.first.classes()
    }
}
