use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::parts::{MAX_CLASSES, name_of};
use crate::picture::decode;
use crate::pictures::{Classes, Entry, parts};
use crate::{Error, ImageOptions, Reading};

/// The file name extensions of pictures.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "bmp", "webp"];

/// The names of the directories of the splits, in lower case, in the order of
/// [`SPLITS`](crate::pictures::SPLITS).
const DIRECTORIES: [&[&str]; 3] = [
    &["train", "training"],
    &["test", "testing"],
    &["val", "valid", "validation"],
];

/// Whether a directory has pictures that [`pictures_from_directory`] finds, or would refuse.
pub fn has_pictures(directory: &Path) -> bool {
    holds_pictures(directory, 2)
}

/// Whether there are pictures in the directory or at most `depth` directories below it.
fn holds_pictures(directory: &Path, depth: usize) -> bool {
    let Ok(listing) = Listing::new(directory) else {
        return false;
    };
    let below = |directory: &PathBuf| depth > 0 && holds_pictures(directory, depth - 1);
    !listing.pictures.is_empty() || listing.directories.iter().any(below)
}

/// Reads a folder of pictures: PNG, JPEG, GIF (the first frame), BMP or WebP.
///
/// - With directories `train` and `test`, and possibly `validation`, these are the splits; otherwise
///   the splits are [drawn](crate::Splits::drawn) from all pictures, with seed 0.
/// - Each directory with pictures is a class of its name; classes are in the order of their names.
///   Pictures without such directories have no labels.
/// - Files that are not pictures, and names that start with a dot, are ignored. Directories in a
///   class are an error; so symbolic links cannot lead in a circle.
///
/// The images have one channel if all pictures are grey (always, if `options.grey` is set),
/// otherwise three. Each is named by its path in the folder. The images of each split are in a
/// [stratified](crate::Dataset::stratified) random order: the first and the last are typical.
///
/// # Errors
/// No pictures; classes without pictures, or more than 256; pictures of several sizes without
/// `options.size`; more than one unreadable picture in twenty; more than 2³⁰ values.
pub fn pictures_from_directory(directory: &Path, options: &ImageOptions) -> Result<Reading, Error> {
    let top = Listing::new(directory)?;
    let split = |names: &[&str]| {
        let mut directories = top.directories.iter();
        directories.find(|path| names.contains(&file_name(path).to_lowercase().as_str()))
    };
    let given = DIRECTORIES.map(split);
    let places: Vec<(usize, &Path)> = match given {
        [Some(_), Some(_), _] => {
            let given = given.iter().enumerate();
            let given = given.filter_map(|(split, path)| Some((split, path.as_ref()?.as_path())));
            given.collect()
        }
        _ => vec![(0, directory)],
    };
    let mut files = Vec::new();
    for (split, place) in places {
        files.extend(files_of(split, place)?);
    }
    let class_names = class_names(directory, &files)?;
    let number_of: BTreeMap<&String, u8> = class_names.iter().zip(0..=u8::MAX).collect();
    let entries: Vec<Entry> = files
        .par_iter()
        .map(|found| Entry {
            name: name_in(directory, &found.path),
            split: found.split,
            label: found.class.as_ref().map(|class| number_of[class]),
            picture: File::open(&found.path)
                .map_err(|error| error.to_string())
                .and_then(|file| decode(BufReader::new(file), options)),
        })
        .collect();
    let mut notes = Vec::new();
    let classes = Classes {
        count: class_names.len(),
        names: class_names,
    };
    let parts = parts(directory, entries, &classes, &mut notes)?;
    parts.into_reading(name_of(directory), directory, notes)
}

/// A file of the folder.
struct Found {
    split: usize,
    class: Option<String>,
    path: PathBuf,
}

/// The pictures of a split, in the order of their names.
fn files_of(split: usize, place: &Path) -> Result<Vec<Found>, Error> {
    let Listing {
        pictures,
        directories,
    } = Listing::new(place)?;
    if directories.is_empty() {
        let found = |path| Found {
            split,
            class: None,
            path,
        };
        return Ok(pictures.into_iter().map(found).collect());
    }
    if let Some(picture) = pictures.into_iter().next() {
        return Err(Error::PictureBesideClasses {
            picture,
            class: file_name(&directories[0]),
        });
    }
    let mut files = Vec::new();
    for directory in directories {
        let listing = Listing::new(&directory)?;
        if let Some(nested) = listing.directories.into_iter().next() {
            return Err(Error::NestedClass { directory: nested });
        }
        if listing.pictures.is_empty() {
            return Err(Error::EmptyClass { directory });
        }
        let class = file_name(&directory);
        files.extend(listing.pictures.into_iter().map(|path| Found {
            split,
            class: Some(class.clone()),
            path,
        }));
    }
    Ok(files)
}

/// The names of all classes in their order; none for a flat folder.
fn class_names(directory: &Path, files: &[Found]) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|found| found.class.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    if let (false, Some(flat)) = (
        names.is_empty(),
        files.iter().find(|found| found.class.is_none()),
    ) {
        return Err(Error::PictureBesideClasses {
            picture: flat.path.clone(),
            class: names[0].clone(),
        });
    }
    if names.len() > MAX_CLASSES {
        return Err(Error::TooManyClasses {
            path: directory.to_owned(),
            classes: names.len(),
            limit: MAX_CLASSES,
        });
    }
    // `1, 2, …, 10` and not `1, 10, 2`.
    if names.iter().all(|name| name.parse::<u32>().is_ok()) {
        names.sort_by_key(|name| name.parse::<u32>().unwrap_or_default());
    }
    Ok(names)
}

/// What is in a directory, in the order of the names.
struct Listing {
    pictures: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Listing {
    fn new(directory: &Path) -> Result<Self, Error> {
        let unreadable = |reason| Error::Unreadable {
            path: directory.to_owned(),
            reason,
        };
        let (mut pictures, mut directories) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = file_name(&path);
            // Folders that archives from macOS bring along.
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if is_picture(&path) {
                pictures.push(path);
            }
        }
        pictures.sort_unstable();
        directories.sort_unstable();
        Ok(Self {
            pictures,
            directories,
        })
    }
}

/// Whether the name of a file is that of a picture.
pub(crate) fn is_picture(path: &Path) -> bool {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The path of a picture in its folder, with `/` on every system.
fn name_in(directory: &Path, path: &Path) -> String {
    let below = path.strip_prefix(directory).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
