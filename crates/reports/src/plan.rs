//! The directories of an assignment's runs, and the commands with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latent_models::{ModelConfig, Shape};
use latent_training::{Experiment, Run};

use crate::findings::{Findings, TrainedRun};
use crate::pace::work;
use crate::{Assignment, Command, Commands, Error, RequiredRun, RunOrigin, TrainingCommand};

/// What a report is written with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory of the runs that are trained.
    pub runs: PathBuf,
    /// Whether the runs are short ones, with names of their own.
    pub quick: Option<Quick>,
    /// The seed of the runs, if it is not the experiments'.
    pub seed: Option<u64>,
}

/// A report in minutes: a few epochs of a few images.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick {
    /// The number of epochs. By default as many as train in some seconds on two cores.
    pub epochs: Option<usize>,
    /// The number of images. By default as many as train in some seconds on two cores.
    pub limit: Option<usize>,
}

/// The shape of MNIST's images.
const MNIST: Shape = Shape {
    channels: 1,
    height: 28,
    width: 28,
};

/// The most images that a quick report evaluates.
const QUICK_IMAGES: usize = 1000;

impl Quick {
    fn epochs_and_limit(self, experiment: &Experiment) -> (usize, usize) {
        use ModelConfig::{
            ConditionalConvolutionalVae, ConditionalFlow, ConditionalLadderVae, ConvolutionalVae,
            Flow, LadderVae,
        };
        let (epochs, limit) = match experiment.model {
            Flow(_) | ConditionalFlow(_) => (3, 1500),
            ConvolutionalVae(_)
            | ConditionalConvolutionalVae(_)
            | LadderVae(_)
            | ConditionalLadderVae(_) => (3, 5000),
            _ => (5, 15_000),
        };
        (self.epochs.unwrap_or(epochs), self.limit.unwrap_or(limit))
    }

    fn evaluated(self) -> usize {
        self.limit.unwrap_or(QUICK_IMAGES).min(QUICK_IMAGES)
    }
}

pub(crate) struct Plan<'a> {
    pub(crate) options: &'a Options,
    directories: BTreeMap<&'a str, PathBuf>,
}

impl<'a> Plan<'a> {
    pub(crate) fn of(assignment: &'a Assignment, options: &'a Options) -> Self {
        let suffix = if options.quick.is_some() {
            "-quick"
        } else {
            ""
        };
        let directory = |run: &RequiredRun| match &run.origin {
            RunOrigin::Existing(path) => path.clone(),
            RunOrigin::Trained { .. } => options.runs.join(format!("{}{suffix}", run.name)),
        };
        let entry = |run: &'a RequiredRun| (run.name.as_str(), directory(run));
        Self {
            options,
            directories: assignment.runs.iter().map(entry).collect(),
        }
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.options.quick.is_some()
    }

    pub(crate) fn directory(&self, run: &str) -> Option<&Path> {
        self.directories.get(run).map(PathBuf::as_path)
    }

    /// A command of the assignment with the directories of its runs, as it is run.
    pub(crate) fn resolved(&self, command: &Command) -> Command {
        let limit = self.options.quick.map(Quick::evaluated);
        command.resolved(|run| self.directory(run), limit)
    }

    /// How a run is trained; nothing for one that exists.
    pub(crate) fn training(&self, run: &RequiredRun) -> Result<Option<TrainingCommand>, Error> {
        let RunOrigin::Trained {
            experiment,
            settings,
            epochs,
            has_next_seed,
        } = &run.origin
        else {
            return Ok(None);
        };
        let (mut epochs, mut limit) = (*epochs, None);
        let known = latent_pretrained::experiment(experiment, &[])?;
        if let Some(quick) = self.options.quick {
            let (quick_epochs, quick_limit) = quick.epochs_and_limit(&known);
            (epochs, limit) = (Some(quick_epochs), Some(quick_limit));
        }
        let mut seed = self.options.seed;
        if *has_next_seed {
            seed = Some(seed.unwrap_or(known.seed).wrapping_add(1));
        }
        Ok(Some(TrainingCommand {
            experiment: experiment.clone(),
            directory: self.directories[run.name.as_str()].clone(),
            settings: settings.clone(),
            epochs,
            limit,
            seed,
        }))
    }

    /// The work of a training that is still to be done, roughly; 0 for a complete run. The images are those of the runs so
    /// far, or else as many as MNIST's.
    pub(crate) fn work(&self, run: &RequiredRun, findings: &Findings) -> Result<f64, Error> {
        let Some(training) = self.training(run)? else {
            return Ok(0.0);
        };
        let existing = Run::open(&training.directory);
        if existing.is_ok_and(|run| run.is_complete().unwrap_or(false)) {
            return Ok(0.0);
        }
        let mut experiment =
            latent_pretrained::experiment(&training.experiment, &training.settings)?;
        if let Some(epochs) = training.epochs {
            experiment.training.epochs = epochs;
        }
        let (mut shape, mut classes, mut images) = (MNIST, 10, 60_000);
        if let Some(data) = findings.data_record() {
            (shape, classes, images) = (data.shape, data.classes, data.images);
        }
        images = images.min(training.limit.unwrap_or(usize::MAX));
        Ok(work(&experiment, shape, classes, images))
    }

    /// A run, trained if it is missing or unfinished.
    pub(crate) fn trained<C: Commands>(
        &self,
        run: &RequiredRun,
        commands: &mut C,
    ) -> Result<TrainedRun, C::Error> {
        if let Some(training) = self.training(run)? {
            commands.train(&training)?;
        }
        let directory = &self.directories[run.name.as_str()];
        Ok(read(directory, commands.path_text(directory))?)
    }
}

fn read(directory: &Path, path: String) -> Result<TrainedRun, Error> {
    let run = Run::open(directory)?;
    Ok(TrainedRun {
        path,
        metadata: run.model_metadata()?,
        records: run.metrics()?,
    })
}
