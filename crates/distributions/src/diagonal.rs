use candle_core::{D, Tensor};
use latent_kernels::{diagonal_affine, diagonal_affine_inverse};

use crate::{Bijector, Error};

/// One number for all vectors, as one for each.
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

/// Every column times a factor of its own, y = x exp(−s): how NICE weighs its dimensions, s being as in
/// the paper the scale on the way from the data. Dinh et al. 2014, section 3.3.
///
/// [Initialised](Bijector::initialise) from data, s begins so that the latents' magnitudes have a mean of 1. From
/// 0 a noisy pixel of MNIST's border, which needs exp(6), would be thousands of steps away; and so it would be
/// from its standard deviation, where one image in a thousand has ink. A column of zeros gets s = 0.
#[derive(Clone, Debug)]
pub struct Scaling {
    log_scale: Tensor,
}

impl Scaling {
    /// The factors exp(−s) from s `[d]`.
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
        /// Added to magnitudes, so that the scale of a small one stays moderate.
        const FLOOR: f64 = 1e-5;
        let magnitude = vectors(data)?.abs()?.mean(0)?;
        let log_scale = (&magnitude + FLOOR)?.log()?.neg()?;
        let log_scale = zero_where(&magnitude.eq(0.0)?, &log_scale)?;
        self.log_scale.slice_set(&log_scale.detach(), 0, 0)?;
        Ok(self.inverse_and_log_det(data, condition)?.0)
    }
}

/// y = x exp(s) + t, column by column, with s and t that begin as the logarithm of the data's standard
/// deviation and as its mean, and are trained from there. Kingma & Dhariwal 2018 (Glow), section 3.1.
///
/// s begins as ½ log(variance + 10⁻⁵), and as 0 in a column of one value, such as any column of a single
/// vector: it has no variance to standardise, and several normalisations in a chain would each multiply
/// deviations from that value by √10⁵.
#[derive(Clone, Debug)]
pub struct ActNorm {
    log_scale: Tensor,
    translation: Tensor,
}

impl ActNorm {
    /// s and t, both `[d]`.
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
        // In the dtype of the data: over n rows rounding loses less than n ε / 2, and n draws tell a mean only to
        // 1 / √n of the deviation.
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
}

/// The vectors as rows `[n, d]`, of which there must be one or more.
fn vectors(data: &Tensor) -> Result<Tensor, Error> {
    let size = data.dim(D::Minus1)?;
    let count = data.elem_count() / size.max(1);
    if count == 0 {
        return Err(Error::NoVectors);
    }
    Ok(data.reshape((count, size))?)
}

/// `values`, with 0 where the condition holds.
fn zero_where(condition: &Tensor, values: &Tensor) -> Result<Tensor, Error> {
    Ok(condition.where_cond(&values.zeros_like()?, values)?)
}
