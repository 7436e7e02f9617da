use std::path::PathBuf;

/// Why a pretrained model or an experiment cannot be had, or a model cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The index has no model of this name.
    #[error("there is no pretrained model `{0}`")]
    UnknownModel(String),
    /// No experiment has this name.
    #[error("there is no experiment `{0}`")]
    UnknownExperiment(String),
    /// The model is not embedded, and its file was not found.
    #[error("{name} ({bytes} bytes) is not embedded, and {file} was not found in {searched}")]
    NotFound {
        /// The model.
        name: String,
        /// The length of its file.
        bytes: u64,
        /// The name of its file.
        file: String,
        /// The directories and the cache that were searched, in words.
        searched: String,
    },
    /// A model cannot be fetched because no repository was given.
    #[error("{0} cannot be fetched: no repository of a hub was given")]
    NoRepository(String),
    /// Files that are no collection of models would be mixed with one.
    #[error("{0} is not empty and has no index of models")]
    NotACollection(PathBuf),
    /// Two models that are exported together have one name.
    #[error("two of the models are called `{0}`")]
    DuplicateName(String),
    /// A file cannot be read or written, or is not the one in the index.
    #[error(transparent)]
    Checkpoint(#[from] latent_checkpoints::Error),
    /// A hub cannot be used, or lacks the file.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] latent_hub::Error),
    /// A model or an experiment cannot be parsed.
    #[error(transparent)]
    Training(#[from] latent_training::Error),
}
