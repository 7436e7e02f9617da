//! The networks that models are made of.

mod convolution;
mod convolutional;
mod labels;
mod linear;

use candle_core::{Result, Tensor};
use latent_kernels::{Layer, sequence};

pub use convolution::{Conv2d, ConvTranspose2d};
pub use convolutional::{ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder};
pub use labels::{AdditiveConditioning, ConcatConditioning, Condition, Labels};
pub use linear::{Linear, Mlp};

/// A network as a model sees it: a function of its input and of what the model is conditioned on.
///
/// A network that knows no condition has `()` as [`Self::Condition`]; [`AdditiveConditioning`] makes the first layer
/// of a network see labels, [`ConcatConditioning`] the network as a whole, and the rest of it is the same.
pub trait Network: Send + Sync {
    /// What the network is conditioned on.
    type Condition: Condition;

    /// The output for a batch.
    fn forward(&self, input: &Tensor, condition: &Self::Condition) -> Result<Tensor>;

    /// How many classes the labels of its condition tell apart; `None` of a network that sees no labels.
    fn classes(&self) -> Option<usize> {
        None
    }
}

/// A network whose layers follow one after the other, which is all that there is to say of it.
pub trait Sequential: Send + Sync {
    /// What the network is conditioned on.
    type Condition: Condition;

    /// The layers, from the input on.
    fn layers<'a>(&'a self, condition: &'a Self::Condition) -> Vec<Layer<'a>>;

    /// As [`Network::classes`].
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
