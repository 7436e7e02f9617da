use serde::{Deserialize, Serialize};

use crate::evaluation::Totals;

/// The progress of training. Together with the state tensors, it is all that resuming needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The number of complete epochs.
    pub(crate) epochs: usize,
    /// The number of completed steps of the current epoch.
    pub(super) step: usize,
    /// The number of updates since the start of training: Adam's t.
    pub(super) updates: u64,
    /// Sums of the metrics over the completed steps of the current epoch.
    pub(super) totals: Totals,
    /// The mean loss of the first batch before the first update, nats per image. Old files lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) initial_loss: Option<f64>,
    /// The epoch with the lowest validation loss.
    pub(crate) best: Option<Best>,
}

/// An epoch, counted from 1, and the validation loss after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) epoch: usize,
    pub(super) loss: f64,
}

impl Position {
    /// Whether epochs, steps and updates are consistent with this number of steps per epoch.
    pub(crate) fn is_possible(&self, steps: usize) -> bool {
        let updates = self
            .epochs
            .checked_mul(steps)
            .and_then(|done| done.checked_add(self.step));
        let best = self.best.as_ref();
        self.step <= steps
            && updates.is_some_and(|updates| updates as u64 == self.updates)
            && best.is_none_or(|best| (1..=self.epochs).contains(&best.epoch))
    }
}
