use candle_core::{Result, Tensor};

use crate::activation::Activation;
use crate::layer::{Convolution, Layer, TransposedConvolution};
use crate::{composed, fused};

/// activation(x Wᵀ + b): a linear layer and what follows it.
///
/// `input` is `[..., in]`, `weight` is `[out, in]` (PyTorch's layout) and `bias` is `[out]`; the
/// result is `[..., out]`.
///
/// # Errors
/// The shapes do not fit together, or dtypes or devices differ.
pub fn linear(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    let layer = Layer::Linear {
        weight,
        bias,
        activation,
    };
    sequence(input, &[layer])
}

/// activation(x ∗ W + b): a two-dimensional convolution (cross-correlation, as everywhere in this
/// field) and what follows it.
///
/// `input` is `[n, height, width, in]` with the channels of a pixel together, `weight` is
/// `[out, in, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`. The result is
/// `[n, h, w, out]` with h = ⌊(height + 2 padding − kernel height) / stride⌋ + 1, and w alike.
///
/// # Errors
/// The shapes do not fit together, the kernel is larger than the padded image, the stride is 0, or
/// dtypes or devices differ.
pub fn conv2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: Convolution,
    activation: Activation,
) -> Result<Tensor> {
    let layer = Layer::Conv2d {
        weight,
        bias,
        convolution,
        activation,
    };
    sequence(input, &[layer])
}

/// activation(x ∗ᵀ W + b): the transpose of a convolution, which spreads every pixel over a patch of
/// a larger image, and what follows it.
///
/// `input` is `[n, height, width, in]` with the channels of a pixel together, `weight` is
/// `[in, out, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`. The result is
/// `[n, h, w, out]` with h = (height − 1) stride − 2 padding + kernel height + output padding, and w
/// alike.
///
/// # Errors
/// The shapes do not fit together, the padding leaves nothing, the stride is 0 or not larger than the
/// output padding, or dtypes or devices differ.
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: TransposedConvolution,
    activation: Activation,
) -> Result<Tensor> {
    let layer = Layer::ConvTranspose2d {
        weight,
        bias,
        convolution,
        activation,
    };
    sequence(input, &[layer])
}

/// Layers one after the other, each given what the one before it returns.
///
/// On the CPU all of them are one operation of candle's graph: what passes between them, and its
/// gradients, need not go through sums that start from zeros. (The operation keeps what passes between
/// them until the graph is dropped.)
///
/// # Errors
/// The shapes do not fit together, or dtypes or devices differ.
pub fn sequence(input: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    fused::sequence(input, layers)?.map_or_else(|| composed::sequence(input, layers), Ok)
}
