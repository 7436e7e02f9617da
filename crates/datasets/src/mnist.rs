use std::path::{Path, PathBuf};

use crate::four_files::{
    Candidate, FROM_ONE, Part, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, find,
};
use crate::parts::{check_shape, classes_of};
use crate::{Dataset, Error, Idx, Shape, Splits};

/// The number of classes of MNIST: the ten digits.
pub(crate) const CLASSES: usize = 10;

/// Reads MNIST and verifies it by its published SHA-256 checksums.
///
/// The four files (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
/// and `t10k-labels-idx1-ubyte`) may each be plain or end in `.gz`, and may be spelled
/// `train-images.idx3-ubyte`. All four are in the directory itself, in its `MNIST/raw`
/// (torchvision's layout) or in its `raw`. The result is named `mnist`: 60,000 training and 10,000
/// test images of 28 × 28 pixels.
///
/// ```no_run
/// use std::path::Path;
/// use latent_datasets::mnist_from_directory;
///
/// let mnist = mnist_from_directory(Path::new("data/mnist"))?;
/// println!("{} images to train, {} to test", mnist.train.len(), mnist.test.len());
/// # Ok::<(), latent_datasets::Error>(())
/// ```
///
/// # Errors
/// [`Error::MissingFiles`] if one of the four is missing, [`Error::NotMnist`] if a checksum
/// differs, and the errors of [`Idx::open`].
pub fn mnist_from_directory(directory: &Path) -> Result<Splits, Error> {
    read("mnist", directory, Some(CLASSES), |path, part, idx| {
        let found = idx.sha256();
        if found == part.sha256 {
            return Ok(());
        }
        Err(Error::NotMnist {
            path: path.into(),
            name: part.name,
            found,
            expected: part.sha256,
        })
    })
}

/// Reads any data set in the file layout of MNIST, unverified: Fashion-MNIST, Kuzushiji-MNIST,
/// EMNIST, or your own images.
///
/// The files have the names and places of [`mnist_from_directory`], or those of one EMNIST set
/// (`emnist-digits-train-images-idx3-ubyte`, …, `emnist-digits-test-labels-idx1-ubyte`), also in
/// `EMNIST/raw` (torchvision's) and `gzip` (the archive's). If there are two data sets, the one
/// with MNIST's names is read. All images have the same size, which is arbitrary, and one or, as a
/// fourth dimension, three channels. There are as many classes as the largest label needs. The result
/// is named `idx`, or as the EMNIST set: `emnist-digits`.
///
/// EMNIST's files have rows and columns of each image exchanged: the images are put upright, and the
/// classes have their characters as names (labels from 0, also for the letters).
///
/// # Errors
/// [`Error::MissingFiles`] if one of the four is missing, [`Error::SeveralSets`] if there are
/// several EMNIST sets, [`Error::WrongDimensions`] and [`Error::SizesDiffer`] if the arrays do not
/// match, the errors of [`Idx::open`], and those of [`Dataset::new`], with the file's name, as
/// [`Error::InFile`].
pub fn idx_from_directory(directory: &Path) -> Result<Splits, Error> {
    read("idx", directory, None, |_, _, _| Ok(()))
}

fn read(
    name: &str,
    directory: &Path,
    classes: Option<usize>,
    check: impl Fn(&Path, &Part, &Idx) -> Result<(), Error>,
) -> Result<Splits, Error> {
    let Candidate {
        directory,
        emnist,
        names,
        paths,
    } = find(directory)?;
    let [
        Some(train_images),
        Some(train_labels),
        Some(test_images),
        Some(test_labels),
    ] = &paths
    else {
        let parts = names.into_iter().zip(&paths);
        let missing = parts.filter(|(_, path)| path.is_none());
        let missing = missing.map(|(name, _)| name).collect();
        return Err(Error::MissingFiles { directory, missing });
    };

    let open = |path, part| {
        let idx = Idx::open(path)?;
        check(path, part, &idx)?;
        Ok::<_, Error>((path, idx))
    };
    let train = Pair::new(
        open(train_images, &TRAIN_IMAGES)?,
        open(train_labels, &TRAIN_LABELS)?,
    )?;
    let test = Pair::new(
        open(test_images, &TEST_IMAGES)?,
        open(test_labels, &TEST_LABELS)?,
    )?;
    if let Some((set, characters)) = emnist {
        let names: Vec<String> = characters.chars().map(String::from).collect();
        let upright = |pair: Pair| {
            let pair = if set == FROM_ONE {
                pair.counted_from_zero()?
            } else {
                pair
            };
            let dataset = pair.upright().into_dataset(names.len())?;
            dataset.with_class_names(names.clone())
        };
        let name = format!("emnist-{set}");
        return splits(name, &directory, upright(train)?, upright(test)?);
    }
    let classes = classes.unwrap_or_else(|| classes_of([&train.labels[..], &test.labels[..]]));
    splits(
        name.to_owned(),
        &directory,
        train.into_dataset(classes)?,
        test.into_dataset(classes)?,
    )
}

