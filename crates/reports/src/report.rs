use std::path::PathBuf;
use std::time::Instant;

use askama::Template;
use latent_training::{Experiment, thousands};

use crate::exhibit::{ExhibitView, data_name, shown};
use crate::findings::Findings;
use crate::html::page;
use crate::pace::Pace;
use crate::plan::{Options, Plan};
use crate::table::{Cell, Table};
use crate::{Answer, Assignment, Commands, Error, Part, Program, RequiredRun, RunOrigin, Task};

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The page: one HTML file that is XML too, and needs no other file and no network.
    pub html: String,
    /// The directories of the runs, in the assignment's order.
    pub runs: Vec<PathBuf>,
}

/// The commands that a report runs, as users type them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Those that train.
    pub training: Vec<String>,
    /// Those of each task, by the name of its recipe or by its title.
    pub tasks: Vec<(String, Vec<String>)>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    assignment: &'a Assignment,
    program: Program,
    is_quick: bool,
    is_synthetic: bool,
    /// The name of data that are neither MNIST nor synthetic, in the report of an assignment on MNIST.
    own_data: Option<&'a str>,
    runs: Table,
    /// The commands that train.
    commands: Vec<String>,
    sections: Vec<Section<'a>>,
}

struct Section<'a> {
    id: String,
    task: &'a Task,
    parts: Vec<PartView<'a>>,
}

struct PartView<'a> {
    id: String,
    part: &'a Part,
    exhibits: Vec<ExhibitView>,
    answers: Vec<Answer>,
}

/// The commands that a report would run.
///
/// # Errors
/// An experiment of the assignment is unknown.
pub fn list(
    assignment: &Assignment,
    options: &Options,
    commands: &impl Commands,
) -> Result<Listing, Error> {
    let plan = Plan::of(assignment, options);
    let of_task = |task: &Task| {
        let exhibits = task.parts.iter().flat_map(|part| &part.exhibits);
        let all = exhibits.flat_map(|exhibit| &exhibit.commands);
        let texts = all.map(|command| commands.text(&plan.resolved(command)));
        let name = task.recipe.as_ref().unwrap_or(&task.title);
        (name.clone(), texts.collect())
    };
    Ok(Listing {
        training: training(assignment, &plan, commands)?,
        tasks: assignment.tasks.iter().map(of_task).collect(),
    })
}

/// Trains the runs that are missing, runs the commands, and writes the report.
///
/// # Errors
/// A training or a command fails, or a number that an answer quotes was not measured. Runs stay, and the next attempt
/// resumes them.
pub fn write<C: Commands>(
    assignment: &Assignment,
    options: &Options,
    commands: &mut C,
) -> Result<Report, C::Error> {
    let plan = Plan::of(assignment, options);
    let mut findings = Findings::default();
    let mut pace = Pace::default();
    for (index, run) in assignment.runs.iter().enumerate() {
        let (number, count) = (index + 1, assignment.runs.len());
        let mut left = 0.0;
        for later in &assignment.runs[index..] {
            left += plan.work(later, &findings)?;
        }
        let (work, start) = (plan.work(run, &findings)?, Instant::now());
        let words = if left > 0.0 {
            format!("; {}", pace.left(left))
        } else {
            String::new()
        };
        commands.progress(&format!("run {number} of {count}: {}{words}", run.name));
        let trained = plan.trained(run, commands)?;
        if work > 0.0 {
            pace.measured(work, start.elapsed());
        }
        findings.add_run(&run.name, trained);
    }
    let mut sections = Vec::new();
    let mut figures = 0;
    for (index, task) in assignment.tasks.iter().enumerate() {
        let default_id = || format!("task-{}", index + 1);
        let id = task.recipe.clone().unwrap_or_else(default_id);
        let mut parts = Vec::new();
        for part in &task.parts {
            let mut exhibits = Vec::new();
            for exhibit in &part.exhibits {
                let exhibit = shown(exhibit, &plan, &mut findings, &mut figures, commands)?;
                exhibits.push(exhibit);
            }
            parts.push(PartView {
                id: format!("{id}-{}", parts.len() + 1),
                part,
                exhibits,
                answers: Vec::new(),
            });
        }
        sections.push(Section { id, task, parts });
    }
    // An answer can quote the results of later parts.
    for part in sections.iter_mut().flat_map(|section| &mut section.parts) {
        let answers = part
            .part
            .questions
            .iter()
            .map(|question| question(&findings));
        part.answers = answers.collect::<Result<_, _>>()?;
    }
    let trained = assignment.runs.iter().map(|run| findings.run(&run.name));
    let trained: Vec<_> = trained.collect::<Result<_, _>>()?;
    let is_assignment = assignment
        .runs
        .iter()
        .any(|run| matches!(run.origin, RunOrigin::Trained { .. }));
    let mut names = trained.iter().map(|run| run.metadata.data.name.as_str());
    let own_data = names.find(|name| !matches!(*name, "mnist" | "synthetic"));
    let html = page(&Page {
        assignment,
        program: commands.program(),
        is_quick: plan.is_quick(),
        is_synthetic: trained
            .iter()
            .any(|run| run.metadata.data.name == "synthetic"),
        own_data: own_data.filter(|_| is_assignment),
        runs: runs(assignment, &findings)?,
        commands: training(assignment, &plan, commands)?,
        sections,
    })?;
    let directory = |run: &RequiredRun| plan.directory(&run.name).map(ToOwned::to_owned);
    Ok(Report {
        html,
        runs: assignment.runs.iter().filter_map(directory).collect(),
    })
}

/// The commands that train an assignment's runs.
fn training(
    assignment: &Assignment,
    plan: &Plan,
    commands: &impl Commands,
) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for run in &assignment.runs {
        if let Some(training) = plan.training(run)? {
            texts.push(commands.training_text(&training));
        }
    }
    Ok(texts)
}

/// The runs that a report is of.
fn runs(assignment: &Assignment, findings: &Findings) -> Result<Table, Error> {
    let mut table = Table::new([
        "run",
        "experiment",
        "data",
        "training images",
        "epochs",
        "seed",
        "latent",
    ]);
    for required in &assignment.runs {
        let run = findings.run(&required.name)?;
        let (metadata, experiment) = (&run.metadata, &run.metadata.experiment);
        let (planned, done) = (experiment.training.epochs, run.records.len());
        let mut epochs = match done {
            done if done == planned => planned.to_string(),
            done => format!("{done} of {planned}"),
        };
        if metadata.epoch != done {
            epochs = format!("{epochs}, of which {} was the best", metadata.epoch);
        }
        table.push(vec![
            Cell::Code(run.path.clone()),
            description(required, experiment).into(),
            data_name(&metadata.data.name).into(),
            thousands(metadata.data.images).into(),
            epochs.into(),
            experiment.seed.to_string().into(),
            metadata.version.clone().into(),
        ]);
    }
    Ok(table)
}

/// The experiment of a run, with its settings or its description.
fn description(required: &RequiredRun, experiment: &Experiment) -> String {
    match &required.origin {
        RunOrigin::Trained { settings, .. } if !settings.is_empty() => {
            format!("{} with {}", experiment.name, settings.join(", "))
        }
        _ => format!("{}: {}", experiment.name, experiment.description),
    }
}
