use candle_core::{Result, Tensor, bail};

use crate::activation::Activation;

/// How a convolution's kernel moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Pixels from one position of the kernel to the next, both ways.
    pub stride: usize,
    /// Rows and columns of zeros around the image, on each side.
    pub padding: usize,
}

/// How the transpose of a convolution undoes that movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedConvolution {
    /// Pixels from one position of the kernel to the next, in the result.
    pub stride: usize,
    /// Rows and columns that are cut from the result, on each side.
    pub padding: usize,
    /// Rows and columns that are added to the result, at the lower and the right edge: several sizes
    /// shrink to one under a convolution with a stride, and this tells them apart.
    pub output_padding: usize,
}

/// A layer of a [`sequence`](crate::sequence): what it makes of its input x, and the tensors that it needs for it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Layer<'a> {
    /// activation(x Wᵀ + b), as [`linear`](crate::linear).
    Linear {
        /// W, `[out, in]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// What follows the map.
        activation: Activation,
    },
    /// activation(x + y Wᵀ + b): a linear map of a second input, added to the first. This is how a
    /// condition enters a network.
    AddLinear {
        /// y, `[n, in]`.
        input: &'a Tensor,
        /// W, `[out, in]`, where out is how many numbers each of the n items of x has.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// What follows the sum.
        activation: Activation,
    },
    /// activation(x ∗ W + b), as [`conv2d`](crate::conv2d).
    Conv2d {
        /// W, `[out, in, kernel height, kernel width]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// How the kernel moves.
        convolution: Convolution,
        /// What follows the convolution.
        activation: Activation,
    },
    /// activation(x ∗ᵀ W + b), as [`conv_transpose2d`](crate::conv_transpose2d).
    ConvTranspose2d {
        /// W, `[in, out, kernel height, kernel width]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// How the kernel moves.
        convolution: TransposedConvolution,
        /// What follows the convolution.
        activation: Activation,
    },
    /// `[n, …]` to `[n, numbers of an item]`.
    Flatten,
    /// `[n, …]` to `[n, height, width, channels]`.
    Unflatten(usize, usize, usize),
}

impl Layer<'_> {
    /// What the layer does to a shape, if that is all that it does.
    pub(crate) fn reshape(self, shape: &mut Vec<usize>) -> Result<()> {
        let Some((&count, item)) = shape.split_first() else {
            bail!("a network needs a batch of inputs, not one number");
        };
        let numbers: usize = item.iter().product();
        match self {
            Self::Flatten => *shape = vec![count, numbers],
            Self::Unflatten(height, width, channels) => {
                if height * width * channels != numbers {
                    bail!("{item:?} is not an image of {height}×{width}×{channels}");
                }
                *shape = vec![count, height, width, channels];
            }
            _ => {}
        }
        Ok(())
    }
}
