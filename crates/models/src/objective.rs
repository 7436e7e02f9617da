use candle_core::{DType, Device, Result as TensorResult, Tensor};
use latent_distributions::{Distribution, KlDivergence, Normal, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::error::positive;
use crate::{Error, Loss};

/// Which lower bound of log p(x) a VAE is trained by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// E[log p(x|z)] − β KL(q(z|x) ‖ p(z)), with the divergence in closed form. Kingma & Welling 2014,
    /// equation 7; β of Higgins et al. 2017.
    #[default]
    Elbo,
    /// The same with the divergence estimated by the draws of z: E[log q(z|x) − log p(z)]. Kingma &
    /// Welling 2014, equation 6.
    SampledElbo,
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
    pub warm_up: f64,
    /// Other draws in the first epochs. A step costs in proportion to its draws, and most of what a model
    /// learns it learns as well by few of them: k is for the end. While it is trained, an epoch is measured by
    /// as many draws as it began with, so that its figures are of one bound; a finished model by k. Where
    /// validation images choose the epoch, only epochs of one number of draws are compared: the choice
    /// starts anew when k begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beginning: Option<Beginning>,
}

/// How many draws of z a training begins with, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "a table such as { samples = 5, epochs = 100 }")]
pub struct Beginning {
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
            warm_up: 0.0,
            beginning: None,
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
        let begun = self.beginning.map(|begun| begun.samples);
        for (key, samples) in [
            ("objective.samples", Some(self.samples)),
            ("objective.beginning.samples", begun),
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
        let begun = self.beginning.map_or(0.0, |begun| begun.epochs);
        for (key, value) in [
            ("objective.beta", self.beta),
            ("objective.warm_up", self.warm_up),
            ("objective.beginning.epochs", begun),
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
        if epochs < self.warm_up {
            self.beta * epochs / self.warm_up
        } else {
            self.beta
        }
    }

    /// Draws of z for each image when so many epochs are done.
    pub fn samples_after(&self, epochs: f64) -> usize {
        match self.beginning {
            Some(begun) if epochs < begun.epochs => begun.samples,
            _ => self.samples,
        }
    }

    /// Minus the bound, for n images after so many epochs of training, from draws of z `[n, d]` or
    /// `[k, n, d]`, log p(x|z) of each, `[n]` or `[k, n]`, and the q(z|x) that they were drawn from.
    ///
    /// The parts `elbo`, `reconstruction` and `kl` are means over the draws, with β = 1 whatever the
    /// objective weights; a model trained by the importance-weighted bound has that one too, as
    /// `importance_weighted_bound`.
    ///
    /// # Errors
    /// The shapes do not fit together.
    pub fn loss(
        &self,
        likelihood: &Tensor,
        latents: &Tensor,
        posterior: &Normal,
        prior: &StandardNormal,
        epochs: f64,
    ) -> Result<Loss, Error> {
        let beta = self.beta_after(epochs);
        let kl = match self.bound {
            Bound::Elbo => posterior.kl_divergence(prior)?,
            Bound::SampledElbo | Bound::ImportanceWeighted => {
                (posterior.log_prob(latents)? - prior.log_prob(latents)?)?
            }
        };
        let importance_weighted = |beta: f64| -> Result<Tensor, Error> {
            let weights = (likelihood - (&kl * beta)?)?;
            let draws = match weights.rank() {
                1 => weights.unsqueeze(0)?,
                _ => weights,
            };
            Ok(log_mean_exp(&draws)?)
        };
        let reconstruction = mean_over_draws(likelihood)?.neg()?;
        let mean_kl = mean_over_draws(&kl)?;
        let total = (&reconstruction + &mean_kl)?;
        let mut parts = vec![
            ("elbo", total.neg()?),
            ("reconstruction", reconstruction.clone()),
            ("kl", mean_kl.clone()),
        ];
        let objective = match self.bound {
            Bound::Elbo | Bound::SampledElbo if beta == 1.0 => total,
            Bound::Elbo | Bound::SampledElbo => (reconstruction + (mean_kl * beta)?)?,
            Bound::ImportanceWeighted => {
                parts.push(("importance_weighted_bound", importance_weighted(1.0)?));
                importance_weighted(beta)?.neg()?
            }
        };
        Ok(Loss { objective, parts })
    }
}

/// log 1/k Σ exp(w) over the first dimension of `[k, n]`, `[n]`: never infinite where the terms are
/// finite. It is differentiable, for training; [`LogMeanExp`] is for evaluation.
///
/// The dtype of the terms is enough: once the largest is subtracted, which is exact for terms near it,
/// rounding changes the result by no more than it has changed the terms.
pub(crate) fn log_mean_exp(terms: &Tensor) -> TensorResult<Tensor> {
    // The largest is no variable: its share of the gradient cancels.
    let largest = terms.detach().max_keepdim(0)?;
    let sum = terms.broadcast_sub(&largest)?.exp()?.mean(0)?;
    sum.log()? + largest.squeeze(0)?
}

/// log 1/k Σ exp(w) of k terms that come a few at a time, n such means at once.
///
/// It is what importance weights, mixtures over labels and Bayes' rule are normalised by. The largest
/// term is subtracted before exponentials are taken, and all of it is computed in 64 bits on the CPU:
/// log-likelihoods of images are of magnitude 10³, where neighbouring 32-bit floats are 6·10⁻⁵ apart.
///
/// ```
/// # use candle_core::{DType, Device, Tensor};
/// # use latent_models::LogMeanExp;
/// # fn main() -> candle_core::Result<()> {
/// let mut mean = LogMeanExp::new(1);
/// mean.add(&Tensor::new(&[[-2000f32]], &Device::Cpu)?)?;
/// mean.add(&Tensor::new(&[[-2000f32], [-3000.0]], &Device::Cpu)?)?;
/// let value = mean.finish(DType::F64, &Device::Cpu)?.to_vec1::<f64>()?;
/// assert_eq!(value, [-2000.0 + 2f64.ln() - 3f64.ln()]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogMeanExp {
    largest: Vec<f64>,
    sums: Vec<f64>,
    terms: usize,
}

