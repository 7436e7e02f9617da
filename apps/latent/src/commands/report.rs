use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use latent_checkpoints::write_atomically;
use serde_json::json;

use crate::arguments::{DataArguments, seed};
use crate::paths::{new_path, path};
use crate::report::{self, Assignment, Commands, Quick, Request};
use crate::{Context, Error};

/// Write the report of an assignment, or of runs: one HTML file with every picture, figure and answer
///
/// Trains what is missing, runs the commands of the assignment's recipes, and answers its questions with
/// what they measured. Finished runs are taken as they are, and interrupted ones gone on with: after
/// Ctrl-C the same command takes up where it stopped. The file opens without a network, prints, and is
/// written whole or not at all.
#[derive(Args)]
#[command(after_help = "\
Assignments: lab8, hy673, aevb, radboud, vae2d. With --quick each takes some minutes on two cores; without,
hy673 takes hours, radboud half an hour, and the others a few minutes.")]
pub(crate) struct Report {
    /// An assignment (lab8, hy673, aevb, radboud, vae2d), or run directories
    #[arg(value_name = "ASSIGNMENT|RUN", required = true, value_parser = path())]
    of: Vec<PathBuf>,
    /// Few epochs of few images, in runs of their own: what the report is like, in minutes
    #[arg(long)]
    quick: bool,
    /// With --quick: how many epochs
    #[arg(long, value_name = "N", requires = "quick", value_parser = clap::value_parser!(u64).range(1..))]
    epochs: Option<u64>,
    /// With --quick: use only the first N images
    #[arg(long, value_name = "N", requires = "quick", value_parser = clap::value_parser!(u64).range(10..))]
    limit: Option<u64>,
    /// Where report.html goes [default: reports/ASSIGNMENT, reports/ASSIGNMENT-quick, or of runs
    /// reports/runs/RUN+RUN…]
    #[arg(long, value_name = "DIRECTORY", value_parser = new_path())]
    out: Option<PathBuf>,
    /// Where runs are, and are made
    #[arg(long, value_name = "DIRECTORY", default_value = "runs", value_parser = new_path())]
    runs: PathBuf,
    /// What all randomness comes from [default: the experiments' own seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
    /// Print the commands that it would run, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataArguments,
}

impl Report {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let assignment = self.outline(context)?;
        let quick = self.quick.then_some(Quick {
            epochs: self.epochs.map(|epochs| epochs as usize),
            limit: self.limit.map(|limit| limit as usize),
        });
        let request = Request {
            runs: &self.runs,
            quick,
            seed: self.seed,
            data: &self.data,
        };
        if self.dry_run {
            return list(&assignment, &request, context);
        }
        let suffix = if self.quick { "-quick" } else { "" };
        let directory = self
            .out
            .clone()
            .unwrap_or_else(|| Path::new("reports").join(format!("{}{suffix}", assignment.name)));
        // Before hours of training.
        fs::create_dir_all(&directory).map_err(|reason| latent_training::Error::File {
            path: directory.clone(),
            reason,
        })?;
        let (page, mut object) = match report::write(&assignment, &request, context) {
            Err(Error::Interrupted) => {
                context.say("the same `latent report` goes on from there");
                return Err(Error::Interrupted);
            }
            written => written?,
        };
        let path = directory.join("report.html");
        write_atomically(&path, page.as_bytes()).map_err(latent_training::Error::from)?;
        let path = path.display().to_string();
        object["report"] = json!(path);
        context.result(&path, &object)
    }

    fn outline(&self, context: &Context) -> Result<Assignment, Error> {
        // A directory that is called like an assignment is meant with a slash.
        if let [name] = &self.of[..]
            && let Some(name) = name.to_str()
        {
            match report::find(name) {
                Err(Error::NoAssignment { .. }) if Path::new(name).is_dir() => {}
                found => return found,
            }
        }
        if let Some(missing) = self.of.iter().find(|path| !path.is_dir()) {
            return report::find(&missing.display().to_string())
                .and_then(|assignment| Err(Error::SeveralAssignments(assignment.name)));
        }
        if self.quick || self.seed.is_some() {
            return Err(Error::RunsAsTheyAre);
        }
        report::of_runs(&self.of, context)
    }
}

/// Prints the commands that a report runs.
fn list(assignment: &Assignment, request: &Request, context: &Context) -> Result<(), Error> {
    let Commands { training, tasks } = report::commands(assignment, request)?;
    let mut paragraphs = vec![training.join("\n")];
    for (task, commands) in &tasks {
        paragraphs.push(format!("# {task}\n{}", commands.join("\n")));
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let task =
        |(task, commands): &(String, Vec<String>)| json!({ "task": task, "commands": commands });
    let object = json!({
        "assignment": assignment.name,
        "training": training,
        "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
    });
    context.result(&paragraphs.join("\n\n"), &object)
}
