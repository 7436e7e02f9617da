//! Arguments that several commands share.

mod classifier;
mod data;
mod input;
mod model;
mod output;
mod table;
mod values;

pub(crate) use classifier::{classifier_for, refuse_unlabelled};
pub(crate) use data::{DataArguments, shown_path};
pub(crate) use input::InputArguments;
pub(crate) use model::{ModelArgument, fetched, watched};
pub(crate) use output::{DrawArguments, Shown, Verdict, confusion_matrix};
pub(crate) use table::{ImagesArguments, table_path, with_extension, write_table};
pub(crate) use values::{
    Class, EncodingArgument, FURTHEST, TemperatureArgument, Trimmed, labels_of, paths, positive,
    seed, three_classes,
};
