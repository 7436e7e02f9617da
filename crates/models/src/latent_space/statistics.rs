use candle_core::{DType, Device, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::Error;

/// Principal component analysis of latents: the directions of largest variance. Pearson 1901.
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    mean: Tensor,
    /// `[d, count]`
    axes: Tensor,
    /// The fraction of the variance that each component explains, in descending order.
    pub explained: Vec<f64>,
}

impl PrincipalComponents {
    /// The largest number of dimensions. The time is cubic in it; this number takes a few seconds.
    pub const MAX_DIMENSIONS: usize = 2000;

    /// Computes the first `count` principal components of `latents` `[n, d]`. The sign of a component is that for which
    /// its entry of largest magnitude is positive.
    ///
    /// # Errors
    /// There are fewer than two latents, fewer dimensions than components or more than [`Self::MAX_DIMENSIONS`], or a
    /// latent is infinite or NaN.
    pub fn of(latents: &Tensor, count: usize) -> Result<Self, Error> {
        let (n, d) = latents.dims2()?;
        if n < 2 || d < count || d > Self::MAX_DIMENSIONS {
            return Err(Error::LatentSpace(format!(
                "{count} principal components need 2 or more latents with {count} to {} dimensions, found {n} latents \
                 with {d} dimensions",
                Self::MAX_DIMENSIONS
            )));
        }
        let (mean, covariance) = moments(latents)?;
        let finite = covariance.iter().all(|value| value.is_finite());
        // An eigenvalue takes two or three iterations; the limit prevents an endless loop.
        let eigen = finite.then(|| {
            SymmetricEigen::try_new(DMatrix::from_vec(d, d, covariance), f64::EPSILON, 100 * d)
        });
        let Some(eigen) = eigen.flatten() else {
            return Err(Error::LatentSpace(
                "a latent is infinite or NaN, so there are no principal components".to_owned(),
            ));
        };

        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let total: f64 = eigen.eigenvalues.iter().sum();
        let mut axes = Vec::with_capacity(count * d);
        for &index in &order[..count] {
            let axis = eigen.eigenvectors.column(index);
            let largest = axis[axis.icamax()];
            axes.extend(axis.iter().map(|value| value * largest.signum()));
        }
        let axes = Tensor::from_vec(axes, (count, d), &Device::Cpu)?.t()?;
        let like_latents = |tensor: Tensor| {
            let tensor = tensor.to_dtype(latents.dtype())?;
            tensor.to_device(latents.device())
        };
        Ok(Self {
            mean: like_latents(mean)?,
            axes: like_latents(axes)?.contiguous()?,
            explained: order[..count]
                .iter()
                .map(|&index| {
                    // The variance of identical latents is 0.
                    if total > 0.0 {
                        eigen.eigenvalues[index] / total
                    } else {
                        0.0
                    }
                })
                .collect(),
        })
    }

    /// Projects latents `[n, d]` onto the components, `[n, count]`.
    pub fn project(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(latents.broadcast_sub(&self.mean)?.matmul(&self.axes)?)
    }
}

/// The mean `[1, d]` and the covariance (d × d values) of latents `[n, d]`, in 64-bit floats on the CPU for accurate
/// sums over many latents.
fn moments(latents: &Tensor) -> Result<(Tensor, Vec<f64>), Error> {
    let latents = latents.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let mean = latents.mean_keepdim(0)?;
    let centred = latents.broadcast_sub(&mean)?;
    let covariance = (centred.t()?.matmul(&centred)? / (latents.dim(0)? - 1) as f64)?;
    Ok((mean, covariance.flatten_all()?.to_vec1()?))
}

/// A normal distribution fitted to latents: their mean and covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedNormal {
    /// The mean, `[d]`.
    pub mean: Vec<f64>,
    /// The covariance, `[d, d]`.
    pub covariance: Vec<Vec<f64>>,
    /// The number n of latents.
    pub count: usize,
}

impl FittedNormal {
    /// Fits the distribution to latents `[n, d]`.
    ///
    /// # Errors
    /// There are fewer than two latents, no dimensions, or more than [`PrincipalComponents::MAX_DIMENSIONS`].
    pub fn of(latents: &Tensor) -> Result<Self, Error> {
        const MAX: usize = PrincipalComponents::MAX_DIMENSIONS;
        let (n, d) = latents.dims2()?;
        if n < 2 || d == 0 || d > MAX {
            return Err(Error::LatentSpace(format!(
                "a covariance needs 2 or more latents with 1 to {MAX} dimensions, found {n} latents with {d} dimensions"
            )));
        }
        let (mean, covariance) = moments(latents)?;
        Ok(Self {
            covariance: covariance.chunks(d).map(<[f64]>::to_vec).collect(),
            mean: mean.squeeze(0)?.to_vec1()?,
            count: n,
        })
    }

    /// The standard deviation of each dimension, `[d]`.
    pub fn standard_deviations(&self) -> Vec<f64> {
        let variances = self.covariance.iter().enumerate();
        variances.map(|(index, row)| row[index].sqrt()).collect()
    }

    /// The correlation coefficient of largest magnitude between two different dimensions; `None` if fewer than two
    /// dimensions have a variance above 0.
    pub fn largest_correlation(&self) -> Option<f64> {
        let scales = self.standard_deviations();
        let mut largest: Option<f64> = None;
        for (first, row) in self.covariance.iter().enumerate() {
            for (second, covariance) in row[..first].iter().enumerate() {
                let scale = scales[first] * scales[second];
                let correlation = covariance / scale;
                if scale > 0.0 && largest.is_none_or(|known| correlation.abs() > known.abs()) {
                    largest = Some(correlation);
                }
            }
        }
        largest
    }

    /// KL(self ‖ N(0, I)) in nats, which is 0 for mean 0 and covariance I.
    ///
    /// The result is `None` if the covariance is singular, as it always is for d or fewer latents.
    pub fn kl_from_standard_normal(&self) -> Option<f64> {
        let d = self.mean.len();
        if self.count <= d {
            return None;
        }
        let covariance = DMatrix::from_fn(d, d, |row, column| self.covariance[row][column]);
        let trace = covariance.trace();
        let root = covariance.cholesky()?;
        let log_det: f64 = root.l_dirty().diagonal().iter().map(|x| 2.0 * x.ln()).sum();
        let mean: f64 = self.mean.iter().map(|mean| mean * mean).sum();
        let kl = 0.5 * (trace + mean - d as f64 - log_det);
        kl.is_finite().then_some(kl)
    }
}
