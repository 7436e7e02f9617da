use std::f64::consts::TAU;

use candle_core::{D, Result, Tensor};

/// A draw of a diagonal normal as a differentiable function of its parameters: μ + exp(log σ) ε.
///
/// `loc` and `log_scale` are `[..., d]`; `noise` holds standard normal draws ε and may have more
/// leading dimensions, for several draws each. Kingma & Welling 2014, section 2.4.
pub fn reparametrise(loc: &Tensor, log_scale: &Tensor, noise: &Tensor) -> Result<Tensor> {
    noise.broadcast_mul(&log_scale.exp()?)?.broadcast_add(loc)
}

/// log N(x; μ, diag σ²) in nats, summed over the event.
///
/// `value`, `loc` and `log_scale` are `[..., d]` and broadcast against each other; the result is
/// `[...]`.
pub fn normal_log_density(value: &Tensor, loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    let standardised = value
        .broadcast_sub(loc)?
        .broadcast_mul(&log_scale.neg()?.exp()?)?;
    let constant = 0.5 * TAU.ln();
    (standardised.sqr()? * -0.5)?
        .broadcast_sub(&(log_scale + constant)?)?
        .sum(D::Minus1)
}

/// KL(N(μ, diag σ²) ‖ N(0, I)) in nats, summed over the event.
///
/// ½ Σ (σ² + μ² − 1) − Σ log σ; `loc` and `log_scale` are `[..., d]`, the result is `[...]`.
/// Kingma & Welling 2014, appendix B.
pub fn kl_to_standard_normal(loc: &Tensor, log_scale: &Tensor) -> Result<Tensor> {
    let variance = (log_scale * 2.0)?.exp()?;
    let half_moments = (((variance + loc.sqr()?)? - 1.0)? * 0.5)?;
    (half_moments - log_scale)?.sum(D::Minus1)
}
