use std::io;
use std::path::PathBuf;

use latent_kernels::Shape;

/// What can be wrong with a data set; one variant a broken promise.
///
/// Each message says where, what was found, and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system does not let us read the file, or there is none.
    #[error("{path}: cannot be read ({reason})")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },

    /// A directory, where a file was expected.
    #[error("{path}: this is a directory, expected an IDX file")]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },

    /// The file, or what was packed in it, has no bytes at all.
    #[error("{path}: the file is empty, expected an IDX file")]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },

    /// The gzip stream ends before its end mark.
    #[error("{path}: the gzip stream stops before its end: it was cut off")]
    GzipCutOff {
        /// The file.
        path: PathBuf,
    },

    /// The gzip stream contradicts itself or its check sum, or something follows it.
    #[error(
        "{path}: the gzip stream is damaged, or something that is not gzip follows it ({reason})"
    )]
    GzipDamaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: io::Error,
    },

    /// The file does not start as an IDX file does.
    #[error(
        "{path}: the file starts with the bytes {found:02x?}, expected those of an IDX file of \
         unsigned bytes, [00, 00, 08]: it is something else, perhaps a web page saved in its \
         place"
    )]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first four bytes.
        found: [u8; 4],
    },

    /// An IDX file, but not of unsigned bytes.
    #[error("{path}: the file holds {found} elements, expected unsigned bytes")]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The type of its elements, such as `float32`.
        found: &'static str,
    },

    /// The file ends before its header does.
    #[error(
        "{path}: the file ends after {found} bytes, expected an IDX header of {expected} or more: \
         it was cut off"
    )]
    HeaderCutOff {
        /// The file.
        path: PathBuf,
        /// Bytes in the (unpacked) file.
        found: usize,
        /// Bytes that the header should have, as far as it can be read.
        expected: usize,
    },

    /// An array without dimensions, or with one of size zero.
    #[error(
        "{path}: the header promises {}, expected one element or more",
        shape(.dimensions)
    )]
    NoElements {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// The dimensions multiply to more than an address can count.
    #[error(
        "{path}: the header promises {} bytes, more than this computer can address: it is damaged",
        shape(.dimensions)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// Less data than the header promises.
    #[error(
        "{path}: the header promises {} bytes but only {found} follow it: the file was cut off",
        shape(.dimensions)
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
        /// Bytes after the header.
        found: usize,
    },

    /// More data than the header promises.
    #[error(
        "{path}: the header promises {} bytes but more follow it: the file is damaged, or another \
         was appended to it",
        shape(.dimensions)
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// An array of labels where images were expected, the reverse, or neither.
    #[error(
        "{path}: the file has dimensions {}, expected {expected}",
        shape(.found)
    )]
    WrongDimensions {
        /// The file.
        path: PathBuf,
        /// The dimensions expected, in words.
        expected: &'static str,
        /// The dimensions found.
        found: Vec<usize>,
    },

    /// Images without pixels, or with more than an address can count.
    #[error(
        "images of shape {0} (channels × height × width), expected one pixel or more, and no more \
         than an address can count"
    )]
    ImageShape(Shape),

    /// Images and labels that do not come in pairs.
    #[error("the images have {bytes} bytes, expected {labels} × {shape}, one image a label")]
    Unpaired {
        /// Bytes of all images together.
        bytes: usize,
        /// The number of labels.
        labels: usize,
        /// The shape of an image.
        shape: Shape,
    },

    /// A label that is not one of the classes.
    #[error(
        "label {found} of image {index} (counted from 0), expected 0 to {}",
        classes.saturating_sub(1)
    )]
    Label {
        /// The place of the label, counted from 0.
        index: usize,
        /// The label.
        found: u8,
        /// The number of classes.
        classes: usize,
    },

    /// An error in what a file holds rather than in its form.
    #[error("{path}: {error}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        error: Box<Error>,
    },

    /// No Parquet file, or one with something else in it than digits.
    #[error(
        "{path}: this is no data set of digits in Parquet ({reason}); expected rows with an `image`, a \
         grey PNG, and a `label`, as in the hub's `ylecun/mnist`"
    )]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A data set could not be written.
    #[error("{path}: cannot be written ({reason})")]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },

    /// Some of the four files are not in the directory.
    #[error(
        "{directory}: {} not found here, with or without `.gz`",
        .missing.join(", ")
    )]
    MissingFiles {
        /// Where most of the files are, or should be.
        directory: PathBuf,
        /// The names that were not found.
        missing: Vec<String>,
    },

    /// Files of several sets of EMNIST in one directory.
    #[error("{directory}: holds several sets of EMNIST ({})", .sets.join(", "))]
    SeveralSets {
        /// The directory.
        directory: PathBuf,
        /// The sets, such as `letters`.
        sets: Vec<&'static str>,
    },

    /// Training and test images differ in size.
    #[error(
        "{directory}: training images of {} but test images of {} pixels, expected one size",
        shape(.train),
        shape(.test)
    )]
    SizesDiffer {
        /// The directory of the four files.
        directory: PathBuf,
        /// Height and width of the training images.
        train: [usize; 2],
        /// Height and width of the test images.
        test: [usize; 2],
    },

    /// The files of a data set that was asked for are nowhere.
    #[error(
        "no data set in the files of MNIST or EMNIST is in {}",
        paths(.looked_in)
    )]
    NotFound {
        /// Where they were looked for.
        looked_in: Vec<PathBuf>,
    },

    /// A place beyond the last image.
    #[error("there is no image {index}: the data set has {len}, numbered from 0")]
    NoSuchImage {
        /// The place asked for.
        index: usize,
        /// The number of images.
        len: usize,
    },

    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),

    /// A sound file in the place of one of MNIST's, but with other contents.
    #[error(
        "{path}: this is not MNIST's {name} (SHA-256 of the unpacked file {found}, expected \
         {expected}): either it belongs to another data set, such as Fashion-MNIST or EMNIST, or it is damaged"
    )]
    NotMnist {
        /// The file.
        path: PathBuf,
        /// Its name in MNIST.
        name: &'static str,
        /// The SHA-256 of the unpacked file, hexadecimal.
        found: String,
        /// The SHA-256 of MNIST's file, hexadecimal.
        expected: &'static str,
    },
}

/// Dimensions as a reader writes them: `60000 × 28 × 28`.
fn shape(dimensions: &[usize]) -> String {
    if dimensions.is_empty() {
        return "no dimensions".to_owned();
    }
    let sizes: Vec<_> = dimensions.iter().map(usize::to_string).collect();
    sizes.join(" × ")
}

/// Places that were looked in, as a reader writes them.
pub(crate) fn paths(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" or ")
}
