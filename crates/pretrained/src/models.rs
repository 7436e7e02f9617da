use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use latent_checkpoints::{Collection, Entry};
#[cfg(feature = "hub")]
use latent_hub::{Fetched, Hub, HubFile, Progress};
use latent_training::{Model, ModelMetadata, parse_model};

use crate::Error;

const INDEX: &[u8] = include_bytes!("../models/index.json");

macro_rules! files {
    ($($name:literal),*) => {
        /// The names of the models whose weights are embedded in this crate.
        pub const EMBEDDED: &[&str] = &[$($name),*];

        /// The model files of [`EMBEDDED`].
        const WEIGHTS: &[&[u8]] = &[$(include_bytes!(concat!("../models/", $name, ".safetensors"))),*];
    };
}

files!("cvae-conv", "cvae-mlp-50", "vae-2d", "vae-conv");

macro_rules! cards {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("../models/", $name, ".md")))),*]
    };
}

const CARDS: &[(&str, &str)] = cards!(
    "cond-realnvp-5",
    "cvae-conv",
    "cvae-flow-prior",
    "cvae-mlp-50",
    "flow-multiscale",
    "nice",
    "realnvp-5",
    "vae-2d",
    "vae-conv",
    "vae-ladder"
);

/// The pretrained models: an index, the embedded files, and the directories and hub repository of the others.
#[derive(Clone, Debug)]
pub struct Models {
    index: Collection<ModelMetadata>,
    directories: Vec<PathBuf>,
    #[cfg(feature = "hub")]
    repository: Option<(Hub, String)>,
}

/// The location of a model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Embedded in this crate.
    Embedded(&'static [u8]),
    /// A file in one of the directories or in the cache of the hub.
    File(PathBuf),
    /// Not embedded, and not found in the directories and the cache.
    NotFound,
}

impl Models {
    /// Creates the index of this crate's models, without directories or a hub: only embedded models can be loaded.
    ///
    /// # Errors
    /// None in practice: the tests parse the index.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            index: Collection::parse(INDEX, Path::new("the embedded index"))?,
            directories: Vec::new(),
            #[cfg(feature = "hub")]
            repository: None,
        })
    }

    /// Adds a directory to search for `NAME.safetensors`. Directories are searched in order, before the cache of a hub.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// Adds a hub repository, `owner/name` or `owner/name@revision`: its cache is searched, and [`Self::fetch`] downloads
    /// from it.
    ///
    /// # Errors
    /// [`Error::Hub`] if `repository` is not a valid name.
    #[cfg(feature = "hub")]
    pub fn on_hub(mut self, hub: Hub, repository: &str) -> Result<Self, Error> {
        hub_file(repository, "index")?;
        self.repository = Some((hub, repository.to_owned()));
        Ok(self)
    }

    /// All models of the index by name, with length, checksum and metadata.
    pub fn entries(&self) -> &BTreeMap<String, Entry<ModelMetadata>> {
        self.index.models()
    }

    /// The index entry of a model.
    ///
    /// # Errors
    /// [`Error::UnknownModel`].
    pub fn entry(&self, name: &str) -> Result<&Entry<ModelMetadata>, Error> {
        let entry = self.entries().get(name);
        entry.ok_or_else(|| Error::UnknownModel(name.to_owned()))
    }

    /// Finds the file of a model, without downloading it.
    ///
    /// # Errors
    /// [`Error::UnknownModel`].
    pub fn location(&self, name: &str) -> Result<Location, Error> {
        self.entry(name)?;
        let mut embedded = EMBEDDED.iter().zip(WEIGHTS);
        if let Some((_, bytes)) = embedded.find(|(embedded, _)| **embedded == name) {
            return Ok(Location::Embedded(bytes));
        }
        let file = Collection::<ModelMetadata>::file(name);
        let mut files = self.directories.iter().map(|path| path.join(&file));
        let found = files.find(|path| path.is_file());
        #[cfg(feature = "hub")]
        let found = match (found, &self.repository) {
            (None, Some((hub, repository))) => hub.cached(&hub_file(repository, name)?),
            (found, _) => found,
        };
        Ok(found.map_or(Location::NotFound, Location::File))
    }

    /// Reads and verifies a model file: its bytes and its path (if it is embedded, its name).
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::NotFound`]; [`Error::Checkpoint`] if the file cannot be read or its checksum
    /// differs from the index.
    pub fn read(&self, name: &str) -> Result<(Vec<u8>, PathBuf), Error> {
        let entry = self.entry(name)?;
        let file = Collection::<ModelMetadata>::file(name);
        let (bytes, path) = match self.location(name)? {
            Location::Embedded(bytes) => (bytes.to_vec(), PathBuf::from(file)),
            Location::File(path) => (latent_checkpoints::read(&path)?, path),
            Location::NotFound => {
                return Err(Error::NotFound {
                    name: name.to_owned(),
                    bytes: entry.bytes,
                    file,
                    searched: self.searched(),
                });
            }
        };
        entry.verify(name, &bytes, &path)?;
        Ok((bytes, path))
    }

    /// Loads a model onto a device.
    ///
    /// # Errors
    /// Those of [`Self::read`]; [`Error::Training`] if the weights cannot be copied to the device.
    pub fn load(&self, name: &str, device: &Device) -> Result<Model, Error> {
        let (bytes, path) = self.read(name)?;
        Ok(parse_model(&bytes, &path, device)?)
    }

    /// Downloads a model file from the hub to its cache and verifies it. `watch` receives the progress.
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::NoRepository`]; [`Error::Hub`]; [`Error::Checkpoint`] if the checksum differs from
    /// the index.
    #[cfg(feature = "hub")]
    pub fn fetch(&self, name: &str, watch: &mut dyn FnMut(Progress)) -> Result<Fetched, Error> {
        let entry = self.entry(name)?;
        let Some((hub, repository)) = &self.repository else {
            return Err(Error::NoRepository(name.to_owned()));
        };
        let fetched = hub.fetch(&hub_file(repository, name)?, watch)?;
        let bytes = latent_checkpoints::read(&fetched.path)?;
        entry.verify(name, &bytes, &fetched.path)?;
        Ok(fetched)
    }

    /// The directories and the cache that were searched, as text.
    fn searched(&self) -> String {
        let places = self
            .directories
            .iter()
            .map(|path| path.display().to_string());
        #[cfg(feature = "hub")]
        let places = places.chain(
            self.repository
                .iter()
                .map(|(_, repository)| format!("the cache of {repository}")),
        );
        let places: Vec<String> = places.collect();
        if places.is_empty() {
            "any directory, since none was given".to_owned()
        } else {
            places.join(" or ")
        }
    }
}

#[cfg(feature = "hub")]
fn hub_file(repository: &str, name: &str) -> Result<HubFile, Error> {
    let file = Collection::<ModelMetadata>::file(name);
    Ok(format!("{}{repository}/{file}", HubFile::SCHEME).parse()?)
}

/// Loads an embedded model ([`EMBEDDED`]) onto a device.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::NotFound`] for a model that is not embedded, which [`Models`] can load.
pub fn load(name: &str, device: &Device) -> Result<Model, Error> {
    Models::new()?.load(name, device)
}

/// The model card of a pretrained model, in Markdown: data, metrics, training, use and limits.
///
/// # Errors
/// [`Error::UnknownModel`].
pub fn card(name: &str) -> Result<&'static str, Error> {
    let mut cards = CARDS.iter();
    cards
        .find(|(known, _)| *known == name)
        .map(|(_, card)| *card)
        .ok_or_else(|| Error::UnknownModel(name.to_owned()))
}
