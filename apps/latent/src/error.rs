use std::path::{Path, PathBuf};

use latent_checkpoints::{conversion_script, is_pytorch};
use latent_datasets::Source;
use latent_reports::ASSIGNMENTS;

use crate::shell::{CommandLine, program};
use crate::suggestion::{did_you_mean, nearest};

/// An error of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no experiment `{name}`{}", did_you_mean(.nearest.as_deref()))]
    NoExperiment {
        name: String,
        nearest: Option<String>,
    },
    #[error("{0}: this is not UTF-8 text; expected an experiment in TOML")]
    NotText(PathBuf),
    #[error(
        "{device} cannot be used ({reason}); it needs a build with `--features {device}` and such a device; `--device cpu` works everywhere"
    )]
    Device {
        device: &'static str,
        reason: String,
    },
    #[error("{0} is not a run directory")]
    CurvesNeedARun(PathBuf),
    #[error("{0} has no metrics yet: no epoch is complete")]
    NoMetrics(PathBuf),
    /// A name that the operating system does not allow.
    #[error("{0}")]
    Name(String),
    #[error("the result cannot be written: {0}")]
    Output(std::io::Error),
    #[error("{run}: its experiment has no number called `{key}`{}", did_you_mean(.nearest.as_deref()))]
    NoSetting {
        run: PathBuf,
        key: String,
        nearest: Option<String>,
    },
    #[error(
        "a figure of {0} runs needs the setting in which they differ, such as `--against model.latent_size`"
    )]
    SeveralRuns(usize),
    #[error("there is no assignment and no run `{name}`{}; the assignments are {known}, and run directories also work", did_you_mean(.nearest.as_deref()))]
    NoAssignment {
        name: String,
        known: String,
        nearest: Option<String>,
    },
    #[error(
        "a report is of one assignment, such as {0}, or of run directories; several assignments need several reports"
    )]
    SeveralAssignments(String),
    #[error(
        "{run} is of another experiment: its `{key}` is {found}, and {asked} is needed. Move this run elsewhere, \
         or train another one with `train --output RUN`, or for a report with `report --runs DIRECTORY`"
    )]
    OtherRun {
        run: PathBuf,
        key: String,
        found: String,
        asked: String,
    },
    #[error(
        "{run} was trained on {found}, but the report is for {asked}. Train separate runs for the report with \
         `--runs DIRECTORY`, move this run elsewhere, or select its data with `--data`"
    )]
    OtherRunData {
        run: PathBuf,
        found: String,
        asked: String,
    },
    #[error("{0} was not measured, and the report needs it: this is a defect of `latent report`")]
    NotMeasured(String),
    #[error(
        "`{command}` of a report cannot be run, which is a defect of `latent report`: {reason}"
    )]
    Outline { command: String, reason: String },
    #[error("interrupted")]
    Interrupted,
    #[error("Ctrl-C cannot be caught: {0}")]
    Signal(#[from] ctrlc::Error),
    #[error("{variable} is `{value}`: set it to a number from 1 to {most}, or unset it")]
    ThreadsVariable {
        variable: &'static str,
        value: String,
        most: u64,
    },
    #[error("`--threads` runs the program once more, which failed: {0}")]
    Again(std::io::Error),
    #[error(
        "{0} exists: replace it with `--overwrite`, or choose another location with `--output`"
    )]
    FileExists(PathBuf),
    #[error("there is no user data directory; give a directory with `--output`")]
    NoDataDirectory,
    #[error(
        "{0} already contains a data set: replace it with `--overwrite`, or choose another location with `--output`"
    )]
    DataExist(PathBuf),
    #[error(
        "{repository} was fetched and cannot be used: {error}. If the hub is the right one (HF_ENDPOINT), \
         delete {cached} and its neighbours, and fetch again"
    )]
    WrongData {
        repository: &'static str,
        cached: PathBuf,
        error: Box<latent_datasets::Error>,
    },
    #[error("there is no pretrained model `{name}`{}", did_you_mean(.nearest.as_deref()))]
    NotPretrained {
        name: String,
        nearest: Option<String>,
    },
    #[error("{name} ({megabytes}) is not in the program: {remedy}")]
    NotInProgram {
        name: String,
        megabytes: String,
        remedy: String,
    },
    #[error(
        "{name} cannot be downloaded: latent's default repository is not published ({error}). {remedy}. These are in \
         the program and need no download: {within}"
    )]
    NotPublished {
        name: String,
        error: Box<latent_hub::Error>,
        remedy: String,
        within: String,
    },
    #[error(
        "`--quick` and `--seed` apply to trainings, and a report of runs trains nothing: omit them"
    )]
    RunsAsTheyAre,
    #[error(
        "{name} is a pretrained model, and neither a run nor a file: `{}`, without names, exports all of them",
        CommandLine::new("models export").path(.directory)
    )]
    ExportPretrained { name: String, directory: PathBuf },
    #[error(
        "no MNIST files in {}: `{program} data fetch` downloads them, `--data-dir` selects another directory, \
         and `--data synthetic` uses built-in digits",
        .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or "),
        program = program()
    )]
    NoMnist(Vec<PathBuf>),
    #[error(
        "two of these models have the name {0}, from their experiments: export them into two directories"
    )]
    SameName(String),
    #[error(
        "{0} contains other files and no index of models: choose a new directory, or an earlier export"
    )]
    NoCollection(PathBuf),
    #[error(
        "{model} was trained on other data ({trained}) than these ({found}); name the path of its data \
         with `--data`, or ask for these data with `--data {source_name}`"
    )]
    OtherData {
        model: PathBuf,
        trained: String,
        found: String,
        source_name: Source,
    },
    #[error(
        "{model} was trained on other data ({trained}) than these ({found}); a model is exported with figures of \
         its own data, so name their path with `--data`"
    )]
    ExportNeedsOwnData {
        model: PathBuf,
        trained: String,
        found: String,
    },
    #[error("the data of {run} are no longer in {path}; name their new path with `--data`")]
    DataMoved { run: PathBuf, path: PathBuf },
    #[error("{path}: there are no light strokes on a dark background of one colour; {remedy}")]
    NoStrokes { path: PathBuf, remedy: &'static str },
    #[error("the table cannot be written: {0}")]
    Table(#[from] csv::Error),
    #[error("{labels} labels for {pictures} pictures: `--input-labels` needs one for each")]
    InputLabels { pictures: usize, labels: usize },
    #[error(
        "`--data {data}` and `--data-dir {directory}` are two paths; name the data with one of them"
    )]
    TwoPaths { data: PathBuf, directory: PathBuf },
    #[error(
        "{path} is a file in PyTorch's own format, and weights are read from safetensors files. Convert its state dict \
         with Python (`pip install torch safetensors`):\n\n{snippet}\n\nand then type `latent import` with the new file"
    )]
    PyTorch { path: PathBuf, snippet: String },
    #[error(transparent)]
    Checkpoint(#[from] latent_checkpoints::Error),
    #[error(transparent)]
    Hub(#[from] latent_hub::Error),
    #[error(transparent)]
    Pretrained(latent_pretrained::Error),
    #[error(transparent)]
    Report(latent_reports::Error),
    #[error(transparent)]
    Training(#[from] latent_training::Error),
    #[error(transparent)]
    Data(#[from] latent_datasets::Error),
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    #[error(transparent)]
    Figure(latent_figures::Error),
    #[error(transparent)]
    Picture(#[from] latent_visualisation::Error),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl From<latent_figures::Error> for Error {
    fn from(error: latent_figures::Error) -> Self {
        use latent_figures::Error::{Data, Model, Tensor, Training, Visualisation};
        match error {
            Data(error) => error.into(),
            Model(error) => error.into(),
            Training(error) => error.into(),
            Visualisation(error) => error.into(),
            Tensor(error) => error.into(),
            error => Self::Figure(error),
        }
    }
}

/// Errors of the libraries below `latent-pretrained` become errors of those libraries.
impl From<latent_pretrained::Error> for Error {
    fn from(error: latent_pretrained::Error) -> Self {
        use latent_pretrained::Error::{Checkpoint, DuplicateName, Hub, NotACollection, Training};
        match error {
            Checkpoint(error) => error.into(),
            Hub(error) => error.into(),
            Training(error) => error.into(),
            DuplicateName(name) => Self::SameName(name),
            NotACollection(directory) => Self::NoCollection(directory),
            error => Self::Pretrained(error),
        }
    }
}

/// As above; a number that a report lacks is a defect of this program.
impl From<latent_reports::Error> for Error {
    fn from(error: latent_reports::Error) -> Self {
        use latent_reports::Error::{Figure, NotMeasured, Pretrained, Training, UnknownAssignment};
        match error {
            UnknownAssignment(name) => Self::NoAssignment {
                known: ASSIGNMENTS.join(", "),
                nearest: nearest(&name, ASSIGNMENTS),
                name,
            },
            NotMeasured(what) => Self::NotMeasured(what),
            Pretrained(error) => (*error).into(),
            Training(error) => (*error).into(),
            Figure(error) => error.into(),
            error => Self::Report(error),
        }
    }
}

impl Error {
    /// The error of a file of weights; for a file of PyTorch, with instructions to convert it.
    pub(crate) fn of_weights(path: &Path, error: latent_training::Error) -> Self {
        use latent_checkpoints::Error::NotSafetensors;
        use latent_training::Error::Checkpoint;
        match error {
            Checkpoint(NotSafetensors { .. }) if is_pytorch(path) => Self::PyTorch {
                path: path.to_owned(),
                snippet: conversion_script(path),
            },
            error => error.into(),
        }
    }
}
