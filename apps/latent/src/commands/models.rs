use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use latent_checkpoints::{Entry, write_atomically};
use latent_hub::Hub;
use latent_training::{ModelMetadata, nearest, publish};
use serde_json::{Value, json};

use super::evaluate::measure;
use crate::arguments::{DataArguments, batching, fetched, paths};
use crate::card::{card, overview};
use crate::paths::{new_path, path};
use crate::pretrained::{self, Models, Place, megabytes};
use crate::shell::program;
use crate::{Context, Error};

/// Pretrained models
///
/// Their names stand wherever a MODEL is asked for: `latent sample cvae-conv --digits 3,1,4`.
#[derive(Subcommand)]
pub(crate) enum Pretrained {
    List(List),
    Info(Info),
    Fetch(Fetch),
    Export(Export),
}

/// List them: the small ones are in the program, the large ones in a clone of its repository or on a hub
#[derive(Args)]
pub(crate) struct List {}

/// Print the card of one: its data, its figures, how it was made, and what it is not for
#[derive(Args)]
pub(crate) struct Info {
    /// Its name
    name: String,
}

/// Download those that are not on this computer yet, from a repository on a hub
///
/// `LATENT_MODELS` names the repository, `owner/name` or `owner/name@revision`: one to which a directory that `latent
/// models export` wrote was uploaded. The default, latent-models/mnist, is not published yet. `HF_ENDPOINT`,
/// `HF_HOME`, `HF_TOKEN` and `HF_HUB_OFFLINE` are obeyed.
#[derive(Args)]
pub(crate) struct Fetch {
    /// Which [default: all]
    names: Vec<String>,
}

/// Write a directory of models to be uploaded: files, cards, and an index with checksums
///
/// Every model that is named is measured again on the test images of its data, and replaces one of the
/// same name that is there.
#[derive(Args)]
pub(crate) struct Export {
    /// A new directory, or one that was exported before
    #[arg(value_parser = new_path())]
    directory: PathBuf,
    /// Runs or .safetensors files, each called by its experiment [default: the pretrained models]
    #[arg(value_parser = path())]
    models: Vec<PathBuf>,
    /// Round the matrices of weights to 16 bits: half the size
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

/// The model of this name in the index.
fn find<'a>(models: &'a Models, name: &str) -> Result<&'a Entry<ModelMetadata>, Error> {
    let models = models.models();
    models.get(name).ok_or_else(|| Error::NotPretrained {
        name: name.to_owned(),
        nearest: nearest(name, models.keys()),
    })
}

fn object(name: &str, entry: &Entry<ModelMetadata>, place: &Place) -> Value {
    let (place, path) = match place {
        Place::Within(_) => ("program", None),
        Place::Here(path) => ("file", Some(path.display().to_string())),
        Place::Hub => ("hub", None),
    };
    json!({
        "name": name, "bytes": entry.bytes, "sha256": entry.sha256, "place": place, "path": path,
        "experiment": entry.metadata.experiment, "data": entry.metadata.data, "metrics": entry.metadata.metrics,
    })
}

impl List {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    fn run(&self, context: &Context) -> Result<(), Error> {
        let all = pretrained::all()?;
        let width = all.models().keys().map(String::len).max().unwrap_or(0);
        let (mut words, mut objects) = (Vec::new(), Vec::new());
        // What is in the program is there whatever the settings of a hub are.
        let mut unusable = Hub::from_env()
            .and_then(|hub| hub.check())
            .map_err(Error::from)
            .err();
        for (name, entry) in all.models() {
            let place = pretrained::place(name).unwrap_or_else(|error| {
                unusable = Some(error);
                Place::Hub
            });
            let metadata = &entry.metadata;
            let where_it_is = match &place {
                Place::Within(_) => "in the program".to_owned(),
                Place::Here(path) => path.display().to_string(),
                Place::Hub => "not on this computer".to_owned(),
            };
            words.push(format!(
                "{name:width$}  {}\n{:width$}  {}, {}; {where_it_is}",
                metadata.experiment.description,
                "",
                metadata.data.name,
                megabytes(entry.bytes),
            ));
            objects.push(object(name, entry, &place));
        }
        if let Some(error) = unusable {
            context.warn(&format!("nothing can be fetched from a hub: {error}"));
        }
        words.push(format!("\nDraw with one: `{} sample NAME`.", program()));
        context.result(&words.join("\n"), &json!({ "models": objects }))
    }
}

impl Info {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let all = pretrained::all()?;
        let entry = find(&all, &self.name)?;
        let place = pretrained::place(&self.name)?;
        let mut object = object(&self.name, entry, &place);
        let card = card(&self.name, entry)?;
        object["card"] = json!(card);
        context.result(card.trim_end(), &object)
    }
}

