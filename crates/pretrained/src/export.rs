use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latent_checkpoints::{Collection, write_atomically};
use latent_training::ModelMetadata;

use crate::card::{Card, overview};
use crate::{Error, Instructions};

/// A writer for a directory of models: weights, an index with checksums, model cards, and a README.
///
/// The directory can be uploaded to a hub repository without changes.
pub struct Export {
    directory: PathBuf,
    collection: Collection<ModelMetadata>,
    added: BTreeSet<String>,
    files: Vec<PathBuf>,
}

impl Export {
    /// Creates a directory, or opens one of an earlier export to add models.
    ///
    /// # Errors
    /// [`Error::NotACollection`] if it contains other files; [`Error::Checkpoint`] if it cannot be created or its index
    /// cannot be read.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let cannot = |reason| latent_checkpoints::Error::Write {
            path: directory.to_owned(),
            reason,
        };
        fs::create_dir_all(directory).map_err(cannot)?;
        let is_empty = fs::read_dir(directory).map_err(cannot)?.next().is_none();
        let index = directory.join(Collection::<ModelMetadata>::INDEX);
        if !is_empty && !index.exists() {
            return Err(Error::NotACollection(directory.to_owned()));
        }
        Ok(Self {
            directory: directory.to_owned(),
            collection: Collection::open(directory)?,
            added: BTreeSet::new(),
            files: Vec::new(),
        })
    }

    /// Writes a model file and its card, and adds it to the index. It replaces a model with the same name from an earlier
    /// export.
    ///
    /// # Errors
    /// [`Error::DuplicateName`] if a model with this name was already added; [`Error::Checkpoint`] if the name is not a
    /// valid file name or a file cannot be written; [`Error::Training`] if the experiment cannot be written as TOML.
    pub fn add(
        &mut self,
        name: &str,
        metadata: ModelMetadata,
        bytes: &[u8],
        instructions: &Instructions,
    ) -> Result<(), Error> {
        if !self.added.insert(name.to_owned()) {
            return Err(Error::DuplicateName(name.to_owned()));
        }
        let path = self
            .collection
            .add(&self.directory, name, metadata, bytes)?;
        self.files.push(path);
        let card = Card {
            name,
            entry: &self.collection.models()[name],
            instructions,
        }
        .to_markdown()?;
        let path = self.directory.join(format!("{name}.md"));
        Ok(write_atomically(&path, card.as_bytes())?)
    }

    /// Writes the README and returns the paths of the weights that were written and of the README.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it cannot be written.
    pub fn finish(self) -> Result<Vec<PathBuf>, Error> {
        let path = self.directory.join("README.md");
        write_atomically(&path, overview(&self.collection).as_bytes())?;
        let mut files = self.files;
        files.push(path);
        Ok(files)
    }
}
