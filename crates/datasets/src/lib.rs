//! Grey digits as batches of candle tensors: MNIST and its relatives from IDX files, and
//! handwritten-looking digits that the program draws itself.
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

mod batches;
mod checksum;
mod dataset;
mod error;
mod finding;
mod idx;
mod mnist;
#[cfg(feature = "parquet")]
mod parquet;
mod pen;
mod source;
mod synthetic;

pub use batches::{Batch, Batches, Batching};
pub use dataset::{Dataset, PixelStatistics, Splits};
pub use error::Error;
pub use finding::Finding;
pub use idx::Idx;
pub use latent_kernels::Shape;
pub use mnist::{has_idx_files, idx_from_directory, mnist_from_directory, save_idx};
#[cfg(feature = "parquet")]
pub use parquet::from_parquet;
pub use pen::draw_strokes;
pub use source::{DIRECTORY_VARIABLE, Loaded, Source, load, user_directory};
pub use synthetic::{digit_strokes, draw_digit, synthetic};
