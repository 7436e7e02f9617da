use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::four_files::{PARTS, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, spellings};
use crate::{Error, Idx, Splits};

/// Writes the training and test images of a data set as the four files of [`mnist_from_directory`](crate::mnist_from_directory),
/// uncompressed.
///
/// The files are first written to a temporary directory next to `directory`. They are moved only if
/// all are complete and `check` accepts them. They replace a data set in `directory` itself as a
/// whole: the directory never has files of both.
///
/// # Errors
/// [`Error::Unwritable`] and the errors of `check`. The previous files are then restored.
pub fn save_idx(
    splits: &Splits,
    directory: &Path,
    check: impl Fn(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let beside = |word: &str| {
        let mut name = directory.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{word}-{}", std::process::id()));
        directory.with_file_name(name)
    };
    let (staging, replaced) = (beside("incomplete"), beside("replaced"));
    let placed = write_parts(splits, &staging)
        .and_then(|()| check(&staging))
        .and_then(|()| fs::create_dir_all(directory).map_err(unwritable(directory)))
        .and_then(|()| replace_parts(&staging, directory, &replaced));
    // A failed clean-up of the temporary directory is harmless.
    _ = fs::remove_dir_all(&staging);
    placed
}

/// Moves the four files to another directory. Existing files are first moved to `replaced`, and
/// restored if a move fails.
fn replace_parts(staging: &Path, directory: &Path, replaced: &Path) -> Result<(), Error> {
    let old = PARTS.iter().flat_map(|part| spellings(part.name));
    let old: Vec<String> = old.filter(|name| directory.join(name).is_file()).collect();
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut place = |from: PathBuf, to: PathBuf| {
        let result = fs::rename(&from, &to).map_err(unwritable(&to));
        if result.is_ok() {
            moved.push((from, to));
        }
        result
    };
    let result = if old.is_empty() {
        Ok(())
    } else {
        fs::create_dir_all(replaced).map_err(unwritable(replaced))
    };
    let result = result
        .and_then(|()| {
            old.iter()
                .try_for_each(|name| place(directory.join(name), replaced.join(name)))
        })
        .and_then(|()| {
            PARTS
                .iter()
                .try_for_each(|part| place(staging.join(part.name), directory.join(part.name)))
        });
    if result.is_err() {
        for (from, to) in moved.iter().rev() {
            if fs::rename(to, from).is_err() {
                // The files are safe in `replaced`; nothing more can be done.
                return result;
            }
        }
    }
    _ = fs::remove_dir_all(replaced);
    result
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |reason| Error::Unwritable {
        path: path.clone(),
        reason,
    }
}

fn write_parts(splits: &Splits, directory: &Path) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(unwritable(directory))?;
    let parts = [
        (TRAIN_IMAGES, TRAIN_LABELS, &splits.train),
        (TEST_IMAGES, TEST_LABELS, &splits.test),
    ];
    for (images, labels, dataset) in parts {
        let (count, shape) = (dataset.len(), dataset.shape());
        let all = [count, shape.height, shape.width, shape.channels];
        let dimensions = if shape.channels == 1 {
            &all[..3]
        } else {
            &all[..]
        };
        for (part, dimensions, data) in [
            (images, dimensions, dataset.images()),
            (labels, &[count][..], dataset.labels()),
        ] {
            let path = directory.join(part.name);
            let write = || {
                let mut file = fs::File::create(&path)?;
                file.write_all(&Idx::header(dimensions))?;
                file.write_all(data)?;
                file.sync_all()
            };
            write().map_err(unwritable(&path))?;
        }
    }
    Ok(())
}
