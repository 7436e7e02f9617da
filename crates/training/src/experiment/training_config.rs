use latent_kernels::Adam;
use serde::{Deserialize, Serialize};

use crate::{Optimiser, Schedule};

/// The training configuration of an [`Experiment`](crate::Experiment): epochs, optimiser, schedule and
/// early stopping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingConfig {
    /// The number of epochs.
    pub epochs: usize,
    /// The number of images in a batch.
    pub batch_size: usize,
    /// The initial learning rate α.
    pub learning_rate: f64,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// The largest norm of the gradient of all variables together; longer gradients are rescaled to it.
    /// Pascanu et al. 2013, algorithm 1.
    pub max_grad_norm: Option<f64>,
    /// The decay per step of an exponential moving average of the weights, which is evaluated and saved in
    /// their place. Polyak & Juditsky 1992.
    ///
    /// After t updates the decay is at most (1 + t)/(10 + t), so the initial weights lose their influence
    /// quickly.
    pub ema_decay: Option<f64>,
    /// The optimisation algorithm.
    pub optimiser: Optimiser,
    /// The learning rate schedule.
    pub schedule: Schedule,
    /// The decoupled weight decay λ: a step multiplies weights by 1 − α λ. Loshchilov & Hutter 2019.
    /// Biases and scales do not decay.
    pub weight_decay: f64,
    /// The number of validation images, held out from the end of the training images (at most a sixth of
    /// them). The weights of the epoch with the lowest validation loss are kept.
    ///
    /// Only losses with the same number of draws are compared: when that number changes during training,
    /// the search for the best epoch restarts.
    pub validation_images: usize,
    /// The number of epochs without a lower validation loss after which training stops. It counts from the
    /// best epoch since the search last restarted.
    pub patience: Option<usize>,
}

impl Default for TrainingConfig {
    /// Ten epochs, batches of 128, Adam with the constants of Kingma & Ba 2015.
    fn default() -> Self {
        let Adam {
            learning_rate,
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = Adam::default();
        Self {
            epochs: 10,
            batch_size: 128,
            learning_rate,
            beta1,
            beta2,
            epsilon,
            max_grad_norm: None,
            ema_decay: None,
            optimiser: Optimiser::default(),
            schedule: Schedule::default(),
            weight_decay,
            validation_images: 0,
            patience: None,
        }
    }
}

/// An invalid setting: its key, its value and the valid values.
pub(super) type Fault = (&'static str, String, &'static str);

pub(super) const WHOLE: &str = "it must be 1 or more";

/// The first of `rules` whose flag (the first component: the rule is violated) is set.
pub(super) fn broken<const N: usize>(
    rules: [(bool, &'static str, String, &'static str); N],
) -> Option<Fault> {
    let (_, key, value, remedy) = rules.into_iter().find(|(is_broken, ..)| *is_broken)?;
    Some((key, value, remedy))
}

impl TrainingConfig {
    pub(super) fn fault(&self) -> Option<Fault> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let number = "it must be a positive number";
        let share = "it must be at least 0 and less than 1";
        let rules = [
            (
                self.epochs == 0,
                "training.epochs",
                self.epochs.to_string(),
                WHOLE,
            ),
            (
                self.batch_size == 0,
                "training.batch_size",
                self.batch_size.to_string(),
                WHOLE,
            ),
            (
                !positive(self.learning_rate),
                "training.learning_rate",
                self.learning_rate.to_string(),
                number,
            ),
            (
                !decay(self.beta1),
                "training.beta1",
                self.beta1.to_string(),
                share,
            ),
            (
                !decay(self.beta2),
                "training.beta2",
                self.beta2.to_string(),
                share,
            ),
            (
                !positive(self.epsilon),
                "training.epsilon",
                self.epsilon.to_string(),
                number,
            ),
            (
                self.max_grad_norm.is_some_and(|length| !positive(length)),
                "training.max_grad_norm",
                self.max_grad_norm.unwrap_or_default().to_string(),
                number,
            ),
            (
                self.ema_decay.is_some_and(|value| !decay(value)),
                "training.ema_decay",
                self.ema_decay.unwrap_or_default().to_string(),
                share,
            ),
            (
                !(self.weight_decay.is_finite() && self.weight_decay >= 0.0),
                "training.weight_decay",
                self.weight_decay.to_string(),
                "it must be 0 or a positive number",
            ),
            (
                self.learning_rate * self.weight_decay >= 1.0,
                "training.weight_decay",
                self.weight_decay.to_string(),
                "its product with `training.learning_rate` must be less than 1",
            ),
            (
                self.patience == Some(0),
                "training.patience",
                "0".to_owned(),
                WHOLE,
            ),
            (
                self.patience.is_some() && self.validation_images == 0,
                "training.validation_images",
                "0".to_owned(),
                "`training.patience` needs validation images, for example 10000",
            ),
        ];
        broken(rules)
            .or_else(|| self.optimiser.fault())
            .or_else(|| self.schedule.fault(self.learning_rate))
    }

    /// The constants of Adam's update after `epochs` (fractional) epochs.
    pub fn adam(&self, epochs: f64) -> Adam {
        Adam {
            learning_rate: self
                .schedule
                .learning_rate(self.learning_rate, epochs, self.epochs),
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
        }
    }
}
