use std::ops::ControlFlow;

use crate::Metrics;

/// The progress of training after one step, for an [`Observer`].
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The step within the epoch, counted from 1.
    pub step: usize,
    /// The number of steps of an epoch.
    pub steps: usize,
    /// The batch size; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// The mean loss of the batch, nats per image.
    pub loss: f64,
}

/// The metrics of a complete epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochReport {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Means over the training images, each before the update of its step, nats per image.
    pub train: Metrics,
    /// Means over the validation images at the end of the epoch, nats per image; `None` without validation
    /// images.
    pub validation: Option<Metrics>,
    /// Means over the test images at the end of the epoch, nats per image.
    pub test: Metrics,
    /// Training images per second.
    pub images_per_second: f64,
    /// Whether this is the last epoch.
    pub is_last: bool,
}

/// A callback for the progress of training, which can stop it.
pub trait Observer {
    /// Called after every step. [`ControlFlow::Break`] stops training, which can be resumed.
    fn step(&mut self, report: &StepReport) -> ControlFlow<()>;

    /// Called after every epoch.
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
