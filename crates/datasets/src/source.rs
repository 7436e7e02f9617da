use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::paths;
use crate::optional::{
    has_parquet, has_pictures, is_picture, parquet_from_path, pictures_from_directory,
    scaled_dataset,
};
use crate::{
    Dataset, Error, Finding, ImageOptions, Reading, Size, Splits, arrays_from_file,
    cifar10_from_directory, has_cifar10, has_idx_files, idx_from_directory, mnist_from_directory,
    synthetic,
};

/// The environment variable with the directory of MNIST's files.
pub const DATA_DIR_VARIABLE: &str = "LATENT_DATA_DIR";

/// The fixed seed of the built-in digits, so that they are one data set.
const SYNTHETIC_SEED: u64 = 0;

/// The kind of a data set's source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
    /// A folder of pictures.
    Pictures,
    /// A NumPy archive or file.
    Arrays,
    /// The hub's Parquet files.
    Parquet,
    /// CIFAR-10's binary files; not verified.
    Cifar10,
}

impl Source {
    /// All sources, in the order of their names in documentation.
    pub const ALL: [Self; 8] = [
        Self::Auto,
        Self::Mnist,
        Self::Idx,
        Self::Pictures,
        Self::Arrays,
        Self::Parquet,
        Self::Cifar10,
        Self::Synthetic,
    ];

