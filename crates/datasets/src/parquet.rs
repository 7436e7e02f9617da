use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::thread;

use parquet::file::metadata::FileMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use rayon::prelude::*;

use crate::parts::{MAX_CLASSES, Parts, classes_of, name_of};
use crate::picture::decode;
use crate::pictures::{self, Classes, Entry, SPLITS};
use crate::{Error, ImageOptions, Reading, Splits};

/// Reads a data set from two Parquet files as the Hugging Face hub has them, in the order of their
/// rows, as in [`parquet_from_path`]. The result is named `name`.
///
/// # Errors
/// Those of [`parquet_from_path`].
pub fn from_parquet(name: &str, train: &Path, test: &Path) -> Result<Splits, Error> {
    let directory = train.parent().unwrap_or(train);
    let files = [(0, train.to_owned()), (1, test.to_owned())];
    let parts = read(directory, &files, &ImageOptions::default(), &mut Vec::new())?;
    let test = parts.test.ok_or_else(|| Error::NoPictures {
        path: test.to_owned(),
    })?;
    crate::parts::check_shape(directory, &parts.train, &test)?;
    Ok(Splits {
        name: name.to_owned(),
        train: parts.train,
        validation: None,
        test,
    })
}

/// Reads a data set of the Hugging Face hub: a Parquet file, or a directory with Parquet files (also
/// in a directory below) whose names start with `train`, `test` or `validation`.
///
/// Each row has an image: a structure with the `bytes` of a picture and possibly its `path`, or the
/// bytes themselves. Its label is the whole number in the column `label`, otherwise in the only
/// column of whole numbers. The names of the classes are those of the file's metadata.
///
/// Conversions, grey or colour, unreadable pictures, and the order of the images are as in
/// [`pictures_from_directory`](crate::pictures_from_directory).
///
/// # Errors
/// [`Error::Unreadable`]; [`Error::NotParquet`] if a file is not Parquet or has no images; and the
/// errors of [`pictures_from_directory`](crate::pictures_from_directory).
pub fn parquet_from_path(path: &Path, options: &ImageOptions) -> Result<Reading, Error> {
    let files = if path.is_dir() {
        files_in(path)
    } else {
        vec![(0, path.to_owned())]
    };
    let mut notes = Vec::new();
    let parts = read(path, &files, options, &mut notes)?;
    parts.into_reading(name_of(path), path, notes)
}

/// Whether the directory, or one below it, has Parquet files.
pub fn has_parquet(directory: &Path) -> bool {
    !files_in(directory).is_empty()
}

/// The Parquet files of a directory, otherwise of the first directory below it that has some, with
/// the index of their split in [`SPLITS`].
fn files_in(directory: &Path) -> Vec<(usize, PathBuf)> {
    let listing = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort_unstable();
        paths
    };
    let files = |directory: &Path| {
        let paths = listing(directory).into_iter();
        let files = paths.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
        files
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let split = SPLITS.iter().position(|split| name.starts_with(split));
                (split.unwrap_or(0), path)
            })
            .collect::<Vec<_>>()
    };
    let here = files(directory);
    if !here.is_empty() {
        return here;
    }
    let below = listing(directory).into_iter().filter(|path| path.is_dir());
    let mut below = below.map(|directory| files(&directory));
    below.find(|files| !files.is_empty()).unwrap_or_default()
}

/// A row: the image as a file has it, its name, and its label.
struct Stored {
    picture: Vec<u8>,
    name: String,
    label: Option<u8>,
}

/// Reads the files of each split.
fn read(
    path: &Path,
    files: &[(usize, PathBuf)],
    options: &ImageOptions,
    notes: &mut Vec<String>,
) -> Result<Parts, Error> {
    let (mut rows, mut class_names) = (Vec::new(), Vec::new());
    for (split, file) in files {
        let (found, names) = on_a_thread(file)?;
        rows.extend(found.into_iter().map(|row| (*split, row)));
        if class_names.is_empty() {
            class_names = names;
        }
    }
    let labels: Option<Vec<u8>> = rows.iter().map(|(_, row)| row.label).collect();
    // Labels that some rows lack are none.
    let count = classes_of(labels.as_deref());
    let classes = Classes {
        count: if count > 0 {
            count.max(class_names.len())
        } else {
            0
        },
        names: if count > 0 && count <= class_names.len() {
            class_names
        } else {
            Vec::new()
        },
    };
    let entries = rows.into_par_iter().map(|(split, row)| Entry {
        split,
        label: row.label.filter(|_| labels.is_some()),
        picture: decode(Cursor::new(&row.picture), options),
        name: row.name,
    });
    let entries: Vec<Entry> = entries.collect();
    pictures::parts(path, entries, &classes, notes)
}

/// The name of the thread that reads a file. The parquet crate panics on some damaged files; on a
/// thread of its own a panic becomes an error, and a program's panic hook can recognise it.
const THREAD: &str = "parquet";

