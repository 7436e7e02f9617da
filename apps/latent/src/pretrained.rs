//! The places of pretrained models, and the commands that train and use them.

use std::path::{Path, PathBuf};

use latent_hub::Hub;
use latent_pretrained::{Collection, Instructions, Location, Model, ModelMetadata, Models};

use crate::arguments::three_classes;
use crate::experiments::command;
use crate::shell::{CommandLine, program};
use crate::{Context, Error};

/// The environment variable of the repository on a hub, `owner/name` or `owner/name@revision`.
const REPOSITORY_VARIABLE: &str = "LATENT_MODELS";
/// The default repository.
const REPOSITORY: &str = "latent-models/mnist";

/// The directory of the larger models in a clone of the repository.
const DIRECTORY: [&str; 2] = ["assets", "models"];

/// The models embedded in the program or present in a clone of the repository.
pub(crate) fn local() -> Result<Models, Error> {
    let directory: PathBuf = DIRECTORY.iter().collect();
    Ok(Models::new()?.in_directory(directory))
}

/// Adds the hub of the environment's settings.
pub(crate) fn with_hub(models: Models) -> Result<Models, Error> {
    let repository = named_repository().unwrap_or_else(|| REPOSITORY.to_owned());
    Ok(models.on_hub(Hub::from_env()?, &repository)?)
}

/// The places of a model. The settings of the hub are used only if the model is nowhere else.
pub(crate) fn places(name: &str) -> Result<Models, Error> {
    let models = local()?;
    match models.location(name)? {
        Location::NotFound => with_hub(models),
        _ => Ok(models),
    }
}

/// The repository given in the environment.
pub(crate) fn named_repository() -> Option<String> {
    let setting = std::env::var(REPOSITORY_VARIABLE).ok()?;
    Some(setting.trim().to_owned()).filter(|named| !named.is_empty())
}

/// How to get a model that is not on this computer.
pub(crate) fn remedy(name: &str, metadata: &ModelMetadata) -> String {
    let program = program();
    let train = command(metadata).replacen("latent", program, 1);
    match named_repository() {
        Some(repository) => format!(
            "`{program} models fetch {name}` downloads it from {repository}, or `{train}` trains it"
        ),
        // The default repository is not published.
        None => format!(
            "`{train}` trains it, a clone of latent's repository has it in {}, and where \
             {REPOSITORY_VARIABLE} names a repository on a hub, `{program} models fetch {name}` downloads it",
            DIRECTORY.iter().collect::<PathBuf>().display()
        ),
    }
}

/// Loads the pretrained model of this name; `None` if there is none.
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

/// The pretrained model with the most similar name.
pub(crate) fn nearest(name: &str) -> Option<String> {
    crate::suggestion::nearest(name, Models::new().ok()?.entries().keys())
}

/// A number of bytes as text, in MB.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The commands on a model card.
pub(crate) fn instructions(name: &str, metadata: &ModelMetadata, bytes: &[u8]) -> Instructions {
    Instructions {
        training: Some(command(metadata)),
        usage: usage(name, metadata, bytes),
    }
}

/// Commands that use a model: a pretrained one by its name, any other by its file, with a placeholder for the directory of
/// the user's own data.
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
        let sample = of("sample").option("--labels", three_classes(data));
        vec![sample, of("plot analogies"), of("classify")]
    } else if model.is_exact() {
        let sample = of("sample").option("--temperature", "0.8");
        vec![sample, of("interpolate")]
    } else if model.latent_size(data.shape) > 1 {
        vec![of("sample"), of("plot latents"), of("interpolate")]
    } else {
        vec![of("sample"), of("interpolate")]
    };
    let has_own_data = !matches!(data.name.as_str(), "mnist" | "synthetic");
    let typed = commands.into_iter().map(|command| {
        let command = if has_own_data {
            command.option_if_known("data", "PATH")
        } else {
            command
        };
        command.typed("latent")
    });
    typed.collect()
}
