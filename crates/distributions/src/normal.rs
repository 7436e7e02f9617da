use std::f64::consts::{E, TAU};

use candle_core::{D, Tensor};
use latent_kernels::{kl_to_standard_normal, normal_log_density, reparametrise};

use crate::{Distribution, Error, Generator, KlDivergence, Reparametrised, StandardNormal};

/// The normal distribution with a diagonal covariance, N(μ, diag σ²).
///
/// The scale is stored as its logarithm, so a network can output it without a constraint. In 32-bit
/// floats all results are finite for log-scales within ±40. A network that outputs the
/// log-variance, as in Kingma & Welling 2014, halves it: log σ = ½ log σ².
#[derive(Clone, Debug)]
pub struct Normal {
    loc: Tensor,
    log_scale: Tensor,
}

impl Normal {
    /// Creates N(μ, diag σ²) from μ and log σ, both `[..., d]`.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn new(loc: Tensor, log_scale: Tensor) -> Result<Self, Error> {
        Error::refuse_different(("loc", &loc), ("log-scale", &log_scale))?;
        Ok(Self { loc, log_scale })
    }

    /// The mean μ, `[..., d]`.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The logarithm of the standard deviation, log σ, `[..., d]`.
    pub fn log_scale(&self) -> &Tensor {
        &self.log_scale
    }

    /// The standard deviation σ, `[..., d]`.
    pub fn scale(&self) -> Result<Tensor, Error> {
        Ok(self.log_scale.exp()?)
    }

    /// The differential entropy in nats, `[...]`: Σ log σ + ½ log 2πe.
    pub fn entropy(&self) -> Result<Tensor, Error> {
        Ok((&self.log_scale + 0.5 * (TAU * E).ln())?.sum(D::Minus1)?)
    }
}

impl Distribution for Normal {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        Error::refuse_different_events(value, &self.loc)?;
        Ok(normal_log_density(value, &self.loc, &self.log_scale)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let detached = Self {
            loc: self.loc.detach(),
            log_scale: self.log_scale.detach(),
        };
        detached.rsample(sample_shape, generator)
    }
}

impl Reparametrised for Normal {
    fn rsample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let shape = [sample_shape, self.loc.dims()].concat();
        let noise = generator.standard_normal(shape, self.loc.dtype(), self.loc.device())?;
        Ok(reparametrise(&self.loc, &self.log_scale, &noise)?)
    }
}

impl KlDivergence<StandardNormal> for Normal {
    /// KL(self ‖ N(0, I)) in nats, `[...]`. Kingma & Welling 2014, appendix B.
    ///
    /// # Errors
    /// The events differ in size.
    fn kl_divergence(&self, q: &StandardNormal) -> Result<Tensor, Error> {
        q.check_event(self.loc.dims())?;
        Ok(kl_to_standard_normal(&self.loc, &self.log_scale)?)
    }
}

impl KlDivergence<Normal> for Normal {
    /// KL(self ‖ q) in nats, `[...]`; the batches broadcast.
    ///
    /// The divergence is invariant under a common shift and scaling, so it is computed in the
    /// coordinates in which `q` is standard normal.
    ///
    /// # Errors
    /// The events differ in size, or the batches do not broadcast.
    fn kl_divergence(&self, q: &Normal) -> Result<Tensor, Error> {
        Error::refuse_different_events(&self.loc, &q.loc)?;
        let loc = self
            .loc
            .broadcast_sub(&q.loc)?
            .broadcast_mul(&q.log_scale.neg()?.exp()?)?;
        let log_scale = self.log_scale.broadcast_sub(&q.log_scale)?;
        Ok(kl_to_standard_normal(&loc, &log_scale)?)
    }
}
