use serde::{Deserialize, Serialize};

/// How the step size changes over a training: a factor that the learning rate is multiplied by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'cosine' }"
)]
#[non_exhaustive]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// By `factor` after every `epochs` epochs.
    Step {
        /// Epochs from one change to the next.
        epochs: usize,
        /// What it changes by.
        factor: f64,
    },
    /// Along half a cosine from 1 to `floor`: Loshchilov & Hutter 2017, equation 5, without restarts.
    Cosine {
        /// The last factor.
        #[serde(default)]
        floor: f64,
    },
    /// In eight stages i = 0 … 7, with a factor of 10^(−i/7) for 3ⁱ of every 3,280 epochs: with 3,280
    /// epochs that of Burda, Grosse & Salakhutdinov 2016, section 5, and with fewer its proportions.
    Iwae,
}

impl Schedule {
    /// The factor when so many epochs are done, with fractions, of `total`.
    pub fn factor(&self, epochs: f64, total: usize) -> f64 {
        let share = (epochs / total.max(1) as f64).clamp(0.0, 1.0);
        match self {
            Self::Constant => 1.0,
            Self::Step {
                epochs: every,
                factor,
            } => factor.powf((epochs / (*every).max(1) as f64).floor()),
            Self::Cosine { floor } => {
                floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
            }
            Self::Iwae => {
                const STAGES: i32 = 8;
                // The stages before stage i are (3ⁱ − 1) / (3⁸ − 1) of the whole.
                let begins = |stage: i32| (3f64.powi(stage) - 1.0) / (3f64.powi(STAGES) - 1.0);
                let stage = (1..STAGES)
                    .take_while(|&stage| begins(stage) <= share)
                    .count();
                10f64.powf(-(stage as f64) / f64::from(STAGES - 1))
            }
        }
    }

    /// The key of a value that makes no sense, the value, and what to do about it.
    pub(crate) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        match self {
            Self::Step { epochs: 0, .. } => Some((
                "training.schedule.epochs",
                "0".to_owned(),
                "it must be 1 or more",
            )),
            Self::Step { factor, .. } if !(factor.is_finite() && *factor > 0.0) => Some((
                "training.schedule.factor",
                factor.to_string(),
                "it must be a positive number",
            )),
            Self::Cosine { floor } if !(0.0..=1.0).contains(floor) => Some((
                "training.schedule.floor",
                floor.to_string(),
                "it must be from 0 to 1",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some ten operations on factors below one, or on epochs relative to their number.
    const LOST: f64 = 10.0 * latent_tolerance::DOUBLE;

    #[test]
    fn the_paper_of_the_importance_weighted_bound_is_met_stage_by_stage() {
        let mut epoch = 0.0;
        for stage in 0..8 {
            let expected = 10f64.powf(-f64::from(stage) / 7.0);
            let length = 3f64.powi(stage);
            for at in [epoch, epoch + length / 2.0, epoch + length - 0.01] {
                assert!(
                    (Schedule::Iwae.factor(at, 3280) - expected).abs() < LOST,
                    "{at}"
                );
                // A shorter training has the same proportions.
                assert!((Schedule::Iwae.factor(at / 32.8, 100) - expected).abs() < LOST);
            }
            epoch += length;
        }
        assert!((epoch - 3280.0).abs() < 3280.0 * LOST);
    }

    #[test]
    fn schedules_begin_at_one_and_end_where_they_say() {
        let step = Schedule::Step {
            epochs: 3,
            factor: 0.5,
        };
        let cosine = Schedule::Cosine { floor: 0.1 };
        for schedule in [&Schedule::Constant, &step, &cosine, &Schedule::Iwae] {
            assert!((schedule.factor(0.0, 10) - 1.0).abs() < LOST);
            let factors: Vec<f64> = (0..=100)
                .map(|i| schedule.factor(f64::from(i) / 10.0, 10))
                .collect();
            assert!(factors.windows(2).all(|pair| pair[1] <= pair[0] + LOST));
        }
        assert!((step.factor(9.5, 10) - 0.125).abs() < LOST);
        assert!((cosine.factor(5.0, 10) - 0.55).abs() < LOST);
        assert!((cosine.factor(10.0, 10) - 0.1).abs() < LOST);
        assert!((Schedule::Constant.factor(10.0, 10) - 1.0).abs() < LOST);
    }
}