fn splits(name: String, directory: &Path, train: Dataset, test: Dataset) -> Result<Splits, Error> {
    check_shape(directory, &train, &test)?;
    Ok(Splits {
        name,
        train,
        validation: None,
        test,
    })
}

/// The images and labels of two files.
struct Pair {
    shape: Shape,
    images: Vec<u8>,
    labels: Vec<u8>,
    /// The file of the labels: what can be wrong with the pair concerns them.
    path: PathBuf,
}

impl Pair {
    fn new(
        (images_path, images): (&Path, Idx),
        (labels_path, labels): (&Path, Idx),
    ) -> Result<Self, Error> {
        let (height, width, channels) = match *images.dimensions() {
            [_, height, width] => (height, width, 1),
            [_, height, width, channels @ (1 | 3)] => (height, width, channels),
            _ => {
                return Err(Error::WrongDimensions {
                    path: images_path.into(),
                    expected: "images × height × width, or images × height × width × 3",
                    found: images.dimensions().into(),
                });
            }
        };
        if labels.dimensions().len() != 1 {
            return Err(Error::WrongDimensions {
                path: labels_path.into(),
                expected: "one, the number of labels",
                found: labels.dimensions().into(),
            });
        }
        Ok(Self {
            shape: Shape {
                channels,
                height,
                width,
            },
            images: images.into_data(),
            labels: labels.into_data(),
            path: labels_path.into(),
        })
    }

    /// Labels from 1 become labels from 0.
    fn counted_from_zero(mut self) -> Result<Self, Error> {
        let smallest = self.labels.iter().position(|&label| label == 0);
        if let Some(index) = smallest {
            return Err(Error::InFile {
                path: self.path,
                error: Box::new(Error::LabelZero { index }),
            });
        }
        self.labels.iter_mut().for_each(|label| *label -= 1);
        Ok(self)
    }

    /// Exchanges rows and columns of each image.
    fn upright(mut self) -> Self {
        let Shape {
            channels,
            height,
            width,
        } = self.shape;
        let mut images = Vec::with_capacity(self.images.len());
        for image in self.images.chunks_exact(self.shape.elem_count()) {
            for column in 0..width {
                for row in 0..height {
                    let start = (row * width + column) * channels;
                    images.extend_from_slice(&image[start..start + channels]);
                }
            }
        }
        self.images = images;
        (self.shape.height, self.shape.width) = (width, height);
        self
    }

