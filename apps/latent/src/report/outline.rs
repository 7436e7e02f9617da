//! What a report is made of, before anything is measured.

use std::path::PathBuf;

use super::Findings;
use super::answers::Answer;
use crate::Error;

/// A report's outline.
pub(crate) struct Assignment {
    /// What it is called on the command line.
    pub(crate) name: String,
    pub(crate) title: String,
    /// What it is about, in a sentence or two.
    pub(crate) introduction: String,
    /// What has to be trained, in this order.
    pub(crate) runs: Vec<Wanted>,
    pub(crate) tasks: Vec<Task>,
}

/// A run that a report needs.
pub(crate) struct Wanted {
    /// What commands call it, and its directory unless that is given.
    pub(crate) name: String,
    /// How it is trained.
    pub(crate) training: Training,
}

/// Where a run comes from.
pub(crate) enum Training {
    /// It is trained if it is not there: an experiment with settings, and with other epochs than its own.
    Of {
        experiment: &'static str,
        settings: Vec<&'static str>,
        epochs: Option<usize>,
    },
    /// It is there already, whatever it is.
    Done(PathBuf),
}

/// A task of an assignment: a section of its report.
pub(crate) struct Task {
    /// The recipe of the justfile that does the same, if there is one.
    pub(crate) recipe: Option<&'static str>,
    pub(crate) title: String,
    /// The task in a sentence.
    pub(crate) sentence: String,
    pub(crate) exhibits: Vec<Exhibit>,
    pub(crate) answers: Vec<Write>,
}

/// Writes an answer from what was found.
pub(crate) type Write = Box<dyn Fn(&Findings) -> Result<Answer, Error>>;

/// What one or several commands show, side by side.
pub(crate) struct Exhibit {
    /// As they are typed after `latent`, with runs by their names.
    pub(crate) commands: Vec<String>,
    /// What is to be seen, and for whom cannot see it.
    pub(crate) caption: String,
}

/// A run of an experiment as it is.
pub(crate) fn run(experiment: &'static str) -> Wanted {
    Wanted {
        name: experiment.to_owned(),
        training: Training::Of {
            experiment,
            settings: Vec::new(),
            epochs: None,
        },
    }
}

/// A run by another name, of an experiment with one setting.
pub(crate) fn run_with(
    name: &'static str,
    experiment: &'static str,
    setting: &'static str,
    epochs: Option<usize>,
) -> Wanted {
    Wanted {
        name: name.to_owned(),
        training: Training::Of {
            experiment,
            settings: vec![setting],
            epochs,
        },
    }
}

/// An exhibit of commands, one a line.
pub(crate) fn exhibit(commands: &str, caption: &str) -> Exhibit {
    Exhibit {
        commands: commands
            .lines()
            .map(|line| line.trim().to_owned())
            .collect(),
        caption: caption.to_owned(),
    }
}

/// A task that a recipe does too.
pub(crate) fn task(
    recipe: &'static str,
    title: &str,
    sentence: &str,
    exhibits: Vec<Exhibit>,
    answers: Vec<Write>,
) -> Task {
    Task {
        recipe: Some(recipe),
        title: title.to_owned(),
        sentence: sentence.to_owned(),
        exhibits,
        answers,
    }
}
