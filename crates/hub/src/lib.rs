//! Single files from the Hugging Face hub or a server like it, verified, in the cache that Python's
//! `huggingface_hub` uses.
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
//! The cache's layout is that of the `hf-hub` crate. The transfer is not: that
//! one follows a circle of redirects for ever, waits for ever for a server that says nothing, takes the
//! answer to another question for the rest of a file, and believes what arrives. Here every byte is
//! checked against the checksum that the hub names, before the file has its name in the cache.

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
