use std::fmt;
use std::path::{Path, PathBuf};

/// A command of the program that trains models and draws figures, such as the evaluation of a run.
///
/// It is data, not text: the [`Commands`](crate::Commands) of a program run it, and write it as its users type it.
///
/// ```
/// use latent_reports::Command;
///
/// let command = Command::new("interpolate").run("aevb").option("steps", 25);
/// assert_eq!(command.name(), "interpolate");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Command {
    name: String,
    arguments: Vec<Argument>,
    limit: Option<usize>,
}

/// An argument of a [`Command`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Argument {
    /// A run, by its name in the assignment. A report replaces it by its directory before it runs the command.
    Run(String),
    /// A path.
    Path(PathBuf),
    /// A word.
    Word(String),
    /// An option with a value.
    Option(String, String),
    /// An option without a value.
    Flag(String),
}

impl Command {
    /// A command by its name: one word, or two for a subcommand.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            limit: None,
        }
    }

    /// A command with a run as its argument.
    pub fn of_run(name: impl Into<String>, run: impl Into<String>) -> Self {
        Self::new(name).run(run)
    }

    /// Adds a run by its name in the assignment.
    #[must_use]
    pub fn run(self, name: impl Into<String>) -> Self {
        self.argument(Argument::Run(name.into()))
    }

    /// Adds a word.
    #[must_use]
    pub fn word(self, word: impl Into<String>) -> Self {
        self.argument(Argument::Word(word.into()))
    }

    /// Adds an option with a value.
    #[must_use]
    pub fn option(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.argument(Argument::Option(name.into(), value.to_string()))
    }

    /// Adds an option without a value.
    #[must_use]
    pub fn flag(self, name: impl Into<String>) -> Self {
        self.argument(Argument::Flag(name.into()))
    }

    fn argument(mut self, argument: Argument) -> Self {
        self.arguments.push(argument);
        self
    }

    /// The command's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments, in order.
    pub fn arguments(&self) -> &[Argument] {
        &self.arguments
    }

    /// The largest number of test images to evaluate, in a quick report. A command that evaluates none ignores it.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The runs that it names.
    pub(crate) fn runs(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for argument in &self.arguments {
            if let Argument::Run(name) = argument {
                names.push(name.as_str());
            }
        }
        names
    }

    /// The command with other labels in its options `label` and `labels`, and other digits in `number`.
    pub(crate) fn with_labels(&self, label: impl Fn(u8) -> u8) -> Self {
        let replaced = |text: &str| -> String {
            let words = text.split(',').map(|word| match word.parse() {
                Ok(number) => label(number).to_string(),
                Err(_) => word.to_owned(),
            });
            words.collect::<Vec<_>>().join(",")
        };
        let argument = |argument: &Argument| match argument {
            Argument::Option(name, value) if name == "label" || name == "labels" => {
                Argument::Option(name.clone(), replaced(value))
            }
            Argument::Option(name, value) if name == "number" => {
                let digits = value.chars().map(|digit| replaced(&digit.to_string()));
                Argument::Option(name.clone(), digits.collect())
            }
            other => other.clone(),
        };
        Self {
            arguments: self.arguments.iter().map(argument).collect(),
            ..self.clone()
        }
    }

    /// The command with directories in place of runs. A smaller `limit` replaces the command's own.
    pub(crate) fn resolved<'a>(
        &self,
        directory: impl Fn(&str) -> Option<&'a Path>,
        mut limit: Option<usize>,
    ) -> Self {
        let mut limited = |own: &String| match (own.parse(), limit.take()) {
            (Ok(own), Some(limit)) => limit.min(own).to_string(),
            _ => own.clone(),
        };
        let argument = |argument: &Argument| match argument {
            Argument::Run(name) => {
                Argument::Path(directory(name).unwrap_or(Path::new(name)).to_owned())
            }
            Argument::Option(name, own) if name == "limit" => {
                Argument::Option(name.clone(), limited(own))
            }
            other => other.clone(),
        };
        Self {
            name: self.name.clone(),
            arguments: self.arguments.iter().map(argument).collect(),
            limit,
        }
    }
}

/// The name and the arguments, for messages about the assignment.
impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for argument in &self.arguments {
            match argument {
                Argument::Run(word) | Argument::Word(word) | Argument::Flag(word) => {
                    write!(formatter, " {word}")?;
                }
                Argument::Path(path) => write!(formatter, " {}", path.display())?,
                Argument::Option(name, value) => write!(formatter, " {name}={value}")?,
            }
        }
        Ok(())
    }
}
