use candle_core::{D, Result as TensorResult, Tensor};
use candle_nn::ops::softmax;
use latent_distributions::{Normal, Reparametrised};
use serde::{Deserialize, Serialize};

use crate::error::positive;
use crate::log_mean_exp::log_mean_exp;
use crate::{Error, Loss, LossContext};

/// The lower bound of log p(x) that a VAE maximises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The ELBO, E[log p(x|z)] − β KL(q(z|x) ‖ p(z)). Kingma & Welling 2014, equation 7; β of Higgins et al. 2017.
    ///
    /// The KL divergence has a closed form for a standard normal prior; for a flow it is estimated from the draws of z.
    #[default]
    Elbo,
    /// The ELBO with the KL divergence estimated from the draws of z: E[log q(z|x) − log p(z)]. Kingma & Welling 2014,
    /// equation 6.
    MonteCarloElbo,
    /// The importance-weighted bound, E[log 1/k Σ w] with w = p(x|z) p(z) / q(z|x), over k draws of z. Burda et al.
    /// 2016, equation 8.
    ImportanceWeighted,
}

/// The estimator of the gradient of a bound with respect to the parameters of q(z|x).
///
/// log q(z|x) depends on them by the draw z and by the density itself. The expectation of the second part is 0, so it only
/// adds variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientEstimator {
    /// By both parts: the reparametrised gradient of Kingma & Welling 2014.
    #[default]
    Total,
    /// By the draws alone. For [`Bound::MonteCarloElbo`]: Roeder et al. 2017, "Sticking the Landing"; its variance is 0 where
    /// q(z|x) is the posterior. For [`Bound::ImportanceWeighted`], where each draw then counts with the square of its
    /// normalised weight: Tucker et al. 2019, "Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives",
    /// equation 8.
    Path,
}

/// The training objective of a VAE: bound, number of draws, and weight of the KL divergence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, expecting = "a table such as { bound = 'elbo', samples = 1 }")]
pub struct Objective {
    /// The bound.
    pub bound: Bound,
    /// The estimator of the gradient.
    pub gradient: GradientEstimator,
    /// The number k of draws of z for each image.
    pub samples: usize,
    /// The weight β of the KL divergence; 1 gives a bound of log p(x).
    pub beta: f64,
    /// The number of epochs (fractional) in which the weight rises linearly from 0 to β. Bowman et al. 2016.
    pub warm_up_epochs: f64,
    /// Another number of draws for the first epochs, to save time: the time of a step is proportional to k, and few
    /// draws are enough for most of the training.
    ///
    /// Metrics after an epoch use the number of draws at the start of the epoch; a finished model is evaluated with
    /// [`Self::samples`]. With validation images, only epochs with the same number of draws are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<InitialSamples>,
}

/// The number of draws of z in the initial phase of training, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "a table such as { samples = 5, epochs = 100 }")]
pub struct InitialSamples {
    /// The number of draws of z for each image.
    pub samples: usize,
    /// The number of epochs (fractional).
    pub epochs: f64,
}

impl Default for Objective {
    /// The ELBO with one draw, β = 1 and no warm-up.
    fn default() -> Self {
        Self {
            bound: Bound::default(),
            gradient: GradientEstimator::default(),
            samples: 1,
            beta: 1.0,
            warm_up_epochs: 0.0,
            initial: None,
        }
    }
}

impl Objective {
    /// Checks all values.
    ///
    /// # Errors
    /// A number of draws is 0 or more than 500, another number is negative, infinite or NaN, or the path gradient is
    /// combined with [`Bound::Elbo`], whose KL divergence is not estimated from the draws.
    pub fn check(&self) -> Result<(), Error> {
        const SAMPLES: usize = 500;
        if (self.bound, self.gradient) == (Bound::Elbo, GradientEstimator::Path) {
            return Err(Error::Config {
                key: "objective.gradient",
                value: "path".to_owned(),
                remedy: "it needs the bound monte-carlo-elbo or importance-weighted",
            });
        }
        let initial = self.initial.map(|initial| initial.samples);
        for (key, samples) in [
            ("objective.samples", Some(self.samples)),
            ("objective.initial.samples", initial),
        ] {
            let Some(samples) = samples else { continue };
            positive(key, samples)?;
            if samples > SAMPLES {
                return Err(Error::Config {
                    key,
                    value: samples.to_string(),
                    remedy: "use 500 or fewer",
                });
            }
        }
        let initial = self.initial.map_or(0.0, |initial| initial.epochs);
        for (key, value) in [
            ("objective.beta", self.beta),
            ("objective.warm_up_epochs", self.warm_up_epochs),
            ("objective.initial.epochs", initial),
        ] {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::Config {
                    key,
                    value: value.to_string(),
                    remedy: "it must be 0 or a positive number",
                });
            }
        }
        Ok(())
    }

    /// The weight of the KL divergence after `epochs` (fractional) epochs.
    pub fn beta_after(&self, epochs: f64) -> f64 {
        if epochs < self.warm_up_epochs {
            self.beta * epochs / self.warm_up_epochs
        } else {
            self.beta
        }
    }

    /// The number of draws of z for each image after `epochs` (fractional) epochs.
    pub fn samples_after(&self, epochs: f64) -> usize {
        match self.initial {
            Some(initial) if epochs < initial.epochs => initial.samples,
            _ => self.samples,
        }
    }

    /// The loss of n images after `epochs` (fractional) epochs: the negative bound, `[n]`, in nats.
    ///
    /// `likelihood` is log p(x|z) of the draws of z, `[n]` or `[k, n]`. `kl` is KL(q(z|x) ‖ p(z)) in closed form, `[n]`,
    /// or log q(z|x) − log p(z) of each draw, `[n]` or `[k, n]`; the importance-weighted bound needs the latter.
    ///
    /// The parts `elbo`, `reconstruction` and `kl` are means over the draws, always with β = 1. With
    /// [`Bound::ImportanceWeighted`], there is also the part `importance_weighted_bound`.
    ///
    /// # Errors
    /// The shapes do not fit together.
    pub fn loss(&self, likelihood: &Tensor, kl: &Tensor, epochs: f64) -> Result<Loss, Error> {
        let beta = self.beta_after(epochs);
        let importance_weighted = |beta: f64| -> Result<Tensor, Error> {
            let weights = log_weights(likelihood, kl, beta)?;
            let draws = match weights.rank() {
                1 => weights.unsqueeze(0)?,
                _ => weights,
            };
            Ok(log_mean_exp(&draws)?)
        };
        let reconstruction = mean_over_draws(likelihood)?.neg()?;
        let mean_kl = mean_over_draws(kl)?;
        let total = (&reconstruction + &mean_kl)?;
        let mut parts = vec![
            ("elbo", total.neg()?),
            ("reconstruction", reconstruction.clone()),
            ("kl", mean_kl.clone()),
        ];
        let objective = match self.bound {
            Bound::Elbo | Bound::MonteCarloElbo if beta == 1.0 => total,
            Bound::Elbo | Bound::MonteCarloElbo => (reconstruction + (mean_kl * beta)?)?,
            Bound::ImportanceWeighted => {
                parts.push(("importance_weighted_bound", importance_weighted(1.0)?));
                importance_weighted(beta)?.neg()?
            }
        };
        Ok(Loss { objective, parts })
    }
}

