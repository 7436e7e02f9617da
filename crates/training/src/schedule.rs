use serde::{Deserialize, Serialize};

/// Learning rate schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'cosine' }"
)]
#[non_exhaustive]
pub enum Schedule {
    /// A constant learning rate.
    #[default]
    Constant,
    /// The learning rate is multiplied by `gamma` after every `epochs` epochs.
    Step {
        /// Epochs between two decays.
        epochs: usize,
        /// The factor of one decay.
        gamma: f64,
    },
    /// Cosine annealing from the initial learning rate to `min_lr`. Loshchilov & Hutter 2017, equation 5, without
    /// restarts.
    Cosine {
        /// The learning rate at the end of the training.
        #[serde(default)]
        min_lr: f64,
    },
    /// Eight stages i = 0 … 7: stage i takes 3ⁱ/3,280 of the epochs and multiplies the initial learning rate by
    /// 10^(−i/7). With 3,280 epochs this is the schedule of Burda, Grosse & Salakhutdinov 2016, section 5.
    Iwae,
}

impl Schedule {
    /// The learning rate after `epochs` (fractional) of `total` epochs, with the initial learning rate `initial`.
    pub fn learning_rate(&self, initial: f64, epochs: f64, total: usize) -> f64 {
        initial * self.factor(initial, epochs, total)
    }

    fn factor(&self, initial: f64, epochs: f64, total: usize) -> f64 {
        let share = (epochs / total.max(1) as f64).clamp(0.0, 1.0);
        match self {
            Self::Constant => 1.0,
            Self::Step {
                epochs: every,
                gamma,
            } => gamma.powf((epochs / (*every).max(1) as f64).floor()),
            Self::Cosine { min_lr } => {
                let end = min_lr / initial;
                end + (1.0 - end) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Self::Iwae => {
                const STAGES: i32 = 8;
                // The stages before stage i take (3ⁱ − 1) / (3⁸ − 1) of all epochs.
                let begins = |stage: i32| (3f64.powi(stage) - 1.0) / (3f64.powi(STAGES) - 1.0);
                let stage = (1..STAGES)
                    .take_while(|&stage| begins(stage) <= share)
                    .count();
                10f64.powf(-(stage as f64) / f64::from(STAGES - 1))
            }
        }
    }

    /// The first invalid setting: its key, its value and the valid values.
    pub(crate) fn fault(&self, initial: f64) -> Option<(&'static str, String, &'static str)> {
        match self {
            Self::Step { epochs: 0, .. } => Some((
                "training.schedule.epochs",
                "0".to_owned(),
                "it must be 1 or more",
            )),
            Self::Step { gamma, .. } if !(gamma.is_finite() && *gamma > 0.0) => Some((
                "training.schedule.gamma",
                gamma.to_string(),
                "it must be a positive number",
            )),
            Self::Cosine { min_lr } if !(0.0..=initial).contains(min_lr) => Some((
                "training.schedule.min_lr",
                min_lr.to_string(),
                "it must be 0 or more, and at most `training.learning_rate`",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rounding error of about ten operations on numbers of at most 1.
    const LOST: f64 = 10.0 * latent_tolerance::DOUBLE;

    #[test]
    fn iwae_schedule_has_the_stages_of_the_paper() {
        let mut epoch = 0.0;
        for stage in 0..8 {
            let expected = 10f64.powf(-f64::from(stage) / 7.0);
            let length = 3f64.powi(stage);
            for at in [epoch, epoch + length / 2.0, epoch + length - 0.01] {
                assert!(
                    (Schedule::Iwae.learning_rate(1.0, at, 3280) - expected).abs() < LOST,
                    "{at}"
                );
                // The proportions do not depend on the number of epochs.
                assert!(
                    (Schedule::Iwae.learning_rate(1.0, at / 32.8, 100) - expected).abs() < LOST
                );
            }
            epoch += length;
        }
        assert!((epoch - 3280.0).abs() < 3280.0 * LOST);
    }

    #[test]
    fn schedules_start_at_the_initial_learning_rate_and_never_increase() {
        let step = Schedule::Step {
            epochs: 3,
            gamma: 0.5,
        };
        let cosine = Schedule::Cosine { min_lr: 0.1 };
        for schedule in [&Schedule::Constant, &step, &cosine, &Schedule::Iwae] {
            assert!((schedule.learning_rate(1.0, 0.0, 10) - 1.0).abs() < LOST);
            let factors: Vec<f64> = (0..=100)
                .map(|i| schedule.learning_rate(1.0, f64::from(i) / 10.0, 10))
                .collect();
            assert!(factors.windows(2).all(|pair| pair[1] <= pair[0] + LOST));
        }
        assert!((step.learning_rate(1.0, 9.5, 10) - 0.125).abs() < LOST);
        assert!((cosine.learning_rate(1.0, 5.0, 10) - 0.55).abs() < LOST);
        assert!((cosine.learning_rate(1.0, 10.0, 10) - 0.1).abs() < LOST);
        assert!((Schedule::Constant.learning_rate(1.0, 10.0, 10) - 1.0).abs() < LOST);
    }
}
