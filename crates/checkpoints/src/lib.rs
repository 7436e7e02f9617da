//! Weights as plain safetensors files with a JSON description inside, written whole or not at all
//! and verified before they are used.
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
//! A [`Collection`] is a directory of such files with an index of them, their sizes and checksums: what is
//! uploaded for others, and what they verify.
//!
//! # The file
//! Any reader of safetensors opens it. The header's metadata have the one key `latent`, whose value
//! is a JSON object: `format` (the version of this layout, 3), `kind` (what the file is for) and the
//! fields of the caller's metadata. One key rather than many, since safetensors keeps them in a hash
//! map: only so do the same weights give the same bytes.

mod collection;
mod error;
mod file;
mod mismatch;

pub use collection::{Collection, Entry, sha256_hex};
pub use error::Error;
pub use file::{
    Checkpoint, FORMAT, load, load_foreign, load_older, parse, read, remove_leftovers, save,
    to_bytes, write_atomically,
};
pub use mismatch::{Expected, Mismatch};
