//! From the pictures or arrays of a source to the splits of a data set: what all sources share.

use std::collections::BTreeMap;
use std::path::Path;

use latent_kernels::Shape;

use crate::{Dataset, Error, Splits};

/// The most values (pixels × channels) of a data set: a compressed file can decode to any size.
pub(crate) const MAX_VALUES: usize = 1 << 30;
/// The most classes: labels are bytes.
pub(crate) const MAX_CLASSES: usize = 256;
/// The fixed seed of drawn splits and of the order of images, so that a source is one data set.
const SEED: u64 = 0;

/// The splits of a data set read from files.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The images.
    pub splits: Splits,
    /// What was converted, left out or drawn: sentences without a full stop.
    pub notes: Vec<String>,
}

/// The images of a source, by split. Without test images, the splits are drawn.
pub(crate) struct Parts {
    pub(crate) train: Dataset,
    pub(crate) validation: Option<Dataset>,
    pub(crate) test: Option<Dataset>,
}

impl Parts {
    /// The splits of the source `path`, each in a stratified random order. Without test images they
    /// are [drawn](Splits::drawn), and `notes` says so.
    ///
    /// # Errors
    /// A split has no images or another shape than the training images; there is one image, and no
    /// test image.
    pub(crate) fn into_reading(
        self,
        name: String,
        path: &Path,
        mut notes: Vec<String>,
    ) -> Result<Reading, Error> {
        let Self {
            train,
            validation,
            test,
        } = self;
        if train.is_empty() || test.as_ref().is_some_and(Dataset::is_empty) {
            return Err(Error::NoPictures {
                path: path.to_owned(),
            });
        }
        for other in [&validation, &test].into_iter().flatten() {
            check_shape(path, &train, other)?;
        }
        let splits = match test {
            Some(test) => Splits {
                name,
                train: train.stratified(SEED),
                validation: validation.map(|images| images.stratified(SEED)),
                test: test.stratified(SEED),
            },
            None if train.len() < 2 => {
                return Err(Error::OneImage {
                    path: path.to_owned(),
                });
            }
            None => {
                let splits = Splits::drawn(name, train, SEED);
                let each = if splits.train.is_labelled() {
                    " of each class"
                } else {
                    ""
                };
                notes.push(format!(
                    "there are no test images: a seventh of the images{each}, drawn at random, are used as such"
                ));
                Splits {
                    validation: validation.map(|images| images.stratified(SEED)),
                    ..splits
                }
            }
        };
        Ok(Reading { splits, notes })
    }
}

/// # Errors
/// [`Error::SizesDiffer`]
pub(crate) fn check_shape(path: &Path, train: &Dataset, other: &Dataset) -> Result<(), Error> {
    if train.shape() == other.shape() {
        return Ok(());
    }
    Err(Error::SizesDiffer {
        path: path.to_owned(),
        train: train.shape(),
        test: other.shape(),
    })
}

/// The name of a data set: the last component of its path, without an extension.
pub(crate) fn name_of(path: &Path) -> String {
    let resolved = std::path::absolute(path);
    let resolved = resolved.as_deref().unwrap_or(path);
    let name = if resolved.is_dir() {
        resolved.file_name()
    } else {
        resolved.file_stem()
    };
    name.map_or_else(
        || "images".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Counts of what was done to pictures, for a note.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<String, usize>);

impl Counts {
    pub(crate) fn add(&mut self, what: &impl ToString) {
        *self.0.entry(what.to_string()).or_default() += 1;
    }

    /// A note for each: `12 pictures rounded to 8 bits`.
    pub(crate) fn notes(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(what, count)| {
            let pictures = if count == 1 { "picture" } else { "pictures" };
            format!("{count} {pictures} {what}")
        })
    }
}

/// The number of classes of these labels: one more than the largest.
pub(crate) fn classes_of<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let largest = labels.into_iter().flatten().max();
    largest.map_or(0, |&label| usize::from(label) + 1)
}

/// A data set of `shape` with labels, or without if `labels` is `None`.
pub(crate) fn dataset(
    shape: Shape,
    classes: usize,
    images: Vec<u8>,
    labels: Option<Vec<u8>>,
) -> Result<Dataset, Error> {
    match labels {
        Some(labels) => Dataset::new(shape, classes, images, labels),
        None => Dataset::unlabelled(shape, images),
    }
}

/// Images `[n, channels, height, width]` as `[n, height, width, channels]`.
pub(crate) fn channels_last(bytes: &[u8], shape: Shape) -> Vec<u8> {
    let plane = shape.height * shape.width;
    let mut moved = Vec::with_capacity(bytes.len());
    for image in bytes.chunks_exact(shape.elem_count()) {
        for pixel in 0..plane {
            moved.extend((0..shape.channels).map(|channel| image[channel * plane + pixel]));
        }
    }
    moved
}
