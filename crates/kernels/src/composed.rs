//! The functions of this crate composed of candle's own operations.
//!
//! They run on CUDA and Metal, for dtypes other than F32 and F64, for shapes that broadcast in
//! unusual ways, and where a fused form has no advantage. Tests compare the fused operations with
//! them.
//!
//! Arguments, shapes and results are those of the functions with the same names at the root of the
//! crate, which choose between the two implementations. (At a pre-activation of exactly 0, where
//! ReLU has no derivative, candle uses 1; the fused operations use 0, as PyTorch does.)

use std::f64::consts::TAU;

use candle_core::{D, DType, Device, Result, Tensor, bail};

use crate::activation::{Activation, GELU_CUBE, GELU_FACTOR};
use crate::adam::{Adam, Moments};
use crate::layer::{Convolution, Layer, TransposedConvolution};
use crate::mixture::LOG_SCALE_BOUND;

/// The source of this module, for reports that show its formulas.
#[doc(hidden)]
pub const SOURCE: &str = include_str!("composed.rs");

/// [`linear`](crate::linear), composed of candle's operations.
pub fn linear(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let mut shape = input.dims().to_vec();
    // One product over all rows: candle would run a small product for each batch dimension.
    let rows = input.reshape(((), inputs))?;
    let result = rows.matmul(&weight.t()?)?.broadcast_add(bias)?;
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    activate(&result, activation)?.reshape(shape)
}

/// [`sequence`](crate::sequence), composed of candle's operations.
pub fn sequence(input: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    let mut skips = Vec::new();
    layers
        .iter()
        .try_fold(input.clone(), |x, &layer| match layer {
            Layer::Linear {
                weight,
                bias,
                activation,
            } => linear(&x, weight, bias, activation),
            Layer::AddLinear {
                input,
                weight,
                bias,
                activation,
            } => {
                let joining = linear(input, weight, bias, Activation::Identity)?;
                activate(&(&x + joining.reshape(x.shape())?)?, activation)
            }
            Layer::Conv2d {
                weight,
                bias,
                convolution,
                activation,
            } => conv2d(&x, weight, bias, convolution, activation),
            Layer::ConvTranspose2d {
                weight,
                bias,
                convolution,
                activation,
            } => conv_transpose2d(&x, weight, bias, convolution, activation),
            Layer::Activation(activation) => activate(&x, activation),
            Layer::Skip => {
                skips.push(x.clone());
                Ok(x)
            }
            Layer::AddSkip => match skips.pop() {
                Some(start) => x + start,
                None => bail!("a skip connection ends that was not started"),
            },
            Layer::Flatten | Layer::Unflatten(..) => {
                let mut shape = x.dims().to_vec();
                layer.reshape(&mut shape)?;
                x.reshape(shape)
            }
        })
}

fn activate(input: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(input.clone()),
        Activation::Relu => input.relu(),
        Activation::Tanh => input.tanh(),
        Activation::Silu => input * sigmoid(input)?,
        Activation::Gelu => {
            let argument =
                ((input + (input.sqr()? * input)?.affine(GELU_CUBE, 0.0)?)? * GELU_FACTOR)?;
            (input * 0.5)? * (argument.tanh()? + 1.0)?
        }
    }
}

/// [`conv2d`](crate::conv2d), composed of candle's operations.
pub fn conv2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: Convolution,
    activation: Activation,
) -> Result<Tensor> {
    let Convolution { stride, padding } = convolution;
    // candle's convolutions need the channels first.
    let channels_first = input.permute((0, 3, 1, 2))?.contiguous()?;
    let result = channels_first.conv2d(weight, padding, stride, 1, 1)?;
    let channels_last = result.permute((0, 2, 3, 1))?.contiguous()?;
    activate(&channels_last.broadcast_add(bias)?, activation)
}

/// [`conv_transpose2d`](crate::conv_transpose2d), composed of candle's operations.
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: TransposedConvolution,
    activation: Activation,
) -> Result<Tensor> {
    let TransposedConvolution {
        stride,
        padding,
        output_padding,
    } = convolution;
    let channels_first = input.permute((0, 3, 1, 2))?.contiguous()?;
    // candle has one padding for both directions, which only adds rows and columns at the end.
    let [more_rows, more_columns] = output_padding;
    let larger = more_rows.max(more_columns);
    let result = channels_first.conv_transpose2d(weight, padding, larger, stride, 1)?;
    let (_, _, height, width) = result.dims4()?;
    let result = result.narrow(2, 0, height + more_rows - larger)?.narrow(
        3,
        0,
        width + more_columns - larger,
    )?;
    let channels_last = result.permute((0, 2, 3, 1))?.contiguous()?;
    activate(&channels_last.broadcast_add(bias)?, activation)
}

