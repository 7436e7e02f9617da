//! Where this program looks for pretrained models, and the commands that train and use them.

use std::path::{Path, PathBuf};

use latent_datasets::Source;
use latent_hub::Hub;
use latent_pretrained::{Collection, Instructions, Location, Model, ModelMetadata, Models};

use crate::experiments::command;
use crate::shell::{CommandLine, program};
use crate::{Context, Error};

/// Names a repository on a hub, `owner/name` or `owner/name@revision`.
const REPOSITORY_VARIABLE: &str = "LATENT_MODELS";
/// What it is unless the variable says otherwise.
const REPOSITORY: &str = "latent-models/mnist";

/// Where a clone of the repository has the larger models.
const DIRECTORY: [&str; 2] = ["assets", "models"];

/// The models that are in the program or in a clone of the repository.
pub(crate) fn local() -> Result<Models, Error> {
    let directory: PathBuf = DIRECTORY.iter().collect();
    Ok(Models::new()?.in_directory(directory))
}

/// The same, and those on a hub, by the settings in the environment.
pub(crate) fn with_hub(models: Models) -> Result<Models, Error> {
    let repository = named_repository().unwrap_or_else(|| REPOSITORY.to_owned());
    Ok(models.on_hub(Hub::from_env()?, &repository)?)
}

/// The places to look for a model in: the settings of a hub matter only for one that is nowhere else.
pub(crate) fn places(name: &str) -> Result<Models, Error> {
    let models = local()?;
    match models.location(name)? {
        Location::NotFound => with_hub(models),
        _ => Ok(models),
    }
}

/// The repository that the environment names, if it names one.
pub(crate) fn named_repository() -> Option<String> {
    let setting = std::env::var(REPOSITORY_VARIABLE).ok()?;
    Some(setting.trim().to_owned()).filter(|named| !named.is_empty())
}

/// What brings a model that is neither in the program nor on this computer.
pub(crate) fn remedy(name: &str, metadata: &ModelMetadata) -> String {
    let program = program();
    let train = command(metadata).replacen("latent", program, 1);
    match named_repository() {
        Some(repository) => format!(
            "`{program} models fetch {name}` downloads it from {repository}, or `{train}` trains it"
        ),
        // Nothing is promised of the default repository.
        None => format!(
            "`{train}` trains it, a clone of latent's repository has it in {}, and where \
             {REPOSITORY_VARIABLE} names a repository on a hub, `{program} models fetch {name}` downloads it",
            DIRECTORY.iter().collect::<PathBuf>().display()
        ),
    }
}

/// The model of this name, if there is one.
pub(crate) fn load(name: &str, context: &Context) -> Result<Option<Model>, Error> {
    match places(name).and_then(|models| Ok(models.load(name, &context.device)?)) {
        Ok(model) => Ok(Some(model)),
        Err(Error::Pretrained(latent_pretrained::Error::UnknownModel(_))) => Ok(None),
        Err(Error::Pretrained(latent_pretrained::Error::NotFound { name, bytes, .. })) => {
            Err(Error::NotInProgram {
                remedy: remedy(&name, &local()?.entry(&name)?.metadata),
                megabytes: megabytes(bytes),
                name,
            })
        }
        Err(error) => Err(error),
    }
}

/// The pretrained model that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<String> {
    crate::suggestion::nearest(name, Models::new().ok()?.entries().keys())
}

/// A length as people say it.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The commands on the card of a model.
pub(crate) fn instructions(name: &str, metadata: &ModelMetadata, bytes: &[u8]) -> Instructions {
    Instructions {
        training: Some(command(metadata)),
        usage: usage(name, metadata, bytes),
    }
}

/// Commands for a pretrained model by its name, and for any other by its file, with a directory to be filled in
/// where the data is the reader's own.
fn usage(name: &str, metadata: &ModelMetadata, bytes: &[u8]) -> Vec<String> {
    let file = Collection::<ModelMetadata>::file(name);
    let is_pretrained = Models::new().is_ok_and(|models| {
        let entry = models.entries().get(name);
        entry.is_some_and(|entry| entry.verify(name, bytes, Path::new(&file)).is_ok())
    });
    let path = if is_pretrained { name } else { &file };
    let of = |command: &str| CommandLine::new(command).path(Path::new(path));
    let (model, data) = (&metadata.experiment.model, &metadata.data);
    let commands = if model.is_conditional() {
        let sample = of("sample").option("--labels", "3,1,4");
        vec![sample, of("plot analogies"), of("classify")]
    } else if model.is_exact() {
        let sample = of("sample").option("--temperature", "0.8");
        vec![sample, of("interpolate")]
    } else if model.latent_size(data.shape) > 1 {
        vec![of("sample"), of("plot latents"), of("interpolate")]
    } else {
        vec![of("sample"), of("interpolate")]
    };
    let typed = commands.into_iter().map(|command| {
        let command = if metadata.experiment.data.source == Source::Idx {
            command.option_if_known("data-dir", "DIRECTORY")
        } else {
            command
        };
        command.typed("latent")
    });
    typed.collect()
}
