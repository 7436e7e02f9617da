use candle_core::{Result as TensorResult, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::positive;
use crate::log_mean_exp::log_mean_exp;
use crate::{Error, Loss};

/// Which lower bound of log p(x) a VAE is trained by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// E[log p(x|z)] − β KL(q(z|x) ‖ p(z)), with the divergence in closed form where the prior is standard
    /// normal, and by the draws of z where it is a flow. Kingma & Welling 2014,
    /// equation 7; β of Higgins et al. 2017.
    #[default]
    Elbo,
    /// The same with the divergence estimated by the draws of z: E[log q(z|x) − log p(z)]. Kingma &
    /// Welling 2014, equation 6.
    MonteCarloElbo,
    /// E[log 1/k Σ w], w = p(x|z) p(z) / q(z|x), over k draws of z. Burda et al. 2016, equation 8.
    ImportanceWeighted,
}

/// What a VAE is trained by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, expecting = "a table such as { bound = 'elbo', samples = 1 }")]
pub struct Objective {
    /// The bound.
    pub bound: Bound,
    /// k: draws of z for each image.
    pub samples: usize,
    /// What the divergence is weighted by; 1 gives a bound of log p(x).
    pub beta: f64,
    /// Epochs in which that weight rises from 0, in proportion to the time. Bowman et al. 2016.
    pub warm_up_epochs: f64,
    /// Other draws in the first epochs. A step costs in proportion to its draws, and most of what a model
    /// learns it learns as well by few of them: k is for the end. While it is trained, an epoch is measured by
    /// as many draws as it began with, so that its figures are of one bound; a finished model by k. Where
    /// validation images choose the epoch, only epochs of one number of draws are compared: the choice
    /// starts anew when k begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial: Option<InitialSamples>,
}

/// How many draws of z a training begins with, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "a table such as { samples = 5, epochs = 100 }")]
pub struct InitialSamples {
    /// Draws of z for each image.
    pub samples: usize,
    /// Epochs, with fractions.
    pub epochs: f64,
}

impl Default for Objective {
    /// The ELBO with one draw.
    fn default() -> Self {
        Self {
            bound: Bound::default(),
            samples: 1,
            beta: 1.0,
            warm_up_epochs: 0.0,
            initial: None,
        }
    }
}

impl Objective {
    /// Whether a model can be trained by it.
    ///
    /// # Errors
    /// There are no draws, or so many that a batch of them takes gigabytes; or a number is negative,
    /// infinite or NaN.
    pub fn check(&self) -> Result<(), Error> {
        const SAMPLES: usize = 500;
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

    /// β when so many epochs are done, with fractions.
    pub fn beta_after(&self, epochs: f64) -> f64 {
        if epochs < self.warm_up_epochs {
            self.beta * epochs / self.warm_up_epochs
        } else {
            self.beta
        }
    }

    /// Draws of z for each image when so many epochs are done.
    pub fn samples_after(&self, epochs: f64) -> usize {
        match self.initial {
            Some(initial) if epochs < initial.epochs => initial.samples,
            _ => self.samples,
        }
    }

    /// Minus the bound, for n images after so many epochs of training, from log p(x|z) of draws of z, `[n]` or
    /// `[k, n]`, and the divergence KL(q(z|x) ‖ p(z)): in closed form, `[n]`, or log q(z|x) − log p(z) of each draw,
    /// `[n]` or `[k, n]`. The importance-weighted bound needs the latter.
    ///
    /// The parts `elbo`, `reconstruction` and `kl` are means over the draws, with β = 1 whatever the
    /// objective weights; a model trained by the importance-weighted bound has that one too, as
    /// `importance_weighted_bound`.
    ///
    /// # Errors
    /// The shapes do not fit together.
    pub fn loss(&self, likelihood: &Tensor, kl: &Tensor, epochs: f64) -> Result<Loss, Error> {
        let beta = self.beta_after(epochs);
        let importance_weighted = |beta: f64| -> Result<Tensor, Error> {
            let weights = (likelihood - (kl * beta)?)?;
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

/// `[k, n]` to its mean over the draws, `[n]`; what has no draws stays as it is.
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
    fn the_weight_of_the_divergence_rises_to_its_value() {
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
    fn draws_are_others_in_the_first_epochs_only() {
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
