use std::path::{Path, PathBuf};

use latent_visualisation::Picture;
use serde_json::Value;

use crate::{Command, Error};

/// The program that runs a report's commands.
///
/// A report shows the commands as users of the program type them, quotes the numbers that they print for programs, and
/// contains the figures that they draw.
pub trait Commands {
    /// Why a command failed.
    type Error: From<Error>;

    /// What the report says about the program itself.
    fn program(&self) -> Program;

    /// A command as users type it.
    fn text(&self, command: &Command) -> String;

    /// The command that trains a run as users type it.
    fn training_text(&self, training: &TrainingCommand) -> String;

    /// Runs a command.
    fn run(&mut self, command: &Command) -> Result<Output, Self::Error>;

    /// Trains a run: a finished one of the same experiment is left as it is, and an interrupted one is resumed.
    fn train(&mut self, training: &TrainingCommand) -> Result<(), Self::Error>;

    /// A path as users type it.
    fn path_text(&self, path: &Path) -> String {
        path.display().to_string()
    }

    /// Takes note of the progress, one line at a time. Does nothing by default.
    fn progress(&mut self, _line: &str) {}
}

/// What a command found.
#[derive(Default)]
pub struct Output {
    /// The figure that it draws. It becomes a part of the page as the SVG that the figure renders.
    pub figure: Option<Box<dyn Picture>>,
    /// What it prints for programs: an object of numbers and lists, from which answers quote.
    pub value: Value,
}

/// What a report says about the program that wrote it. Texts of commands are as users type them.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The command that writes reports.
    pub command: String,
    /// The program's version.
    pub version: String,
    /// The option that makes a report quick.
    pub quick_option: Option<String>,
    /// The command that downloads MNIST.
    pub fetch_command: Option<String>,
}

/// A run to train.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingCommand {
    /// The name of the experiment, which [`latent_pretrained::experiment`] knows.
    pub experiment: String,
    /// The run's directory.
    pub directory: PathBuf,
    /// Settings of the experiment, each `key=value`.
    pub settings: Vec<String>,
    /// The number of epochs, if it is not the experiment's.
    pub epochs: Option<usize>,
    /// The largest number of training images, and of test images.
    pub limit: Option<usize>,
    /// The seed, if it is not the experiment's.
    pub seed: Option<u64>,
}
