use std::io;
use std::path::PathBuf;

use crate::mismatch::Mismatch;

/// What can be wrong with a checkpoint; one variant a broken promise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not there, or may not be read.
    #[error("{path}: cannot be read ({reason})")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file could not be written; what was there before is untouched.
    #[error("{path}: cannot be written ({reason}); nothing was changed there")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("{path}: this is no safetensors file, or a damaged one ({reason})")]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What the safetensors crate found.
        reason: safetensors::SafeTensorError,
    },
    /// A safetensors file that another program wrote.
    #[error(
        "{path}: a safetensors file, but not one of latent's: its metadata have no entry `latent`, \
         so nobody knows which model the weights belong to"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Our file, in a layout that this version does not know.
    #[error(
        "{path}: written in format {found}, and this version of latent reads format {expected}"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format it states.
        found: u64,
        /// The format that is read.
        expected: u64,
    },
    /// Our file, for something else.
    #[error("{path}: this file holds a {}, expected a {expected}", .found.escape_debug())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The JSON in the header is not what was written there.
    #[error("{path}: its metadata cannot be understood ({reason})")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What the JSON reader found.
        reason: serde_json::Error,
    },
    /// Tensors that the model lacks or does not have.
    #[error("{path}: the weights do not fit the model: {mismatch}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Names and shapes.
        mismatch: Box<Mismatch>,
    },
    /// Two tensors that have one name without what PyTorch's wrappers add to names.
    #[error(
        "{path}: two tensors are called {name} without the parts `module` and `_orig_mod` of their names"
    )]
    SameName {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A weight that is infinite or not a number.
    #[error("{path}: {name} holds values that are not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// Numbers of a type that weights do not have.
    #[error("{path}: {name} holds {found:?} numbers, expected floats of 16, 32 or 64 bits")]
    NumberType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The type of its numbers.
        found: safetensors::Dtype,
    },
    /// A file that is not the one that an index tells of.
    #[error("{path}: not the {name} that is meant here (SHA-256 {found}, expected {expected})")]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// The entry's name.
        name: String,
        /// The entry's checksum.
        expected: String,
        /// The file's.
        found: String,
    },
    /// A name that a model of a collection cannot have.
    #[error("a model cannot be called {name:?} in a collection: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An index that cannot be used.
    #[error("{path}: no index of models ({reason})")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
