use clap::Args;
use latent_reports::{ASSIGNMENTS, RunOrigin, assignment};
use serde_json::json;

use crate::{Context, Error, shell};

/// List the experiments, with the assignments that train them
#[derive(Args)]
#[command(after_help = "Example:\n  latent experiments")]
pub(crate) struct Experiments {}

impl Experiments {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let all = latent_pretrained::experiments()?;
        let names = all.iter().map(|experiment| experiment.name.len());
        let width = names.max().unwrap_or(0);
        let (mut lines, mut objects) = (Vec::new(), Vec::new());
        for experiment in all {
            let assignments = assignments_of(&experiment.name)?;
            let used = match &assignments[..] {
                [] => String::new(),
                names => format!("; assignments: {}", names.join(", ")),
            };
            lines.push(format!(
                "{:width$}  {}\n{:width$}  {} epochs{used}",
                experiment.name, experiment.description, "", experiment.training.epochs,
            ));
            let mut object = json!(experiment);
            object["assignments"] = json!(assignments);
            objects.push(object);
        }
        let words = format!(
            "{}\n\nTrain one with `{} train NAME`.",
            lines.join("\n"),
            shell::program()
        );
        context.result(&words, &json!({ "experiments": objects }))
    }
}

/// The assignments whose reports train an experiment.
fn assignments_of(experiment: &str) -> Result<Vec<&'static str>, Error> {
    let mut found = Vec::new();
    for name in ASSIGNMENTS {
        let is_trained = assignment(name)?.runs.iter().any(|run| match &run.origin {
            RunOrigin::Trained { experiment: of, .. } => of == experiment,
            _ => false,
        });
        found.extend(is_trained.then_some(name));
    }
    Ok(found)
}
