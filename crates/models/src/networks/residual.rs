use candle_core::Result;
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Convolution, Layer};

use super::Sequential;
use super::convolution::{Conv2d, KERNEL};
use super::linear::{Linear, small, uniform};

/// A residual block: x + W₂ a(W₁ a(x)) with an activation a (He et al. 2016, "Identity Mappings in Deep Residual Networks",
/// figure 1b, without batch normalisation). The products are 3×3 convolutions of images `[n, height, width, channels]`, or
/// linear layers of features `[n, size]`.
///
/// The variables are those of the two layers, named `0` and `1`. The initial values of the second are a tenth of PyTorch's,
/// so that a block is initially close to the identity.
#[derive(Clone, Debug)]
pub struct ResidualBlock<L = Conv2d> {
    activation: Activation,
    layers: [L; 2],
}

impl ResidualBlock {
    /// Builds a block for images of `channels` channels.
    pub fn convolutional(
        channels: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
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
            layers: [
                convolution("0", activation, uniform)?,
                convolution("1", Activation::Identity, small)?,
            ],
        })
    }
}

impl ResidualBlock<Linear> {
    /// Builds a block for `size` features.
    pub fn linear(size: usize, activation: Activation, builder: &VarBuilder) -> Result<Self> {
        let linear = |name: &str, activation, init: fn(usize) -> Init| {
            Linear::with_init(size, size, activation, init(size), &builder.pp(name))
        };
        Ok(Self {
            activation,
            layers: [
                linear("0", activation, uniform)?,
                linear("1", Activation::Identity, small)?,
            ],
        })
    }
}

impl<L: Sequential<Condition = ()>> Sequential for ResidualBlock<L> {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        let mut layers = vec![Layer::Skip, Layer::Activation(self.activation)];
        layers.extend(self.layers.iter().flat_map(|layer| layer.layers(&())));
        layers.push(Layer::AddSkip);
        layers
    }
}

/// Residual blocks and a last activation.
#[derive(Clone, Debug)]
pub(super) struct ResidualBlocks<L = Conv2d> {
    blocks: Vec<ResidualBlock<L>>,
    activation: Activation,
}

impl<L: Sequential<Condition = ()>> ResidualBlocks<L> {
    /// Builds `count` blocks by `block`, whose variables are named `0`, `1`, ….
    pub(super) fn new(
        count: usize,
        activation: Activation,
        builder: &VarBuilder,
        block: impl Fn(&VarBuilder) -> Result<ResidualBlock<L>>,
    ) -> Result<Self> {
        Ok(Self {
            blocks: (0..count)
                .map(|index| block(&builder.pp(index)))
                .collect::<Result<_>>()?,
            activation,
        })
    }

    /// The layers; none without blocks, where the layer before has the activation.
    pub(super) fn layers(&self) -> Vec<Layer<'_>> {
        let blocks = self.blocks.iter();
        let mut layers: Vec<_> = blocks.flat_map(|block| block.layers(&())).collect();
        if !layers.is_empty() {
            layers.push(Layer::Activation(self.activation));
        }
        layers
    }
}
