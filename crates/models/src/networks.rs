//! The networks that models are made of.

mod convolutional;
mod labels;
mod linear;

use candle_core::{Result, Tensor};

pub use convolutional::{
    Conv2d, ConvTranspose2d, ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder,
};
pub use labels::{CLASSES, Condition, Labels, Summed};
pub use linear::{Linear, Mlp};

/// A network as a model sees it: a function of its input and of what the model is conditioned on.
///
/// A network that knows no condition has `()` as [`Self::Condition`]; [`Summed`] makes the first layer
/// of a network see labels, and the rest of it is the same.
pub trait Network: Send + Sync {
    /// What the network is conditioned on.
    type Condition: Condition;

    /// The output for a batch.
    fn forward(&self, input: &Tensor, condition: &Self::Condition) -> Result<Tensor>;
}
