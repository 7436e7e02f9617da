use std::f64::consts::FRAC_PI_2;

use candle_core::{DType, Device, Tensor};
use latent_distributions::Generator;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A method of interpolation between two latents a and b, with λ from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Path {
    /// Linear interpolation: (1 − λ) a + λ b.
    #[default]
    Linear,
    /// (1 − sin(λπ/2)) a + sin(λπ/2) b: the points of the linear interpolation, with smaller steps towards b.
    Sinusoidal,
    /// An arc: cos(λπ/2) a + sin(λπ/2) b. The norm is constant if a and b are orthogonal with equal norms, which is
    /// approximately true for draws in many dimensions.
    Arc,
    /// Spherical linear interpolation (slerp): sin((1 − λ)ω)/sin ω a + sin(λω)/sin ω b with the angle ω between a and b.
    /// Shoemake 1985. If ω is 0 or 180°, the great circle is undefined and the interpolation linear.
    Slerp,
}

impl Path {
    /// Interpolates from `start` `[d]` to `end` `[d]`, inclusive, in `steps` equal steps of λ: `[steps, d]`.
    ///
    /// # Errors
    /// There are fewer than two steps, or the latents have different sizes.
    pub fn interpolate(self, start: &Tensor, end: &Tensor, steps: usize) -> Result<Tensor, Error> {
        if steps < 2 {
            return Err(Error::LatentSpace(format!(
                "an interpolation has {steps} steps, expected 2 or more"
            )));
        }
        let (from, to): (Vec<f64>, Vec<f64>) = match self {
            Self::Linear => weights(steps, |lambda| (1.0 - lambda, lambda)),
            Self::Sinusoidal => weights(steps, |lambda| {
                let sin = (lambda * FRAC_PI_2).sin();
                (1.0 - sin, sin)
            }),
            Self::Arc => weights(steps, |lambda| {
                let (sin, cos) = (lambda * FRAC_PI_2).sin_cos();
                (cos, sin)
            }),
            Self::Slerp => {
                // In 64-bit floats, so that an angle of 180° is recognised.
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

/// The weights of a and b at equal steps of λ from 0 to 1.
fn weights(steps: usize, at: impl Fn(f64) -> (f64, f64)) -> (Vec<f64>, Vec<f64>) {
    (0..steps)
        .map(|step| at(step as f64 / (steps - 1) as f64))
        .unzip()
}

/// Perturbations around `latent` `[d]` at the distances `radii` in each of `count` random directions,
/// `[count × radii, d]`.
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
