use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use latent_kernels::{Adam, Moments, adam_update};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The optimisation algorithm.
///
/// The learning rate α, its schedule and the weight decay λ are fields of
/// [`TrainingConfig`](crate::TrainingConfig). Weight decay is decoupled from the gradients, x ← (1 − α λ) x, and
/// applies to matrices and convolution kernels only, not to vectors such as biases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", expecting = "a table such as { kind = 'adamw' }")]
#[non_exhaustive]
pub enum Optimiser {
    /// Adam (Kingma & Ba 2015, algorithm 1) with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2);
    /// β₁, β₂ and ε are fields of [`TrainingConfig`](crate::TrainingConfig).
    #[default]
    #[serde(rename = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum μ: v ← μ v + g, x ← x − α v (Polyak 1964, as PyTorch's `SGD`), with
    /// decoupled weight decay (Loshchilov & Hutter 2019, algorithm 1). β₁, β₂ and ε have no effect.
    #[serde(rename = "sgd")]
    Sgd {
        /// The momentum μ, in [0, 1).
        #[serde(default)]
        momentum: f64,
    },
}

impl Optimiser {
    /// The first invalid setting: its key, its value and the valid values.
    pub(crate) fn fault(self) -> Option<(&'static str, String, &'static str)> {
        match self {
            Self::Sgd { momentum } if !(0.0..1.0).contains(&momentum) => Some((
                "training.optimiser.momentum",
                momentum.to_string(),
                "it must be at least 0 and less than 1",
            )),
            _ => None,
        }
    }
}

/// The optimiser state of each variable, by the variable's name.
pub(crate) enum State {
    AdamW(BTreeMap<String, Moments>),
    Sgd {
        momentum: f64,
        velocities: BTreeMap<String, Var>,
    },
}

impl State {
    /// The initial state: zeros.
    pub(crate) fn new(optimiser: Optimiser, variables: &[(String, Var)]) -> Result<Self, Error> {
        fn of_each<T>(
            variables: &[(String, Var)],
            new: impl Fn(&Var) -> candle_core::Result<T>,
        ) -> Result<BTreeMap<String, T>, Error> {
            let entry = |(name, variable): &(String, Var)| Ok((name.clone(), new(variable)?));
            variables.iter().map(entry).collect()
        }
        Ok(match optimiser {
            Optimiser::AdamW => Self::AdamW(of_each(variables, |variable| {
                Moments::zeros_like(variable)
            })?),
            Optimiser::Sgd { momentum } => Self::Sgd {
                momentum,
                velocities: of_each(variables, |variable| {
                    Var::from_tensor(&variable.as_detached_tensor().zeros_like()?)
                })?,
            },
        })
    }

    /// Updates a variable in place. `update` is the number of the update, counted from 1. SGD uses only the learning
    /// rate and the weight decay of `constants`.
    pub(crate) fn update(
        &self,
        name: &str,
        variable: &Var,
        gradient: &Tensor,
        constants: &Adam,
        update: u64,
    ) -> Result<(), Error> {
        let decay = if variable.rank() > 1 { 1.0 } else { 0.0 };
        let constants = Adam {
            weight_decay: decay * constants.weight_decay,
            ..*constants
        };
        match self {
            Self::AdamW(moments) => {
                adam_update(variable, gradient, &moments[name], &constants, update)?;
            }
            Self::Sgd {
                momentum,
                velocities,
            } => {
                let velocity = &velocities[name];
                let rate = constants.learning_rate;
                let faster = ((velocity.as_detached_tensor() * *momentum)? + gradient.detach())?;
                velocity.set(&faster)?;
                let kept = (variable.as_detached_tensor() * (1.0 - rate * constants.weight_decay))?;
                variable.set(&(kept - (faster * rate)?)?)?;
            }
        }
        Ok(())
    }

    /// The state tensors of a variable, by their names in `state.safetensors`.
    pub(crate) fn of(&self, name: &str) -> Vec<(String, Var)> {
        match self {
            Self::AdamW(moments) => {
                let moments = &moments[name];
                vec![
                    (format!("adam.first.{name}"), moments.first.clone()),
                    (format!("adam.second.{name}"), moments.second.clone()),
                ]
            }
            Self::Sgd { velocities, .. } => {
                vec![(format!("sgd.velocity.{name}"), velocities[name].clone())]
            }
        }
    }
}
