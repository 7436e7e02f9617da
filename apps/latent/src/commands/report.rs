use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use latent_checkpoints::write_atomically;
use latent_reports::{Assignment, Listing, Options, Quick, assignment};
use serde_json::json;

use crate::arguments::{DataArguments, paths, positive, seed};
use crate::paths::{new_path, path};
use crate::report::{Reported, Run};
use crate::runs::refuse_other_data;
use crate::{Context, Error};

/// Write the report of an assignment, or of runs, as one HTML file
///
/// Trains the missing runs, runs the commands of the assignment, and answers its questions with the results. Complete runs
/// are used as they are, and interrupted ones resumed: after Ctrl-C, the same command continues. The file needs no network.
#[derive(Args)]
#[command(after_help = "\
Example:
  latent report vae2d --quick

Assignments: lab8, hy673, aevb, radboud, vae2d. On two cores with MNIST, hy673 takes about 13 minutes, radboud and lab8 9, vae2d 2, aevb less than one; with --quick, each a few minutes at most.")]
pub(crate) struct Report {
    /// Assignment (lab8, hy673, aevb, radboud, vae2d), or run directories
    #[arg(value_name = "ASSIGNMENT|RUN", required = true, value_parser = path())]
    of: Vec<PathBuf>,
    /// Train few epochs on few images, in separate runs: a preview in minutes
    #[arg(long)]
    quick: bool,
    /// With --quick: number of epochs
    #[arg(long, value_name = "N", requires = "quick", value_parser = positive)]
    epochs: Option<usize>,
    /// With --quick: use the first N images
    #[arg(long, value_name = "N", requires = "quick", value_parser = clap::value_parser!(u64).range(10..))]
    limit: Option<u64>,
    /// Directory of report.html [default: reports/ASSIGNMENT, reports/ASSIGNMENT-quick, or for runs
    /// reports/runs/RUN+RUN…]
    #[arg(short, long, value_name = "DIRECTORY", value_parser = new_path())]
    output: Option<PathBuf>,
    /// Directory of the runs
    #[arg(long, value_name = "DIRECTORY", default_value = "runs", value_parser = new_path())]
    runs: PathBuf,
    /// Seed of all random numbers [default: the seeds of the experiments]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
    /// Print the commands of the report, and run nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataArguments,
}

impl Report {
    /// Writes the report; `run` runs its commands.
    pub(crate) fn run(&self, run: Run, context: &Context) -> Result<(), Error> {
        let context = &context.keeping_data();
        let assignment = self.outline()?;
        let options = Options {
            runs: self.runs.clone(),
            quick: self.quick.then_some(Quick {
                epochs: self.epochs,
                limit: self.limit.map(|limit| limit as usize),
            }),
            seed: self.seed,
        };
        let mut commands = Reported {
            run,
            data: &self.data,
            context,
        };
        if self.dry_run {
            let listing = latent_reports::list(&assignment, &options, &commands)?;
            return print(&assignment.name, listing, context);
        }
        let suffix = if self.quick { "-quick" } else { "" };
        let directory = self
            .output
            .clone()
            .unwrap_or_else(|| Path::new("reports").join(format!("{}{suffix}", assignment.name)));
        // Before hours of training.
        fs::create_dir_all(&directory).map_err(|reason| latent_training::Error::File {
            path: directory.clone(),
            reason,
        })?;
        // All of them are runs, or none is.
        for run in self.of.iter().filter(|_| self.is_of_runs()) {
            refuse_other_data(run, &self.data, context)?;
        }
        let report = match latent_reports::write(&assignment, &options, &mut commands) {
            Err(Error::Interrupted) => {
                context.say("the same `latent report` command continues from here");
                return Err(Error::Interrupted);
            }
            written => written?,
        };
        let path = directory.join("report.html");
        write_atomically(&path, report.html.as_bytes()).map_err(latent_training::Error::from)?;
        let path = path.display().to_string();
        let object = json!({
            "assignment": assignment.name,
            "quick": self.quick,
            "runs": paths(&report.runs),
            "report": path,
        });
        context.result(&path, &object)
    }

    /// Whether all that is named are directories, and none an assignment: a directory that is called like one is meant
    /// with a slash.
    fn is_of_runs(&self) -> bool {
        let is_assignment =
            |path: &PathBuf| path.to_str().is_some_and(|name| assignment(name).is_ok());
        self.of.iter().all(|path| path.is_dir())
            && !matches!(&self.of[..], [only] if is_assignment(only))
    }

    fn outline(&self) -> Result<Assignment, Error> {
        if self.is_of_runs() {
            if self.quick || self.seed.is_some() {
                return Err(Error::RunsAsTheyAre);
            }
            return Ok(Assignment::of_runs(&self.of)?);
        }
        let name = |path: &PathBuf| path.display().to_string();
        match &self.of[..] {
            [only] => Ok(assignment(&name(only))?),
            several => {
                let other = several.iter().find(|path| !path.is_dir());
                let found = assignment(&other.map(name).unwrap_or_default())?;
                Err(Error::SeveralAssignments(found.name))
            }
        }
    }
}

/// Prints the commands that a report runs.
fn print(name: &str, listing: Listing, context: &Context) -> Result<(), Error> {
    let Listing { training, tasks } = listing;
    let mut paragraphs = vec![training.join("\n")];
    for (task, commands) in &tasks {
        paragraphs.push(format!("# {task}\n{}", commands.join("\n")));
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let task =
        |(task, commands): &(String, Vec<String>)| json!({ "task": task, "commands": commands });
    let object = json!({
        "assignment": name,
        "training": training,
        "tasks": tasks.iter().map(task).collect::<Vec<_>>(),
    });
    context.result(&paragraphs.join("\n\n"), &object)
}
