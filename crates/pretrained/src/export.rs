use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latent_checkpoints::{Collection, write_atomically};
use latent_training::ModelMetadata;

use crate::card::{Card, overview};
use crate::{Error, Instructions};

/// A directory of models that is being written: files, an index with checksums, a card for each model, and a front
/// page, which a repository on a hub can hold as they are.
pub struct Export {
    directory: PathBuf,
    collection: Collection<ModelMetadata>,
    added: BTreeSet<String>,
    files: Vec<PathBuf>,
}

impl Export {
    /// Opens a new directory, which is created, or one that was exported before, to which models are added.
    ///
    /// # Errors
    /// [`Error::NotACollection`]: it holds other files; [`Error::Checkpoint`]: it cannot be created, or its index
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

    /// Writes a model's file and its card with these instructions. A model of the same name from an earlier export is
    /// replaced.
    ///
    /// # Errors
    /// [`Error::DuplicateName`]: a model of this name was added before; [`Error::Checkpoint`]: the name cannot be a
    /// file's, or a file cannot be written; [`Error::Training`]: the experiment cannot be written as TOML.
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

    /// Writes the front page; the files of weights that were written, and the front page.
    ///
    /// # Errors
    /// [`Error::Checkpoint`]: it cannot be written.
    pub fn finish(self) -> Result<Vec<PathBuf>, Error> {
        let path = self.directory.join("README.md");
        write_atomically(&path, overview(&self.collection).as_bytes())?;
        let mut files = self.files;
        files.push(path);
        Ok(files)
    }
}
