use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use latent_kernels::{Activation, Layer, linear};

use super::Sequential;

/// PyTorch's initial distribution for a layer with fan-in `inputs`: uniform in ±1/√inputs (He et al. 2015 with
/// a = √5).
pub(super) fn uniform(inputs: usize) -> Init {
    between(1.0 / (inputs as f64).sqrt())
}

/// A tenth of [`uniform`], for the last layer of a network whose output should initially be close to 0.
pub(super) fn small(inputs: usize) -> Init {
    between(0.1 / (inputs as f64).sqrt())
}

/// Uniform in ±`bound`.
fn between(bound: f64) -> Init {
    Init::Uniform {
        lo: -bound,
        up: bound,
    }
}

/// A linear layer with an activation.
///
/// The variables are `weight` `[out, in]` and `bias` `[out]`, with PyTorch's initial distribution: uniform in ±1/√in
/// (He et al. 2015 with a = √5).
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Linear {
    /// Builds a layer from `inputs` to `outputs` features.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        builder: &VarBuilder,
    ) -> Result<Self> {
        Self::with_init(inputs, outputs, activation, uniform(inputs), builder)
    }

    pub(super) fn with_init(
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

    /// Computes the output, `[..., in]` to `[..., out]`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        linear(input, &self.weight, &self.bias, self.activation)
    }

    pub(super) fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// The layer as part of a sequence.
    pub(super) fn layer(&self) -> Layer<'_> {
        Layer::Linear {
            weight: &self.weight,
            bias: &self.bias,
            activation: self.activation,
        }
    }

    /// The layer as a map of a second `input`, `[n, in]`, that is added to the output of a sequence.
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
