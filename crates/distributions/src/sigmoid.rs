use candle_core::{D, Tensor};
use latent_kernels::{sigmoid, standard_logistic_log_density};

use crate::{Bijector, Error};

/// From numbers without bounds to the unit interval: y = (σ(x) − λ) / (1 − 2λ), whose inverse is the
/// logit that keeps a distance λ from both ends, x = logit(λ + (1 − 2λ) y). Papamakarios et al. 2017,
/// appendix E.
///
/// With λ = 0 the ends 0 and 1 have infinite logits. With λ > 0 numbers x beyond ±logit(λ), which no
/// data have, lead beyond the interval.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid {
    lambda: f64,
}

impl Sigmoid {
    /// Keeping a distance λ from both ends.
    ///
    /// # Errors
    /// λ does not lie in [0, ½).
    pub fn new(lambda: f64) -> Result<Self, Error> {
        if !(0.0..0.5).contains(&lambda) {
            return Err(Error::Lambda(lambda));
        }
        Ok(Self { lambda })
    }

    /// 1 − 2λ
    fn range(self) -> f64 {
        1.0 - 2.0 * self.lambda
    }
}

impl<C> Bijector<C> for Sigmoid {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let unit = ((sigmoid(latents)? - self.lambda)? / self.range())?;
        // σ′ = σ(x) σ(−x) is the logistic density.
        let constant = latents.dim(D::Minus1)? as f64 * self.range().ln();
        Ok((unit, (standard_logistic_log_density(latents)? - constant)?))
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        let log_below = data.affine(self.range(), self.lambda)?.log()?;
        // Not 1 minus the above, which would round away what is left near 1.
        let log_above = data
            .affine(-1.0, 1.0)?
            .affine(self.range(), self.lambda)?
            .log()?;
        let log_det = ((&log_below + &log_above)?.neg()? + self.range().ln())?.sum(D::Minus1)?;
        Ok(((log_below - log_above)?, log_det))
    }
}
