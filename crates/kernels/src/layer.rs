use candle_core::{Result, Tensor, bail};

use crate::activation::Activation;

/// The geometry of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The stride in both directions, in pixels.
    pub stride: usize,
    /// The rows and columns of zeros added on each side of the image.
    pub padding: usize,
}

/// The geometry of a transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedConvolution {
    /// The stride in both directions, in pixels of the output.
    pub stride: usize,
    /// The rows and columns removed on each side of the output.
    pub padding: usize,
    /// The rows added at the lower edge of the output and the columns added at the right. A convolution
    /// with a stride maps several sizes to one; this selects among them.
    pub output_padding: [usize; 2],
}

/// A layer of a [`sequence`](crate::sequence), with its tensors.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Layer<'a> {
    /// activation(x Wᵀ + b), see [`linear`](crate::linear).
    Linear {
        /// W, `[out, in]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// The activation.
        activation: Activation,
    },
    /// activation(x + y Wᵀ + b): adds a linear map of a second input, for additive conditioning.
    AddLinear {
        /// y, `[n, in]`.
        input: &'a Tensor,
        /// W, `[out, in]`, where out is the number of elements of each item of x.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// The activation.
        activation: Activation,
    },
    /// activation(x ∗ W + b), see [`conv2d`](crate::conv2d).
    Conv2d {
        /// W, `[out, in, kernel height, kernel width]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// The stride and padding.
        convolution: Convolution,
        /// The activation.
        activation: Activation,
    },
    /// activation(x ∗ᵀ W + b), see [`conv_transpose2d`](crate::conv_transpose2d).
    ConvTranspose2d {
        /// W, `[in, out, kernel height, kernel width]`.
        weight: &'a Tensor,
        /// b, `[out]`.
        bias: &'a Tensor,
        /// The stride and padding.
        convolution: TransposedConvolution,
        /// The activation.
        activation: Activation,
    },
    /// activation(x), elementwise.
    Activation(Activation),
    /// The start of a skip connection, which leaves x as it is.
    Skip,
    /// The end of the last skip connection that was started: adds the x of its start to this one (He et al. 2016,
    /// equation 1). Both have the same shape.
    AddSkip,
    /// Reshapes `[n, …]` to `[n, elements of an item]`.
    Flatten,
    /// Reshapes `[n, …]` to `[n, height, width, channels]`.
    Unflatten(usize, usize, usize),
}

impl Layer<'_> {
    /// Applies the layer to a shape, if it only reshapes.
    pub(crate) fn reshape(self, shape: &mut Vec<usize>) -> Result<()> {
        let Some((&count, item)) = shape.split_first() else {
            bail!("a network needs a batch of inputs, not a scalar");
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
