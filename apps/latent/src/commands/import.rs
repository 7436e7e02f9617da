use std::path::PathBuf;

use clap::Args;
use latent_training::{import, upgrade};
use serde_json::json;

use crate::arguments::DataArguments;
use crate::paths::{new_path, path};
use crate::shell::{CommandLine, next};
use crate::{Context, Error, experiments};

/// Import weights that another program trained, or a model of an older format
///
/// Without an experiment, FILE is a model that an earlier version of this program wrote.
///
/// FILE is a .safetensors file with the names and shapes of a PyTorch module of the same layers:
/// `safetensors.torch.save_file(module.state_dict(), FILE)`. The prefixes `module.` and `_orig_mod.` of PyTorch's wrappers
/// are removed. `tests/python/README.md` in the repository shows the modules.
#[derive(Args)]
#[command(
    after_help = "Example:\n  latent import weights.safetensors vae-2d -o vae-2d.safetensors"
)]
pub(crate) struct Import {
    /// File of weights
    #[arg(value_name = "FILE", value_parser = path())]
    weights: PathBuf,
    /// The experiment that describes the model: a name or a .toml file [default: the one in FILE]
    #[arg(value_name = "EXPERIMENT")]
    experiment: Option<String>,
    #[arg(
        long = "set",
        value_name = "KEY=VALUE",
        requires = "experiment",
        help = "Set a key of the experiment, such as model.latent_size=8"
    )]
    settings: Vec<String>,
    /// Model file to write, with the extension .safetensors
    #[arg(short, long, value_name = "OUTPUT", value_parser = new_path())]
    output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    data: DataArguments,
}

impl Import {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        if self.output.exists() && !self.overwrite {
            return Err(Error::FileExists(self.output.clone()));
        }
        if let Some(name) = &self.experiment {
            if latent_training::is_model_file(&self.weights) {
                context.say(&format!(
                    "note: {} is a model of latent; without EXPERIMENT, the new file keeps its experiment, data and metrics",
                    self.weights.display()
                ));
            }
            let mut experiment = experiments::find(name, &self.settings)?;
            let loaded = self
                .data
                .load_for_experiment(&mut experiment.data, context)?;
            import(&self.weights, &experiment, &loaded.splits, &self.output)
                .map_err(|error| Error::of_weights(&self.weights, error))?;
        } else {
            upgrade(&self.weights, &self.output)?;
        }
        let out = self.output.display().to_string();
        context.result(&out, &json!({ "files": [out] }))?;
        let evaluate = CommandLine::new("evaluate").path(&self.output);
        context.say(&next(&[evaluate.data(&self.data)]));
        Ok(())
    }
}
