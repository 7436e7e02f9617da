use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use latent_kernels::Shape;
use zip::ZipArchive;

use crate::npy::{self, Array, Elements, shape};
use crate::parts::{MAX_CLASSES, Parts, channels_last, classes_of, dataset, name_of};
use crate::{Dataset, Error, Reading};

/// The names of the arrays of each split, images and labels: MedMNIST's and Keras's.
const NAMES: [[[&str; 2]; 3]; 2] = [
    [
        ["train_images", "train_labels"],
        ["test_images", "test_labels"],
        ["val_images", "val_labels"],
    ],
    [
        ["x_train", "y_train"],
        ["x_test", "y_test"],
        ["x_val", "y_val"],
    ],
];
/// The names of images and labels without splits; the last are those of `numpy.savez` without names.
const WHOLE: [[&str; 2]; 3] = [["images", "labels"], ["x", "y"], ["arr_0", "arr_1"]];

const CLASS_NAMES: &str = "class_names";

/// Reads images, and labels if there are some, from a NumPy archive (`.npz`) or file (`.npy`).
///
/// An archive has arrays named as MedMNIST's (`train_images`, `train_labels`, `val_…`, `test_…`), as
/// Keras's (`x_train`, `y_train`, `x_test`, `y_test`), or `images` and `labels` (also `x` and `y`, or
/// `numpy.savez`'s `arr_0` and `arr_1`). A file `digits.npy` has images; their labels may be in
/// `digits.labels.npy` beside it.
///
/// An archive may also have the names of the classes in their order, as texts: `class_names`.
///
/// Images are `[n, height, width]`, `[n, height, width, channels]` or `[n, channels, height, width]`
/// with 1 or 3 channels: bytes, booleans, whole numbers from 0 to 255, or floats from 0 to 1. Labels
/// are whole numbers from 0, `[n]` or `[n, 1]`.
///
/// The images of each split are in a [stratified](Dataset::stratified) random order; each is named
/// by its array and place, such as `train_images[5]`. Without test images, the splits are
/// [drawn](crate::Splits::drawn).
///
/// # Errors
/// [`Error::Unreadable`]; [`Error::Arrays`] if the file is damaged, or has no such arrays.
pub fn arrays_from_file(path: &Path) -> Result<Reading, Error> {
    let wrong = |reason: String| Error::Arrays {
        path: path.to_owned(),
        reason,
    };
    let open = |path: &Path| {
        File::open(path).map_err(|reason| Error::Unreadable {
            path: path.to_owned(),
            reason,
        })
    };
    let mut notes = Vec::new();
    let is_archive = starts_as_archive(open(path)?);
    let parts = if is_archive {
        archive(open(path)?, &mut notes).map_err(wrong)?
    } else {
        let images = npy::read(&mut BufReader::new(open(path)?)).map_err(wrong)?;
        let beside = path.with_extension("labels.npy");
        let labels = if beside.is_file() {
            let labels = npy::read(&mut BufReader::new(open(&beside)?));
            Some(labels.map_err(|reason| Error::Arrays {
                path: beside.clone(),
                reason,
            })?)
        } else {
            None
        };
        let name = name_of(path);
        let whole = Named::new(&name, images, labels, &mut notes).map_err(wrong)?;
        let classes = whole.classes();
        Parts {
            train: whole.into_dataset(classes).map_err(wrong)?,
            test: None,
            validation: None,
        }
    };
    parts.into_reading(name_of(path), path, notes)
}

