//! The four files of MNIST and of data sets in its layout: their names, and where they are.

use std::path::{Path, PathBuf};

use crate::Error;

/// One of the four files of MNIST.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// The SHA-256 of MNIST's file, unpacked.
    pub(crate) sha256: &'static str,
}

pub(crate) const TRAIN_IMAGES: Part = Part {
    name: "train-images-idx3-ubyte",
    sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
};
pub(crate) const TRAIN_LABELS: Part = Part {
    name: "train-labels-idx1-ubyte",
    sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
};
pub(crate) const TEST_IMAGES: Part = Part {
    name: "t10k-images-idx3-ubyte",
    sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
};
pub(crate) const TEST_LABELS: Part = Part {
    name: "t10k-labels-idx1-ubyte",
    sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
};
/// The EMNIST sets, whose files are named `emnist-letters-train-images-idx3-ubyte` and so on, with
/// the characters of their classes (Cohen et al. 2017, "EMNIST: an extension of MNIST to handwritten
/// letters", section II). Letters whose forms are alike in both cases are one class in some sets.
const EMNIST: [(&str, &str); 6] = [
    ("balanced", MERGED),
    (
        "byclass",
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    ),
    ("bymerge", MERGED),
    ("digits", DIGITS),
    ("letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("mnist", DIGITS),
];
const DIGITS: &str = "0123456789";
const MERGED: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt";
/// The set whose labels start at 1.
pub(crate) const FROM_ONE: &str = "letters";

pub(crate) const PARTS: [Part; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

/// Whether the directory, or one of the places below it, has at least one of the four files of
/// [`idx_from_directory`](crate::idx_from_directory).
///
/// A caller with several directories should take the first for which this is true: an incomplete
/// data set is then an error that names the missing files, and is not silently skipped.
pub fn has_idx_files(directory: &Path) -> bool {
    candidates(directory)
        .iter()
        .any(|candidate| candidate.count() > 0)
}

/// A possible data set in a directory: all four files in one place, with names of one kind, so that
/// two data sets are never mixed.
pub(crate) struct Candidate {
    pub(crate) directory: PathBuf,
    /// The EMNIST set of the names, and its characters; `None` for MNIST's names.
    pub(crate) emnist: Option<(&'static str, &'static str)>,
    /// The paths of the existing files, in the order of [`PARTS`].
    pub(crate) names: [String; 4],
    pub(crate) paths: [Option<PathBuf>; 4],
}

impl Candidate {
    fn new(directory: PathBuf, emnist: Option<(&'static str, &'static str)>) -> Self {
        let names = PARTS.map(|part| match emnist {
            None => part.name.to_owned(),
            Some((set, _)) => format!("emnist-{set}-{}", part.name.replacen("t10k", "test", 1)),
        });
        let paths = names.each_ref().map(|name| find_part(&directory, name));
        Self {
            directory,
            emnist,
            names,
            paths,
        }
    }

    /// The number of the four files that exist.
    fn count(&self) -> usize {
        self.paths.iter().flatten().count()
    }
}

/// All candidates in a directory; of equal ones the first is preferred.
fn candidates(directory: &Path) -> Vec<Candidate> {
    let in_place = |place: &str, emnist| {
        let place = match place {
            "" => directory.to_owned(),
            below => directory.join(below),
        };
        Candidate::new(place, emnist)
    };
    let mnist = ["", "MNIST/raw", "raw"].map(|place| in_place(place, None));
    let emnist = ["", "EMNIST/raw", "raw", "gzip"];
    let emnist = emnist.into_iter().flat_map(|place| {
        EMNIST
            .into_iter()
            .map(move |set| in_place(place, Some(set)))
    });
    mnist.into_iter().chain(emnist).collect()
}

/// The candidate with the most files.
pub(crate) fn find(directory: &Path) -> Result<Candidate, Error> {
    let candidates = candidates(directory);
    let most = candidates.iter().map(Candidate::count).max().unwrap_or(0);
    let mut best = candidates
        .into_iter()
        .filter(|candidate| candidate.count() == most);
    let Some(first) = best.next() else {
        return Ok(Candidate::new(directory.to_owned(), None));
    };
    let sets: Vec<&str> = best
        .filter(|other| other.directory == first.directory)
        .filter_map(|other| Some(other.emnist?.0))
        .collect();
    match first.emnist {
        Some((set, _)) if !sets.is_empty() => Err(Error::SeveralSets {
            directory: first.directory,
            sets: [vec![set], sets].concat(),
        }),
        _ => Ok(first),
    }
}

fn find_part(place: &Path, name: &str) -> Option<PathBuf> {
    let mut paths = spellings(name).into_iter().map(|name| place.join(name));
    paths.find(|path| path.is_file())
}

/// The possible names of a file. The plain file is first: torchvision leaves both, and the plain
/// one is faster to read.
pub(crate) fn spellings(name: &str) -> [String; 4] {
    let dotted = name.replacen("-idx", ".idx", 1);
    let packed = [format!("{name}.gz"), format!("{dotted}.gz")];
    let [first, second] = packed;
    [name.to_owned(), dotted, first, second]
}
