use candle_core::{D, Tensor};
use latent_kernels::standard_logistic_log_density;

use crate::{Distribution, Error, Generator, Reparametrised};

/// Independent logistic variables: the base distribution of NICE. Dinh et al. 2014, section 3.4.
///
/// The density is bell-shaped, like a normal one, with heavier tails, which decay as exp(−|x|).
#[derive(Clone, Debug)]
pub struct Logistic {
    loc: Tensor,
    log_scale: Tensor,
}

impl Logistic {
    /// Creates logistic variables from the means `loc` and the logarithms of the scales, both
    /// `[..., d]`.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn new(loc: Tensor, log_scale: Tensor) -> Result<Self, Error> {
        Error::refuse_different(("loc", &loc), ("log-scale", &log_scale))?;
        Ok(Self { loc, log_scale })
    }

    /// The mean, `[..., d]`.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The logarithm of the scale, `[..., d]`: the standard deviation is π/√3 times the scale.
    pub fn log_scale(&self) -> &Tensor {
        &self.log_scale
    }

    /// The differential entropy in nats, `[...]`: Σ log s + 2.
    pub fn entropy(&self) -> Result<Tensor, Error> {
        Ok((&self.log_scale + 2.0)?.sum(D::Minus1)?)
    }
}

impl Distribution for Logistic {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        Error::refuse_different_events(value, &self.loc)?;
        let standardised = value
            .broadcast_sub(&self.loc)?
            .broadcast_mul(&self.log_scale.neg()?.exp()?)?;
        let log_density = standard_logistic_log_density(&standardised)?;
        Ok(log_density.broadcast_sub(&self.log_scale.sum(D::Minus1)?)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let detached = Self {
            loc: self.loc.detach(),
            log_scale: self.log_scale.detach(),
        };
        detached.rsample(sample_shape, generator)
    }
}

impl Reparametrised for Logistic {
    fn rsample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let shape = [sample_shape, self.loc.dims()].concat();
        let uniform = generator.uniform(shape, self.loc.dtype(), self.loc.device())?;
        // A draw of 0 would have an infinite logit, so draws are moved by half a 32-bit step away
        // from 0 and 1.
        let step = f64::from(f32::EPSILON) / 2.0;
        let inside = uniform.affine(1.0 - step, step / 2.0)?;
        let logit = (inside.log()? - inside.affine(-1.0, 1.0)?.log()?)?;
        Ok(logit
            .broadcast_mul(&self.log_scale.exp()?)?
            .broadcast_add(&self.loc)?)
    }
}