/// Reads the numbers of a NumPy file (`.npy`) with their dimensions, such as latents `[n, latent_size]`.
///
/// # Errors
/// [`Error::Unreadable`]; [`Error::Numbers`] if the file is damaged, or has other elements than numbers.
pub fn numbers_from_file(path: &Path) -> Result<(Vec<usize>, Vec<f32>), Error> {
    let file = File::open(path).map_err(|reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    let array = npy::read(&mut BufReader::new(file)).map_err(|reason| Error::Numbers {
        path: path.to_owned(),
        reason,
    })?;
    let numbers = match array.elements {
        Elements::Bytes(values) => values.into_iter().map(f32::from).collect(),
        Elements::Booleans(values) => values.into_iter().map(f32::from).collect(),
        Elements::Integers(values) => values.into_iter().map(|value| value as f32).collect(),
        Elements::Floats(values) => values.into_iter().map(|value| value as f32).collect(),
        Elements::Texts(_) => {
            return Err(Error::Numbers {
                path: path.to_owned(),
                reason: "its elements are texts".to_owned(),
            });
        }
    };
    Ok((array.dimensions, numbers))
}

/// Whether the file starts as a ZIP archive does.
fn starts_as_archive(mut file: File) -> bool {
    let mut start = [0; 2];
    file.read_exact(&mut start).is_ok() && start == *b"PK"
}

/// Images of a split with their labels, if they have some.
struct Named {
    name: String,
    shape: Shape,
    images: Vec<u8>,
    labels: Option<Vec<u8>>,
}

impl Named {
    fn new(
        name: &str,
        images: Array,
        labels: Option<Array>,
        notes: &mut Vec<String>,
    ) -> Result<Self, String> {
        let (shape, images, count) = images_of(name, images, notes)?;
        let labels = labels.map(|labels| labels_of(name, labels)).transpose()?;
        if let Some(labels) = &labels
            && labels.len() != count
        {
            let labels = labels.len();
            return Err(format!("`{name}` has {count} images but {labels} labels"));
        }
        Ok(Self {
            name: name.to_owned(),
            shape,
            images,
            labels,
        })
    }

    fn classes(&self) -> usize {
        classes_of(self.labels.as_deref())
    }

    fn into_dataset(self, classes: usize) -> Result<Dataset, String> {
        let data = dataset(self.shape, classes, self.images, self.labels);
        let data = data.map_err(|error| format!("`{}`: {error}", self.name))?;
        let names = (0..data.len()).map(|index| format!("{}[{index}]", self.name));
        data.with_names(names.collect())
            .map_err(|error| error.to_string())
    }
}

/// The arrays of an archive as parts.
fn archive(file: File, notes: &mut Vec<String>) -> Result<Parts, String> {
    let mut archive =
        ZipArchive::new(BufReader::new(file)).map_err(|error| format!("it is damaged: {error}"))?;
    let names: Vec<String> = archive
        .file_names()
        .flatten()
        .filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned()))
        .collect();
    let has = |name: &str| names.iter().any(|other| other == name);
    let mut read = |name: &str| -> Result<Option<Array>, String> {
        if !has(name) {
            return Ok(None);
        }
        let entry = archive.by_name(&format!("{name}.npy"));
        let mut entry = entry.map_err(|error| format!("`{name}`: {error}"))?;
        let array = npy::read(&mut entry).map_err(|reason| format!("`{name}`: {reason}"))?;
        Ok(Some(array))
    };
    let splits = NAMES.into_iter().find(|[train, ..]| has(train[0]));
    let whole = WHOLE.into_iter().find(|[images, _]| has(images));
    let found = match (splits, whole) {
        (Some(splits), _) => splits.to_vec(),
        (None, Some(whole)) => vec![whole],
        (None, None) => {
            return Err(format!(
                "it has the arrays {}; expected `images` and `labels`, or `train_images`, `train_labels`, `test_images` \
                 and `test_labels`",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            ));
        }
    };
    let mut parts = Vec::new();
    for [images, labels] in found {
        let part = match read(images)? {
            None => None,
            Some(array) => Some(Named::new(images, array, read(labels)?, notes)?),
        };
        parts.push(part);
    }
    let given: Vec<&Named> = parts.iter().flatten().collect();
    if let Some(first) = given.first()
        && let Some(other) = given
            .iter()
            .find(|other| other.labels.is_some() != first.labels.is_some())
    {
        return Err(format!(
            "one of `{}` and `{}` has labels, the other has not",
            first.name, other.name
        ));
    }
    let labelled = given.iter().map(|part| part.classes()).max().unwrap_or(0);
    let class_names = match read(CLASS_NAMES)?.map(|array| array.elements) {
        Some(Elements::Texts(names)) if labelled > 0 => names,
        None | Some(Elements::Texts(_)) => Vec::new(),
        Some(_) => return Err(format!("`{CLASS_NAMES}` has no texts")),
    };
    if !class_names.is_empty() && class_names.len() < labelled {
        let names = class_names.len();
        return Err(format!(
            "`{CLASS_NAMES}` has {names} names for {labelled} classes"
        ));
    }
    let classes = labelled.max(class_names.len());
    let named = |dataset: Dataset| {
        if class_names.is_empty() {
            return Ok(dataset);
        }
        let named = dataset.with_class_names(class_names.clone());
        named.map_err(|error| error.to_string())
    };
    let mut datasets = parts.into_iter().map(|part| {
        let dataset = part.map(|part| part.into_dataset(classes).and_then(named));
        dataset.transpose()
    });
    let mut next = || datasets.next().transpose().map(Option::flatten);
    let (train, test, validation) = (next()?, next()?, next()?);
    Ok(Parts {
        train: train.ok_or("it has no training images")?,
        test,
        validation,
    })
}