/// [`sigmoid`](crate::sigmoid), composed of candle's operations.
pub fn sigmoid(logits: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(logits)
}

/// [`bernoulli_log_likelihood`](crate::bernoulli_log_likelihood), composed of candle's operations.
pub fn bernoulli_log_likelihood(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    logits
        .broadcast_mul(targets)?
        .broadcast_sub(&softplus(logits)?)?
        .sum(D::Minus1)
}

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(−|x|)): the exponent is never positive, so nothing
/// overflows.
///
/// The gradient at 0, where untrained networks start, is the exact ½ because candle uses the
/// derivative 1 for both relu and |x| at 0: 1 − ½.
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

/// [`reparametrise`](crate::reparametrise), composed of candle's operations.
pub fn reparametrise(loc: &Tensor, log_scale: &Tensor, noise: &Tensor) -> Result<Tensor> {
    noise.broadcast_mul(&log_scale.exp()?)?.broadcast_add(loc)
}

/// [`normal_log_density`](crate::normal_log_density), composed of candle's operations.
pub fn normal_log_density(value: &Tensor, loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    let standardised = value
        .broadcast_sub(loc)?
        .broadcast_mul(&log_scale.neg()?.exp()?)?;
    let constant = 0.5 * TAU.ln();
    (standardised.sqr()? * -0.5)?
        .broadcast_sub(&(log_scale + constant)?)?
        .sum(D::Minus1)
}

/// [`standard_normal_log_density`](crate::standard_normal_log_density), composed of candle's operations.
pub fn standard_normal_log_density(value: &Tensor) -> Result<Tensor> {
    let constant = 0.5 * TAU.ln();
    ((value.sqr()? * -0.5)? - constant)?.sum(D::Minus1)
}

/// [`kl_to_standard_normal`](crate::kl_to_standard_normal), composed of candle's operations.
pub fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    let variance = (log_scale * 2.0)?.exp()?;
    let half_moments = (((variance + loc.sqr()?)? - 1.0)? * 0.5)?;
    (half_moments - log_scale)?.sum(D::Minus1)
}

/// [`narrow`](crate::narrow), composed of candle's operations.
pub fn narrow(vectors: &Tensor, first: usize, count: usize) -> Result<Tensor> {
    vectors.narrow(D::Minus1, first, count)?.contiguous()
}

/// [`concat`](crate::concat), composed of candle's operations.
pub fn concat(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    Tensor::cat(&[left, right], D::Minus1)
}

/// [`transpose_blocks`](crate::transpose_blocks), composed of candle's operations.
pub fn transpose_blocks(tensor: &Tensor) -> Result<Tensor> {
    tensor.transpose(1, 2)?.contiguous()
}

/// [`affine_coupling`](crate::affine_coupling), composed of candle's operations.
pub fn affine_coupling(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let transformed = ((value * log_scale.exp()?)? + translation)?;
    Ok((transformed, log_scale.sum(D::Minus1)?))
}

/// [`affine_coupling_inverse`](crate::affine_coupling_inverse), composed of candle's operations.
pub fn affine_coupling_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let transformed = ((value - translation)? * log_scale.neg()?.exp()?)?;
    Ok((transformed, log_scale.sum(D::Minus1)?.neg()?))
}

/// [`diagonal_affine`](crate::diagonal_affine), composed of candle's operations.
pub fn diagonal_affine(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let transformed = value
        .broadcast_mul(&log_scale.exp()?)?
        .broadcast_add(translation)?;
    Ok((transformed, log_scale.sum_all()?))
}

/// [`diagonal_affine_inverse`](crate::diagonal_affine_inverse), composed of candle's operations.
pub fn diagonal_affine_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let transformed = value
        .broadcast_sub(translation)?
        .broadcast_mul(&log_scale.neg()?.exp()?)?;
    Ok((transformed, log_scale.sum_all()?.neg()?))
}

/// [`logistic_mixture`](crate::logistic_mixture), composed of candle's operations.
pub fn logistic_mixture(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    let (transformed, log_derivative) =
        logistic_mixture_elementwise(value, parameters, components)?;
    Ok((transformed, log_derivative.sum(D::Minus1)?))
}

