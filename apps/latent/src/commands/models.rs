use std::path::PathBuf;

use clap::{Args, Subcommand};
use latent_hub::Hub;
use latent_pretrained::{EMBEDDED, Location, Models};
use latent_training::{Evaluation, Publication, publish};
use serde_json::{Value, json};

use crate::arguments::{DataArguments, paths, shown_path, watched};
use crate::paths::{new_path, path};
use crate::pretrained::{self, instructions, megabytes};
use crate::progress::evaluation_bars;
use crate::shell::program;
use crate::{Context, Error, remedy};

/// List, describe, download or export pretrained models
///
/// Every command that takes a MODEL accepts their names: `latent sample cvae-conv --labels 3,1,4`.
#[derive(Subcommand)]
#[command(after_help = "Example:\n  latent models list")]
pub(crate) enum Pretrained {
    List(List),
    Info(Info),
    Fetch(Fetch),
    Export(Export),
}

/// List the pretrained models
///
/// Small models are embedded in the program; large ones are in a clone of its repository or on a hub.
#[derive(Args)]
#[command(after_help = "Example:\n  latent models list")]
pub(crate) struct List {}

/// Print the model card: data, metrics, training and limits
#[derive(Args)]
#[command(after_help = "Example:\n  latent models info cvae-conv")]
pub(crate) struct Info {
    /// Name of the model
    name: String,
}

/// Download models from a repository on a hub
///
/// `LATENT_MODELS` names the repository, `owner/name` or `owner/name@revision`, to which a directory of `latent models
/// export` was uploaded. The default, latent-models/mnist, is not published yet. Uses the settings `HF_ENDPOINT`,
/// `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE`.
#[derive(Args)]
#[command(after_help = "Example:\n  latent models fetch realnvp-5")]
pub(crate) struct Fetch {
    /// Names of models [default: all]
    names: Vec<String>,
}

/// Write a directory of models for upload: files, cards, and an index with checksums
///
/// Every named model is evaluated on the test images of its data, and replaces an exported model of the same name.
#[derive(Args)]
#[command(after_help = "Example:\n  latent models export exported runs/vae-2d --half")]
pub(crate) struct Export {
    /// New directory, or an earlier export
    #[arg(value_parser = new_path())]
    directory: PathBuf,
    /// Runs or .safetensors files, named after their experiments [default: the pretrained models]
    #[arg(value_parser = path())]
    models: Vec<PathBuf>,
    /// Round weight matrices to 16 bits: half the size
    #[arg(long, requires = "models")]
    half: bool,
    #[command(flatten)]
    data: DataArguments,
}

impl Pretrained {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::List(command) => command.run(context),
            Self::Info(command) => command.run(context),
            Self::Fetch(command) => command.run(context),
            Self::Export(command) => command.run(context),
        }
    }
}

/// Checks that a pretrained model has this name.
fn require(models: &Models, name: &str) -> Result<(), Error> {
    if models.entries().contains_key(name) {
        return Ok(());
    }
    Err(Error::NotPretrained {
        name: name.to_owned(),
        nearest: pretrained::nearest(name),
    })
}

/// The JSON output for a model.
fn object(models: &Models, name: &str) -> Result<Value, Error> {
    let entry = models.entry(name)?;
    let (place, path) = match models.location(name)? {
        Location::Embedded(_) => ("program", None),
        Location::File(path) => ("file", Some(path.display().to_string())),
        Location::NotFound => ("hub", None),
    };
    Ok(json!({
        "name": name, "bytes": entry.bytes, "sha256": entry.sha256, "place": place, "path": path,
        "experiment": entry.metadata.experiment, "data": entry.metadata.data, "metrics": entry.metadata.metrics,
    }))
}

impl List {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    fn run(&self, context: &Context) -> Result<(), Error> {
        let local = pretrained::local()?;
        // Embedded models do not depend on the settings of a hub.
        let (models, unusable) = match pretrained::with_hub(local.clone()) {
            Ok(models) => {
                let checked = Hub::from_env().and_then(|hub| hub.check());
                (models, checked.map_err(Error::from).err())
            }
            Err(error) => (local, Some(error)),
        };
        let names = models.entries().keys();
        let width = names.map(String::len).max().unwrap_or(0);
        let (mut words, mut objects) = (Vec::new(), Vec::new());
        for (name, entry) in models.entries() {
            let metadata = &entry.metadata;
            let where_it_is = match models.location(name)? {
                Location::Embedded(_) => "in the program".to_owned(),
                Location::File(path) => path.display().to_string(),
                Location::NotFound => "not on this computer".to_owned(),
            };
            words.push(format!(
                "{name:width$}  {}\n{:width$}  {}, {}; {where_it_is}",
                metadata.experiment.description,
                "",
                metadata.data.name,
                megabytes(entry.bytes),
            ));
            objects.push(object(&models, name)?);
        }
        if let Some(error) = unusable {
            let remedy = remedy::of(&error).map(|remedy| format!("; {remedy}"));
            let remedy = remedy.unwrap_or_default();
            context.warn(&format!(
                "nothing can be fetched from a hub: {error}{remedy}"
            ));
        }
        words.push(format!("\nSample from one: `{} sample NAME`.", program()));
        context.result(&words.join("\n"), &json!({ "models": objects }))
    }
}

