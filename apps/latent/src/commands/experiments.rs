use clap::Args;
use serde_json::json;

use crate::{Context, Error, shell};

/// List the experiments, with their tasks
#[derive(Args)]
#[command(after_help = "Example:\n  latent experiments")]
pub(crate) struct Experiments {}

impl Experiments {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let all = latent_pretrained::experiments()?;
        let width = all
            .iter()
            .map(|experiment| experiment.name.len())
            .max()
            .unwrap_or(0);
        let words: Vec<String> = all
            .iter()
            .map(|experiment| {
                let indent = " ".repeat(width);
                let tasks = match &experiment.tasks[..] {
                    [] => String::new(),
                    tasks => format!("; for just {}", tasks.join(", ")),
                };
                format!(
                    "{:width$}  {}\n{indent}  {} epochs{tasks}",
                    experiment.name, experiment.description, experiment.training.epochs,
                )
            })
            .collect();
        let words = format!(
            "{}\n\nTrain one with `{} train NAME`.",
            words.join("\n"),
            shell::program()
        );
        context.result(&words, &json!({ "experiments": all }))
    }
}
