use candle_core::{DType, Device, Tensor};
use latent_distributions::StandardNormal;

use crate::Error;

/// A rectangular grid over a two-dimensional latent space.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The values of z₁ in ascending order: the columns from left to right.
    pub first: Vec<f64>,
    /// The values of z₂ in ascending order: the rows from bottom to top.
    pub second: Vec<f64>,
}

impl Grid {
    /// A grid with equal steps over [−range, range] in both dimensions.
    pub fn symmetric(range: f64, steps: usize) -> Self {
        let axis = linspace(-range, range, steps);
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// A grid at equally spaced quantiles of the standard normal prior: all cells have the same probability. Kingma &
    /// Welling 2014, figure 4.
    pub fn quantiles(steps: usize) -> Self {
        let axis: Vec<f64> = (0..steps)
            .map(|i| StandardNormal::quantile((i as f64 + 0.5) / steps as f64))
            .collect();
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// A grid with equal steps over the range of `latents` `[n, 2]` in each dimension.
    ///
    /// # Errors
    /// There are no latents, or they do not have two dimensions.
    pub fn covering(latents: &Tensor, steps: usize) -> Result<Self, Error> {
        let (count, size) = latents.dims2()?;
        if count == 0 || size != 2 {
            return Err(Error::LatentSpace(format!(
                "a grid needs latents with two dimensions, found {count} with {size}"
            )));
        }
        let axis = |dimension: usize| -> Result<Vec<f64>, Error> {
            let values = latents
                .to_device(&Device::Cpu)?
                .to_dtype(DType::F64)?
                .get_on_dim(1, dimension)?
                .to_vec1::<f64>()?;
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            Ok(linspace(low, high, steps))
        };
        Ok(Self {
            first: axis(0)?,
            second: axis(1)?,
        })
    }

    /// The latents of all grid points, `[rows × columns, 2]`, row by row from the smallest z₂.
    pub fn latents(&self, device: &Device) -> Result<Tensor, Error> {
        let cells: Vec<f32> = self
            .second
            .iter()
            .flat_map(|&second| {
                self.first
                    .iter()
                    .flat_map(move |&first| [first as f32, second as f32])
            })
            .collect();
        Ok(Tensor::from_vec(
            cells,
            (self.first.len() * self.second.len(), 2),
            device,
        )?)
    }
}

fn linspace(low: f64, high: f64, steps: usize) -> Vec<f64> {
    match steps {
        // A single point is the middle of the range.
        1 => vec![0.5 * (low + high)],
        _ => (0..steps)
            .map(|i| low + (high - low) * i as f64 / (steps - 1) as f64)
            .collect(),
    }
}
