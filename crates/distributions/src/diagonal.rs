use candle_core::{D, Tensor};
use latent_kernels::{diagonal_affine, diagonal_affine_inverse};

use crate::{Bijector, Error};

/// Repeats one log-determinant for every vector.
fn for_each(vectors: &Tensor, log_det: &Tensor) -> Result<Tensor, Error> {
    let leading = &vectors.dims()[..vectors.rank() - 1];
    Ok(log_det.broadcast_as(leading)?)
}

fn affine(x: &Tensor, log_scale: &Tensor, translation: &Tensor) -> Result<(Tensor, Tensor), Error> {
    let (y, log_det) = diagonal_affine(x, log_scale, translation)?;
    Ok((y, for_each(x, &log_det)?))
}

fn affine_inverse(
    y: &Tensor,
    log_scale: &Tensor,
    translation: &Tensor,
) -> Result<(Tensor, Tensor), Error> {
    let (x, log_det) = diagonal_affine_inverse(y, log_scale, translation)?;
    Ok((x, for_each(y, &log_det)?))
}

/// The scaling layer of NICE: y = x exp(−s), with one s for each column. As in the paper, s is the
/// log-scale from data to latents. Dinh et al. 2014, section 3.3.
///
/// [Data-dependent initialisation](Bijector::initialise) sets s such that the mean magnitude of the
/// latents is 1 in every column. Starting at s = 0, a border pixel of MNIST, which needs exp(6),
/// would take thousands of steps; so it would from the standard deviation, since only one image in
/// a thousand has ink there. A column of zeros gets s = 0.
#[derive(Clone, Debug)]
pub struct Scaling {
    log_scale: Tensor,
}

impl Scaling {
    /// Creates the layer from s, `[d]`.
    pub fn new(log_scale: Tensor) -> Self {
        Self { log_scale }
    }
}

impl<C> Bijector<C> for Scaling {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        affine_inverse(latents, &self.log_scale, &self.log_scale.zeros_like()?)
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        affine(data, &self.log_scale, &self.log_scale.zeros_like()?)
    }

    fn initialise(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        /// Added to magnitudes, to bound the scale of small ones.
        const FLOOR: f64 = 1e-5;
        let magnitude = vectors(data)?.abs()?.mean(0)?;
        let log_scale = (&magnitude + FLOOR)?.log()?.neg()?;
        let log_scale = zero_where(&magnitude.eq(0.0)?, &log_scale)?;
        self.log_scale.slice_set(&log_scale.detach(), 0, 0)?;
        Ok(self.inverse_and_log_det(data, condition)?.0)
    }

    fn is_conditional(&self) -> bool {
        false
    }
}

/// Activation normalisation, y = x exp(s) + t for each column. Kingma & Dhariwal 2018 (Glow),
/// section 3.1.
///
/// Data-dependent initialisation sets s to the logarithm of the data's standard deviation and t to
/// their mean; both are then trained. Precisely, s = ½ log(variance + 10⁻⁵). In a constant column
/// (such as every column of a single vector) s = 0: there is no variance to standardise, and
/// several normalisations in a chain would each multiply deviations from the constant by √10⁵.
#[derive(Clone, Debug)]
pub struct ActNorm {
    log_scale: Tensor,
    translation: Tensor,
}

impl ActNorm {
    /// Creates the layer from s and t, both `[d]`.
    pub fn new(log_scale: Tensor, translation: Tensor) -> Self {
        Self {
            log_scale,
            translation,
        }
    }
}

impl<C> Bijector<C> for ActNorm {
    fn forward_and_log_det(&self, latents: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        affine(latents, &self.log_scale, &self.translation)
    }

    fn inverse_and_log_det(&self, data: &Tensor, _: &C) -> Result<(Tensor, Tensor), Error> {
        affine_inverse(data, &self.log_scale, &self.translation)
    }

    fn initialise(&self, data: &Tensor, condition: &C) -> Result<Tensor, Error> {
        /// Added to variances, so that none is zero.
        const FLOOR: f64 = 1e-5;
        // The dtype of the data suffices: the rounding error of a sum of n rows is less than n ε /
        // 2, and the sampling error of the mean is 1 / √n of the deviation.
        let rows = vectors(data)?;
        let mean = rows.mean(0)?;
        let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(0)?;
        let log_scale = ((variance + FLOOR)?.log()? * 0.5)?;
        let is_constant = rows.max(0)?.eq(&rows.min(0)?)?;
        let log_scale = zero_where(&is_constant, &log_scale)?;
        self.translation.slice_set(&mean.detach(), 0, 0)?;
        self.log_scale.slice_set(&log_scale.detach(), 0, 0)?;
        Ok(self.inverse_and_log_det(data, condition)?.0)
    }

    fn is_conditional(&self) -> bool {
        false
    }
}

/// Reshapes the data to rows `[n, d]`, with n ≥ 1.
fn vectors(data: &Tensor) -> Result<Tensor, Error> {
    let size = data.dim(D::Minus1)?;
    let count = data.elem_count() / size.max(1);
    if count == 0 {
        return Err(Error::NoVectors);
    }
    Ok(data.reshape((count, size))?)
}

/// Returns `values` with 0 where the condition holds.
fn zero_where(condition: &Tensor, values: &Tensor) -> Result<Tensor, Error> {
    Ok(condition.where_cond(&values.zeros_like()?, values)?)
}
