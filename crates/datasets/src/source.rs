use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::paths;
use crate::{
    Error, Finding, Splits, has_idx_files, idx_from_directory, mnist_from_directory, synthetic,
};

/// The environment variable with the directory of MNIST's files.
pub const DATA_DIR_VARIABLE: &str = "LATENT_DATA_DIR";

/// The fixed seed of the built-in digits, so that they are one data set.
const SYNTHETIC_SEED: u64 = 0;

/// The source of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// MNIST if it is found on this computer, otherwise the built-in digits.
    #[default]
    Auto,
    /// MNIST, verified by its checksums.
    Mnist,
    /// Any data set in MNIST's file layout, such as Fashion-MNIST; not verified.
    Idx,
    /// The built-in synthetic digits.
    Synthetic,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Mnist => "mnist",
            Self::Idx => "idx",
            Self::Synthetic => "synthetic",
        })
    }
}

/// A loaded data set and its origin.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The source used; never [`Source::Auto`].
    pub source: Source,
    /// The directory of the files, as given; `None` for the built-in digits.
    pub directory: Option<PathBuf>,
    /// The images.
    pub splits: Splits,
    /// Probable faults in how the training images are stored. MNIST, which is verified, and the
    /// built-in digits are not examined.
    pub findings: Vec<Finding>,
    /// A line for the user: what was loaded, and from where.
    pub note: String,
}

/// Loads a data set from this computer; nothing is downloaded.
///
/// If `directory` is given, MNIST's files are searched for only there; otherwise in
/// `$LATENT_DATA_DIR` and in `latent/mnist` in the user's data directory.
///
/// # Errors
/// [`Error::NotFound`] if the requested data set is not found, and the errors of reading its files.
pub fn load(source: Source, directory: Option<&Path>) -> Result<Loaded, Error> {
    let variable = std::env::var_os(DATA_DIR_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let candidates = match directory {
        Some(directory) => vec![directory.to_owned()],
        None => variable.into_iter().chain(user_directory()).collect(),
    };
    load_from(source, directory.is_some(), candidates)
}

/// The default directory of MNIST: `latent/mnist` in the user's data directory, if there is one.
///
/// `$XDG_DATA_HOME` sets the data directory on every system, as `$XDG_CACHE_HOME` sets the hub's
/// cache.
pub fn user_directory() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let data = named.or_else(dirs::data_dir)?;
    Some(data.join("latent").join("mnist"))
}

fn load_from(source: Source, named: bool, candidates: Vec<PathBuf>) -> Result<Loaded, Error> {
    let found = candidates.iter().find(|candidate| has_idx_files(candidate));
    match (source, found) {
        (Source::Synthetic, _) => Ok(built_in("synthetic digits".to_owned())),
        (Source::Auto | Source::Mnist, Some(directory)) => {
            let note = format!("MNIST in {}", directory.display());
            Ok(Loaded {
                source: Source::Mnist,
                directory: Some(directory.clone()),
                splits: mnist_from_directory(directory)?,
                findings: Vec::new(),
                note,
            })
        }
        (Source::Idx, Some(directory)) => {
            let note = format!("IDX files in {} (not verified)", directory.display());
            let splits = idx_from_directory(directory)?;
            Ok(Loaded {
                source,
                directory: Some(directory.clone()),
                findings: splits.train.findings(),
                splits,
                note,
            })
        }
        // A named directory is never silently replaced by the built-in digits.
        (Source::Auto, None) if !named => {
            let note = format!(
                "synthetic digits (MNIST not found in {})",
                paths(&candidates),
            );
            Ok(built_in(note))
        }
        (Source::Auto | Source::Mnist | Source::Idx, None) => Err(Error::NotFound {
            looked_in: candidates,
        }),
    }
}

fn built_in(note: String) -> Loaded {
    Loaded {
        source: Source::Synthetic,
        directory: None,
        splits: synthetic(SYNTHETIC_SEED, 60_000, 10_000),
        findings: Vec::new(),
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_files_auto_loads_synthetic_digits_and_names_the_searched_directories() {
        let empty = tempfile::tempdir().unwrap();
        let loaded = load_from(Source::Auto, false, vec![empty.path().into()]).unwrap();
        assert_eq!(loaded.source, Source::Synthetic);
        assert_eq!(
            (loaded.splits.train.len(), loaded.splits.test.len()),
            (60_000, 10_000)
        );
        assert!(
            loaded.note.contains(&empty.path().display().to_string()),
            "{}",
            loaded.note
        );
    }

    #[test]
    fn a_named_source_is_never_replaced() {
        let empty = tempfile::tempdir().unwrap();
        for (source, named) in [
            (Source::Auto, true),
            (Source::Mnist, false),
            (Source::Idx, false),
            (Source::Mnist, true),
        ] {
            let error = load_from(source, named, vec![empty.path().into()])
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&empty.path().display().to_string()),
                "{error}"
            );
        }
    }

    #[test]
    fn an_incomplete_data_set_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("train-labels-idx1-ubyte"), []).unwrap();
        let error = load_from(Source::Auto, false, vec![directory.path().into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("train-images-idx3-ubyte"), "{error}");
    }
}
