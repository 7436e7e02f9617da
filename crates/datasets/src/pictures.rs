//! Pictures of a source as data sets of one shape.

use std::path::Path;

use latent_kernels::Shape;

use crate::parts::{Counts, MAX_VALUES, Parts, dataset};
use crate::picture::DecodedPicture;
use crate::{Dataset, Error};

/// The largest share of pictures that may be unreadable: one in this many.
const UNREADABLE: usize = 20;
/// The number of unreadable pictures that are named.
const NAMED: usize = 5;

/// The splits in the order of their index.
pub(crate) const SPLITS: [&str; 3] = ["train", "test", "validation"];

/// The classes of the labels.
#[derive(Default)]
pub(crate) struct Classes {
    /// 0 for pictures without labels.
    pub(crate) count: usize,
    /// Empty if the classes are numbered.
    pub(crate) names: Vec<String>,
}

/// A picture of a source, or the reason why it cannot be read.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The index in [`SPLITS`].
    pub(crate) split: usize,
    pub(crate) label: Option<u8>,
    pub(crate) picture: Result<DecodedPicture, String>,
}

/// Makes the splits of all pictures: grey if all are, otherwise in colour. Unreadable pictures are
/// left out, up to one in twenty. `notes` receives what was converted and left out.
///
/// # Errors
/// More pictures are unreadable; the pictures have several sizes or too many values.
pub(crate) fn parts(
    path: &Path,
    entries: Vec<Entry>,
    classes: &Classes,
    notes: &mut Vec<String>,
) -> Result<Parts, Error> {
    let total = entries.len();
    let (mut unreadable, mut conversions) = (Vec::new(), Counts::default());
    let mut readable = Vec::with_capacity(total);
    for Entry {
        name,
        split,
        label,
        picture,
    } in entries
    {
        match picture {
            Ok(picture) => readable.push((name, split, label, picture)),
            Err(reason) => unreadable.push(format!("{name} ({reason})")),
        }
    }
    let named: Vec<String> = unreadable.iter().take(NAMED).cloned().collect();
    if unreadable.len() * UNREADABLE > total {
        return Err(Error::UnreadablePictures {
            path: path.to_owned(),
            unreadable: unreadable.len(),
            total,
            first: named,
        });
    }
    if !unreadable.is_empty() {
        notes.push(format!(
            "{} of {total} pictures cannot be read and are left out: {}{}",
            unreadable.len(),
            named.join("; "),
            if unreadable.len() > NAMED {
                "; …"
            } else {
                ""
            }
        ));
    }
    let shape = common_shape(path, &readable)?;
    let values = shape.elem_count().checked_mul(readable.len());
    if values.is_none_or(|values| values > MAX_VALUES) {
        return Err(Error::TooManyValues {
            path: path.to_owned(),
            images: readable.len(),
            shape,
            limit: MAX_VALUES,
        });
    }
    let mut of_split: [Split; 3] = Default::default();
    for (name, split, label, picture) in readable {
        picture
            .conversions
            .iter()
            .for_each(|conversion| conversions.add(conversion));
        let part = &mut of_split[split];
        part.is_given = true;
        if shape.channels == 1 {
            part.images.extend(picture.pixels);
        } else {
            part.images.extend(picture.into_colour());
        }
        part.labels.extend(label);
        part.names.push(name);
    }
    notes.extend(conversions.notes());
    let [train, test, validation] = of_split;
    Ok(Parts {
        train: train.into_dataset(shape, classes)?,
        test: test.into_given(shape, classes)?,
        validation: validation.into_given(shape, classes)?,
    })
}

#[derive(Default)]
struct Split {
    is_given: bool,
    images: Vec<u8>,
    labels: Vec<u8>,
    names: Vec<String>,
}

impl Split {
    fn into_given(self, shape: Shape, classes: &Classes) -> Result<Option<Dataset>, Error> {
        if !self.is_given {
            return Ok(None);
        }
        self.into_dataset(shape, classes).map(Some)
    }

    fn into_dataset(self, shape: Shape, classes: &Classes) -> Result<Dataset, Error> {
        let labels = (classes.count > 0).then_some(self.labels);
        let images = dataset(shape, classes.count, self.images, labels)?;
        let images = if classes.names.is_empty() {
            images
        } else {
            images.with_class_names(classes.names.clone())?
        };
        images.with_names(self.names)
    }
}

type Readable = (String, usize, Option<u8>, DecodedPicture);

/// The shape of all pictures: one channel if all have one.
fn common_shape(path: &Path, pictures: &[Readable]) -> Result<Shape, Error> {
    let Some((first, _, _, picture)) = pictures.first() else {
        return Err(Error::NoPictures {
            path: path.to_owned(),
        });
    };
    let size = |shape: Shape| [shape.height, shape.width];
    let expected = picture.shape;
    let other = pictures
        .iter()
        .find(|(_, _, _, picture)| size(picture.shape) != size(expected));
    if let Some((name, _, _, picture)) = other {
        return Err(Error::MixedSizes {
            path: path.to_owned(),
            pictures: Box::new([
                (first.clone(), size(expected)),
                (name.clone(), size(picture.shape)),
            ]),
        });
    }
    let channels = pictures
        .iter()
        .map(|(_, _, _, picture)| picture.shape.channels);
    Ok(Shape {
        channels: channels.max().unwrap_or(1),
        ..expected
    })
}
