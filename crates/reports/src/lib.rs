//! Reports of assignments on VAEs and normalizing flows: one HTML file with the commands, figures, measurements and
//! answers.
//!
//! - An [`Assignment`] is an outline: the runs that it needs, and for each [`Task`] its parts, with commands and
//!   questions.
//!   [`assignment`] has those of this crate; [`Assignment::of_runs`] makes one of existing runs.
//! - [`Commands`] is the program that runs the commands. A report shows them as users of the program type them.
//! - [`write()`] trains the runs that are missing, runs the commands, collects their numbers in [`Findings`], and gives
//!   back a [`Report`].
//!
//! The assignments ask for these commands, in which MODEL is the directory of a run: `evaluate`, `plot curves`,
//! `reconstruct`, `sample`, `plot latents`, `plot posterior`, `plot manifold`, `interpolate`, `plot prototypes`, `plot perturbations`,
//! `plot analogies`, `classify`, `compare` and `data show`. The JSON of a command has the keys of the `latent` program: the
//! answers quote `elbo`, `reconstruction`, `kl`, `log_likelihood` (with `_standard_error`), `accuracy` and `images`.
//!
#![doc = include_str!("../README.md")]

mod answer;
mod answers;
mod assignment;
mod assignments;
mod command;
mod error;
mod excerpt;
mod excerpts;
mod exhibit;
mod findings;
mod formula;
mod html;
mod measurement;
mod number;
mod pace;
mod plan;
mod program;
mod report;
mod table;
mod tables;

pub use latent_visualisation as visualisation;
pub use serde_json;

pub use answer::{Answer, Paragraph};
pub use assignment::{Assignment, Exhibit, Part, Question, RequiredRun, RunOrigin, Task};
pub use assignments::{ASSIGNMENTS, assignment};
pub use command::{Argument, Command};
pub use error::Error;
pub use excerpt::Excerpt;
pub use findings::Findings;
pub use measurement::Measurement;
pub use number::rounded;
pub use plan::{Options, Quick};
pub use program::{Commands, Output, Program, TrainingCommand};
pub use report::{Listing, Report, list, write};