    /// The name in experiments and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Mnist => "mnist",
            Self::Idx => "idx",
            Self::Synthetic => "synthetic",
            Self::Pictures => "pictures",
            Self::Arrays => "arrays",
            Self::Parquet => "parquet",
            Self::Cifar10 => "cifar10",
        }
    }

    /// Recognises the kind of the data set at `path` by what is there. IDX files are MNIST if their checksums say so.
    ///
    /// # Errors
    /// [`Error::NotADataSet`], which says what is there instead.
    pub fn of_path(path: &Path) -> Result<Self, Error> {
        let not = |found| Error::NotADataSet {
            path: path.to_owned(),
            found,
        };
        if path.is_dir() {
            return if has_idx_files(path) {
                let is_mnist = mnist_from_directory(path).is_ok();
                Ok(if is_mnist { Self::Mnist } else { Self::Idx })
            } else if has_cifar10(path) {
                Ok(Self::Cifar10)
            } else if has_parquet(path) {
                Ok(Self::Parquet)
            } else if has_pictures(path) {
                Ok(Self::Pictures)
            } else {
                Err(not("there is no data set in this directory"))
            };
        }
        if !path.exists() {
            return Err(not("there is no such file or directory"));
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_lowercase().as_str() {
            "npz" | "npy" => Ok(Self::Arrays),
            "parquet" => Ok(Self::Parquet),
            _ if is_picture(path) => Err(not("this is a single picture")),
            _ => Err(not("this is a file of another kind")),
        }
    }

    /// Whether a data set of this kind may be at `path`: to find one that was there before.
    pub fn is_at(self, path: &Path) -> bool {
        match self {
            Self::Auto | Self::Mnist | Self::Idx => has_idx_files(path),
            Self::Synthetic => false,
            Self::Pictures | Self::Arrays | Self::Parquet | Self::Cifar10 => path.exists(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A loaded data set and its origin.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The source used; never [`Source::Auto`].
    pub source: Source,
    /// The file or directory, as given; `None` for the built-in digits.
    pub path: Option<PathBuf>,
    /// The images.
    pub splits: Splits,
    /// Probable faults in how the training images are stored. MNIST, which is verified, and the
    /// built-in digits are not examined.
    pub findings: Vec<Finding>,
    /// A line for the user: what was loaded, and from where.
    pub note: String,
    /// Further lines: what was converted, left out or drawn.
    pub details: Vec<String>,
}

/// Loads a data set from this computer; nothing is downloaded.
///
/// If `path` is given, the data are searched for only there; otherwise MNIST's files are searched for
/// in `$LATENT_DATA_DIR` and in `latent/mnist` in the user's data directory.
///
/// # Errors
/// [`Error::NotFound`] if the requested data set is not found, [`Error::NotCompiled`] if a feature of
/// this crate is missing, and the errors of reading its files.
pub fn load(source: Source, path: Option<&Path>, options: &ImageOptions) -> Result<Loaded, Error> {
    let variable = std::env::var_os(DATA_DIR_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let candidates = match path {
        Some(path) => vec![path.to_owned()],
        None => variable.into_iter().chain(user_directory()).collect(),
    };
    load_from(source, path.is_some(), candidates, options)
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

fn load_from(
    source: Source,
    named: bool,
    candidates: Vec<PathBuf>,
    options: &ImageOptions,
) -> Result<Loaded, Error> {
    let there = candidates.iter().find(|candidate| has_idx_files(candidate));
    let reading = |source: Source, path: &Path, (what, reading): (&str, Reading)| {
        let Reading { splits, notes } = reading;
        Loaded {
            source,
            path: Some(path.to_owned()),
            splits,
            findings: Vec::new(),
            note: format!("{what} in {}", path.display()),
            details: notes,
        }
    };
    let plain = |splits| Reading {
        splits,
        notes: Vec::new(),
    };
    let loaded = match (source, there, candidates.first()) {
        (Source::Synthetic, ..) => built_in("synthetic digits".to_owned()),
        (Source::Auto | Source::Mnist, Some(directory), _) => {
            let splits = mnist_from_directory(directory)?;
            reading(Source::Mnist, directory, ("MNIST", plain(splits)))
        }
        (Source::Idx, Some(directory), _) => {
            let splits = idx_from_directory(directory)?;
            let mut notes = Vec::new();
            if splits.name.starts_with("emnist") {
                notes.push("EMNIST's images are stored with rows and columns exchanged: they are put upright".to_owned());
            }
            let found = ("IDX files", Reading { splits, notes });
            let mut loaded = reading(source, directory, found);
            loaded.note += " (not verified)";
            loaded
        }
        (Source::Pictures, _, Some(path)) if named => {
            let read = pictures_from_directory(path, options)?;
            reading(source, path, ("pictures", read))
        }
        (Source::Arrays, _, Some(path)) if named => {
            reading(source, path, ("arrays", arrays_from_file(path)?))
        }
        (Source::Parquet, _, Some(path)) if named => {
            let read = parquet_from_path(path, options)?;
            reading(source, path, ("Parquet files", read))
        }
        (Source::Cifar10, _, Some(path)) if named => {
            let splits = cifar10_from_directory(path)?;
            reading(source, path, ("CIFAR-10", plain(splits)))
        }
        // A named directory is never silently replaced by the built-in digits.
        (Source::Auto, None, _) if !named => {
            let note = format!(
                "synthetic digits (MNIST not found in {})",
                paths(&candidates),
            );
            built_in(note)
        }
        _ => {
            return Err(Error::NotFound {
                source_name: source.name(),
                looked_in: if named || is_of_mnist(source) {
                    candidates
                } else {
                    Vec::new()
                },
            });
        }
    };
    prepared(loaded, options)
}

/// Whether the data set may be where MNIST is.
fn is_of_mnist(source: Source) -> bool {
    matches!(source, Source::Auto | Source::Mnist | Source::Idx)
}

/// Applies the options that the reader has not applied, and examines the images.
fn prepared(mut loaded: Loaded, options: &ImageOptions) -> Result<Loaded, Error> {
    if let Some(size) = options.size {
        loaded.splits = loaded.splits.map(|images| scaled(images, size))?;
    }
    let changed = |images: Dataset| {
        let images = if options.grey {
            images.in_grey()
        } else {
            images
        };
        Ok::<_, Error>(if options.invert {
            images.inverted()
        } else {
            images
        })
    };
    loaded.splits = loaded.splits.map(changed)?;
    let is_known = matches!(loaded.source, Source::Mnist | Source::Synthetic);
    if !is_known || *options != ImageOptions::default() {
        loaded.findings = loaded.splits.train.findings();
    }
    Ok(loaded)
}

/// Scales the images, if they have another size.
fn scaled(images: Dataset, size: Size) -> Result<Dataset, Error> {
    let shape = images.shape();
    if (shape.height, shape.width) == (size.height as usize, size.width as usize) {
        return Ok(images);
    }
    scaled_dataset(&images, size)
}

fn built_in(note: String) -> Loaded {
    Loaded {
        source: Source::Synthetic,
        path: None,
        splits: synthetic(SYNTHETIC_SEED, 60_000, 10_000),
        findings: Vec::new(),
        note,
        details: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_files_auto_loads_synthetic_digits_and_names_the_searched_directories() {
        let empty = tempfile::tempdir().unwrap();
        let loaded = load_from(
            Source::Auto,
            false,
            vec![empty.path().into()],
            &ImageOptions::default(),
        )
        .unwrap();
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
            let error = load_from(
                source,
                named,
                vec![empty.path().into()],
                &ImageOptions::default(),
            )
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
        let error = load_from(
            Source::Auto,
            false,
            vec![directory.path().into()],
            &ImageOptions::default(),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains("train-images-idx3-ubyte"), "{error}");
    }
}
