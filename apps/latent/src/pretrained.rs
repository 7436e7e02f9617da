//! The pretrained models: their index and the small ones are in the program, the large ones in a clone of the
//! repository or on a hub.

use std::fs;
use std::path::{Path, PathBuf};

use latent_checkpoints::{Collection, Entry};
use latent_hub::{Hub, HubFile};
use latent_training::{Model, ModelMetadata, parse_model};

use crate::shell::program;
use crate::{Context, Error, experiments};

pub(crate) type Models = Collection<ModelMetadata>;

/// Names a repository on a hub, `owner/name` or `owner/name@revision`.
pub(crate) const REPOSITORY_VARIABLE: &str = "LATENT_MODELS";
/// What it is unless the variable says otherwise.
pub(crate) const REPOSITORY: &str = "latent-models/mnist";

/// Where a clone of the repository has them.
const DIRECTORY: [&str; 2] = ["assets", "models"];

const INDEX: &[u8] = include_bytes!("../../../assets/models/index.json");

macro_rules! files {
    ($($name:literal),*) => {
        &[$((
            $name,
            include_bytes!(concat!("../../../assets/models/", $name, ".safetensors")),
        )),*]
    };
}

/// The files that a program can carry without growing much.
const WITHIN: &[(&str, &[u8])] = files!("cvae-conv", "cvae-mlp-50", "vae-2d", "vae-conv");

/// Where a model's file is.
pub(crate) enum Place {
    Within(&'static [u8]),
    Here(PathBuf),
    /// Nowhere yet.
    Hub,
}

/// The index.
pub(crate) fn all() -> Result<Models, Error> {
    Ok(Collection::parse(
        INDEX,
        Path::new("the index within the program"),
    )?)
}

/// The repository that the environment names, if it names one.
pub(crate) fn named_repository() -> Option<String> {
    let setting = std::env::var(REPOSITORY_VARIABLE).ok()?;
    Some(setting.trim().to_owned()).filter(|named| !named.is_empty())
}

/// The file on a hub.
pub(crate) fn on_hub(name: &str) -> Result<HubFile, Error> {
    let repository = named_repository().unwrap_or_else(|| REPOSITORY.to_owned());
    let file = format!("{}{repository}/{}", HubFile::SCHEME, Models::file(name));
    Ok(file.parse()?)
}

/// What brings a model that is neither in the program nor on this computer.
pub(crate) fn remedy(name: &str, entry: &Entry<ModelMetadata>) -> Result<String, Error> {
    let program = program();
    let train = experiments::command(&entry.metadata)?.replacen("latent", program, 1);
    Ok(match named_repository() {
        Some(repository) => format!(
            "`{program} models fetch {name}` downloads it from {repository}, or `{train}` trains it"
        ),
        // Nothing is promised of the default repository.
        None => format!(
            "`{train}` trains it, a clone of latent's repository has it in {}, and where \
             {REPOSITORY_VARIABLE} names a repository on a hub, `{program} models fetch {name}` downloads it",
            DIRECTORY.iter().collect::<PathBuf>().display()
        ),
    })
}

/// The names of the models in the program.
pub(crate) fn within() -> String {
    let names: Vec<&str> = WITHIN.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Where the file of a model of the index is.
pub(crate) fn place(name: &str) -> Result<Place, Error> {
    if let Some((_, bytes)) = WITHIN.iter().find(|(within, _)| *within == name) {
        return Ok(Place::Within(bytes));
    }
    let cloned = PathBuf::from_iter(DIRECTORY).join(Models::file(name));
    if cloned.is_file() {
        return Ok(Place::Here(cloned));
    }
    let cached = Hub::from_env()?.cached(&on_hub(name)?);
    Ok(cached.map_or(Place::Hub, Place::Here))
}

/// The bytes of a model of the index, verified, and what errors call them.
pub(crate) fn read(name: &str, entry: &Entry<ModelMetadata>) -> Result<(Vec<u8>, PathBuf), Error> {
    let (bytes, path) = match place(name)? {
        Place::Within(bytes) => (bytes.to_vec(), PathBuf::from(Models::file(name))),
        Place::Here(path) => (latent_checkpoints::read(&path)?, path),
        Place::Hub => {
            return Err(Error::NotInProgram {
                name: name.to_owned(),
                megabytes: megabytes(entry.bytes),
                remedy: remedy(name, entry)?,
            });
        }
    };
    entry.verify(name, &bytes, &path)?;
    Ok((bytes, path))
}

/// The model of this name, if the index has one.
pub(crate) fn load(name: &str, context: &Context) -> Result<Option<Model>, Error> {
    let models = all()?;
    let Some(entry) = models.models().get(name) else {
        return Ok(None);
    };
    let (bytes, path) = read(name, entry)?;
    Ok(Some(parse_model(&bytes, &path, &context.device)?))
}

/// The pretrained model that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<String> {
    latent_training::nearest(name, all().ok()?.models().keys())
}

/// A length as people say it.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Whether a directory holds an index of models.
pub(crate) fn is_collection(directory: &Path) -> bool {
    fs::metadata(directory.join(Models::INDEX)).is_ok()
}
