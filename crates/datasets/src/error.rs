use std::io;
use std::path::PathBuf;

use latent_kernels::Shape;

/// An error of a data set or of its files.
///
/// Each message names the place, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not exist or cannot be read.
    #[error("{path}: cannot be read ({reason})")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason that the operating system gave.
        reason: io::Error,
    },

    /// A directory, where a file was expected.
    #[error("{path}: this is a directory, expected a file")]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },

    /// The file, or its unpacked content, is empty.
    #[error("{path}: the file is empty, expected an IDX file")]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },

    /// The gzip stream ends before its end mark.
    #[error("{path}: the gzip stream is truncated")]
    GzipCutOff {
        /// The file.
        path: PathBuf,
    },

    /// The gzip stream is inconsistent or its checksum wrong, or other data follow it.
    #[error("{path}: the gzip stream is damaged or followed by other data ({reason})")]
    GzipDamaged {
        /// The file.
        path: PathBuf,
        /// The reason that the decoder gave.
        reason: io::Error,
    },

    /// The file does not start like an IDX file.
    #[error(
        "{path}: the file starts with the bytes {found:02x?}, expected those of an IDX file of \
         unsigned bytes, [00, 00, 08]; it may be a web page saved under this \
         name"
    )]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first four bytes.
        found: [u8; 4],
    },

    /// An IDX file whose elements are not unsigned bytes.
    #[error("{path}: the elements of the file are {found}, expected unsigned bytes")]
    ElementType {
        /// The file.
        path: PathBuf,
        /// The element type, such as `float32`.
        found: &'static str,
    },

    /// The file ends within its header.
    #[error(
        "{path}: the file ends after {found} bytes, expected an IDX header of at least {expected}: \
         it is truncated"
    )]
    HeaderCutOff {
        /// The file.
        path: PathBuf,
        /// The size of the (unpacked) file, in bytes.
        found: usize,
        /// The size of the header in bytes, as far as it is known.
        expected: usize,
    },

    /// An array without dimensions or with a dimension of size 0.
    #[error(
        "{path}: the header declares {}, expected at least one element",
        shape(.dimensions)
    )]
    NoElements {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// The product of the dimensions exceeds the address space.
    #[error(
        "{path}: the header declares {} bytes, more than this computer can address: it is damaged",
        shape(.dimensions)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// The file has less data than its header declares.
    #[error(
        "{path}: the header declares {} bytes but only {found} follow: the file is truncated",
        shape(.dimensions)
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
        /// The number of bytes after the header.
        found: usize,
    },

    /// The file has more data than its header declares.
    #[error(
        "{path}: the header declares {} bytes but more follow: the file is damaged, or another \
         was appended to it",
        shape(.dimensions)
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// The dimensions in the header.
        dimensions: Vec<usize>,
    },

    /// The number of names is not that of the classes, or two names are equal.
    #[error(
        "{} names for {classes} classes ({}), expected a different name for each class",
        .names.len(),
        .names.join(", ")
    )]
    ClassNames {
        /// The number of classes.
        classes: usize,
        /// The names.
        names: Vec<String>,
    },

    /// The number of names is not that of the images.
    #[error("{names} names for {images} images, expected one for each")]
    ImageNames {
        /// The number of images.
        images: usize,
        /// The number of names.
        names: usize,
    },

    /// The number of pixels is not that of a whole number of images.
    #[error("the images have {bytes} bytes, not a multiple of {shape} (channels × height × width)")]
    PartialImage {
        /// The number of bytes.
        bytes: usize,
        /// The shape of an image.
        shape: Shape,
    },

    /// The number of dimensions is wrong: labels instead of images, the reverse, or neither.
    #[error(
        "{path}: the file has dimensions {}, expected {expected}",
        shape(.found)
    )]
    WrongDimensions {
        /// The file.
        path: PathBuf,
        /// A description of the expected dimensions.
        expected: &'static str,
        /// The dimensions found.
        found: Vec<usize>,
    },

    /// Images without pixels, or larger than the address space.
    #[error(
        "images of shape {0} (channels × height × width), expected at least one pixel and no more \
         than an address can count"
    )]
    ImageShape(Shape),

    /// The numbers of images and labels differ.
    #[error("the images have {bytes} bytes, expected {labels} × {shape}: one image for each label")]
    Unpaired {
        /// The size of all images, in bytes.
        bytes: usize,
        /// The number of labels.
        labels: usize,
        /// The shape of an image.
        shape: Shape,
    },

    /// A label that is not less than the number of classes.
    #[error(
        "label {found} of image {index} (counted from 0), expected 0 to {}",
        classes.saturating_sub(1)
    )]
    Label {
        /// The index of the label, counted from 0.
        index: usize,
        /// The label.
        found: u8,
        /// The number of classes.
        classes: usize,
    },

    /// Invalid content of a file in a valid format.
    #[error("{path}: {error}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// The error.
        error: Box<Error>,
    },

    /// Not a Parquet file of images.
    #[error(
        "{path}: not a Parquet data set of images ({reason}); expected rows with an `image`, a \
         structure with the `bytes` of a picture, and possibly a `label`, as in the hub's data sets"
    )]
    NotParquet {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// A data set could not be written.
    #[error("{path}: cannot be written ({reason})")]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// The reason that the operating system gave.
        reason: io::Error,
    },

    /// Some of the four files are missing.
    #[error(
        "{directory}: {} not found, with or without `.gz`",
        .missing.join(", ")
    )]
    MissingFiles {
        /// The directory with most of the files, or where they should be.
        directory: PathBuf,
        /// The names of the missing files.
        missing: Vec<String>,
    },

    /// A directory has files of several EMNIST sets.
    #[error("{directory}: the directory has several EMNIST sets ({})", .sets.join(", "))]
    SeveralSets {
        /// The directory.
        directory: PathBuf,
        /// The sets, such as `letters`.
        sets: Vec<&'static str>,
    },

    /// Training and test images differ in shape.
    #[error(
        "{path}: training images of {train} (channels × height × width) but test images of {test}, \
         expected the same shape"
    )]
    SizesDiffer {
        /// The file or directory.
        path: PathBuf,
        /// The shape of the training images.
        train: Shape,
        /// The shape of the test or validation images.
        test: Shape,
    },

    /// A source without images, or a split without any.
    #[error("{path}: there are no images")]
    NoPictures {
        /// The file or directory.
        path: PathBuf,
    },

    /// One image, from which no test images can be drawn.
    #[error("{path}: there is one image; one for training and one for the test are the least")]
    OneImage {
        /// The file or directory.
        path: PathBuf,
    },

    /// A class without pictures.
    #[error("{directory}: the directory of a class has no pictures")]
    EmptyClass {
        /// The directory.
        directory: PathBuf,
    },

    /// A directory in that of a class.
    #[error("{directory}: a directory within that of a class, where pictures are expected")]
    NestedClass {
        /// The directory.
        directory: PathBuf,
    },

    /// Pictures with and without classes.
    #[error("{picture}: a picture beside the directories of classes, such as `{class}`")]
    PictureBesideClasses {
        /// A picture without a class.
        picture: PathBuf,
        /// A class.
        class: String,
    },

    /// More classes than a label can number.
    #[error("{path}: there are {classes} classes, expected at most {limit}")]
    TooManyClasses {
        /// The file or directory.
        path: PathBuf,
        /// The number of classes.
        classes: usize,
        /// The largest number.
        limit: usize,
    },

    /// More pixels than a data set may have.
    #[error(
        "{path}: {images} images of {shape} (channels × height × width) have more than {limit} values"
    )]
    TooManyValues {
        /// The file or directory.
        path: PathBuf,
        /// The number of images.
        images: usize,
        /// The shape of an image.
        shape: Shape,
        /// The largest number of values.
        limit: usize,
    },

    /// Pictures of several sizes.
    #[error(
        "{path}: the pictures have several sizes: {} has {} pixels (height × width), {} has {}",
        .pictures[0].0,
        shape(&.pictures[0].1),
        .pictures[1].0,
        shape(&.pictures[1].1)
    )]
    MixedSizes {
        /// The file or directory.
        path: PathBuf,
        /// The names of two pictures, with height and width.
        pictures: Box<[(String, [usize; 2]); 2]>,
    },

    /// Too many unreadable pictures.
    #[error(
        "{path}: {unreadable} of {total} pictures cannot be read, more than one in twenty: {}{}",
        .first.join("; "),
        if .unreadable > &.first.len() { "; …" } else { "" }
    )]
    UnreadablePictures {
        /// The file or directory.
        path: PathBuf,
        /// The number of unreadable pictures.
        unreadable: usize,
        /// The number of all pictures.
        total: usize,
        /// The first unreadable pictures with the reasons.
        first: Vec<String>,
    },

    /// A picture that cannot be read.
    #[error("{path}: the picture cannot be read: {reason}")]
    Picture {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// Not a NumPy file or archive of images.
    #[error("{path}: not a NumPy data set of images: {reason}")]
    Arrays {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// Not a NumPy file of numbers.
    #[error("{path}: not a NumPy file of numbers: {reason}")]
    Numbers {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// Not a binary file of CIFAR-10.
    #[error("{path}: not a binary file of CIFAR-10: {reason}")]
    Cifar {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// A path at which no data set is recognised.
    #[error(
        "{path}: {found}; expected a folder of pictures, IDX files as MNIST's, a .npz or .npy file, \
         Parquet files, or CIFAR-10's binary files"
    )]
    NotADataSet {
        /// The path.
        path: PathBuf,
        /// What was found there.
        found: &'static str,
    },

    /// A source whose reader is not compiled.
    #[error(
        "data of the kind `{source_name}` cannot be read: the crate was built without its feature `{feature}`"
    )]
    NotCompiled {
        /// The name of the source.
        source_name: &'static str,
        /// The feature of this crate.
        feature: &'static str,
    },

    /// A label 0 in a file whose labels start at 1.
    #[error("label 0 of image {index} (counted from 0), expected labels from 1")]
    LabelZero {
        /// The index of the label, counted from 0.
        index: usize,
    },

    /// No files of the requested data set were found.
    #[error("{}", not_found(.source_name, .looked_in))]
    NotFound {
        /// The name of the source.
        source_name: &'static str,
        /// The directories searched; none if only the user can name one.
        looked_in: Vec<PathBuf>,
    },

    /// An image index out of range.
    #[error("there is no image {index}: the data set has {len} images, numbered from 0")]
    NoSuchImage {
        /// The index.
        index: usize,
        /// The number of images.
        len: usize,
    },

    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),

    /// A valid file with the name of one of MNIST's, but other content.
    #[error(
        "{path}: not MNIST's {name} (SHA-256 of the unpacked file {found}, expected \
         {expected}): it belongs to another data set, such as Fashion-MNIST or EMNIST, or is damaged"
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

/// Formats dimensions, as in `60000 × 28 × 28`.
fn shape(dimensions: &[usize]) -> String {
    if dimensions.is_empty() {
        return "no dimensions".to_owned();
    }
    let sizes: Vec<_> = dimensions.iter().map(usize::to_string).collect();
    sizes.join(" × ")
}

fn not_found(source_name: &str, looked_in: &[PathBuf]) -> String {
    if looked_in.is_empty() {
        return format!("the path of the data of the kind `{source_name}` is not given");
    }
    let looked_in = paths(looked_in);
    format!("no files named like those of MNIST or EMNIST in {looked_in}")
}

/// Formats a list of directories.
pub(crate) fn paths(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(" or ")
}
