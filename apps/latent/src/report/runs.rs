//! A report of any runs: each by itself, and then all beside each other.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Component, Path, PathBuf};

use latent_models::LatentModel;
use latent_training::load_model;

use super::outline::{Assignment, Exhibit, Task, Training, Wanted, exhibit};
use crate::{Context, Error};

/// The outline of a report of runs that are there.
///
/// # Errors
/// One of them is none, or has no model yet.
pub(crate) fn of_runs(directories: &[PathBuf], context: &Context) -> Result<Assignment, Error> {
    let mut runs = Vec::new();
    let mut tasks = Vec::new();
    for directory in directories {
        // In an outline words end at spaces, and not at those that break no line.
        let name = directory.display().to_string().replace(' ', "\u{a0}");
        tasks.push(of_run(&name, directory, context)?);
        runs.push(Wanted {
            name,
            training: Training::Done(directory.clone()),
        });
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    if names.len() > 1 {
        tasks.push(Task {
            recipe: None,
            title: "Comparison".to_owned(),
            sentence: "What tells the runs apart, how they ended, and how they went.".to_owned(),
            exhibits: vec![exhibit(
                &format!("compare {}", names.join(" ")),
                "The test images over the epochs of each run",
            )],
            answers: Vec::new(),
        });
    }
    Ok(Assignment {
        name: name_of(directories),
        title: match &names[..] {
            [name] => format!("The run {name}"),
            names => format!("{} runs", names.len()),
        },
        introduction: "What was trained, how it went, and what came of it.".to_owned(),
        runs,
        tasks,
    })
}

/// What the report is filed under: beside those of assignments, by the paths of the runs, so that reports
/// of other runs stay what they are.
fn name_of(directories: &[PathBuf]) -> String {
    /// What is longer is cut, and told apart by a number.
    const LONGEST: usize = 100;
    let name = |directory: &PathBuf| {
        let parts = directory.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        });
        parts.collect::<Vec<_>>().join("-")
    };
    let mut name = directories.iter().map(name).collect::<Vec<_>>().join("+");
    if name.len() > LONGEST {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let cut: String = name.chars().take(LONGEST / 4).collect();
        name = format!("{cut}-{:016x}", hasher.finish());
    }
    format!("runs/{name}")
}

fn of_run(name: &str, directory: &Path, context: &Context) -> Result<Task, Error> {
    let model = load_model(directory, &context.device)?;
    let experiment = &model.metadata.experiment;
    let size = model.model.latent_size();
    let of = |command: &str, caption: &str| -> Exhibit {
        let (command, options) = command.split_once(' ').unwrap_or((command, ""));
        exhibit(format!("{command} {name} {options}").trim_end(), caption)
    };
    let mut exhibits = vec![
        of("curves", "Loss and its parts over the epochs"),
        of("evaluate", "The test images, nats an image"),
        of("reconstruct", "Ten test images above their reconstructions"),
        of("sample", "New images, from latents of the prior"),
    ];
    if size > 1 {
        exhibits.push(of(
            "scatter",
            "Where the test images lie in the latent space, coloured by digit",
        ));
    }
    if !experiment.model.is_exact() {
        exhibits.push(of(
            "posterior",
            "The latents of the test images against the prior",
        ));
    }
    if size == 2 {
        exhibits.push(of("manifold --quantiles", "The latent plane, decoded"));
    }
    if experiment.model.is_conditional() {
        exhibits.push(of(
            "restyle",
            "Ten test images, and in the style of each all ten digits",
        ));
    } else {
        exhibits.push(of(
            "interpolate",
            "The ways between five pairs of test images",
        ));
    }
    Ok(Task {
        recipe: None,
        title: name.to_owned(),
        sentence: experiment.description.clone(),
        exhibits,
        answers: Vec::new(),
    })
}
