use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::thread;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::mnist::CLASSES;
use crate::{Dataset, Error, Shape, Splits};

/// Reads a data set in the Hugging Face hub's format of MNIST (`ylecun/mnist`): two Parquet files
/// whose rows have an `image` (a structure with the `bytes` of a grey PNG) and a `label`. The
/// result is named `name`.
///
/// # Errors
/// [`Error::Unreadable`]; [`Error::NotParquet`] if a file is not Parquet, has other columns, or has
/// images of several sizes; [`Error::SizesDiffer`] if training and test images differ in size.
pub fn from_parquet(name: &str, train: &Path, test: &Path) -> Result<Splits, Error> {
    let splits = Splits {
        name: name.to_owned(),
        train: read(train)?,
        validation: None,
        test: read(test)?,
    };
    let size = |dataset: &Dataset| [dataset.shape().height, dataset.shape().width];
    if size(&splits.train) != size(&splits.test) {
        return Err(Error::SizesDiffer {
            directory: train.parent().unwrap_or(train).to_owned(),
            train: size(&splits.train),
            test: size(&splits.test),
        });
    }
    Ok(splits)
}

/// The name of the thread that reads a file. The parquet crate panics on some damaged files; on a
/// thread of its own a panic becomes an error, and a program's panic hook can recognise it.
const THREAD: &str = "parquet";

fn read(path: &Path) -> Result<Dataset, Error> {
    let damaged = |reason: &str| Error::NotParquet {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    thread::scope(|scope| {
        let reading = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn_scoped(scope, || read_here(path));
        let reading = reading.map_err(|reason| Error::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        reading
            .join()
            .unwrap_or_else(|_| Err(damaged("the file is damaged")))
    })
}

/// Twenty times the pixels of one of MNIST's files: a compressed file can decode to any size.
const MAX_PIXELS: usize = 1 << 30;

fn read_here(path: &Path) -> Result<Dataset, Error> {
    let wrong = |reason: String| Error::NotParquet {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    let reader = SerializedFileReader::new(file).map_err(|error| wrong(error.to_string()))?;
    let rows = reader
        .get_row_iter(None)
        .map_err(|error| wrong(error.to_string()))?;

    let (mut images, mut labels, mut size) = (Vec::new(), Vec::new(), None);
    for (index, row) in rows.enumerate() {
        let in_row = |reason: String| wrong(format!("row {index}: {reason}"));
        let row = row.map_err(|error| in_row(error.to_string()))?;
        let (found, label) = of_row(&row, &mut images).map_err(in_row)?;
        if *size.get_or_insert(found) != found {
            return Err(in_row(format!("the size of its image differs: {found:?}")));
        }
        labels.push(label);
        if images.len() > MAX_PIXELS {
            return Err(wrong(format!("it has more than {MAX_PIXELS} pixels")));
        }
    }
    let (height, width) = size.ok_or_else(|| wrong("it has no rows".to_owned()))?;
    let within = |error| Error::InFile {
        path: path.to_owned(),
        error: Box::new(error),
    };
    Dataset::new(Shape::grey(height, width), CLASSES, images, labels).map_err(within)
}

/// Appends the pixels of a row's image; returns height and width, and the label.
fn of_row(row: &Row, images: &mut Vec<u8>) -> Result<((usize, usize), u8), String> {
    let (mut png, mut label) = (None, None);
    for (name, field) in row.get_column_iter() {
        match (name.as_str(), field) {
            ("image", Field::Group(parts)) => {
                png = parts
                    .get_column_iter()
                    .find_map(|(name, field)| match field {
                        Field::Bytes(bytes) if name == "bytes" => Some(bytes.data()),
                        _ => None,
                    });
            }
            ("label", Field::Long(number)) => label = u8::try_from(*number).ok(),
            _ => {}
        }
    }
    let png = png.ok_or("there is no column `image` with `bytes`")?;
    let label = label.ok_or("there is no column `label` with a digit")?;
    Ok((decode(png, images)?, label))
}

/// Appends the pixels of a grey PNG; returns height and width.
fn decode(png: &[u8], images: &mut Vec<u8>) -> Result<(usize, usize), String> {
    /// Much more than the side of any digit, but still little memory.
    const LARGEST_SIDE: u32 = 1024;
    let said = |error: png::DecodingError| format!("its image is not a PNG ({error})");
    let mut reader = png::Decoder::new(Cursor::new(png))
        .read_info()
        .map_err(said)?;
    let info = reader.info();
    let (height, width) = (info.height, info.width);
    let is_grey = info.color_type == png::ColorType::Grayscale;
    if !is_grey || info.bit_depth != png::BitDepth::Eight || height.max(width) > LARGEST_SIDE {
        return Err(format!(
            "its image is not grey or exceeds {LARGEST_SIDE} pixels a side"
        ));
    }
    let start = images.len();
    images.resize(start + height as usize * width as usize, 0);
    reader.next_frame(&mut images[start..]).map_err(said)?;
    Ok((height as usize, width as usize))
}