    fn into_dataset(self, classes: usize) -> Result<Dataset, Error> {
        let path = self.path;
        let dataset = Dataset::new(self.shape, classes, self.images, self.labels);
        dataset.map_err(|error| Error::InFile {
            path,
            error: Box::new(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::four_files::PARTS;
    use crate::idx::tests::{gzip, idx_file};
    use crate::{has_idx_files, save_idx};

    /// Three training images of 2 × 3 and one test image, in the order of [`PARTS`].
    fn files() -> [Vec<u8>; 4] {
        [
            idx_file(&[3, 2, 3], &[50; 18]),
            idx_file(&[3], &[2, 0, 9]),
            idx_file(&[1, 2, 3], &[60; 6]),
            idx_file(&[1], &[4]),
        ]
    }

    fn write(place: &Path, names: [&str; 4], files: &[Vec<u8>; 4]) {
        fs::create_dir_all(place).unwrap();
        for (name, file) in names.iter().zip(files) {
            fs::write(place.join(name), file).unwrap();
        }
    }

    /// The error message for these files, without the directory.
    fn message(files: &[Vec<u8>; 4]) -> String {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), PARTS.map(|part| part.name), files);
        let message = idx_from_directory(directory.path())
            .unwrap_err()
            .to_string();
        let start = directory.path().display().to_string();
        message.strip_prefix(&start).unwrap().replace('\\', "/")
    }

    #[test]
    fn files_are_found_under_each_name_in_each_place() {
        let names = PARTS.map(|part| part.name);
        let dotted = [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ];
        for place in ["", "raw", "MNIST/raw"] {
            for names in [names, dotted] {
                for packed in [false, true] {
                    let directory = tempfile::tempdir().unwrap();
                    assert!(!has_idx_files(directory.path()));
                    let place = directory.path().join(place);
                    if packed {
                        let names = names.map(|name| format!("{name}.gz"));
                        let files = files().map(|file| gzip(&file));
                        write(&place, names.each_ref().map(String::as_str), &files);
                    } else {
                        write(&place, names, &files());
                    }

                    assert!(has_idx_files(directory.path()));
                    let splits = idx_from_directory(directory.path()).unwrap();
                    assert_eq!(splits.name, "idx");
                    assert_eq!(splits.train.labels(), [2, 0, 9]);
                    assert_eq!(splits.train.images(), [50; 18]);
                    assert_eq!(splits.test.shape(), Shape::grey(2, 3));
                    assert_eq!(splits.test.image(0), Some([60; 6].as_slice()));
                }
            }
        }
    }

    #[test]
    fn emnist_is_found_by_its_own_names_and_one_set_at_a_time() {
        let names = |set: &str, end: &str| {
            [
                "train-images-idx3",
                "train-labels-idx1",
                "test-images-idx3",
                "test-labels-idx1",
            ]
            .map(|name| format!("emnist-{set}-{name}-ubyte{end}"))
        };
        for place in ["", "gzip", "raw", "EMNIST/raw"] {
            for end in ["", ".gz"] {
                let directory = tempfile::tempdir().unwrap();
                let place = if place.is_empty() {
                    directory.path().to_owned()
                } else {
                    directory.path().join(place)
                };
                let packed = if end.is_empty() {
                    files()
                } else {
                    files().map(|file| gzip(&file))
                };
                write(
                    &place,
                    names("digits", end).each_ref().map(String::as_str),
                    &packed,
                );
                assert!(has_idx_files(directory.path()));
                let splits = idx_from_directory(directory.path()).unwrap();
                assert_eq!((splits.train.len(), splits.test.len()), (3, 1));
                // The directory's name does not make it MNIST.
                let error = mnist_from_directory(directory.path()).unwrap_err();
                assert!(matches!(error, Error::NotMnist { .. }), "{error}");

                // Two sets in one directory are ambiguous.
                write(
                    &place,
                    names("mnist", end).each_ref().map(String::as_str),
                    &packed,
                );
                let message = idx_from_directory(directory.path())
                    .unwrap_err()
                    .to_string();
                assert_eq!(
                    message,
                    format!(
                        "{}: the directory has several EMNIST sets (digits, mnist)",
                        place.display()
                    )
                );
                // A single file of another set is ignored.
                fs::remove_file(place.join(&names("mnist", end)[2])).unwrap();
                assert_eq!(idx_from_directory(directory.path()).unwrap(), splits);
                // The names of missing files are those of the set.
                fs::remove_file(place.join(&names("digits", end)[0])).unwrap();
                fs::remove_file(place.join(&names("mnist", end)[0])).unwrap();
                let message = idx_from_directory(directory.path())
                    .unwrap_err()
                    .to_string();
                assert!(
                    message.contains(": emnist-digits-train-images-idx3-ubyte not found"),
                    "{message}"
                );
                // MNIST's names have priority.
                write(directory.path(), PARTS.map(|part| part.name), &files());
                let splits = idx_from_directory(directory.path()).unwrap();
                assert_eq!(splits.name, "idx");
                assert_eq!(splits.train.shape(), Shape::grey(2, 3));
            }
        }
    }

    #[test]
    fn emnist_is_put_upright_and_has_the_names_of_its_characters() {
        let names = [
            "train-images-idx3",
            "train-labels-idx1",
            "test-images-idx3",
            "test-labels-idx1",
        ];
        let read = |set: &str, labels: [u8; 2]| {
            let directory = tempfile::tempdir().unwrap();
            let names = names.map(|name| format!("emnist-{set}-{name}-ubyte"));
            // One image, of rows 1 2 3 and 4 5 6 as it is stored.
            let images = idx_file(&[1, 2, 3], &[1, 2, 3, 4, 5, 6]);
            let files = [
                &images,
                &idx_file(&[1], &labels[..1]),
                &images,
                &idx_file(&[1], &labels[1..]),
            ];
            write(
                directory.path(),
                names.each_ref().map(String::as_str),
                &files.map(Clone::clone),
            );
            idx_from_directory(directory.path())
        };
        let balanced = read("balanced", [46, 10]).unwrap();
        assert_eq!(balanced.name, "emnist-balanced");
        assert_eq!(balanced.train.shape(), Shape::grey(3, 2));
        assert_eq!(balanced.train.images(), [1, 4, 2, 5, 3, 6]);
        let classes =
            [&balanced.train, &balanced.test].map(|data| data.class_name(data.labels()[0]));
        assert_eq!(
            (balanced.train.classes(), classes),
            (47, ["t".to_owned(), "A".to_owned()])
        );
        // The letters are numbered from 1.
        let letters = read("letters", [1, 26]).unwrap();
        assert_eq!(
            (letters.train.labels(), letters.test.labels()),
            (&[0][..], &[25][..])
        );
        assert_eq!(letters.test.class_name(25), "Z");
        let message = read("letters", [0, 1]).unwrap_err().to_string();
        assert!(
            message.ends_with("label 0 of image 0 (counted from 0), expected labels from 1"),
            "{message}"
        );
        let message = read("digits", [10, 1]).unwrap_err().to_string();
        assert!(
            message.ends_with("label 10 of image 0 (counted from 0), expected 0 to 9"),
            "{message}"
        );
    }

    #[test]
    fn idx_files_may_have_any_number_of_classes_and_be_in_colour() {
        let directory = tempfile::tempdir().unwrap();
        let files = [
            idx_file(&[2, 1, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            idx_file(&[2], &[0, 200]),
            idx_file(&[1, 1, 2, 3], &[1, 2, 3, 4, 5, 6]),
            idx_file(&[1], &[4]),
        ];
        write(directory.path(), PARTS.map(|part| part.name), &files);
        let splits = idx_from_directory(directory.path()).unwrap();
        assert_eq!((splits.train.classes(), splits.test.classes()), (201, 201));
        assert_eq!(splits.train.shape().channels, 3);
        let copy = directory.path().join("copy");
        save_idx(&splits, &copy, |_| Ok(())).unwrap();
        assert_eq!(idx_from_directory(&copy).unwrap(), splits);
    }

    #[test]
    fn a_single_file_does_not_hide_a_complete_data_set() {
        let directory = tempfile::tempdir().unwrap();
        let raw = directory.path().join("raw");
        write(&raw, PARTS.map(|part| part.name), &files());
        fs::write(directory.path().join(TRAIN_LABELS.name), "stray").unwrap();
        assert_eq!(idx_from_directory(directory.path()).unwrap().train.len(), 3);
    }

    #[test]
    fn a_data_set_is_replaced_as_a_whole_or_not_at_all() {
        let splits = Splits {
            name: "new".to_owned(),
            train: Dataset::new(Shape::grey(1, 1), 4, vec![1, 2], vec![1, 2]).unwrap(),
            validation: None,
            test: Dataset::new(Shape::grey(1, 1), 4, vec![3], vec![3]).unwrap(),
        };
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("digits");
        let packed = PARTS.map(|part| format!("{}.gz", part.name));
        let names = packed.each_ref().map(String::as_str);
        write(&directory, names, &files());
        let old = idx_from_directory(&directory).unwrap();
        // The last file cannot be moved to its place.
        let obstacle = directory.join(TEST_LABELS.name);
        fs::create_dir(&obstacle).unwrap();
        fs::write(obstacle.join("something"), []).unwrap();
        let error = save_idx(&splits, &directory, |_| Ok(())).unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error}");
        assert_eq!(idx_from_directory(&directory).unwrap(), old);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "leftovers");

        // No file of the old data set remains, whatever its name.
        fs::remove_dir_all(&obstacle).unwrap();
        save_idx(&splits, &directory, |_| Ok(())).unwrap();
        assert_eq!(idx_from_directory(&directory).unwrap().train, splits.train);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 4);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "leftovers");
    }

