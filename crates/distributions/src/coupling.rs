use candle_core::{D, DType, Device, Tensor};
use latent_kernels::{
    Shape, affine_coupling, affine_coupling_inverse, concat, logistic_mixture,
    logistic_mixture_inverse, narrow,
};

use crate::bijector::no_log_det;
use crate::{Bijector, Error};

/// A partition of a vector's columns into those that a coupling transforms and those that condition
/// the transformation (given).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    transformed: Columns,
    given: Columns,
}

/// Some columns of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Columns {
    /// First column and count.
    Range(usize, usize),
    /// Column numbers.
    Listed(Vec<u32>),
}

impl Columns {
    fn from_numbers(numbers: Vec<u32>) -> Self {
        let first = numbers.first().copied().unwrap_or(0);
        let is_range = numbers.iter().zip(first..).all(|(a, b)| *a == b);
        if is_range {
            Self::Range(first as usize, numbers.len())
        } else {
            Self::Listed(numbers)
        }
    }

    fn numbers(&self) -> Vec<u32> {
        match self {
            Self::Range(first, count) => (*first..first + count).map(|i| i as u32).collect(),
            Self::Listed(numbers) => numbers.clone(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Range(_, count) => *count,
            Self::Listed(numbers) => numbers.len(),
        }
    }

    fn of(&self, vectors: &Tensor) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Range(first, count) => narrow(vectors, *first, *count)?,
            Self::Listed(numbers) => {
                let numbers = Tensor::new(numbers.as_slice(), vectors.device())?;
                vectors
                    .contiguous()?
                    .index_select(&numbers, vectors.rank() - 1)?
            }
        })
    }
}

impl Mask {
    /// Partitions `size` columns: those for which `is_transformed` returns true, and the others.
    ///
    /// # Errors
    /// One of the parts is empty.
    pub fn new(size: usize, is_transformed: impl Fn(usize) -> bool) -> Result<Self, Error> {
        let (transformed, given): (Vec<u32>, Vec<u32>) =
            (0..size as u32).partition(|&column| is_transformed(column as usize));
        if transformed.is_empty() || given.is_empty() {
            return Err(Error::Mask { size });
        }
        Ok(Self {
            transformed: Columns::from_numbers(transformed),
            given: Columns::from_numbers(given),
        })
    }

    /// Transforms the second half of the columns, conditional on the first. If `size` is odd, the
    /// first half has one more column.
    ///
    /// # Errors
    /// There are fewer than two columns.
    pub fn blocks(size: usize) -> Result<Self, Error> {
        Self::new(size, |column| column >= size.div_ceil(2))
    }

    /// Transforms the odd columns (the second, the fourth, …), conditional on the even ones. Dinh
    /// et al. 2014, section 5.1.
    ///
    /// # Errors
    /// There are fewer than two columns.
    pub fn alternating(size: usize) -> Result<Self, Error> {
        Self::new(size, |column| column % 2 == 1)
    }

    /// Checkerboard mask of an image: transforms the pixels for which row + column is odd, with all
    /// their channels. Dinh et al. 2017, section 3.4.
    ///
    /// # Errors
    /// The image has fewer than two pixels.
    pub fn checkerboard(shape: Shape) -> Result<Self, Error> {
        Self::new(shape.elem_count(), |index| {
            let pixel = index / shape.channels;
            (pixel / shape.width + pixel % shape.width) % 2 == 1
        })
    }

    /// Exchanges the transformed and the given part.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self {
            transformed: self.given,
            given: self.transformed,
        }
    }

    /// The number of columns.
    pub fn size(&self) -> usize {
        self.transformed() + self.given()
    }

    /// The number of transformed columns.
    pub fn transformed(&self) -> usize {
        self.transformed.len()
    }

    /// The number of given columns.
    pub fn given(&self) -> usize {
        self.given.len()
    }

    /// The column numbers, given columns first.
    pub fn order(&self) -> Vec<u32> {
        [self.given.numbers(), self.transformed.numbers()].concat()
    }

    /// Splits vectors into the transformed and the given part.
    fn split(&self, vectors: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let found = vectors.dim(D::Minus1)?;
        if found != self.size() {
            let expected = self.size();
            return Err(Error::EventSize { found, expected });
        }
        Ok((self.transformed.of(vectors)?, self.given.of(vectors)?))
    }

    /// The inverse of [`Self::split`].
    fn join(&self, transformed: &Tensor, given: &Tensor) -> Result<Tensor, Error> {
        let last = given.rank() - 1;
        match (&self.transformed, &self.given) {
            (Columns::Range(0, _), Columns::Range(..)) => Ok(concat(transformed, given)?),
            (Columns::Range(..), Columns::Range(0, _)) => Ok(concat(given, transformed)?),
            _ => {
                let both = concat(given, transformed)?;
                let back = Tensor::new(inverse_order(&self.order()), both.device())?;
                Ok(both.index_select(&back, last)?)
            }
        }
    }
}

/// The inverse of a permutation.
fn inverse_order(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (place, &number) in order.iter().enumerate() {
        inverse[number as usize] = place as u32;
    }
    inverse
}

/// A permutation of the columns, from latents to data.
#[derive(Clone, Debug)]
pub struct Permutation {
    forward: Tensor,
    inverse: Tensor,
}

impl Permutation {
    /// Creates the permutation that maps column `order[i]` of the latents to column i of the data.
    ///
    /// # Errors
    /// `order` is not a permutation of 0 to its length − 1.
    pub fn new(order: &[u32], device: &Device) -> Result<Self, Error> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().zip(0..).all(|(a, b)| *a == b) {
            return Err(Error::Permutation { size: order.len() });
        }
        Ok(Self {
            forward: Tensor::new(order, device)?,
            inverse: Tensor::new(inverse_order(order), device)?,
        })
    }

    /// Creates the permutation that makes both parts of `mask` contiguous on the latent side.
    ///
    /// Couplings by halves on the latent side of it are equivalent to couplings by `mask` of
    /// the data, and need no gather of single columns.
    ///
    /// # Errors
    /// An operation on the device failed.
    pub fn from_mask(mask: &Mask, device: &Device) -> Result<Self, Error> {
        Self::new(&inverse_order(&mask.order()), device)
    }

    fn apply(vectors: &Tensor, order: &Tensor) -> Result<(Tensor, Tensor), Error> {
        let (found, expected) = (vectors.dim(D::Minus1)?, order.dim(0)?);
        if found != expected {
            return Err(Error::EventSize { found, expected });
        }
        let moved = vectors
            .contiguous()?
            .index_select(order, vectors.rank() - 1)?;
        Ok((moved, no_log_det(vectors)?))
    }
}

impl<C> Bijector<C> for Permutation {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        Self::apply(latents, &self.forward)
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        Self::apply(data, &self.inverse)
    }
}

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
