use serde::{Deserialize, Serialize};

use crate::evaluation::Totals;

/// Where training stands: with the variables and moments, all that it takes to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Epochs that are complete.
    pub(crate) epochs: usize,
    /// Steps of the next epoch that are done.
    pub(super) step: usize,
    /// Updates since the beginning: Adam's t.
    pub(super) updates: u64,
    /// Sums over the part of the epoch that is done.
    pub(super) totals: Totals,
    /// The loss of the first batch before the first update, nats per image; absent from files from
    /// before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) initial_loss: Option<f64>,
    /// The epoch with the lowest loss of the validation images.
    pub(crate) best: Option<Best>,
}

/// An epoch, counted from 1, and the loss of the validation images after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) epoch: usize,
    pub(super) loss: f64,
}

impl Position {
    /// Whether a loop with this many steps an epoch can stand here.
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