/// As [`logistic_mixture`], with the log-derivative of each element.
pub(crate) fn logistic_mixture_elementwise(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    // candle fails to compute the maximum of an empty tensor.
    if value.elem_count() == 0 {
        return Ok((value.clone(), value.zeros_like()?));
    }
    let width = value.dim(D::Minus1)?;
    let leading = &value.dims()[..value.rank() - 1];
    let blocks = parameters.reshape([leading, &[3 * components + 2, width]].concat())?;
    let axis = leading.len();
    let bounded = |raw: Tensor| (raw / LOG_SCALE_BOUND)?.tanh()? * LOG_SCALE_BOUND;
    let block = |first: usize| blocks.narrow(axis, first, components);

    let log_scale = bounded(blocks.narrow(axis, 0, 1)?.squeeze(axis)?)?;
    let translation = blocks.narrow(axis, 1, 1)?.squeeze(axis)?;
    let logits = block(2)?;
    let log_weights = logits.broadcast_sub(&logits.log_sum_exp(axis)?.unsqueeze(axis)?)?;
    let log_scales = bounded(block(2 + 2 * components)?)?;
    let standardised = value
        .unsqueeze(axis)?
        .broadcast_sub(&block(2 + components)?)?
        .mul(&log_scales.neg()?.exp()?)?;

    // log σ(u) and log σ(−u)
    let (below, above) = (
        softplus(&standardised.neg()?)?.neg()?,
        softplus(&standardised)?.neg()?,
    );
    let mixed = |terms: Tensor| (terms + &log_weights)?.log_sum_exp(axis);
    let log_density = mixed(((&below + &above)? - log_scales)?)?;
    let (log_below, log_above) = (mixed(below)?, mixed(above)?);
    let logit = (&log_below - &log_above)?;
    let transformed = ((logit * log_scale.exp()?)? + translation)?;
    let log_derivative = ((log_density - (log_below + log_above)?)? + log_scale)?;
    Ok((transformed, log_derivative))
}

/// [`dequantised_logit`](crate::dequantised_logit), composed of candle's operations.
pub fn dequantised_logit(pixels: &Tensor, noise: &Tensor, lambda: f64) -> Result<(Tensor, Tensor)> {
    let unit = (((pixels * 255.0)? + noise)? / 256.0)?;
    let range = 1.0 - 2.0 * lambda;
    let log_inside = unit.affine(range, lambda)?.log()?;
    // 1 − u computed directly: one minus the expression above would lose precision near 1.
    let log_outside = unit.affine(-1.0, 1.0)?.affine(range, lambda)?.log()?;
    let constant = range.ln() - 256f64.ln();
    let log_det = (((&log_inside + &log_outside)?.neg()? + constant)?).sum(D::Minus1)?;
    Ok(((log_inside - log_outside)?, log_det))
}

/// [`average_update`](crate::average_update), composed of candle's operations.
pub fn average_update(average: &candle_core::Var, value: &Tensor, decay: f64) -> Result<()> {
    let rest = ((value.detach() - average.as_detached_tensor())? * (1.0 - decay))?;
    average.set(&(average.as_detached_tensor() + rest)?)
}

/// [`squared_norm`](crate::squared_norm), composed of candle's operations.
pub fn squared_norm(tensor: &Tensor) -> Result<f64> {
    // In the dtype of the tensor: not every GPU has 64-bit floats, and GPUs sum pairwise.
    let sum = tensor.detach().sqr()?.sum_all()?;
    sum.to_device(&Device::Cpu)?
        .to_dtype(DType::F64)?
        .to_scalar()
}

/// [`adam_update`](crate::adam_update), composed of candle's operations.
pub fn adam_update(
    parameter: &candle_core::Var,
    gradient: &Tensor,
    moments: &Moments,
    adam: &Adam,
    step: u64,
) -> Result<()> {
    let gradient = gradient.detach();
    let decay = |average: &candle_core::Var, beta: f64, new: &Tensor| {
        average.set(&((average.as_detached_tensor() * beta)? + (new * (1.0 - beta))?)?)
    };
    decay(&moments.first, adam.beta1, &gradient)?;
    decay(&moments.second, adam.beta2, &gradient.sqr()?)?;

    let unbiased = |average: &candle_core::Var, beta: f64| {
        let correction = 1.0 / (1.0 - beta.powf(step as f64));
        average.as_detached_tensor() * correction
    };
    let first = unbiased(&moments.first, adam.beta1)?;
    let second = unbiased(&moments.second, adam.beta2)?;
    let update = (first / (second.sqrt()? + adam.epsilon)?)?;
    let kept = parameter.as_detached_tensor() * (1.0 - adam.learning_rate * adam.weight_decay);
    parameter.set(&(kept? - (update * adam.learning_rate)?)?)
}
