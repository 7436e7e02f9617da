use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::{EpochReport, Observer, StepReport};

/// When a run is saved: as often as is asked for, as long as that takes less than a hundredth of the time.
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

    /// Whether a run is to be saved in the middle of an epoch.
    pub(crate) fn are_due(&self) -> bool {
        self.every.is_zero() || (self.are_cheap() && self.last.elapsed() >= self.every)
    }

    /// Whether it costs next to nothing to save it, as at the end of an epoch.
    pub(crate) fn are_cheap(&self) -> bool {
        /// What one slow moment of the disk may cost of training.
        const LONGEST: Duration = Duration::from_mins(10);
        self.last.elapsed() >= (self.cost * 100).min(LONGEST)
    }

    /// Saves by `save`, and notes what it took.
    pub(crate) fn save<T>(&mut self, save: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = save();
        self.last = Instant::now();
        self.cost = self.last - begun;
        result
    }
}

/// An observer that also ends an epoch where it is time to save.
pub(crate) struct Pausing<'a, O> {
    pub(crate) observer: &'a mut O,
    pub(crate) saves: &'a Saves,
    /// Whether it was the observer that ended it.
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
