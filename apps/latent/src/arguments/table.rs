//! Tables as CSV, and the images of a split that they list.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use latent_datasets::{Batching, Dataset};
use latent_training::{Model, ModelData};

use super::values::{positive, seed};
use super::{DataArguments, InputArguments};
use crate::paths::new_path;
use crate::{Context, Error};

/// The images that a command lists one by one.
#[derive(Args)]
pub(crate) struct ImagesArguments {
    /// Split of the data
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Use the first N images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// Seed of all random numbers [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Split {
    Train,
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Train => "training",
            Self::Test => "test",
        })
    }
}

/// The images of a split.
pub(crate) struct Selected {
    pub(crate) data: ModelData,
    pub(crate) images: Dataset,
    pub(crate) split: Split,
    pub(crate) batching: Batching,
}

impl ImagesArguments {
    /// The images for a trained model.
    pub(crate) fn load(&self, model: &Model, context: &Context) -> Result<Selected, Error> {
        let data = self.input.load_for(model, &self.data, context)?;
        let images = match self.split {
            Split::Train => data.train(),
            Split::Test => data.test(),
        };
        let seed = self.seed.unwrap_or(model.metadata.experiment.seed);
        Ok(Selected {
            data,
            images: images.truncated(self.limit.unwrap_or(usize::MAX)),
            split: self.split,
            batching: model.batching(seed),
        })
    }
}

impl Selected {
    /// The name of an image: that of its file, otherwise its split and number.
    pub(crate) fn name(&self, index: usize) -> String {
        let name = self.images.names().get(index);
        name.cloned().unwrap_or_else(|| match self.split {
            Split::Train => format!("train[{index}]"),
            Split::Test => format!("test[{index}]"),
        })
    }

    /// The class of an image; empty without labels.
    pub(crate) fn class(&self, index: usize) -> String {
        let label = self.images.labels().get(index);
        label.map_or_else(String::new, |&label| self.data.class_name(label))
    }
}

/// The path of a table.
pub(crate) fn table_path() -> impl TypedValueParser<Value = PathBuf> {
    with_extension("csv")
}

/// A new path with this extension.
pub(crate) fn with_extension(extension: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    new_path().try_map(move |path| {
        let found = path
            .extension()
            .map(|found| found.to_string_lossy().to_lowercase());
        if found.as_deref() == Some(extension) {
            Ok(path)
        } else {
            Err(format!("the name must end in .{extension}"))
        }
    })
}

/// Writes a table as CSV (RFC 4180), completely or not at all.
pub(crate) fn write_table<const COLUMNS: usize>(
    path: &Path,
    header: &[&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> Result<(), Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail, but for rows of different lengths, which the types exclude.
    table.write_record(header)?;
    for row in rows {
        table.write_record(row)?;
    }
    let bytes = table
        .into_inner()
        .map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(latent_checkpoints::write_atomically(path, &bytes)?)
}
