//! Tables as CSV, and the images of a split that they list.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use latent_datasets::Dataset;
use latent_training::ModelData;

use crate::Error;
use crate::paths::new_path;

/// The split of the images of a command.
#[derive(Args)]
pub(crate) struct SplitArgument {
    /// Split of the data
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
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
    pub(crate) images: Dataset,
    pub(crate) split: Split,
}

impl SplitArgument {
    pub(crate) fn of(&self, data: &ModelData) -> Selected {
        let images = match self.split {
            Split::Train => data.train(),
            Split::Test => data.test(),
        };
        Selected {
            images,
            split: self.split,
        }
    }
}

impl Split {
    /// The name of an image: that of its file, otherwise its split and number.
    pub(crate) fn name_of(self, images: &Dataset, index: usize) -> String {
        let name = images.names().get(index);
        name.cloned().unwrap_or_else(|| match self {
            Self::Train => format!("train[{index}]"),
            Self::Test => format!("test[{index}]"),
        })
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
