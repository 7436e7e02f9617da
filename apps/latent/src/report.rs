//! Runs the commands of reports, and writes them as text.

use std::path::Path;

use latent_reports::{Argument, Command, Commands, Output, Program, TrainingCommand};

use crate::arguments::{DataArguments, Shown};
use crate::shell::{CommandLine, quoted};
use crate::{Context, Error};

/// Runs a command line: trains a run unless it is complete, and returns the result of any other command.
pub(crate) type Run = fn(&CommandLine, &Context) -> Result<Option<Shown>, Error>;

/// The commands of this program, on the data of the report.
pub(crate) struct Reported<'a> {
    pub(crate) run: Run,
    pub(crate) data: &'a DataArguments,
    pub(crate) context: &'a Context,
}

impl Reported<'_> {
    fn line(&self, command: &Command) -> CommandLine {
        let mut line = CommandLine::new(command.name());
        for argument in command.arguments() {
            line = match argument {
                Argument::Path(path) => line.path(path),
                Argument::Run(name) => line.path(Path::new(name)),
                Argument::Word(word) => line.word(word),
                Argument::Option(name, value) => line.option(&format!("--{name}"), value),
                Argument::Flag(name) => line.word(format!("--{name}")),
                _ => line,
            };
        }
        if let Some(limit) = command.limit() {
            line = line.option_if_known("limit", limit.to_string());
        }
        line.data(self.data)
    }

    fn training_line(&self, training: &TrainingCommand) -> CommandLine {
        let mut line = CommandLine::new("train").word(&training.experiment);
        line = line.option("--output", &training.directory);
        for setting in &training.settings {
            line = line.option("--set", setting);
        }
        let options = [
            ("--epochs", training.epochs.map(|epochs| epochs.to_string())),
            ("--limit", training.limit.map(|limit| limit.to_string())),
            ("--seed", training.seed.map(|seed| seed.to_string())),
        ];
        for (option, value) in options {
            if let Some(value) = value {
                line = line.option(option, value);
            }
        }
        line.data(self.data).word("--no-figures")
    }
}

/// A command as a report shows it, always with the program name `latent`.
pub(crate) fn typed(line: &CommandLine) -> String {
    line.typed("latent")
}

impl Commands for Reported<'_> {
    type Error = Error;

    fn program(&self) -> Program {
        Program {
            command: "latent report".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            quick_option: Some("--quick".to_owned()),
            fetch_command: Some("latent data fetch".to_owned()),
        }
    }

    fn text(&self, command: &Command) -> String {
        typed(&self.line(command))
    }

    fn training_text(&self, training: &TrainingCommand) -> String {
        typed(&self.training_line(training))
    }

    fn path_text(&self, path: &Path) -> String {
        quoted(path.as_os_str())
    }

    fn run(&mut self, command: &Command) -> Result<Output, Error> {
        let line = self.line(command);
        let shown = (self.run)(&line, self.context)?;
        let Shown {
            picture, object, ..
        } = shown.ok_or_else(|| Error::NotMeasured(typed(&line)))?;
        Ok(Output {
            figure: picture,
            value: object,
        })
    }

    fn train(&mut self, training: &TrainingCommand) -> Result<(), Error> {
        let line = self.training_line(training).word("--if-needed");
        (self.run)(&line, self.context).map(|_| ())
    }

    fn progress(&mut self, line: &str) {
        self.context.say(line);
    }
}
