use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::paths;
use crate::{
    Error, Finding, Splits, has_idx_files, idx_from_directory, mnist_from_directory, synthetic,
};

/// The environment variable that names a directory with MNIST's files.
pub const DIRECTORY_VARIABLE: &str = "LATENT_DATA_DIR";

/// The seed of the built-in digits: with it they are one data set, the same for everybody.
const SYNTHETIC_SEED: u64 = 0;

/// Where digits come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// MNIST if it is on this computer, else the built-in digits.
    #[default]
    Auto,
    /// The real MNIST, verified by its checksums.
    Mnist,
    /// Any data set in MNIST's four files, such as Fashion-MNIST; not verified.
    Idx,
    /// The built-in digits, drawn by the program.
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

/// A data set and where it was found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The source that was taken: never [`Source::Auto`].
    pub source: Source,
    /// The directory of its files, as it was named; `None` of the built-in digits.
    pub directory: Option<PathBuf>,
    /// The images.
    pub splits: Splits,
    /// What is probably wrong with how the training images are stored; not looked for in MNIST, which is verified,
    /// nor in the built-in digits.
    pub findings: Vec<Finding>,
    /// One line for a person: what was taken, and from where.
    pub note: String,
}

/// Loads a data set from this computer; nothing is ever downloaded.
///
/// MNIST's files are looked for in `directory`, and in no other place if it is given; else in
/// `$LATENT_DATA_DIR` and in the folder `latent/mnist` of the user's data directory.
///
/// # Errors
/// [`Error::NotFound`] where a data set was asked for that is nowhere, and whatever is wrong with
/// the files of one that is there.
pub fn load(source: Source, directory: Option<&Path>) -> Result<Loaded, Error> {
    let variable = std::env::var_os(DIRECTORY_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let candidates = match directory {
        Some(directory) => vec![directory.to_owned()],
        None => variable.into_iter().chain(user_directory()).collect(),
    };
    load_from(source, directory.is_some(), candidates)
}

/// Where MNIST is looked for if nothing names another place: `latent/mnist` in the user's data directory,
/// if there is one. `$XDG_DATA_HOME` names that directory on every system, as `$XDG_CACHE_HOME` does the
/// hub's cache.
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
        (Source::Synthetic, _) => Ok(built_in("the built-in synthetic digits".to_owned())),
        (Source::Auto | Source::Mnist, Some(directory)) => {
            let note = format!("MNIST from {}", directory.display());
            Ok(Loaded {
                source: Source::Mnist,
                directory: Some(directory.clone()),
                splits: mnist_from_directory(directory)?,
                findings: Vec::new(),
                note,
            })
        }
        (Source::Idx, Some(directory)) => {
            let note = format!("the IDX files in {}, not verified", directory.display());
            let splits = idx_from_directory(directory)?;
            Ok(Loaded {
                source,
                directory: Some(directory.clone()),
                findings: splits.train.findings(),
                splits,
                note,
            })
        }
        // Who names a directory does not want to be given something else in silence.
        (Source::Auto, None) if !named => {
            let note = format!(
                "the built-in synthetic digits, since MNIST is not in {}",
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
    fn without_files_auto_draws_its_own_digits_and_says_where_it_looked() {
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
    fn what_was_named_is_never_replaced() {
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
    fn half_a_data_set_is_an_error_and_not_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("train-labels-idx1-ubyte"), []).unwrap();
        let error = load_from(Source::Auto, false, vec![directory.path().into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("train-images-idx3-ubyte"), "{error}");
    }
}
