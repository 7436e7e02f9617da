//! Run directories: files, lock, metric records, model file and training.

mod directory;
mod files;
mod lock;
mod model_file;
mod records;
mod training;

pub use directory::Run;
pub(crate) use model_file::model_file;
pub use model_file::{Model, import, load_model, parse_model};
pub(crate) use records::MODEL_KIND;
pub use records::{EpochRecord, ModelMetadata};
pub use training::{Outcome, train};
