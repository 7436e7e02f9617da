use std::io;
use std::path::PathBuf;

use crate::mismatch::Mismatch;

/// An error of a checkpoint or a collection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not exist or cannot be read.
    #[error("{path}: cannot be read ({reason})")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason that the operating system gave.
        reason: io::Error,
    },
    /// The file could not be written; an existing file is unchanged.
    #[error("{path}: cannot be written ({reason}); the old file is unchanged")]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason that the operating system gave.
        reason: io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("{path}: not a safetensors file, or a damaged one ({reason})")]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// The reason that the safetensors crate gave.
        reason: safetensors::SafeTensorError,
    },
    /// A safetensors file of another program.
    #[error(
        "{path}: a safetensors file, but not one of latent's: its metadata have no entry `latent`, \
         so the model of the weights is unknown"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint in a format that this version does not support.
    #[error(
        "{path}: written in format {found}, and this version of latent reads format {expected}"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The supported format.
        expected: u64,
    },
    /// A checkpoint of another kind.
    #[error("{path}: this file contains a {}, expected a {expected}", .found.escape_debug())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        found: String,
        /// The expected kind.
        expected: String,
    },
    /// The JSON in the header is invalid.
    #[error("{path}: the metadata are invalid ({reason})")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The reason that the JSON parser gave.
        reason: serde_json::Error,
    },
    /// Missing, surplus or reshaped tensors.
    #[error("{path}: the weights do not match the model: {mismatch}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The differences.
        mismatch: Box<Mismatch>,
    },
    /// Two tensors have the same name without the parts that PyTorch's wrappers add.
    #[error(
        "{path}: two tensors are named {name} when `module` and `_orig_mod` are removed from their names"
    )]
    SameName {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A weight that is infinite or NaN.
    #[error("{path}: {name} has values that are not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor of a type that weights do not have.
    #[error("{path}: {name} is of type {found:?}, expected floats of 16, 32 or 64 bits")]
    NumberType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The element type.
        found: safetensors::Dtype,
    },
    /// A file whose checksum differs from that in the index.
    #[error("{path}: this is not the {name} of the index (SHA-256 {found}, expected {expected})")]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// The name in the index.
        name: String,
        /// The checksum in the index.
        expected: String,
        /// The checksum of the file.
        found: String,
    },
    /// An invalid name of a model in a collection.
    #[error("{name:?} is not a valid name of a model: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// An invalid index.
    #[error("{path}: not a valid index of models ({reason})")]
    Index {
        /// The index.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
