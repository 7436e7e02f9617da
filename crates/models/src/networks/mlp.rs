use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Layer};

use super::linear::{Linear, small, uniform};
use super::residual::{ResidualBlock, ResidualBlocks};
use super::{Network, Sequential};

/// A multilayer perceptron: a sequence of linear layers, optionally with residual blocks.
#[derive(Clone, Debug)]
pub struct Mlp(Vec<(Linear, ResidualBlocks<Linear>)>);

impl Mlp {
    /// Builds layers between consecutive `sizes`, each followed by `activation`, the last one by `last`.
    ///
    /// Layers are numbered as in a PyTorch `Sequential` of `Linear, activation, Linear, …`: the variables are
    /// `0.weight`, `0.bias`, `2.weight` and so on.
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        last: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::build(sizes, 0, [activation, last], uniform, builder)
    }

    /// [`Self::new`] with `blocks` [`ResidualBlock`]s after each layer that has an activation, before the activation. Their
    /// variables are named `blocks` below the layer's number.
    pub fn residual(
        sizes: &[usize],
        blocks: usize,
        activation: Activation,
        last: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::build(sizes, blocks, [activation, last], uniform, builder)
    }

    /// [`Self::new`] with the initial values of the last layer divided by ten, so that the coupling layers of a flow
    /// are initially close to the identity.
    pub fn small_last(
        sizes: &[usize],
        activation: Activation,
        last: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::build(sizes, 0, [activation, last], small, builder)
    }

    fn build(
        sizes: &[usize],
        blocks: usize,
        [activation, last]: [Activation; 2],
        init_of_last: fn(usize) -> Init,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let count = sizes.len().saturating_sub(1);
        let layer = |(index, pair): (usize, &[usize])| {
            let (activation, init) = if index + 1 == count {
                (last, init_of_last(pair[0]))
            } else {
                (activation, uniform(pair[0]))
            };
            let builder = builder.pp(2 * index);
            let (count, before) = match activation {
                Activation::Identity => (0, activation),
                _ if blocks == 0 => (0, activation),
                _ => (blocks, Activation::Identity),
            };
            let linear = Linear::with_init(pair[0], pair[1], before, init, &builder)?;
            let blocks = &builder.pp("blocks");
            let blocks = ResidualBlocks::new(count, activation, blocks, |builder| {
                ResidualBlock::linear(pair[1], activation, builder)
            })?;
            Ok((linear, blocks))
        };
        Ok(Self(
            sizes
                .windows(2)
                .enumerate()
                .map(layer)
                .collect::<Result<_>>()?,
        ))
    }

    /// The bias of the last layer, which is approximately the initial output of [`Self::small_last`].
    pub(crate) fn last_bias(&self) -> Option<&Tensor> {
        self.0.last().map(|(layer, _)| layer.bias())
    }

    /// Computes the output, `[..., first size]` to `[..., last size]`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Network::forward(self, input, &())
    }
}

impl Sequential for Mlp {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        let with_blocks = |(linear, blocks): &'a (Linear, ResidualBlocks<Linear>)| {
            [vec![linear.layer()], blocks.layers()].concat()
        };
        self.0.iter().flat_map(with_blocks).collect()
    }
}