impl Info {
    fn run(&self, context: &Context) -> Result<(), Error> {
        require(&pretrained::local()?, &self.name)?;
        let mut object = object(&pretrained::places(&self.name)?, &self.name)?;
        let card = latent_pretrained::card(&self.name)?;
        object["card"] = json!(card);
        context.result(card.trim_end(), &object)
    }
}

impl Fetch {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let local = pretrained::local()?;
        let names: Vec<&str> = if self.names.is_empty() {
            local.entries().keys().map(String::as_str).collect()
        } else {
            self.names.iter().map(String::as_str).collect()
        };
        // All names are checked before the first download.
        for name in &names {
            require(&local, name)?;
        }
        let (mut words, mut objects) = (Vec::new(), Vec::new());
        for name in names {
            let mut models = pretrained::places(name)?;
            // A local file may be truncated.
            let path = if let Ok((_, path)) = models.read(name) {
                path
            } else {
                models = pretrained::with_hub(models)?;
                download(&models, name, context)?
            };
            words.push(match models.location(name)? {
                Location::Embedded(_) => format!("{name}: in the program"),
                _ => format!("{name}: {}", path.display()),
            });
            objects.push(object(&models, name)?);
        }
        context.result(&words.join("\n"), &json!({ "models": objects }))
    }
}

/// Downloads the file of a model from a hub.
fn download(models: &Models, name: &str, context: &Context) -> Result<PathBuf, Error> {
    match watched(name, context, |watch| models.fetch(name, watch)) {
        Err(Error::Hub(error)) if error.is_absent() && pretrained::named_repository().is_none() => {
            Err(Error::NotPublished {
                name: name.to_owned(),
                error: Box::new(error),
                remedy: pretrained::remedy(name, &models.entry(name)?.metadata),
                within: EMBEDDED.join(", "),
            })
        }
        fetched => fetched,
    }
}

impl Export {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let mut export = latent_pretrained::Export::open(&self.directory)?;
        let known = pretrained::local()?;
        if self.models.is_empty() {
            for (name, entry) in known.entries() {
                let (models, metadata) = (pretrained::places(name)?, &entry.metadata);
                if models.location(name)? == Location::NotFound {
                    context.say(&format!(
                        "{name} is left out, since it is not on this computer: {}",
                        pretrained::remedy(name, metadata)
                    ));
                    continue;
                }
                let (bytes, _) = models.read(name)?;
                let instructions = instructions(name, metadata, &bytes);
                export.add(name, metadata.clone(), &bytes, &instructions)?;
            }
        }
        for model in &self.models {
            if let Some(name) = model.to_str()
                && !model.exists()
                && known.entries().contains_key(name)
            {
                return Err(Error::ExportPretrained {
                    name: name.to_owned(),
                    directory: self.directory.clone(),
                });
            }
            let published = publish(model, self.half, &context.device, |model| {
                let data = self.data.load_for(model, context)?;
                if let Some(difference) = data.difference {
                    return Err(Error::ExportNeedsOwnData {
                        model: shown_path(model).to_owned(),
                        trained: difference.trained,
                        found: difference.found,
                    });
                }
                let experiment = &model.metadata.experiment;
                let test = experiment.prepared(data.splits).test;
                let seed = experiment.seed;
                let (batching, device) = (model.batching(seed), &context.device);
                let bars = evaluation_bars(test.len(), context);
                let evaluation = Evaluation::of(model, &test, None, &batching, device, bars)?;
                Ok::<_, Error>(evaluation.to_metrics())
            })?;
            let Publication { metadata, bytes } = published;
            let name = metadata.experiment.name.clone();
            let instructions = instructions(&name, &metadata, &bytes);
            export.add(&name, metadata, &bytes, &instructions)?;
        }
        let files = paths(&export.finish()?);
        context.result(&files.join("\n"), &json!({ "files": files }))
    }
}
