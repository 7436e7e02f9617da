use candle_core::{Result, Tensor};

use crate::Activation;

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
    let (outputs, inputs) = weight.dims2()?;
    let mut shape = input.dims().to_vec();
    // One product over all rows: candle would otherwise run one small product a batch dimension.
    let rows = input.reshape(((), inputs))?;
    let result = rows.matmul(&weight.t()?)?.broadcast_add(bias)?;
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    activation.apply(&result)?.reshape(shape)
}