/// The logarithms of the importance weights, log p(x|z) − β log q(z|x) / p(z).
fn log_weights(likelihood: &Tensor, kl: &Tensor, beta: f64) -> TensorResult<Tensor> {
    likelihood - (kl * beta)?
}

/// The draws of z in a loss, by the objective's estimator of the gradient.
pub(super) struct Draws {
    /// z, `[n, d]` or `[k, n, d]`.
    pub(super) latents: Tensor,
    /// The density q(z|x) of the draws, as far as its gradient counts.
    pub(super) density: Normal,
    /// A factor of the gradient of each draw, `[k, n, 1]`, which is known only after the forward pass.
    factor: Option<Tensor>,
}

impl Draws {
    pub(super) fn of(
        posterior: &Normal,
        objective: &Objective,
        context: &mut LossContext,
    ) -> Result<Self, Error> {
        let shape: &[usize] = match objective.samples_after(context.epochs) {
            1 => &[],
            samples => &[samples],
        };
        let latents = posterior.rsample(shape, &mut context.generator)?;
        let mut draws = Self {
            latents,
            density: posterior.clone(),
            factor: None,
        };
        if !context.is_training() || objective.gradient == GradientEstimator::Total {
            return Ok(draws);
        }
        draws.density = Normal::new(posterior.loc().detach(), posterior.log_scale().detach())?;
        if let (Bound::ImportanceWeighted, Ok((count, images, _))) =
            (objective.bound, draws.latents.dims3())
        {
            let latents = &draws.latents;
            let factor = Tensor::ones((count, images, 1), latents.dtype(), latents.device())?;
            draws.latents = latents.broadcast_mul(&factor)?;
            draws.factor = Some(factor);
        }
        Ok(draws)
    }

    /// Multiplies the gradient of each draw by its normalised weight, if the estimator asks for it.
    pub(super) fn weigh(&self, likelihood: &Tensor, kl: &Tensor, beta: f64) -> Result<(), Error> {
        let Some(factor) = &self.factor else {
            return Ok(());
        };
        let weights = softmax(&log_weights(likelihood, kl, beta)?.detach(), 0)?;
        // The gradient of a product reads its factors in the backward pass, from the memory that this changes.
        Ok(factor.slice_set(&weights.unsqueeze(D::Minus1)?.contiguous()?, 0, 0)?)
    }
}

/// The mean over draws of `[k, n]`, `[n]`; `[n]` is returned unchanged.
pub(crate) fn mean_over_draws(values: &Tensor) -> TensorResult<Tensor> {
    match values.rank() {
        1 => Ok(values.clone()),
        _ => values.mean(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kl_weight_rises_linearly_to_beta() {
        let objective = Objective {
            beta: 0.5,
            warm_up_epochs: 4.0,
            ..Objective::default()
        };
        assert_eq!(
            [0.0, 1.0, 4.0, f64::INFINITY].map(|epochs| objective.beta_after(epochs)),
            [0.0, 0.125, 0.5, 0.5]
        );
    }

    #[test]
    fn the_initial_number_of_draws_is_used_in_the_first_epochs_only() {
        let objective = Objective {
            samples: 50,
            initial: Some(InitialSamples {
                samples: 5,
                epochs: 1.5,
            }),
            ..Objective::default()
        };
        assert_eq!(
            [0.0, 1.49, 1.5, f64::INFINITY].map(|epochs| objective.samples_after(epochs)),
            [5, 5, 50, 50]
        );
    }
}
