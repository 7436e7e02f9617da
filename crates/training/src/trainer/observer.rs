use std::ops::ControlFlow;

use crate::Metrics;

/// One step of training, as an [`Observer`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The step within it, counted from 1.
    pub step: usize,
    /// How many steps an epoch has.
    pub steps: usize,
    /// Images in a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// The batch's mean loss, nats per image.
    pub loss: f64,
}

/// A whole epoch of training.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochReport {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Means over the training images as they were met, nats per image.
    pub train: Metrics,
    /// Means over the validation images at the end of the epoch, if there are any, nats per image.
    pub validation: Option<Metrics>,
    /// Means over the test images at the end of the epoch, nats per image.
    pub test: Metrics,
    /// Images trained on per second.
    pub images_per_second: f64,
    /// Whether there is no epoch after this one.
    pub is_last: bool,
}

/// Who watches the training.
pub trait Observer {
    /// After every step; [`ControlFlow::Break`] ends training there, with all that is needed to go
    /// on later.
    fn step(&mut self, report: &StepReport) -> ControlFlow<()>;

    /// After every epoch.
    fn epoch(&mut self, report: &EpochReport);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, _: &EpochReport) {}
}
