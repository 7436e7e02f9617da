//! Model checkpoints: safetensors files with JSON metadata, written atomically and verified when
//! read.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use candle_core::{Device, Tensor};
//! use latent_checkpoints::{Expected, load, save};
//! # use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Metadata {
//!     seed: u64,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("model.safetensors");
//! let weight = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
//! let tensors = BTreeMap::from([("encoder.0.weight".to_owned(), weight)]);
//! save(&path, "model", &tensors, &Metadata { seed: 1 })?;
//!
//! let checkpoint = load::<Metadata>(&path, "model", &Device::Cpu)?;
//! let expected = Expected::from([("encoder.0.weight".to_owned(), vec![1, 2])]);
//! checkpoint.verify(&expected)?; // names, shapes, finite values
//! assert_eq!(checkpoint.metadata.seed, 1);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Collection`] is a directory of checkpoints for distribution, with an index of their sizes
//! and checksums.
//!
//! # File format
//! Any safetensors reader opens the files. The header's metadata have the single key `latent`,
//! whose value is a JSON object with `format` (the format version, 3), `kind` (the kind of file)
//! and the fields of the caller's metadata. There is only one key because safetensors stores
//! metadata in a hash map: several keys would have no fixed order, and the same weights would not
//! give the same bytes.
//!
//! # Features
//! `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, safetensors, `serde_json`. Status: part of
//! the `latent` workspace, below 1.0; minor versions may break the interface.

mod collection;
mod error;
mod file;
mod mismatch;
mod pytorch;

pub use collection::{Collection, Entry, sha256_hex};
pub use error::Error;
pub use file::{
    Checkpoint, FORMAT, load, load_foreign, load_older, parse, read, remove_leftovers, save,
    to_bytes, write_atomically,
};
pub use mismatch::{Expected, Mismatch};
pub use pytorch::{conversion_script, is_pytorch};

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
