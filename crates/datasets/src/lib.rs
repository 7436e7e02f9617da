//! Images, with or without labels, as batches of candle tensors: MNIST and similar data sets from IDX
//! files, folders of pictures, NumPy and Parquet files, and a built-in generator of
//! handwritten-looking digits.
//!
//! ```
//! use candle_core::Device;
//! use latent_datasets::{Batching, synthetic};
//!
//! # fn main() -> Result<(), latent_datasets::Error> {
//! let digits = synthetic(1, 100, 20); // seed, training and test images
//! let batching = Batching { size: 32, binarise: false, seed: 7 };
//! for batch in digits.train.shuffled(&batching, 1, &Device::Cpu) {
//!     let batch = batch?;
//!     let (images, labels) = (batch.images, batch.labels); // [32, 784] in [0, 1], [32]; at last [4, 784]
//! #   assert_eq!((images.dims()[1], labels.dims().len()), (784, 1));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`load`] finds MNIST on this computer or falls back to the synthetic digits, and reads all other
//! sources; [`Source::of_path`] recognises them.
//!
//! # Features
//! `x86-v4` (default) compiles kernels for AVX-512; `pictures` reads folders of pictures; `parquet`
//! reads the Hugging Face hub's files, and includes `pictures`; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, flate2, zip, latent-distributions. Status: part of
//! the `latent` workspace, below 1.0; minor versions may break the interface.

mod arrays;
mod batches;
mod checksum;
mod cifar;
mod dataset;
#[cfg(feature = "pictures")]
mod drawing;
mod error;
mod finding;
#[cfg(feature = "pictures")]
mod folder;
mod four_files;
mod idx;
mod mnist;
mod npy;
mod optional;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod pen;
#[cfg(feature = "pictures")]
mod picture;
#[cfg(feature = "pictures")]
mod pictures;
mod save;
mod source;
mod splits;
mod synthetic;

pub use arrays::{arrays_from_file, numbers_from_file};
pub use batches::{Batch, Batches, Batching};
pub use cifar::{cifar10_from_directory, has_cifar10};
pub use dataset::{Dataset, PixelStatistics};
#[cfg(feature = "pictures")]
pub use drawing::{DrawingOptions, DrawingStep, PreparedDrawing, prepare_drawing};
pub use error::Error;
pub use finding::Finding;
#[cfg(feature = "pictures")]
pub use folder::{has_pictures, pictures_from_directory};
pub use four_files::has_idx_files;
pub use idx::Idx;
pub use latent_kernels::Shape;
pub use mnist::{idx_from_directory, mnist_from_directory};
pub use options::{ImageOptions, Size};
#[cfg(feature = "parquet")]
pub use parquet::{from_parquet, has_parquet, parquet_from_path};
pub use parts::Reading;
pub use pen::draw_strokes;
#[cfg(feature = "pictures")]
pub use picture::{Conversion, DecodedPicture, decode_picture};
pub use save::save_idx;
pub use source::{DATA_DIR_VARIABLE, Loaded, Source, load, user_directory};
pub use splits::Splits;
pub use synthetic::{digit_strokes, draw_digit, synthetic};

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
