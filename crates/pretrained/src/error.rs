use std::path::PathBuf;

/// An error of loading a pretrained model or an experiment, or of exporting a model.
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
        /// The name of the model.
        name: String,
        /// The length of its file in bytes.
        bytes: u64,
        /// The name of its file.
        file: String,
        /// The directories and caches that were searched, as text.
        searched: String,
    },
    /// A download was requested without a repository.
    #[error("{0} cannot be downloaded: no hub repository was given")]
    NoRepository(String),
    /// The directory of an export contains other files.
    #[error("{0} is not empty and has no index of models")]
    NotACollection(PathBuf),
    /// Two models of an export have the same name.
    #[error("two of the models have the name `{0}`")]
    DuplicateName(String),
    /// A file cannot be read or written, or its checksum differs from the index.
    #[error(transparent)]
    Checkpoint(#[from] latent_checkpoints::Error),
    /// A download from a hub failed.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] latent_hub::Error),
    /// A model or an experiment is not valid.
    #[error(transparent)]
    Training(#[from] latent_training::Error),
}
