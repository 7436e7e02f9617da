use candle_core::{DType, Device, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::Error;

/// The directions in which latents vary most: Pearson 1901.
#[derive(Clone, Debug)]
pub struct PrincipalComponents {
    mean: Tensor,
    /// `[d, count]`
    axes: Tensor,
    /// The share of the variance that each direction explains, the largest first.
    pub explained: Vec<f64>,
}

impl PrincipalComponents {
    /// The time grows with the third power of the number of dimensions: this many take some seconds.
    pub const MOST_DIMENSIONS: usize = 2000;

    /// The first `count` principal components of `latents` `[n, d]`, each pointing to where its largest
    /// entry is positive.
    ///
    /// # Errors
    /// There are fewer than two latents, fewer dimensions than components or more than
    /// [`Self::MOST_DIMENSIONS`], or one of the latents is no finite number.
    pub fn of(latents: &Tensor, count: usize) -> Result<Self, Error> {
        let (n, d) = latents.dims2()?;
        if n < 2 || d < count || d > Self::MOST_DIMENSIONS {
            return Err(Error::LatentSpace(format!(
                "of {n} latents with {d} dimensions, {count} principal components are not computed: it \
                 takes two latents or more, and {count} to {} dimensions",
                Self::MOST_DIMENSIONS
            )));
        }
        let (mean, covariance) = moments(latents)?;
        let finite = covariance.iter().all(|value| value.is_finite());
        // Each eigenvalue takes two or three iterations; without a limit, a defect would take for ever.
        let eigen = finite.then(|| {
            SymmetricEigen::try_new(DMatrix::from_vec(d, d, covariance), f64::EPSILON, 100 * d)
        });
        let Some(eigen) = eigen.flatten() else {
            return Err(Error::LatentSpace(
                "latents that are infinite, or no numbers, have no principal components".to_owned(),
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
                    // Latents that are all the same do not vary in any direction.
                    if total > 0.0 {
                        eigen.eigenvalues[index] / total
                    } else {
                        0.0
                    }
                })
                .collect(),
        })
    }

    /// Where latents `[n, d]` lie along the components, `[n, count]`.
    pub fn project(&self, latents: &Tensor) -> Result<Tensor, Error> {
        Ok(latents.broadcast_sub(&self.mean)?.matmul(&self.axes)?)
    }
}

/// The mean `[1, d]` of latents `[n, d]` and their covariance around it, d × d numbers: in 64 bits on the
/// CPU, since n may be tens of thousands.
fn moments(latents: &Tensor) -> Result<(Tensor, Vec<f64>), Error> {
    let latents = latents.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let mean = latents.mean_keepdim(0)?;
    let centred = latents.broadcast_sub(&mean)?;
    let covariance = (centred.t()?.matmul(&centred)? / (latents.dim(0)? - 1) as f64)?;
    Ok((mean, covariance.flatten_all()?.to_vec1()?))
}

/// The normal distribution that has the mean and the covariance of some latents: what they would be
/// distributed as, if they were normal.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedNormal {
    /// The mean, `[d]`.
    pub mean: Vec<f64>,
    /// The covariance, `[d, d]`.
    pub covariance: Vec<Vec<f64>>,
    /// How many latents there were, n.
    pub count: usize,
}

impl FittedNormal {
    /// Of latents `[n, d]`.
    ///
    /// # Errors
    /// There are fewer than two latents, or more dimensions than
    /// [`PrincipalComponents::MOST_DIMENSIONS`].
    pub fn of(latents: &Tensor) -> Result<Self, Error> {
        const MOST: usize = PrincipalComponents::MOST_DIMENSIONS;
        let (n, d) = latents.dims2()?;
        if n < 2 || d == 0 || d > MOST {
            return Err(Error::LatentSpace(format!(
                "{n} latents with {d} dimensions have no covariance to be computed: it takes two latents \
                 or more, and 1 to {MOST} dimensions"
            )));
        }
        let (mean, covariance) = moments(latents)?;
        Ok(Self {
            covariance: covariance.chunks(d).map(<[f64]>::to_vec).collect(),
            mean: mean.squeeze(0)?.to_vec1()?,
            count: n,
        })
    }

    /// The standard deviation of each dimension.
    pub fn standard_deviations(&self) -> Vec<f64> {
        let variances = self.covariance.iter().enumerate();
        variances.map(|(index, row)| row[index].sqrt()).collect()
    }

    /// The correlation of two different dimensions that is largest in magnitude; `None` where no two
    /// dimensions vary.
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

    /// KL(this ‖ N(0, I)), nats: 0 for latents with the mean and the covariance of the standard normal
    /// distribution. `None` where the covariance is singular, as that of d latents or fewer always is: a
    /// normal distribution on a subspace has no density.
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
