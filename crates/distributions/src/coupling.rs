use candle_core::{DType, Device, Tensor};
use latent_kernels::{
    affine_coupling, affine_coupling_inverse, logistic_mixture, logistic_mixture_inverse,
};

use crate::bijector::no_log_det;
use crate::{Bijector, Error, Mask};

/// A family of invertible scalar maps, applied to each component with its own parameters.
pub trait Elementwise: Send + Sync {
    /// The parameters for values `[n, m]`.
    type Parameters;

    /// The forward map: y `[n, m]` and log |det ∂y/∂x| `[n]`.
    fn forward_and_log_det(
        &self,
        value: &Tensor,
        parameters: &Self::Parameters,
    ) -> Result<(Tensor, Tensor), Error>;

    /// The inverse map: x `[n, m]` and log |det ∂x/∂y| `[n]`.
    fn inverse_and_log_det(
        &self,
        value: &Tensor,
        parameters: &Self::Parameters,
    ) -> Result<(Tensor, Tensor), Error>;
}

/// The network of a coupling: computes the parameters of the transformation from the given columns.
///
/// Any function of the given columns and the condition implements it.
pub trait Conditioner<C = ()>: Send + Sync {
    /// The output of the network.
    type Parameters;

    /// The parameters for vectors whose given columns are `given`, `[n, given]`.
    fn parameters(&self, given: &Tensor, condition: &C) -> Result<Self::Parameters, Error>;

    /// Whether the parameters may depend on the condition.
    fn is_conditional(&self) -> bool {
        true
    }
}

impl<C, P, F: Fn(&Tensor, &C) -> Result<P, Error> + Send + Sync> Conditioner<C> for F {
    type Parameters = P;

    fn parameters(&self, given: &Tensor, condition: &C) -> Result<P, Error> {
        self(given, condition)
    }
}

/// A coupling layer: transforms some columns elementwise, with parameters that a network computes
/// from the other columns, which stay unchanged. Dinh et al. 2014, section 3.2.
#[derive(Clone, Debug)]
pub struct Coupling<E, N> {
    mask: Mask,
    elementwise: E,
    conditioner: N,
}

impl<E, N> Coupling<E, N> {
    /// Creates a coupling that transforms columns by `elementwise`, with parameters from
    /// `conditioner`.
    pub fn new(mask: Mask, elementwise: E, conditioner: N) -> Self {
        Self {
            mask,
            elementwise,
            conditioner,
        }
    }
}

impl<C, E, N> Bijector<C> for Coupling<E, N>
where
    E: Elementwise,
    N: Conditioner<C, Parameters = E::Parameters>,
{
    fn forward_and_log_det(&self, latents: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        let (value, given) = self.mask.split(latents)?;
        let parameters = self.conditioner.parameters(&given, c)?;
        let (value, log_det) = self.elementwise.forward_and_log_det(&value, &parameters)?;
        Ok((self.mask.join(&value, &given)?, log_det))
    }

    fn inverse_and_log_det(&self, data: &Tensor, c: &C) -> Result<(Tensor, Tensor), Error> {
        let (value, given) = self.mask.split(data)?;
        let parameters = self.conditioner.parameters(&given, c)?;
        let (value, log_det) = self.elementwise.inverse_and_log_det(&value, &parameters)?;
        Ok((self.mask.join(&value, &given)?, log_det))
    }

    fn is_conditional(&self) -> bool {
        self.conditioner.is_conditional()
    }
}

/// The additive transformation y = x + t of a NICE coupling. Dinh et al. 2014, equation 9.
#[derive(Clone, Copy, Debug, Default)]
pub struct Additive;

impl Elementwise for Additive {
    /// t, `[n, m]`.
    type Parameters = Tensor;

    fn forward_and_log_det(&self, x: &Tensor, t: &Tensor) -> Result<(Tensor, Tensor), Error> {
        Ok(((x + t)?, no_log_det(x)?))
    }

    fn inverse_and_log_det(&self, y: &Tensor, t: &Tensor) -> Result<(Tensor, Tensor), Error> {
        Ok(((y - t)?, no_log_det(y)?))
    }
}

/// The affine transformation y = x exp(s) + t of a RealNVP coupling. Dinh et al. 2017, equations 7
/// and 8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Affine;

impl Elementwise for Affine {
    /// s and t, both `[n, m]`.
    type Parameters = (Tensor, Tensor);

    fn forward_and_log_det(
        &self,
        x: &Tensor,
        (s, t): &(Tensor, Tensor),
    ) -> Result<(Tensor, Tensor), Error> {
        Ok(affine_coupling(x, s, t)?)
    }

    fn inverse_and_log_det(
        &self,
        y: &Tensor,
        (s, t): &(Tensor, Tensor),
    ) -> Result<(Tensor, Tensor), Error> {
        Ok(affine_coupling_inverse(y, s, t)?)
    }
}

/// The transformation by a mixture of logistic distributions of Flow++: x = exp(a) logit F(y) + b,
/// where F is the cumulative distribution function of the mixture. Ho et al. 2019, section 3.2.
///
/// The direction from data to latents is computed in closed form, the other by Newton's method. See
/// [`logistic_mixture`].
#[derive(Clone, Copy, Debug)]
pub struct LogisticMixture {
    components: usize,
}

impl LogisticMixture {
    /// The largest supported number of components.
    pub const MAX_COMPONENTS: usize = latent_kernels::MAX_COMPONENTS;

    /// Creates mixtures of `components` logistic distributions.
    pub fn new(components: usize) -> Self {
        Self { components }
    }

    /// The number of parameters of one transformed column: a, b, and the weight's logit, mean and
    /// log-scale of each component.
    pub fn parameters(&self) -> usize {
        3 * self.components + 2
    }

    /// Initial values of the bijector's parameters for data with mean 0 and variance 1, `[parameters · width]`.
    ///
    /// The means are evenly spaced over ±1.5 and the scales are 0.4, so the components differ. If
    /// all components were equal (parameters 0), the network would be slow to separate them.
    ///
    /// # Errors
    /// An operation on the device failed.
    pub fn initial(&self, width: usize, dtype: DType, device: &Device) -> Result<Tensor, Error> {
        const REACH: f64 = 1.5;
        const SCALE: f64 = 0.4;
        let count = self.components;
        let block = |value: f64| vec![value; width];
        let mut parameters = block(0.0).repeat(2 + count);
        for k in 0..count {
            let place = 2.0 * k as f64 - (count - 1) as f64;
            let mean = REACH * place / (count - 1).max(1) as f64;
            parameters.extend(block(mean));
        }
        let log_scale = if count == 1 { 0.0 } else { SCALE.ln() };
        parameters.extend(block(log_scale).repeat(count));
        Ok(Tensor::new(parameters, device)?.to_dtype(dtype)?)
    }
}

impl Elementwise for LogisticMixture {
    /// `[n, parameters · m]`, in blocks of m columns.
    type Parameters = Tensor;

    fn forward_and_log_det(&self, x: &Tensor, p: &Tensor) -> Result<(Tensor, Tensor), Error> {
        Ok(logistic_mixture_inverse(x, p, self.components)?)
    }

    fn inverse_and_log_det(&self, y: &Tensor, p: &Tensor) -> Result<(Tensor, Tensor), Error> {
        Ok(logistic_mixture(y, p, self.components)?)
    }
}
