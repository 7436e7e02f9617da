use candle_core::Tensor;

use crate::{Distribution, Error, Generator};

/// An invertible map of vectors whose Jacobian determinant is known.
///
/// *Forward* is from the latent side to the data's, y = f(x), the way in which samples are drawn;
/// *inverse* is from the data to the latent side, x = f⁻¹(y), the way in which densities are computed.
/// Both return the logarithm of the absolute determinant of the map that they are, in nats, so that
/// the two add up to zero.
///
/// Vectors are the rows of `[n, d]`, log-determinants `[n]`. `C` is what the map may depend on besides:
/// labels, for a conditional flow.
pub trait Bijector<C = ()>: Send + Sync {
    /// y = f(x) and log |det ∂y/∂x|.
    fn forward_and_log_det(
        &self,
        latents: &Tensor,
        condition: &C,
    ) -> Result<(Tensor, Tensor), Error>;

    /// x = f⁻¹(y) and log |det ∂x/∂y|.
    fn inverse_and_log_det(&self, data: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error>;

    /// As [`Self::inverse_and_log_det`], while the map is trained on a batch: what is different then is
    /// [`BatchNorm`](crate::BatchNorm), which standardises by the batch itself.
    fn inverse_in_training(&self, data: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error> {
        self.inverse_and_log_det(data, condition)
    }

    /// Sets what depends on data and not on gradients, from all of the data that it is to depend on:
    /// before the first step of training, or to have exact statistics. Returns x = f⁻¹(y), for what
    /// comes next.
    fn fit(&self, data: &Tensor, condition: &C, _: Fit) -> Result<Tensor, Error> {
        Ok(self.inverse_and_log_det(data, condition)?.0)
    }
}

/// When a bijector is fitted to data, [`Bijector::fit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Before training: initial values that suit the data.
    Initial,
    /// After training: statistics of the data, which gradients do not move.
    Statistics,
}

impl<C, B: Bijector<C> + ?Sized> Bijector<C> for Box<B> {
    fn forward_and_log_det(&self, latents: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        (**self).forward_and_log_det(latents, c)
    }

    fn inverse_and_log_det(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        (**self).inverse_and_log_det(data, c)
    }

    fn inverse_in_training(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        (**self).inverse_in_training(data, c)
    }

    fn fit(&self, data: &Tensor, c: &C, fit: Fit) -> Result<Tensor, Error> {
        (**self).fit(data, c, fit)
    }
}

/// Bijectors one after the other, in the order in which they are written: forward, the first one is
/// given the latents and the last one returns the data.
pub struct Chain<C = ()>(Vec<Box<dyn Bijector<C>>>);

impl<C> Chain<C> {
    /// These bijectors; none at all are the identity.
    pub fn new(bijectors: Vec<Box<dyn Bijector<C>>>) -> Self {
        Self(bijectors)
    }
}

/// The log-determinant of a map that is the identity on these vectors.
pub(crate) fn no_log_det(vectors: &Tensor) -> Result<Tensor, Error> {
    let leading = &vectors.dims()[..vectors.rank().saturating_sub(1)];
    Ok(Tensor::zeros(leading, vectors.dtype(), vectors.device())?)
}

/// Applies maps one after the other, and adds up their log-determinants.
fn compose<'a, C: 'a>(
    bijectors: impl Iterator<Item = &'a Box<dyn Bijector<C>>>,
    vectors: &Tensor,
    map: impl Fn(&'a dyn Bijector<C>, &Tensor) -> Result<(Tensor, Tensor), Error>,
) -> Result<(Tensor, Tensor), Error> {
    let mut result = vectors.clone();
    let mut sum: Option<Tensor> = None;
    for bijector in bijectors {
        let (mapped, log_det) = map(&**bijector, &result)?;
        result = mapped;
        sum = Some(match sum {
            None => log_det,
            Some(sum) => (sum + log_det)?,
        });
    }
    let log_det = sum.map_or_else(|| no_log_det(vectors), Ok)?;
    Ok((result, log_det))
}

impl<C> Bijector<C> for Chain<C> {
    fn forward_and_log_det(&self, latents: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        compose(self.0.iter(), latents, |bijector, x| {
            bijector.forward_and_log_det(x, c)
        })
    }

    fn inverse_and_log_det(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        compose(self.0.iter().rev(), data, |bijector, y| {
            bijector.inverse_and_log_det(y, c)
        })
    }

    fn inverse_in_training(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        compose(self.0.iter().rev(), data, |bijector, y| {
            bijector.inverse_in_training(y, c)
        })
    }

    fn fit(&self, data: &Tensor, c: &C, fit: Fit) -> Result<Tensor, Error> {
        let mut result = data.clone();
        for bijector in self.0.iter().rev() {
            result = bijector.fit(&result, c, fit)?;
        }
        Ok(result)
    }
}

/// The distribution of f(x) for x drawn from a base distribution: a normalizing flow, where the
/// bijector f is learnt.
///
/// log p(y) = log p(x) + log |det ∂x/∂y| with x = f⁻¹(y). Events are the rows of `[n, d]`.
#[derive(Clone, Debug)]
pub struct Transformed<D, B, C = ()> {
    base: D,
    bijector: B,
    condition: C,
}

impl<D: Distribution, B: Bijector> Transformed<D, B> {
    /// The distribution of f(x) for x drawn from `base`.
    pub fn new(base: D, bijector: B) -> Self {
        Self::given(base, bijector, ())
    }
}

impl<D: Distribution, B: Bijector<C>, C> Transformed<D, B, C> {
    /// The same of a bijector that depends on a condition.
    pub fn given(base: D, bijector: B, condition: C) -> Self {
        Self {
            base,
            bijector,
            condition,
        }
    }
}

impl<D: Distribution, B: Bijector<C>, C> Distribution for Transformed<D, B, C> {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        let (latents, log_det) = self.bijector.inverse_and_log_det(value, &self.condition)?;
        Ok((self.base.log_prob(&latents)? + log_det)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let latents = self.base.sample(sample_shape, generator)?;
        let data = self
            .bijector
            .forward_and_log_det(&latents, &self.condition)?;
        Ok(data.0.detach())
    }
}