impl Fetch {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let all = pretrained::all()?;
        let names: Vec<&str> = if self.names.is_empty() {
            all.models().keys().map(String::as_str).collect()
        } else {
            self.names.iter().map(String::as_str).collect()
        };
        // A word that is wrong should not be found out after minutes of fetching.
        for name in &names {
            find(&all, name)?;
        }
        let (mut words, mut objects) = (Vec::new(), Vec::new());
        for name in names {
            let entry = find(&all, name)?;
            // What is here may be cut short, and what a hub serves under this name need not be what was
            // exported.
            let path = if let Ok((_, path)) = pretrained::read(name, entry) {
                path
            } else {
                let path = download(name, entry, context)?;
                entry.verify(name, &latent_checkpoints::read(&path)?, &path)?;
                path
            };
            let place = pretrained::place(name)?;
            words.push(match &place {
                Place::Within(_) => format!("{name}: in the program"),
                _ => format!("{name}: {}", path.display()),
            });
            objects.push(object(name, entry, &place));
        }
        context.result(&words.join("\n"), &json!({ "models": objects }))
    }
}

/// Fetches a model's file from a hub.
fn download(name: &str, entry: &Entry<ModelMetadata>, context: &Context) -> Result<PathBuf, Error> {
    let fetched = fetched(&Hub::from_env()?, &pretrained::on_hub(name)?, context);
    match fetched {
        Err(Error::Hub(error)) if error.is_absent() && pretrained::named_repository().is_none() => {
            Err(Error::NotPublished {
                name: name.to_owned(),
                error: Box::new(error),
                remedy: pretrained::remedy(name, entry)?,
                within: pretrained::within(),
            })
        }
        fetched => fetched,
    }
}

impl Export {
    fn run(&self, context: &Context) -> Result<(), Error> {
        let directory = &self.directory;
        let cannot = |reason| latent_checkpoints::Error::Write {
            path: directory.clone(),
            reason,
        };
        fs::create_dir_all(directory).map_err(cannot)?;
        let mut entries = fs::read_dir(directory).map_err(cannot)?;
        if entries.next().is_some() && !pretrained::is_collection(directory) {
            return Err(Error::NoCollection(directory.clone()));
        }
        let mut collection = Models::open(directory)?;
        let mut files = Vec::new();
        if self.models.is_empty() {
            for (name, entry) in pretrained::all()?.models() {
                if matches!(pretrained::place(name)?, Place::Hub) {
                    context.say(&format!(
                        "{name} is left out, since it is not on this computer: {}",
                        pretrained::remedy(name, entry)?
                    ));
                    continue;
                }
                let (bytes, _) = pretrained::read(name, entry)?;
                let metadata = entry.metadata.clone();
                files.push(add(&mut collection, directory, name, metadata, &bytes)?);
            }
        }
        let mut named = BTreeSet::new();
        for model in &self.models {
            if let Some(name) = model.to_str()
                && !model.exists()
                && pretrained::all()?.models().contains_key(name)
            {
                return Err(Error::ExportPretrained {
                    name: name.to_owned(),
                    directory: directory.clone(),
                });
            }
            let published = publish(model, self.half, &context.device, |model| {
                let data = self.data.load_for(model, context)?;
                if let Some(others) = data.others {
                    return Err(Error::ExportNeedsOwnData {
                        model: others.model,
                        trained: others.trained,
                        found: others.found,
                    });
                }
                let experiment = &model.metadata.experiment;
                let test = experiment.prepared(data.splits).test;
                let seed = experiment.seed;
                let measured = measure(model, &test, None, &batching(model, seed), context)?;
                let defined = measured.into_iter();
                Ok(defined
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect())
            })?;
            let name = published.metadata.experiment.name.clone();
            if !named.insert(name.clone()) {
                return Err(Error::SameName(name));
            }
            let (metadata, bytes) = (published.metadata, published.bytes);
            files.push(add(&mut collection, directory, &name, metadata, &bytes)?);
        }
        let path = directory.join("README.md");
        write(&path, &overview(&collection))?;
        files.push(path);
        let files = paths(&files);
        context.result(&files.join("\n"), &json!({ "files": files }))
    }
}

/// Adds a model and its card to a directory of models.
fn add(
    collection: &mut Models,
    directory: &Path,
    name: &str,
    metadata: ModelMetadata,
    bytes: &[u8],
) -> Result<PathBuf, Error> {
    let path = collection.add(directory, name, metadata, bytes)?;
    write(
        &directory.join(format!("{name}.md")),
        &card(name, &collection.models()[name])?,
    )?;
    Ok(path)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    Ok(write_atomically(path, text.as_bytes())?)
}
