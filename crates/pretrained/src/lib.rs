//! Pretrained VAEs and normalizing flows on MNIST by name, with their experiments and model cards.
//!
//! ```
//! use candle_core::Device;
//! use latent_pretrained::Generator;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = latent_pretrained::load("cvae-conv", &Device::Cpu)?.model;
//! let images = model.conditional()?.sample_conditional(&[3, 1, 4], &mut Generator::new(1))?;
//! assert_eq!(images.dims(), [3, 784]); // one image for each label, pixels in [0, 1]
//! # Ok(())
//! # }
//! ```
//!
//! [`load`] loads the small models, whose weights are embedded ([`EMBEDDED`]). [`Models`] also finds larger ones in
//! directories and, with the feature `hub`, on a Hugging Face hub. Every file is verified by its SHA-256 checksum.
//! [`card`] is the model card in Markdown.
//!
//! ```
//! use latent_pretrained::{LatentModel, Models};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let models = Models::new()?.in_directory("assets/models");
//! for (name, entry) in models.entries() {
//!     println!("{name}: {}", entry.metadata.experiment.description);
//!     println!("  {} bytes, found: {:?}", entry.bytes, models.location(name)?);
//! }
//! let model = models.load("vae-2d", &candle_core::Device::Cpu)?.model;
//! assert_eq!(model.latent_size(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! An [`experiment`] is the configuration that trains a model, for `latent_training::train`:
//!
//! ```
//! let experiment = latent_pretrained::experiment("vae-conv", &["training.epochs=1".to_owned()])?;
//! assert_eq!(experiment.training.epochs, 1);
//! # Ok::<(), latent_pretrained::Error>(())
//! ```
//!
//! # Features
//! `hub` (default) downloads models that are not embedded; without it, the crate has no network code and builds for
//! WebAssembly. `x86-v4` (default) compiles kernels for AVX-512; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, latent-models, latent-training. Status: part of the `latent`
//! workspace, below 1.0; minor versions may break the interface.

mod card;
mod error;
mod experiments;
mod export;
mod models;

pub use card::Instructions;
pub use error::Error;
pub use experiments::{EXPERIMENTS, experiment, experiment_text, experiments};
pub use export::Export;
pub use latent_checkpoints::{Collection, Entry};
pub use latent_models::{AnyModel, Conditional, Generator, LatentModel};
pub use latent_training::{Experiment, Model, ModelMetadata};
pub use models::{EMBEDDED, Location, Models, card, load};

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