/// The shape of the images, their bytes `[n, height, width, channels]`, and their number.
fn images_of(
    name: &str,
    array: Array,
    notes: &mut Vec<String>,
) -> Result<(Shape, Vec<u8>, usize), String> {
    let wrong = |reason: &str| {
        let found = shape(&array.dimensions);
        format!("`{name}` is {found}, {reason}")
    };
    let (count, shape, is_channel_first) = match array.dimensions[..] {
        [count, height, width] => (count, Shape::grey(height, width), false),
        [count, height, width, channels @ (1 | 3)] => {
            let shape = Shape {
                channels,
                height,
                width,
            };
            (count, shape, false)
        }
        [count, channels @ (1 | 3), height, width] => {
            let shape = Shape {
                channels,
                height,
                width,
            };
            (count, shape, true)
        }
        _ => {
            return Err(wrong(
                "expected images × height × width, with 1 or 3 channels at the end if there are more dimensions",
            ));
        }
    };
    if shape.checked_elem_count().is_none() {
        return Err(wrong("expected images with at least one pixel"));
    }
    let mut bytes = pixels(name, array.elements, notes)?;
    if is_channel_first {
        bytes = channels_last(&bytes, shape);
        notes.push(format!(
            "`{name}` has its channels before height and width: they are moved to the end"
        ));
    }
    Ok((shape, bytes, count))
}

/// Pixels from 0 to 255.
fn pixels(name: &str, elements: Elements, notes: &mut Vec<String>) -> Result<Vec<u8>, String> {
    match elements {
        Elements::Bytes(bytes) => Ok(bytes),
        Elements::Booleans(values) => Ok(values
            .into_iter()
            .map(|value| if value { 255 } else { 0 })
            .collect()),
        Elements::Integers(values) => {
            let byte = |value: i64| {
                u8::try_from(value)
                    .map_err(|_| format!("`{name}` has the pixel {value}, expected 0 to 255"))
            };
            values.into_iter().map(byte).collect()
        }
        Elements::Texts(_) => Err(format!("`{name}` has texts, expected pixels")),
        Elements::Floats(values) => {
            let outside = values.iter().find(|value| !(0.0..=1.0).contains(*value));
            if let Some(value) = outside {
                return Err(format!(
                    "`{name}` has the pixel {value}, expected 0 to 1 for floats; store bytes from 0 to 255 instead"
                ));
            }
            notes.push(format!(
                "`{name}` has floats from 0 to 1: they are rounded to 256 levels"
            ));
            Ok(values
                .into_iter()
                .map(|value| (value * 255.0).round() as u8)
                .collect())
        }
    }
}

fn labels_of(name: &str, array: Array) -> Result<Vec<u8>, String> {
    if !matches!(array.dimensions[..], [_] | [_, 1]) {
        return Err(format!(
            "the labels of `{name}` are {}, expected one number for each image",
            shape(&array.dimensions)
        ));
    }
    let label = |value: i64| {
        u8::try_from(value).map_err(|_| {
            format!(
                "`{name}` has the label {value}, expected whole numbers from 0 to {}",
                MAX_CLASSES - 1
            )
        })
    };
    match array.elements {
        Elements::Bytes(bytes) => Ok(bytes),
        Elements::Integers(values) => values.into_iter().map(label).collect(),
        Elements::Booleans(values) => Ok(values.into_iter().map(u8::from).collect()),
        Elements::Floats(_) | Elements::Texts(_) => Err(format!(
            "the labels of `{name}` are no whole numbers, which are expected"
        )),
    }
}
