//! Arguments that several commands share.

mod classifier;
mod data;
mod model;
mod output;
mod values;

pub(crate) use classifier::{classifier_for, refuse_unlabelled};
pub(crate) use data::{DataArguments, shown_path};
pub(crate) use model::{ModelArgument, fetched, watched};
pub(crate) use output::{DrawArguments, Shown, Verdict, confusion_matrix};
pub(crate) use values::{
    EncodingArgument, FURTHEST, TemperatureArgument, Trimmed, label, paths, positive, seed,
};
