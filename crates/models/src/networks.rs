//! Neural networks: linear and convolutional layers, and conditioning on labels.

mod convolution;
mod convolutional;
mod labels;
mod ladder;
mod linear;
mod mlp;
mod residual;
mod residual_network;

use candle_core::{Result, Tensor};
use latent_kernels::{Layer, sequence};

pub use convolution::{Conv2d, ConvTranspose2d};
pub use convolutional::{ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder};
pub use labels::{AdditiveConditioning, ConcatConditioning, Condition, Labels};
pub(crate) use ladder::{Features, TopDown};
pub use linear::Linear;
pub use mlp::Mlp;
pub use residual::ResidualBlock;
pub(crate) use residual_network::{ResidualNetwork, ResidualNetworkSizes};

/// A log-scale from −2 to 2: 2 tanh(r/2) of the output r of a network.
pub(crate) fn bounded(output: &Tensor) -> Result<Tensor> {
    (output * 0.5)?.tanh()? * 2.0
}

/// A neural network: a function of an input and an optional condition.
///
/// An unconditional network has the condition `()`. [`ConcatConditioning`] concatenates one-hot labels to the input of
/// a network; [`AdditiveConditioning`] adds a linear map of them to the output of a layer.
pub trait Network: Send + Sync {
    /// The type of the condition: `()` or [`Labels`].
    type Condition: Condition;

    /// Computes the output for a batch, `[n, inputs]` to `[n, outputs]`.
    fn forward(&self, input: &Tensor, condition: &Self::Condition) -> Result<Tensor>;

    /// The number of classes of the labels; `None` for an unconditional network.
    fn classes(&self) -> Option<usize> {
        None
    }
}

/// A network that is a sequence of layers.
pub trait Sequential: Send + Sync {
    /// The type of the condition: `()` or [`Labels`].
    type Condition: Condition;

    /// The layers, starting at the input.
    fn layers<'a>(&'a self, condition: &'a Self::Condition) -> Vec<Layer<'a>>;

    /// The number of classes of the labels; `None` for an unconditional network.
    fn classes(&self) -> Option<usize> {
        None
    }
}

impl<N: Sequential> Network for N {
    type Condition = N::Condition;

    fn forward(&self, input: &Tensor, condition: &N::Condition) -> Result<Tensor> {
        sequence(input, &self.layers(condition))
    }

    fn classes(&self) -> Option<usize> {
        Sequential::classes(self)
    }
}
