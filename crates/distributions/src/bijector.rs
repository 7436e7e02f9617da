use candle_core::{D, Tensor};

use crate::{Distribution, Error, Generator};

/// An invertible map of vectors with a known Jacobian determinant.
///
/// *Forward* maps latents to data, y = f(x), and is used for sampling; *inverse* maps data to
/// latents, x = f⁻¹(y), and is used for densities. Each method also returns the logarithm of the
/// absolute determinant of its own Jacobian, in nats, so the two log-determinants sum to zero.
///
/// Vectors are the rows of `[n, d]`, log-determinants `[n]`. `C` is the type of the condition, for
/// example labels for a conditional flow.
pub trait Bijector<C = ()>: Send + Sync {
    /// The forward map: y = f(x) and log |det ∂y/∂x|.
    fn forward_and_log_det(
        &self,
        latents: &Tensor,
        condition: &C,
    ) -> Result<(Tensor, Tensor), Error>;

    /// The inverse map: x = f⁻¹(y) and log |det ∂x/∂y|.
    fn inverse_and_log_det(&self, data: &Tensor, condition: &C) -> Result<(Tensor, Tensor), Error>;

    /// Data-dependent initialisation of the variables, before training.
    ///
    /// Returns x = f⁻¹(y), the data for the next bijector towards the latent side. Kingma &
    /// Dhariwal 2018, section 3.1.
    ///
    /// # Errors
    /// `data` has no rows, or its row size does not match the bijector.
    fn initialise(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        Ok(self.inverse_and_log_det(data, condition)?.0)
    }

    /// Whether the map may depend on the condition.
    fn is_conditional(&self) -> bool {
        true
    }

    /// [`Self::inverse_and_log_det`] of the same data under each of several conditions. What does
    /// not depend on the condition is computed once.
    fn inverse_under_each(
        &self,
        data: &Tensor,
        conditions: &[C],
    ) -> Result<Vec<(Tensor, Tensor)>, Error> {
        let inverse = |condition| self.inverse_and_log_det(data, condition);
        match conditions {
            [first, ..] if !self.is_conditional() => Ok(vec![inverse(first)?; conditions.len()]),
            _ => conditions.iter().map(inverse).collect(),
        }
    }
}

impl<C, B: Bijector<C> + ?Sized> Bijector<C> for Box<B> {
    fn forward_and_log_det(&self, latents: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        (**self).forward_and_log_det(latents, c)
    }

    fn inverse_and_log_det(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        (**self).inverse_and_log_det(data, c)
    }

    fn initialise(&self, data: &Tensor, c: &C) -> Result<Tensor, Error> {
        (**self).initialise(data, c)
    }

    fn is_conditional(&self) -> bool {
        (**self).is_conditional()
    }

    fn inverse_under_each(
        &self,
        data: &Tensor,
        conditions: &[C],
    ) -> Result<Vec<(Tensor, Tensor)>, Error> {
        (**self).inverse_under_each(data, conditions)
    }
}

/// A composition of bijectors: in the forward direction, the first one receives the latents and the
/// last one returns the data.
pub struct Chain<C = ()>(Vec<Box<dyn Bijector<C>>>);

impl<C> Chain<C> {
    /// Composes these bijectors; an empty list is the identity.
    pub fn new(bijectors: Vec<Box<dyn Bijector<C>>>) -> Self {
        Self(bijectors)
    }
}

/// The log-determinant of a map that is the identity on these vectors.
pub(crate) fn no_log_det(vectors: &Tensor) -> Result<Tensor, Error> {
    let leading = &vectors.dims()[..vectors.rank().saturating_sub(1)];
    Ok(Tensor::zeros(leading, vectors.dtype(), vectors.device())?)
}

/// Applies maps one after the other and sums their log-determinants.
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

    fn initialise(&self, data: &Tensor, c: &C) -> Result<Tensor, Error> {
        let mut result = data.clone();
        for bijector in self.0.iter().rev() {
            result = bijector.initialise(&result, c)?;
        }
        Ok(result)
    }

    fn is_conditional(&self) -> bool {
        self.0.iter().any(Bijector::is_conditional)
    }

    fn inverse_under_each(
        &self,
        data: &Tensor,
        conditions: &[C],
    ) -> Result<Vec<(Tensor, Tensor)>, Error> {
        let Some(first) = conditions.first() else {
            return Ok(Vec::new());
        };
        // The bijectors up to the first conditional one, from the data side, have one result; that
        // one may share a part of its own, and the others have a result for each condition.
        let last = self.0.iter().rposition(Bijector::is_conditional);
        let shared = &self.0[last.map_or(0, |last| last + 1)..];
        let inverse = |bijectors: &[Box<dyn Bijector<C>>], data: &Tensor, c: &C| {
            compose(bijectors.iter().rev(), data, |bijector, y| {
                bijector.inverse_and_log_det(y, c)
            })
        };
        let (data, log_det) = inverse(shared, data, first)?;
        let Some(last) = last else {
            return Ok(vec![(data, log_det); conditions.len()]);
        };
        let results = self.0[last].inverse_under_each(&data, conditions)?;
        let each = results.into_iter().zip(conditions);
        each.map(|((data, own), condition)| {
            let (latents, rest) = inverse(&self.0[..last], &data, condition)?;
            Ok((latents, ((&log_det + own)? + rest)?))
        })
        .collect()
    }
}

/// The distribution of f(x) for x drawn from a base distribution: a normalizing flow if the
/// bijector f is trained.
///
/// log p(y) = log p(x) + log |det ∂x/∂y| with x = f⁻¹(y): Rezende & Mohamed 2015, equation 5.
/// Events are the rows of `[..., d]`; a condition other than `()` has one entry for each row of
/// `[n, d]`.
#[derive(Clone, Debug)]
pub struct Transformed<D, B, C = ()> {
    base: D,
    bijector: B,
    condition: C,
}

impl<D: Distribution, B: Bijector> Transformed<D, B> {
    /// Creates the distribution of f(x) for x drawn from `base`, with an unconditional bijector f.
    pub fn new(base: D, bijector: B) -> Self {
        Self::given(base, bijector, ())
    }
}

impl<D: Distribution, B: Bijector<C>, C> Transformed<D, B, C> {
    /// Creates the distribution of f(x) for x drawn from `base`, with f conditional on `condition`.
    pub fn given(base: D, bijector: B, condition: C) -> Self {
        Self {
            base,
            bijector,
            condition,
        }
    }
}

/// Reshapes `[..., d]` to `[n, d]`.
fn rows(vectors: &Tensor) -> Result<Tensor, Error> {
    let size = vectors.dim(D::Minus1)?;
    Ok(vectors.reshape((vectors.elem_count() / size.max(1), size))?)
}

impl<D: Distribution, B: Bijector<C>, C> Distribution for Transformed<D, B, C> {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        let rows = rows(value)?;
        let (latents, log_det) = self.bijector.inverse_and_log_det(&rows, &self.condition)?;
        let log_prob = (self.base.log_prob(&latents)? + log_det)?;
        Ok(log_prob.reshape(&value.dims()[..value.rank() - 1])?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let latents = self.base.sample(sample_shape, generator)?;
        let rows = rows(&latents)?;
        let data = self.bijector.forward_and_log_det(&rows, &self.condition)?;
        Ok(data.0.detach().reshape(latents.dims())?)
    }
}
