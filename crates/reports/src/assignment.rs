use std::path::PathBuf;

use crate::answer::Answer;
use crate::{Command, Error, Excerpt, Findings};

/// The outline of a report: the runs that it needs, and for each task its parts with commands and questions.
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
        /// Whether it has another seed than the other runs: the next number.
        has_next_seed: bool,
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
    /// The numbered questions of the task, in the order of the assignment.
    pub parts: Vec<Part>,
}

/// A part of a task, such as a numbered question: what is shown, and then what is answered.
#[derive(Default)]
pub struct Part {
    /// The heading, with the number of the assignment; a task with a single part needs none.
    pub title: Option<String>,
    /// Whether the assignment does not ask for it.
    pub is_extra: bool,
    /// Source code that is shown.
    pub excerpts: Vec<Excerpt>,
    /// Figures and numbers.
    pub exhibits: Vec<Exhibit>,
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
                has_next_seed: false,
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

    /// The same run with another name and the next seed, as a repetition of the training.
    #[must_use]
    pub fn with_next_seed(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        if let RunOrigin::Trained { has_next_seed, .. } = &mut self.origin {
            *has_next_seed = true;
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
    /// A task without parts so far.
    pub fn new(title: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            recipe: None,
            title: title.into(),
            sentence: sentence.into(),
            parts: Vec::new(),
        }
    }

    /// Begins a part: what is added next belongs to it.
    #[must_use]
    pub fn part(mut self, title: impl Into<String>) -> Self {
        self.parts.push(Part {
            title: Some(title.into()),
            ..Part::default()
        });
        self
    }

    /// Begins a part that the assignment does not ask for, marked as such.
    #[must_use]
    pub fn extra(mut self, title: impl Into<String>) -> Self {
        self.parts.push(Part {
            title: Some(title.into()),
            is_extra: true,
            ..Part::default()
        });
        self
    }

    /// The part that is being written, without a title if none was begun.
    fn last(&mut self) -> &mut Part {
        if self.parts.is_empty() {
            self.parts.push(Part::default());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// Adds source code to the current part.
    #[must_use]
    pub fn excerpt(mut self, excerpt: Excerpt) -> Self {
        self.last().excerpts.push(excerpt);
        self
    }

    /// The same task with the name of its recipe.
    #[must_use]
    pub fn recipe(mut self, name: impl Into<String>) -> Self {
        self.recipe = Some(name.into());
        self
    }

    /// Adds an exhibit of one command to the current part.
    #[must_use]
    pub fn show(self, command: Command, caption: impl Into<String>) -> Self {
        self.exhibit(Exhibit::new(command, caption))
    }

    /// Adds an exhibit to the current part.
    #[must_use]
    pub fn exhibit(mut self, exhibit: Exhibit) -> Self {
        self.last().exhibits.push(exhibit);
        self
    }

    /// Adds a question to the current part.
    #[must_use]
    pub fn answer(
        mut self,
        question: impl Fn(&Findings) -> Result<Answer, Error> + 'static,
    ) -> Self {
        self.last().questions.push(Box::new(question));
        self
    }
}
