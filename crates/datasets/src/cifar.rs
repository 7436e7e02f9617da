use std::fs;
use std::path::{Path, PathBuf};

use latent_kernels::Shape;

use crate::parts::channels_last;
use crate::{Dataset, Error, Splits};

const SHAPE: Shape = Shape {
    channels: 3,
    height: 32,
    width: 32,
};
/// A label, then the red, the green and the blue plane.
const RECORD: usize = 1 + SHAPE.elem_count();

const TRAIN: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const TEST: [&str; 1] = ["test_batch.bin"];

/// The names of the classes, from the data set's `batches.meta.txt`.
const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// The directory with the binary files of CIFAR-10: the given one or its `cifar-10-batches-bin`.
fn place(directory: &Path) -> Option<PathBuf> {
    let places = [directory.to_owned(), directory.join("cifar-10-batches-bin")];
    let has_some = |place: &PathBuf| {
        TRAIN
            .iter()
            .chain(&TEST)
            .any(|name| place.join(name).is_file())
    };
    places.into_iter().find(has_some)
}

/// Whether the directory has some of the binary files of CIFAR-10.
pub fn has_cifar10(directory: &Path) -> bool {
    place(directory).is_some()
}

/// Reads CIFAR-10 from its binary files `data_batch_1.bin` to `data_batch_5.bin` and
/// `test_batch.bin`, in the directory or in its `cifar-10-batches-bin`: 32 × 32 pixels in red, green
/// and blue, ten named classes. Not verified. The result is named `cifar10`.
///
/// # Errors
/// [`Error::MissingFiles`], [`Error::Unreadable`], and [`Error::Cifar`] if a file has not a whole
/// number of images, or a label above 9.
pub fn cifar10_from_directory(directory: &Path) -> Result<Splits, Error> {
    let directory = place(directory).unwrap_or_else(|| directory.to_owned());
    let names = TRAIN.iter().chain(&TEST);
    let missing = names.filter(|name| !directory.join(name).is_file());
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Err(Error::MissingFiles { directory, missing });
    }
    Ok(Splits {
        name: "cifar10".to_owned(),
        train: read(&directory, &TRAIN)?,
        validation: None,
        test: read(&directory, &TEST)?,
    })
}

fn read(directory: &Path, files: &[&str]) -> Result<Dataset, Error> {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for name in files {
        let path = directory.join(name);
        let wrong = |reason| Error::Cifar {
            path: path.clone(),
            reason,
        };
        let bytes = fs::read(&path).map_err(|reason| Error::Unreadable {
            path: path.clone(),
            reason,
        })?;
        if bytes.is_empty() || bytes.len() % RECORD != 0 {
            return Err(wrong(format!(
                "it has {} bytes, expected a multiple of {RECORD}: it is truncated or another file",
                bytes.len()
            )));
        }
        for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
            let label = record[0];
            if usize::from(label) >= CLASSES.len() {
                return Err(wrong(format!(
                    "image {index} has the label {label}, expected 0 to 9"
                )));
            }
            labels.push(label);
            images.extend(channels_last(&record[1..], SHAPE));
        }
    }
    let names = CLASSES.map(str::to_owned).to_vec();
    Dataset::new(SHAPE, CLASSES.len(), images, labels)?.with_class_names(names)
}
