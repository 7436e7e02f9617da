//! Downloads single files from the Hugging Face hub, or a compatible server, verified, to the cache
//! of Python's `huggingface_hub`.
//!
//! ```no_run
//! use latent_hub::{Hub, HubFile};
//!
//! let file: HubFile = "hf://owner/repository@main/model.safetensors".parse()?;
//! let hub = Hub::from_env()?; // HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_HUB_OFFLINE
//! let fetched = hub.fetch(&file, &mut |progress| {
//!     eprintln!("{} of {} bytes", progress.received, progress.total);
//! })?;
//! if let Some(reason) = fetched.unchecked {
//!     eprintln!("from the cache, and perhaps no longer current: {reason}");
//! }
//! println!("{}", fetched.path.display());
//! # Ok::<(), latent_hub::Error>(())
//! ```
//!
//! The cache has the layout of the `hf-hub` crate. The transfer is implemented here, because that
//! crate follows circular redirects forever, waits forever for a server that does not respond,
//! accepts a response to another range as the rest of a file, and does not verify downloads. This
//! crate verifies every download by the hub's checksum before the file gets its name in the cache.
//!
//! The crate has no features. Rust 1.94 or later. Main dependencies: hf-hub (cache layout), ureq.
//! Status: part of the `latent` workspace, below 1.0; minor versions may break the interface.

mod cache;
mod error;
mod file;
mod hub;
mod metadata;
mod transfer;

pub use error::Error;
pub use file::{HubFile, RepositoryKind};
pub use hub::{Fetched, Hub};
pub use transfer::Progress;

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
