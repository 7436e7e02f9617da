use candle_core::{D, Result, Tensor, bail};

use crate::mixture::MOST_COMPONENTS;
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
/// `value` x is `[..., d]`, `log_scale` s and `translation` t are `[d]`; the results are `[..., d]` and
/// one number in nats, `[]`. Dinh et al. 2014, section 3.3; Kingma & Dhariwal 2018, section 3.1.
///
/// # Errors
/// The shapes do not fit together, or dtypes or devices differ.
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

/// An elementwise map with as much shape as a mixture of logistic distributions has:
/// y = exp(a) logit F(x) + b, where F(x) = Σₖ πₖ σ((x − μₖ) / sₖ) is the mixture's distribution
/// function; and log |det ∂y/∂x|.
///
/// `value` x is `[..., d]` and `parameters` is `[..., (3 K + 2) d]` for K `components`, in blocks of d:
/// a, b, the K blocks of logits of π, those of μ, those of log s. Both a and log s are what is
/// given, r, bounded smoothly as 5 tanh(r / 5). The results are `[..., d]` and, in nats, `[...]`.
/// Everything 0 is the identity. Ho et al. 2019 (Flow++), section 3.2, without whose last logistic
/// transform the image of the map is all numbers.
///
/// # Errors
/// There are no components or more than 32; the shapes do not fit together, or dtypes or devices
/// differ.
pub fn logistic_mixture(
    value: &Tensor,
    parameters: &Tensor,
    components: usize,
) -> Result<(Tensor, Tensor)> {
    check_mixture(value, parameters, components)?;
    let (transformed, log_derivative) = mixture_elementwise(value, parameters, components)?;
    Ok((transformed, sum_of_rows(&log_derivative, 1.0)?))
}

/// The inverse of [`logistic_mixture`], by Newton's method and bisection in 64 bits; its gradients are
/// those that the implicit function theorem gives.
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
        // One more step of Newton's, x = x₀ − (f(x₀) − y) / f′(x₀), of which only the gradients are taken:
        // in value it would be what rounding leaves of f(x₀) − y.
        let (reached, log_derivative) = mixture_elementwise(&solved, parameters, components)?;
        let of_no_size = |tensor: &Tensor| tensor - tensor.detach();
        let step = (of_no_size(&reached)? - of_no_size(value)?)?;
        // Where the map is flat these are infinite, and 0 times infinity would be no number.
        let inverse_slope = log_derivative.detach().neg()?.clamp(-80.0, 80.0)?.exp()?;
        solved = (&solved - (step * inverse_slope)?)?;
    }
    let (_, log_derivative) = mixture_elementwise(&solved, parameters, components)?;
    Ok((solved, sum_of_rows(&log_derivative, -1.0)?))
}

/// The map, and the logarithms of its derivative, elementwise.
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
    if !(1..=MOST_COMPONENTS).contains(&components) {
        bail!("a mixture has 1 to {MOST_COMPONENTS} components, not {components}");
    }
    let [leading @ .., width] = value.dims() else {
        bail!("a mixture maps vectors, not one number");
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

/// Pixels as a flow sees them: dequantised, squeezed away from 0 and 1, and put through the logit;
/// with the logarithm of the determinant of all three together.
///
/// A pixel x of 256 levels, given in [0, 1], becomes u = (255 x + ε) / 256 with uniform noise ε in
/// [0, 1), then a = λ + (1 − 2λ) u and y = log a − log(1 − a). `pixels` and `noise` are `[..., d]`;
/// the results are y `[..., d]` and log |det ∂y/∂(255 x + ε)| `[...]` in nats: adding the latter to
/// the log-density of y gives the log-density of the dequantised levels 0–256, from which bits per
/// dimension follow without another term. Papamakarios et al. 2017, appendix E; Dinh et al. 2017,
/// section 4.1.
///
/// # Errors
/// λ does not lie in [0, ½), or the shapes, dtypes or devices differ.
pub fn dequantised_logit(pixels: &Tensor, noise: &Tensor, lambda: f64) -> Result<(Tensor, Tensor)> {
    if !(0.0..0.5).contains(&lambda) {
        bail!("the logit needs 0 ≤ λ < 1/2, but λ is {lambda}");
    }
    composed::dequantised_logit(pixels, noise, lambda)
}
