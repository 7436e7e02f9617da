use candle_core::{Result, Tensor};

use crate::activation::Activation;
use crate::layer::{Convolution, Layer, TransposedConvolution};
use crate::{composed, fused};

/// A linear layer: activation(x Wᵀ + b).
///
/// `input` is `[..., in]`, `weight` is `[out, in]` (PyTorch's layout) and `bias` is `[out]`; the
/// result is `[..., out]`.
///
/// # Errors
/// The shapes do not match, or dtypes or devices differ.
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

/// A two-dimensional convolution (cross-correlation) with an activation: activation(x ∗ W + b).
///
/// `input` is `[n, height, width, in]` (channels last), `weight` is
/// `[out, in, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`.
/// The result is `[n, h, w, out]` with h =
/// ⌊(height + 2 padding − kernel height) / stride⌋ + 1, and w alike.
///
/// # Errors
/// The shapes do not match, the kernel is larger than the padded image, the stride is 0, or dtypes
/// or devices differ.
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

/// A two-dimensional transposed convolution: activation(x ∗ᵀ W + b).
///
/// `input` is `[n, height, width, in]` (channels last), `weight` is
/// `[in, out, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`.
/// The result is `[n, h, w, out]` with h =
/// (height − 1) stride − 2 padding + kernel height + output padding, and w alike.
///
/// # Errors
/// The shapes do not match, the padding removes the whole output, the stride is 0 or not larger
/// than the output padding, or dtypes or devices differ.
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

/// A sequence of layers, each applied to the output of the one before it.
///
/// On the CPU the whole sequence is one operation of candle's graph, so that intermediate results
/// and their gradients are not added to zeros. (The operation keeps intermediate results until the
/// graph is dropped.)
///
/// # Errors
/// The shapes do not match, or dtypes or devices differ.
pub fn sequence(input: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    fused::sequence(input, layers)?.map_or_else(|| composed::sequence(input, layers), Ok)
}
