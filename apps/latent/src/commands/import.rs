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
/// The weights are a .safetensors file with the names and shapes that a PyTorch module of the same layers has:
/// `safetensors.torch.save_file(module.state_dict(), FILE)`. The prefixes `module.` and `_orig_mod.`, which PyTorch's
/// wrappers add, are left out. `tests/python/README.md` of the repository shows the modules.
#[derive(Args)]
pub(crate) struct Import {
    /// The weights
    #[arg(value_name = "FILE", value_parser = path())]
    weights: PathBuf,
    /// The experiment that describes the model: a name or a .toml file [default: the one in FILE]
    #[arg(value_name = "NAME|FILE.toml")]
    experiment: Option<String>,
    #[arg(
        long = "set",
        value_name = "KEY=VALUE",
        requires = "experiment",
        help = "Change any value of the experiment, such as model.latent_size=8"
    )]
    settings: Vec<String>,
    /// The model's file to write
    #[arg(long, value_name = "FILE.safetensors", value_parser = new_path())]
    out: PathBuf,
    /// Replace the file that is there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    data: DataArguments,
}

impl Import {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        if self.out.exists() && !self.overwrite {
            return Err(Error::FileExists(self.out.clone()));
        }
        if let Some(name) = &self.experiment {
            let mut experiment = experiments::find(name, &self.settings)?;
            let loaded = self.data.load(experiment.data.source, context)?;
            experiment.data.source = loaded.source;
            import(&self.weights, &experiment, &loaded.splits, &self.out)
                .map_err(|error| Error::of_weights(&self.weights, error))?;
        } else {
            upgrade(&self.weights, &self.out)?;
        }
        let out = self.out.display().to_string();
        let evaluate = CommandLine::new("evaluate").path(&self.out);
        context.say(&next(&[evaluate.data_directory(&self.data)]));
        context.result(&out, &json!({ "files": [out] }))
    }
}