fn on_a_thread(path: &Path) -> Result<(Vec<Stored>, Vec<String>), Error> {
    let damaged = |reason: &str| Error::NotParquet {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    thread::scope(|scope| {
        let reading = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn_scoped(scope, || rows(path));
        let reading = reading.map_err(|reason| Error::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        reading
            .join()
            .unwrap_or_else(|_| Err(damaged("the file is damaged")))
    })
}

/// The largest size of all pictures of a file: a compressed file can decode to any size.
const MAX_BYTES: usize = 1 << 31;

/// The rows of a file, and the names of the classes.
fn rows(path: &Path) -> Result<(Vec<Stored>, Vec<String>), Error> {
    let wrong = |reason: String| Error::NotParquet {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    let reader = SerializedFileReader::new(file).map_err(|error| wrong(error.to_string()))?;
    let metadata = reader.metadata().file_metadata();
    let columns = Columns::of(metadata).map_err(wrong)?;
    let class_names = columns.class_names(metadata);
    let of_file = path.file_name().unwrap_or_default().to_string_lossy();
    let iter = reader
        .get_row_iter(None)
        .map_err(|error| wrong(error.to_string()))?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for (index, row) in iter.enumerate() {
        let in_row = |reason: String| wrong(format!("row {index}: {reason}"));
        let row = row.map_err(|error| in_row(error.to_string()))?;
        let (picture, name) = columns.picture(&row).map_err(in_row)?;
        bytes += picture.len();
        if bytes > MAX_BYTES {
            return Err(wrong(format!(
                "its pictures have more than {MAX_BYTES} bytes"
            )));
        }
        rows.push(Stored {
            picture,
            name: name.unwrap_or_else(|| format!("{of_file}[{index}]")),
            label: columns.label(&row).map_err(in_row)?,
        });
    }
    if rows.is_empty() {
        return Err(wrong("it has no rows".to_owned()));
    }
    Ok((rows, class_names))
}

/// The columns of images and labels.
struct Columns {
    image: String,
    label: Option<String>,
}

impl Columns {
    /// Finds the columns by name and type.
    fn of(metadata: &FileMetaData) -> Result<Self, String> {
        use parquet::basic::Type as Physical;
        let fields = metadata.schema_descr().root_schema().get_fields();
        let physical = |field: &parquet::schema::types::Type| {
            field.is_primitive().then(|| field.get_physical_type())
        };
        let is_image = |field: &&parquet::schema::types::TypePtr| {
            if field.is_group() {
                field.get_fields().iter().any(|part| {
                    part.name() == "bytes" && physical(part) == Some(Physical::BYTE_ARRAY)
                })
            } else {
                physical(field) == Some(Physical::BYTE_ARRAY)
                    && ["image", "img"].contains(&field.name())
            }
        };
        let image = fields.iter().find(is_image).ok_or_else(|| {
            let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            format!("it has no column of images, only {}", names.join(", "))
        })?;
        let is_whole = |field: &&parquet::schema::types::TypePtr| {
            matches!(physical(field), Some(Physical::INT32 | Physical::INT64))
        };
        let whole: Vec<&str> = fields
            .iter()
            .filter(is_whole)
            .map(|field| field.name())
            .collect();
        let label = match whole[..] {
            [only] => Some(only),
            _ => whole.iter().copied().find(|name| *name == "label"),
        };
        Ok(Self {
            image: image.name().to_owned(),
            label: label.map(str::to_owned),
        })
    }

    /// The names of the classes in the metadata that the hub's `datasets` library writes.
    fn class_names(&self, metadata: &FileMetaData) -> Vec<String> {
        let Some(label) = &self.label else {
            return Vec::new();
        };
        let entries = metadata.key_value_metadata();
        let entry =
            entries.and_then(|entries| entries.iter().find(|entry| entry.key == "huggingface"));
        let text = entry
            .and_then(|entry| entry.value.as_deref())
            .unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let names = &value["info"]["features"][label.as_str()]["names"];
        let names: Option<Vec<String>> = names.as_array().and_then(|names| {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect()
        });
        let mut names = names.unwrap_or_default();
        // Numbers need no names, and names that are not distinct name nothing.
        let is_number = |(index, name): (usize, &String)| *name == index.to_string();
        let distinct: std::collections::HashSet<&String> = names.iter().collect();
        if names.len() > MAX_CLASSES
            || distinct.len() < names.len()
            || names.iter().enumerate().all(is_number)
        {
            names.clear();
        }
        names
    }

    /// The picture of a row, and its name.
    fn picture(&self, row: &Row) -> Result<(Vec<u8>, Option<String>), String> {
        let missing = || format!("there is no image in the column `{}`", self.image);
        let mut columns = row.get_column_iter();
        let (_, field) = columns
            .find(|(name, _)| **name == self.image)
            .ok_or_else(missing)?;
        match field {
            Field::Bytes(bytes) => Ok((bytes.data().to_owned(), None)),
            Field::Group(parts) => {
                let (mut picture, mut path) = (None, None);
                for (name, part) in parts.get_column_iter() {
                    match (name.as_str(), part) {
                        ("bytes", Field::Bytes(bytes)) => picture = Some(bytes.data().to_owned()),
                        ("path", Field::Str(text)) => path = Some(text.clone()),
                        _ => {}
                    }
                }
                Ok((picture.ok_or_else(missing)?, path))
            }
            _ => Err(missing()),
        }
    }

    /// The label of a row; `None` if there is no such column, or the row has none.
    fn label(&self, row: &Row) -> Result<Option<u8>, String> {
        let Some(column) = &self.label else {
            return Ok(None);
        };
        let found = row.get_column_iter().find(|(name, _)| *name == column);
        let number = match found {
            Some((_, Field::Long(number))) => *number,
            Some((_, Field::Int(number))) => i64::from(*number),
            Some((_, Field::Short(number))) => i64::from(*number),
            Some((_, Field::Byte(number))) => i64::from(*number),
            Some((_, Field::UByte(number))) => i64::from(*number),
            _ => return Ok(None),
        };
        let label = u8::try_from(number);
        label.map(Some).map_err(|_| {
            let largest = MAX_CLASSES - 1;
            format!("the label {number} in the column `{column}`, expected 0 to {largest}")
        })
    }
}
