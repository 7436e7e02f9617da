use std::f64::consts::FRAC_PI_2;

use candle_core::{DType, Device, Tensor};
use latent_distributions::Generator;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How to go from one latent to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Path {
    /// (1 − λ) a + λ b
    #[default]
    Linear,
    /// cos(λπ/2) a + sin(λπ/2) b: where a and b are perpendicular and of one length, as draws of many
    /// dimensions nearly are, all between them has that length too.
    Sinusoidal,
    /// sin((1 − λ)ω)/sin ω a + sin(λω)/sin ω b, with the angle ω between a and b: along the great circle
    /// through both. Shoemake 1985; straight where the angle is 0 or 180°, and names no circle.
    Spherical,
}

impl Path {
    /// `steps` latents `[steps, d]` from `start` `[d]` to `end` `[d]`, both included, at equal
    /// steps of λ from 0 to 1.
    ///
    /// # Errors
    /// Fewer than two steps, or latents of different sizes.
    pub fn interpolate(self, start: &Tensor, end: &Tensor, steps: usize) -> Result<Tensor, Error> {
        if steps < 2 {
            return Err(Error::LatentSpace(format!(
                "a path of {steps} steps has no two ends: use 2 or more"
            )));
        }
        let (from, to): (Vec<f64>, Vec<f64>) = match self {
            Self::Linear => weights(steps, |lambda| (1.0 - lambda, lambda)),
            Self::Sinusoidal => weights(steps, |lambda| {
                let (sin, cos) = (lambda * FRAC_PI_2).sin_cos();
                (cos, sin)
            }),
            Self::Spherical => {
                // In 64 bits, so that an angle of 180° is known as one.
                let exact = |latent: &Tensor| -> Result<Vec<f64>, Error> {
                    let latent = latent.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
                    Ok(latent.to_vec1()?)
                };
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let (a, b) = (exact(start)?, exact(end)?);
                let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
                let angle = cosine.clamp(-1.0, 1.0).acos();
                let sine = angle.sin();
                weights(steps, |lambda| {
                    if sine > 1e-6 {
                        let along = |share: f64| (share * angle).sin() / sine;
                        (along(1.0 - lambda), along(lambda))
                    } else {
                        (1.0 - lambda, lambda)
                    }
                })
            }
        };
        let part = |weights: Vec<f64>, latent: &Tensor| {
            let weights = Tensor::new(weights, start.device())?.to_dtype(start.dtype())?;
            weights.unsqueeze(1)?.broadcast_mul(&latent.unsqueeze(0)?)
        };
        Ok((part(from, start)? + part(to, end)?)?)
    }
}

/// The weights of both ends at equal steps of λ from 0 to 1.
fn weights(steps: usize, at: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    (0..steps)
        .map(|step| at(step as f64 / (steps - 1) as f64))
        .unzip()
}

/// Perturbations of `latent` `[d]`: latents at growing distances from it, in `count` random directions, all
/// `radii` for each direction, `[count × radii, d]`.
pub fn perturbations(
    latent: &Tensor,
    radii: &[f64],
    count: usize,
    generator: &mut Generator,
) -> Result<Tensor, Error> {
    let size = latent.dim(0)?;
    let noise = generator.standard_normal((count, 1, size), latent.dtype(), latent.device())?;
    let directions = noise.broadcast_div(&noise.sqr()?.sum_keepdim(2)?.sqrt()?)?;
    let radii = Tensor::new(radii, latent.device())?.to_dtype(latent.dtype())?;
    let steps = directions.broadcast_mul(&radii.reshape((1, (), 1))?)?;
    Ok(steps
        .reshape(((), size))?
        .broadcast_add(&latent.unsqueeze(0)?)?)
}
