use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::{EpochReport, Observer, StepReport};

/// When to save a run: at the requested interval, or less often where saving would take more than 1 % of the time.
pub(crate) struct Saves {
    every: Duration,
    last: Instant,
    cost: Duration,
}

impl Saves {
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            last: Instant::now(),
            cost: Duration::ZERO,
        }
    }

    /// Whether to save within an epoch.
    pub(crate) fn are_due(&self) -> bool {
        self.every.is_zero() || (self.are_cheap() && self.last.elapsed() >= self.every)
    }

    /// Whether saving now would take less than 1 % of the time since the last save. Checked at the end of each epoch.
    pub(crate) fn are_cheap(&self) -> bool {
        /// An upper bound, so that one slow write does not suspend saving for long.
        const LONGEST: Duration = Duration::from_mins(10);
        self.last.elapsed() >= (self.cost * 100).min(LONGEST)
    }

    /// Calls `save` and records its duration.
    pub(crate) fn save<T>(&mut self, save: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = save();
        self.last = Instant::now();
        self.cost = self.last - begun;
        result
    }
}

/// An observer that also pauses an epoch when a save is due.
pub(crate) struct Pausing<'a, O> {
    pub(crate) observer: &'a mut O,
    pub(crate) saves: &'a Saves,
    /// Whether the inner observer stopped the training.
    pub(crate) is_over: bool,
}

impl<O: Observer> Observer for Pausing<'_, O> {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.is_over = self.observer.step(report).is_break();
        if self.is_over || self.saves.are_due() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.observer.epoch(report);
    }
}
