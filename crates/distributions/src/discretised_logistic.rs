use candle_core::{D, Tensor};
use latent_kernels::bernoulli_log_likelihood;

use crate::{Distribution, Error, Generator};

/// The number of values of a component.
const LEVELS: f64 = 256.0;

/// Independent discretised logistic variables over the 256 levels 0, 1/255, …, 1 of a pixel.
///
/// The probability of a level x is the probability that a logistic variable with location μ and
/// scale s lies in the interval of width 1/255 around x. The intervals of 0 and 1 extend to −∞ and
/// ∞, so the probabilities of the 256 levels sum to one. With h = 1/510:
///
/// P(x) = σ((x + h − μ) / s) − σ((x − h − μ) / s)
///
/// Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", appendix
/// C; Salimans et al. 2017, "`PixelCNN++`", equation 2, with one component.
#[derive(Clone, Debug)]
pub struct DiscretisedLogistic {
    loc: Tensor,
    log_scale: Tensor,
}

impl DiscretisedLogistic {
    /// Creates the variables from the locations `loc`, `[..., d]`, in units of the range from 0 to
    /// 1, and the logarithms of the scales `log_scale`, `[d]`, which all locations share.
    ///
    /// # Errors
    /// The sizes differ.
    pub fn new(loc: Tensor, log_scale: Tensor) -> Result<Self, Error> {
        Error::refuse_different_events(&log_scale, &loc)?;
        Ok(Self { loc, log_scale })
    }

    /// The locations (medians), `[..., d]`.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The logarithms of the scales, `[d]`.
    pub fn log_scale(&self) -> &Tensor {
        &self.log_scale
    }
}

impl Distribution for DiscretisedLogistic {
    /// The log-probability of levels: each component of `value` is 0, 1/255, …, or 1.
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        /// A finite 32-bit logit at which the sigmoid is exactly 0 or 1.
        const CERTAIN: f64 = 1e30;

        Error::refuse_different_events(value, &self.loc)?;
        let half = 0.5 / (LEVELS - 1.0);
        let inverse_scale = self.log_scale.neg()?.exp()?;
        let centred = value.broadcast_sub(&self.loc)?;
        let upper = (&centred + half)?.broadcast_mul(&inverse_scale)?;
        let lower = (&centred - half)?.broadcast_mul(&inverse_scale)?;

        // With u and l the logits of the interval's ends, σ(u) − σ(l) = σ(u) σ(−l) (1 − e^(l − u)):
        // no cancellation, even far from μ. At the ends of the range one logit is infinite and the
        // last factor 1.
        let shape = upper.shape();
        let value = value.broadcast_as(shape)?;
        let (is_first, is_last) = (value.lt(half)?, value.gt(1.0 - half)?);
        let certain = |sign: f64| upper.zeros_like()? + sign * CERTAIN;
        let upper = is_last.where_cond(&certain(1.0)?, &upper)?;
        let lower = is_first.where_cond(&certain(-1.0)?, &lower)?;
        let below = bernoulli_log_likelihood(&upper, &upper.ones_like()?)?;
        let above = bernoulli_log_likelihood(&lower, &lower.zeros_like()?)?;

        // log(1 − e^(−w)) for the interval's width w, computed from t = tanh(w/2), which is
        // accurate for small w: 1 − e^(−w) = 2t / (1 + t).
        let t = (inverse_scale * half)?.tanh()?;
        let log_width = ((&t * 2.0)?.log()? - (t + 1.0)?.log()?)?;
        let is_inner = (is_first.eq(&is_last)?).to_dtype(log_width.dtype())?;
        let widths = is_inner.broadcast_mul(&log_width)?.sum(D::Minus1)?;
        Ok(((below + above)? + widths)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let (loc, log_scale) = (self.loc.detach(), self.log_scale.detach());
        let log_scale = log_scale.broadcast_as(loc.shape())?.contiguous()?;
        let draws = crate::Logistic::new(loc, log_scale)?.sample(sample_shape, generator)?;
        let last = LEVELS - 1.0;
        Ok(((draws.clamp(0.0, 1.0)? * last)?.round()? / last)?)
    }
}
