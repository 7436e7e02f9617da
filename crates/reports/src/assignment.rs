use std::path::PathBuf;

use crate::answer::Answer;
use crate::{Command, Error, Findings};

/// The outline of a report: the runs that it needs, and for each task its commands and its questions.
///
/// [`assignment`](crate::assignment) has those of this crate; a program can write its own.
pub struct Assignment {
    /// The name, by which the report is filed.
    pub name: String,
    /// The title of the page.
    pub title: String,
    /// The subject, in a sentence or two.
    pub introduction: String,
    /// The runs, in the order in which they are trained.
    pub runs: Vec<RequiredRun>,
    /// The tasks, one section each.
    pub tasks: Vec<Task>,
}

/// A run that an assignment needs.
pub struct RequiredRun {
    /// The name by which commands refer to it, and the name of its directory if it is to be trained.
    pub name: String,
    /// Where it comes from.
    pub origin: RunOrigin,
}

/// Where a run comes from.
#[non_exhaustive]
pub enum RunOrigin {
    /// It is trained if it does not exist.
    Trained {
        /// The name of the experiment, which [`latent_pretrained::experiment`] knows.
        experiment: String,
        /// Settings, each `key=value`.
        settings: Vec<String>,
        /// The number of epochs, if it is not the experiment's.
        epochs: Option<usize>,
    },
    /// It exists in this directory.
    Existing(PathBuf),
}

/// A task of an assignment: a section of its report.
pub struct Task {
    /// The name of the recipe that runs the same commands, if there is one: the section's identifier.
    pub recipe: Option<String>,
    /// The heading.
    pub title: String,
    /// The task, in a sentence.
    pub sentence: String,
    /// What is shown.
    pub exhibits: Vec<Exhibit>,
    /// Commands that answers name and that are not run.
    pub mentions: Vec<Command>,
    /// What is answered, after all exhibits.
    pub questions: Vec<Question>,
}

/// A question, as a function of what was measured.
pub type Question = Box<dyn Fn(&Findings) -> Result<Answer, Error>>;

/// The figures and numbers of one or more commands, side by side.
pub struct Exhibit {
    /// The commands.
    pub commands: Vec<Command>,
    /// What is shown: the caption, and with the names of the runs the text alternative of the figures.
    pub caption: String,
}

impl RequiredRun {
    /// A run of an experiment, with the experiment's name.
    pub fn new(experiment: impl Into<String>) -> Self {
        let name = experiment.into();
        Self {
            origin: RunOrigin::Trained {
                experiment: name.clone(),
                settings: Vec::new(),
                epochs: None,
            },
            name,
        }
    }

    /// The same run with another name and a setting of the experiment, `key=value`.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, setting: impl Into<String>) -> Self {
        self.name = name.into();
        if let RunOrigin::Trained { settings, .. } = &mut self.origin {
            settings.push(setting.into());
        }
        self
    }

    /// The same run with another number of epochs than the experiment's.
    #[must_use]
    pub fn with_epochs(mut self, count: usize) -> Self {
        if let RunOrigin::Trained { epochs, .. } = &mut self.origin {
            *epochs = Some(count);
        }
        self
    }
}

impl Exhibit {
    /// What a command shows.
    pub fn new(command: Command, caption: impl Into<String>) -> Self {
        Self::side_by_side(vec![command], caption)
    }

    /// What several commands show.
    pub fn side_by_side(commands: Vec<Command>, caption: impl Into<String>) -> Self {
        let caption = caption.into();
        Self { commands, caption }
    }
}

impl Task {
    /// A task with neither exhibits nor questions so far.
    pub fn new(title: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            recipe: None,
            title: title.into(),
            sentence: sentence.into(),
            exhibits: Vec::new(),
            mentions: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// The same task with the name of its recipe.
    #[must_use]
    pub fn recipe(mut self, name: impl Into<String>) -> Self {
        self.recipe = Some(name.into());
        self
    }

    /// Adds an exhibit of one command.
    #[must_use]
    pub fn show(self, command: Command, caption: impl Into<String>) -> Self {
        self.exhibit(Exhibit::new(command, caption))
    }

    /// Adds an exhibit.
    #[must_use]
    pub fn exhibit(mut self, exhibit: Exhibit) -> Self {
        self.exhibits.push(exhibit);
        self
    }

    /// Adds a command that an answer names ([`Findings::text`]) and that is not run.
    #[must_use]
    pub fn mention(mut self, command: Command) -> Self {
        self.mentions.push(command);
        self
    }

    /// Adds a question.
    #[must_use]
    pub fn answer(
        mut self,
        question: impl Fn(&Findings) -> Result<Answer, Error> + 'static,
    ) -> Self {
        self.questions.push(Box::new(question));
        self
    }
}
