use std::f64::consts::FRAC_1_SQRT_2;

use candle_core::{DType, Device, Tensor};
use latent_kernels::standard_normal_log_density;

use crate::{Distribution, Error, Generator};

/// The standard normal distribution N(0, I): the usual prior of a latent space.
///
/// It has only an event size, no parameters and no batch. Compared with a [`Normal`](crate::Normal)
/// of zeros, the KL divergence to it is cheaper, and one value serves every batch.
#[derive(Clone, Debug)]
pub struct StandardNormal {
    size: usize,
    dtype: DType,
    device: Device,
}

impl StandardNormal {
    /// Creates N(0, I) over vectors of `size` components.
    pub fn new(size: usize, dtype: DType, device: &Device) -> Self {
        Self {
            size,
            dtype,
            device: device.clone(),
        }
    }

    /// The type of the values.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The device of the values.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Checks that the last of these dimensions is the size of the event.
    pub(crate) fn check_event(&self, dimensions: &[usize]) -> Result<(), Error> {
        let found = dimensions.last().copied().unwrap_or(1);
        if found == self.size {
            return Ok(());
        }
        Err(Error::EventSize {
            found,
            expected: self.size,
        })
    }

    /// The cumulative distribution function Φ.
    pub fn cdf(value: f64) -> f64 {
        0.5 * libm::erfc(-value * FRAC_1_SQRT_2)
    }

    /// The quantile function Φ⁻¹, the inverse of the cumulative distribution function.
    ///
    /// It is infinite at probabilities 0 and 1, and NaN outside [0, 1].
    pub fn quantile(probability: f64) -> f64 {
        // Φ⁻¹ of the smallest positive normal number is −37.7, so the root is in this interval.
        let (mut low, mut high) = (-40.0, 40.0);
        match probability {
            0.0 => return f64::NEG_INFINITY,
            1.0 => return f64::INFINITY,
            p if !(0.0..=1.0).contains(&p) => return f64::NAN,
            _ => {}
        }
        // Bisection from a width of 80 to the spacing of floats takes 60 steps.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if Self::cdf(middle) < probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

impl Distribution for StandardNormal {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, Error> {
        self.check_event(value.dims())?;
        Ok(standard_normal_log_density(value)?)
    }

    fn sample(&self, sample_shape: &[usize], generator: &mut Generator) -> Result<Tensor, Error> {
        let shape = [sample_shape, &[self.size]].concat();
        Ok(generator.standard_normal(shape, self.dtype, &self.device)?)
    }
}
