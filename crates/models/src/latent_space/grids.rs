use candle_core::{DType, Device, Tensor};
use latent_distributions::StandardNormal;

use crate::Error;

/// A grid over a two-dimensional latent space.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Values of z₁, growing: the columns from left to right.
    pub first: Vec<f64>,
    /// Values of z₂, growing: the rows from bottom to top.
    pub second: Vec<f64>,
}

impl Grid {
    /// Equal steps over [−range, range] in both dimensions.
    pub fn symmetric(range: f64, steps: usize) -> Self {
        let axis = linspace(-range, range, steps);
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// Equal steps of probability under the prior: each cell of the plane between neighbouring
    /// lines is as likely as any other. Kingma & Welling 2014, figure 4.
    pub fn quantiles(steps: usize) -> Self {
        let axis: Vec<f64> = (0..steps)
            .map(|i| StandardNormal::quantile((i as f64 + 0.5) / steps as f64))
            .collect();
        Self {
            first: axis.clone(),
            second: axis,
        }
    }

    /// Equal steps over the complete range of `latents` `[n, 2]`, each dimension by itself.
    ///
    /// # Errors
    /// There are no latents, or they do not have two dimensions.
    pub fn covering(latents: &Tensor, steps: usize) -> Result<Self, Error> {
        let (count, size) = latents.dims2()?;
        if count == 0 || size != 2 {
            return Err(Error::LatentSpace(format!(
                "a grid covers latents of two dimensions; here are {count} of {size}"
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

    /// The latents of all cells, `[rows × columns, 2]`: for each value of z₂ from the smallest, all
    /// values of z₁.
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
        // The middle is the one point that stands for a whole range.
        1 => vec![0.5 * (low + high)],
        _ => (0..steps)
            .map(|i| low + (high - low) * i as f64 / (steps - 1) as f64)
            .collect(),
    }
}