    #[test]
    fn missing_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let raw = directory.path().join("raw");
        write(&raw, PARTS.map(|part| part.name), &files());
        fs::remove_file(raw.join(TRAIN_LABELS.name)).unwrap();
        fs::remove_file(raw.join(TEST_IMAGES.name)).unwrap();
        // Some archives unpack to a directory with the name of the file in it.
        fs::create_dir(raw.join(TEST_IMAGES.name)).unwrap();

        assert!(has_idx_files(directory.path()));
        assert_eq!(
            mnist_from_directory(directory.path())
                .unwrap_err()
                .to_string(),
            format!(
                "{}: train-labels-idx1-ubyte, t10k-images-idx3-ubyte not found, with or \
                 without `.gz`",
                raw.display()
            )
        );

        let nowhere = directory.path().join("nowhere");
        assert!(!has_idx_files(&nowhere));
        let error = mnist_from_directory(&nowhere).unwrap_err();
        let Error::MissingFiles { directory, missing } = error else {
            panic!("{error}");
        };
        assert_eq!((directory, missing.len()), (nowhere, 4));
    }

    #[test]
    fn a_data_set_with_other_checksums_is_not_mnist() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), PARTS.map(|part| part.name), &files());
        let message = mnist_from_directory(directory.path())
            .unwrap_err()
            .to_string();
        let path = directory.path().join(TRAIN_IMAGES.name);
        assert!(message.starts_with(&format!(
            "{}: not MNIST's train-images-idx3-ubyte (SHA-256 ",
            path.display()
        )));
        assert!(message.contains(TRAIN_IMAGES.sha256));
        assert!(message.ends_with(
            "it belongs to another data set, such as Fashion-MNIST or EMNIST, or is damaged"
        ));
    }

    #[test]
    fn every_kind_of_invalid_data_set_has_its_message() {
        let [train_images, train_labels, test_images, test_labels] = files();
        let cases = [
            (
                [&train_labels, &train_images, &test_images, &test_labels],
                "/train-images-idx3-ubyte: the file has dimensions 3, expected images × height × width, or \
                 images × height × width × 3",
            ),
            (
                [&train_images, &train_images, &test_images, &test_labels],
                "/train-labels-idx1-ubyte: the file has dimensions 3 × 2 × 3, expected one, the \
                 number of labels",
            ),
            (
                [&train_images, &test_labels, &test_images, &test_labels],
                "/train-labels-idx1-ubyte: the images have 18 bytes, expected 1 × 1 × 2 × 3: one image for each \
                 label",
            ),
            (
                [
                    &train_images,
                    &train_labels,
                    &idx_file(&[1, 3, 2], &[0; 6]),
                    &test_labels,
                ],
                ": training images of 1 × 2 × 3 (channels × height × width) but test images of 1 × 3 × 2, expected \
                 the same shape",
            ),
            (
                [
                    &train_images,
                    &train_labels,
                    &test_images[..20].to_vec(),
                    &test_labels,
                ],
                "/t10k-images-idx3-ubyte: the header declares 1 × 2 × 3 bytes but only 4 follow: \
                 the file is truncated",
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(message(&files.map(Clone::clone)), expected);
        }
    }

    #[test]
    fn published_mnist_has_its_known_statistics() {
        let Some(directory) = std::env::var_os("LATENT_DATA_DIR") else {
            latent_tolerance::skipped(
                "MNIST's files as published",
                "LATENT_DATA_DIR is not a directory with them",
            );
            return;
        };
        let Splits {
            name, train, test, ..
        } = mnist_from_directory(Path::new(&directory)).unwrap();
        assert_eq!(
            (name.as_str(), train.len(), test.len()),
            ("mnist", 60_000, 10_000)
        );
        assert_eq!(
            [train.shape().height, train.shape().width, train.pixels()],
            [28, 28, 784]
        );
        assert_eq!(train.labels()[0], 5);
        assert_eq!(
            train.counts_by_class(),
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        );
        let statistics = train.pixel_statistics();
        assert!((statistics.mean - 0.1307).abs() < 5e-5, "{statistics:?}");
        assert!(
            (statistics.standard_deviation - 0.3081).abs() < 5e-5,
            "{statistics:?}"
        );
    }
}
