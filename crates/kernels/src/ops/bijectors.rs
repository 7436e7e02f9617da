use candle_core::{D, Result, Tensor, bail};

use crate::mixture::MAX_COMPONENTS;
use crate::{composed, fused};

/// The affine transform of a coupling layer, y = x exp(s) + t, and log |det ∂y/∂x| = Σ s.
///
/// `value` x, `log_scale` s and `translation` t are `[..., d]`; the results are `[..., d]` and, in
/// nats, `[...]`. Dinh et al. 2017, equations 7 and 8.
pub fn affine_coupling(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    fused::affine_coupling(value, log_scale, translation)?.map_or_else(
        || composed::affine_coupling(value, log_scale, translation),
        Ok,
    )
}

/// The inverse of [`affine_coupling`], x = (y − t) exp(−s), and log |det ∂x/∂y| = −Σ s.
pub fn affine_coupling_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    fused::affine_coupling_inverse(value, log_scale, translation)?.map_or_else(
        || composed::affine_coupling_inverse(value, log_scale, translation),
        Ok,
    )
}

/// The same affine transform of every row, y = x exp(s) + t, and log |det ∂y/∂x| = Σ s of one row.
///
/// `value` x is `[..., d]`, `log_scale` s and `translation` t are `[d]`; the results are `[..., d]`
/// and one number in nats, `[]`. Dinh et al. 2014, section 3.3; Kingma & Dhariwal 2018, section
/// 3.1.
///
/// # Errors
/// The shapes do not match, or dtypes or devices differ.
pub fn diagonal_affine(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    check_diagonal(value, log_scale, translation)?;
    fused::diagonal_affine(value, log_scale, translation)?.map_or_else(
        || composed::diagonal_affine(value, log_scale, translation),
        Ok,
    )
}

/// The inverse of [`diagonal_affine`], x = (y − t) exp(−s), and log |det ∂x/∂y| = −Σ s.
///
/// # Errors
/// As [`diagonal_affine`].
pub fn diagonal_affine_inverse(
    value: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor)> {
    check_diagonal(value, log_scale, translation)?;
    fused::diagonal_affine_inverse(value, log_scale, translation)?.map_or_else(
        || composed::diagonal_affine_inverse(value, log_scale, translation),
        Ok,
    )
}

fn check_diagonal(value: &Tensor, log_scale: &Tensor, translation: &Tensor) -> Result<()> {
    let width = value.dim(D::Minus1)?;
    if log_scale.dims() != [width] || translation.dims() != [width] {
        bail!(
            "a diagonal transform of {:?} needs a scale and a translation for each of {width} columns, \
             not {:?} and {:?}",
            value.shape(),
            log_scale.shape(),
            translation.shape()
        );
    }
    Ok(())
}

/// The mixture-of-logistics transform of Flow++, elementwise: y = exp(a) logit F(x) + b and log
/// |det ∂y/∂x|, where F(x) = Σₖ πₖ σ((x − μₖ) / sₖ) is the cumulative distribution function of the
/// mixture.
///
/// `value` x is `[..., d]` and `parameters` is `[..., (3 K + 2) d]` for K `components`, in blocks
/// of d: a, b, the K blocks of logits of π, those of μ, those of log s. Both a and log s are
/// bounded smoothly: a raw parameter r stands for 5 tanh(r / 5). The results are `[..., d]` and, in
/// nats, `[...]`. If all parameters are 0, the transform is the identity. Ho et al. 2019 (Flow++),
/// section 3.2, without the final logistic transform, so the image is all real numbers.
///
/// # Errors
/// There are no components or more than 32; the shapes do not match, or dtypes or devices differ.
pub fn logistic_mixture(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    check_mixture(value, parameters, components)?;
    let (transformed, log_derivative) = mixture_elementwise(value, parameters, components)?;
    Ok((transformed, sum_of_rows(&log_derivative, 1.0)?))
}

/// The inverse of [`logistic_mixture`], by Newton's method and bisection in 64 bits.
///
/// Its gradients are those of the implicit function theorem.
///
/// # Errors
/// As [`logistic_mixture`].
pub fn logistic_mixture_inverse(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    check_mixture(value, parameters, components)?;
    let mut solved = fused::logistic_mixture_roots(value, parameters, components)?;
    if value.track_op() || parameters.track_op() {
        // One more Newton step, x = x₀ − (f(x₀) − y) / f′(x₀), only for its gradients: its value
        // would be the rounding error of f(x₀) − y.
        let (reached, log_derivative) = mixture_elementwise(&solved, parameters, components)?;
        let of_no_size = |tensor: &Tensor| tensor - tensor.detach();
        let step = (of_no_size(&reached)? - of_no_size(value)?)?;
        // Where the map is flat the slope's inverse is infinite, and 0 times infinity would be NaN.
        let inverse_slope = log_derivative.detach().neg()?.clamp(-80.0, 80.0)?.exp()?;
        solved = (&solved - (step * inverse_slope)?)?;
    }
    let (_, log_derivative) = mixture_elementwise(&solved, parameters, components)?;
    Ok((solved, sum_of_rows(&log_derivative, -1.0)?))
}

/// The map and its log-derivatives, elementwise.
fn mixture_elementwise(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    fused::logistic_mixture_elementwise(value, parameters, components)?.map_or_else(
        || composed::logistic_mixture_elementwise(value, parameters, components),
        Ok,
    )
}

fn sum_of_rows(values: &Tensor, sign: f64) -> Result<Tensor> {
    fused::sum_of_rows(values, sign)?.map_or_else(|| values.sum(D::Minus1)? * sign, Ok)
}

fn check_mixture(value: &Tensor, parameters: &Tensor, components: usize) -> Result<()> {
    if !(1..=MAX_COMPONENTS).contains(&components) {
        bail!("a mixture has 1 to {MAX_COMPONENTS} components, not {components}");
    }
    let [leading @ .., width] = value.dims() else {
        bail!("a mixture maps vectors, not a scalar");
    };
    let expected = [leading, &[(3 * components + 2) * width]].concat();
    if parameters.dims() != expected {
        bail!(
            "a mixture of {components} needs parameters {expected:?} for values {:?}, not {:?}",
            value.shape(),
            parameters.shape()
        );
    }
    Ok(())
}

/// The preprocessing of pixels for a flow: dequantisation, scaling away from 0 and 1, and the
/// logit, with the log-determinant of all three.
///
/// A pixel x of 256 levels, given in [0, 1], becomes u = (255 x + ε) / 256 with uniform noise ε in
/// [0, 1), then a = λ + (1 − 2λ) u and y = log a − log(1 − a). `pixels` and `noise` are `[..., d]`;
/// the results are y `[..., d]` and log |det ∂y/∂(255 x + ε)| `[...]` in nats. The sum of the
/// latter and the log-density of y is the log-density of the dequantised levels 0–256, which
/// converts directly to bits per dimension. Papamakarios et al. 2017, appendix E; Dinh et al. 2017,
/// section 4.1.
///
/// # Errors
/// λ is not in [0, ½), or the shapes, dtypes or devices differ.
pub fn dequantised_logit(pixels: &Tensor, noise: &Tensor, lambda: f64) -> Result<(Tensor, Tensor)> {
    if !(0.0..0.5).contains(&lambda) {
        bail!("λ is {lambda}; it must be at least 0 and less than 1/2");
    }
    composed::dequantised_logit(pixels, noise, lambda)
}