impl LogMeanExp {
    /// No terms yet of `count` sums.
    pub fn new(count: usize) -> Self {
        Self {
            largest: vec![f64::NEG_INFINITY; count],
            sums: vec![0.0; count],
            terms: 0,
        }
    }

    /// Adds terms `[k, n]`, without their gradients.
    ///
    /// # Errors
    /// The terms do not have two dimensions.
    pub fn add(&mut self, terms: &Tensor) -> TensorResult<()> {
        let terms = terms.detach().to_device(&Device::Cpu)?;
        for row in terms.to_dtype(DType::F64)?.to_vec2::<f64>()? {
            self.terms += 1;
            for ((largest, sum), term) in self.largest.iter_mut().zip(&mut self.sums).zip(row) {
                if term == f64::NEG_INFINITY {
                    // It adds nothing, and has no difference to another.
                } else if term <= *largest {
                    *sum += (term - *largest).exp();
                } else {
                    // Also a NaN comes through here, and stays.
                    *sum = *sum * (*largest - term).exp() + 1.0;
                    *largest = term;
                }
            }
        }
        Ok(())
    }

    /// The logarithms of the means, `[n]`, rounded to a dtype.
    ///
    /// # Errors
    /// The device does not have such floats.
    pub fn finish(self, dtype: DType, device: &Device) -> TensorResult<Tensor> {
        let count = (self.terms as f64).ln();
        let values: Vec<f64> = self
            .largest
            .iter()
            .zip(&self.sums)
            .map(|(largest, sum)| match *sum {
                0.0 => f64::NEG_INFINITY,
                sum => largest + sum.ln() - count,
            })
            .collect();
        Tensor::new(values, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)
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
    fn logarithms_of_mean_exponentials_are_stable_and_the_same_in_pieces() -> TensorResult<()> {
        let terms = [
            [-1000.0, 3.0, 0.0],
            [-1001.0, 900.0, 0.0],
            [-1000.0, -900.0, 0.0],
        ];
        let device = &Device::Cpu;
        let tensor = Tensor::new(&terms, device)?;
        let expected = [
            -1000.0 + ((2.0 + (-1f64).exp()) / 3.0).ln(),
            900.0 - 3f64.ln(),
            0.0,
        ];
        let mut pieces = LogMeanExp::new(3);
        pieces.add(&tensor.narrow(0, 0, 2)?)?;
        pieces.add(&tensor.narrow(0, 2, 1)?)?;
        for result in [log_mean_exp(&tensor)?, pieces.finish(DType::F64, device)?] {
            for (result, expected) in result.to_vec1::<f64>()?.iter().zip(expected) {
                assert!((result - expected).abs() < 1e-12, "{result} {expected}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_term_that_is_no_number_shows_in_the_mean() -> TensorResult<()> {
        let device = &Device::Cpu;
        let mut sums = LogMeanExp::new(1);
        sums.add(&Tensor::new(&[[1.0], [f64::NAN], [2.0]], device)?)?;
        let value = sums.finish(DType::F64, device)?.to_vec1::<f64>()?[0];
        assert!(value.is_nan());
        // A term of no weight at all is none, wherever it comes.
        let nothing = f64::NEG_INFINITY;
        let mut sums = LogMeanExp::new(2);
        sums.add(&Tensor::new(&[[nothing, nothing], [2.0, nothing]], device)?)?;
        let values = sums.finish(DType::F64, device)?.to_vec1::<f64>()?;
        assert_eq!(values, [2.0 - 2f64.ln(), nothing]);
        Ok(())
    }

    #[test]
    fn the_weight_of_the_divergence_rises_to_its_value() {
        let objective = Objective {
            beta: 0.5,
            warm_up: 4.0,
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
            beginning: Some(Beginning {
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
