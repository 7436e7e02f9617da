use candle_core::{D, Tensor};
use latent_kernels::{sigmoid, standard_logistic_log_density};

use crate::{Bijector, Error};

/// The scaled sigmoid, from the real numbers to the unit interval: y = (σ(x) − λ) / (1 − 2λ).
///
/// Its inverse is the logit x = logit(λ + (1 − 2λ) y), whose argument is at least λ away from 0 and
/// 1. Papamakarios et al. 2017, appendix E.
///
/// With λ = 0, the logits of 0 and 1 are infinite. With λ > 0, an x beyond ±logit(λ), which no data
/// point has, maps to a y outside the unit interval.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid {
    lambda: f64,
}

impl Sigmoid {
    /// Creates the bijector with the margin λ.
    ///
    /// # Errors
    /// λ is not in [0, ½).
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
        // 1 − y computed directly: one minus the expression above would lose precision near 1.
        let log_above = data
            .affine(-1.0, 1.0)?
            .affine(self.range(), self.lambda)?
            .log()?;
        let log_det = ((&log_below + &log_above)?.neg()? + self.range().ln())?.sum(D::Minus1)?;
        Ok(((log_below - log_above)?, log_det))
    }

    fn is_conditional(&self) -> bool {
        false
    }
}
