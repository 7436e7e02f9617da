use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Layer, linear};

use super::{Network, Sequential};

/// PyTorch's initial values for a layer of which each output sees so many inputs: uniform in ±1/√in
/// (He et al. 2015 with a = √5).
pub(super) fn uniform(inputs: usize) -> Init {
    between(1.0 / (inputs as f64).sqrt())
}

/// Uniform in ± so much.
fn between(bound: f64) -> Init {
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// A linear layer and the activation that follows it.
///
/// Its variables are `weight` `[out, in]` and `bias` `[out]`, both drawn as PyTorch draws them:
/// uniform in ±1/√in (He et al. 2015 with a = √5).
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Linear {
    /// A layer from `inputs` to `outputs` numbers.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::with_init(inputs, outputs, activation, uniform(inputs), builder)
    }

    fn with_init(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        init: Init,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            weight: builder.get_with_hints((outputs, inputs), "weight", init)?,
            bias: builder.get_with_hints(outputs, "bias", init)?,
            activation,
        })
    }

    /// `[..., in]` to `[..., out]`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        linear(input, &self.weight, &self.bias, self.activation)
    }

    /// The layer as part of a sequence.
    pub(super) fn layer(&self) -> Layer<'_> {
        Layer::Linear {
            weight: &self.weight,
            bias: &self.bias,
            activation: self.activation,
        }
    }

    /// The layer as a map of another `input`, `[n, in]`, that joins a sequence.
    pub(super) fn of<'a>(&'a self, input: &'a Tensor) -> Layer<'a> {
        Layer::AddLinear {
            input,
            weight: &self.weight,
            bias: &self.bias,
            activation: self.activation,
        }
    }
}

impl Sequential for Linear {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        vec![self.layer()]
    }
}

/// A multilayer perceptron: linear layers in a row.
#[derive(Clone, Debug)]
pub struct Mlp(Vec<Linear>);

impl Mlp {
    /// Layers between consecutive `sizes`, each followed by `activation`, the last one by `last`.
    ///
    /// Layers are numbered as in a PyTorch `Sequential` of `Linear, activation, Linear, …`: their
    /// variables are `0.weight`, `0.bias`, `2.weight` and so on.
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        last: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::with_last_factor(sizes, activation, last, 1.0, builder)
    }

    /// As [`Self::new`], with a last layer that begins with a tenth of the usual values, so that what a
    /// flow makes of its output is next to nothing.
    pub fn small_last(
        sizes: &[usize],
        activation: Activation,
        last: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::with_last_factor(sizes, activation, last, 0.1, builder)
    }

    fn with_last_factor(
        sizes: &[usize],
        activation: Activation,
        last: Activation,
        factor: f64,
        builder: &VarBuilder,
    ) -> Result<Self> {
        let count = sizes.len().saturating_sub(1);
        let layer = |(index, pair): (usize, &[usize])| {
            let (activation, factor) = if index + 1 == count {
                (last, factor)
            } else {
                (activation, 1.0)
            };
            let bound = factor / (pair[0] as f64).sqrt();
            let init = between(bound);
            Linear::with_init(pair[0], pair[1], activation, init, &builder.pp(2 * index))
        };
        Ok(Self(
            sizes
                .windows(2)
                .enumerate()
                .map(layer)
                .collect::<Result<_>>()?,
        ))
    }

    /// The bias of the last layer: the output, while weights are next to nothing.
    pub(crate) fn last_bias(&self) -> Option<&Tensor> {
        self.0.last().map(|layer| &layer.bias)
    }

    /// `[..., first size]` to `[..., last size]`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Network::forward(self, input, &())
    }
}

impl Sequential for Mlp {
    type Condition = ();

    fn layers<'a>(&'a self, (): &'a ()) -> Vec<Layer<'a>> {
        self.0.iter().map(Linear::layer).collect()
    }
}
