use candle_core::{DType, Device, Tensor};
use nalgebra::{DMatrix, RowDVector};

use super::nearest;
use crate::Error;

/// The similarity transformation (translation, scale, rotation or reflection) of latents that comes closest to other
/// latents of the same images, by least squares. Gower 1975; Schönemann 1966.
#[derive(Clone, Debug)]
pub struct Procrustes {
    /// The transformed latents, in the space of the target: `[n, d]`.
    pub aligned: Tensor,
    /// The share of the target's variance that remains: 0 for a perfect alignment, 1 for unrelated latents. It is the
    /// same in both directions, and the `disparity` of `scipy.spatial.procrustes`.
    pub disparity: f64,
}

impl Procrustes {
    /// Aligns `latents` `[n, d]` with `target` `[n, d]`, row by row, in 64-bit floats.
    ///
    /// # Errors
    /// The shapes differ, there are fewer than two latents, or all latents of one side are equal, infinite or NaN.
    pub fn align(latents: &Tensor, target: &Tensor) -> Result<Self, Error> {
        let (n, d) = latents.dims2()?;
        if (n, d) != target.dims2()? || n < 2 {
            return Err(Error::LatentSpace(format!(
                "an alignment needs 2 or more latents of equal shape, found {:?} and {:?}",
                latents.dims(),
                target.dims()
            )));
        }
        let (a, _) = centred(latents)?;
        let (b, mean) = centred(target)?;
        let (a_norm, b_norm) = (a.norm(), b.norm());
        let usable = |norm: f64| norm.is_finite() && norm > 0.0;
        let decomposition = (usable(a_norm) && usable(b_norm))
            .then(|| (a.transpose() * &b).try_svd(true, true, f64::EPSILON, 0))
            .flatten();
        let Some((left, right, singular)) =
            decomposition.and_then(|svd| Some((svd.u?, svd.v_t?, svd.singular_values)))
        else {
            return Err(Error::LatentSpace(
                "an alignment needs latents that are finite and not all equal".to_owned(),
            ));
        };
        let scale = singular.sum() / a_norm.powi(2);
        let moved = scale * a * left * right;
        let values: Vec<f64> = moved
            .row_iter()
            .flat_map(|row| (row + &mean).iter().copied().collect::<Vec<_>>())
            .collect();
        let aligned = Tensor::from_vec(values, (n, d), &Device::Cpu)?;
        Ok(Self {
            aligned: aligned
                .to_dtype(target.dtype())?
                .to_device(target.device())?,
            disparity: (1.0 - (singular.sum() / (a_norm * b_norm)).powi(2)).clamp(0.0, 1.0),
        })
    }
}

/// Latents less their mean, and the mean.
fn centred(latents: &Tensor) -> Result<(DMatrix<f64>, RowDVector<f64>), Error> {
    let (n, d) = latents.dims2()?;
    let values: Vec<f64> = latents
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1()?;
    let mut matrix = DMatrix::from_row_slice(n, d, &values);
    let mean = matrix.row_mean();
    for mut row in matrix.row_iter_mut() {
        row -= &mean;
    }
    Ok((matrix, mean))
}

/// The mean fraction of the `count` nearest neighbours of a latent that are also among its nearest neighbours in another
/// latent space of the same images: 1 for the same neighbourhoods, about `count` / (n − 1) for unrelated ones.
///
/// `first` is `[n, d]` and `second` `[n, e]`, row by row of the same images.
///
/// # Errors
/// The numbers of latents differ, or there are not more latents than neighbours.
pub fn neighbour_overlap(first: &Tensor, second: &Tensor, count: usize) -> Result<f64, Error> {
    let n = first.dim(0)?;
    if n != second.dim(0)? || count == 0 || n <= count {
        return Err(Error::LatentSpace(format!(
            "the overlap of {count} nearest neighbours needs more latents than that, and as many in both spaces; found \
             {n} and {}",
            second.dim(0)?
        )));
    }
    let neighbours = |latents: &Tensor| -> Result<Vec<Vec<usize>>, Error> {
        let found = nearest(latents, latents, count + 1)?.into_iter();
        let others = found.enumerate().map(|(own, found)| {
            let others = found.into_iter().map(|(index, _)| index);
            // The latent itself is its own nearest neighbour, unless others are at the same point.
            others.filter(|&index| index != own).take(count).collect()
        });
        Ok(others.collect())
    };
    let (first, second) = (neighbours(first)?, neighbours(second)?);
    let shared: usize = first
        .iter()
        .zip(&second)
        .map(|(a, b)| a.iter().filter(|index| b.contains(index)).count())
        .sum();
    Ok(shared as f64 / (n * count) as f64)
}
