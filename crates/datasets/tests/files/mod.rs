//! Files of pictures and arrays.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A picture of one grey value.
pub(crate) fn grey(height: u32, width: u32, value: u8) -> DynamicImage {
    ImageBuffer::from_pixel(width, height, Luma([value])).into()
}

/// A picture of one colour.
pub(crate) fn solid(height: u32, width: u32, colour: [u8; 3]) -> DynamicImage {
    ImageBuffer::from_pixel(width, height, Rgb(colour)).into()
}

/// Saves a picture, in a directory that is created if needed.
pub(crate) fn save(path: &Path, picture: &DynamicImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// An array of NumPy.
pub(crate) struct Npy {
    kind: String,
    shape: String,
    data: Vec<u8>,
    pub(crate) is_column_major: bool,
}

impl Npy {
    /// An array of a type and shape in Python's syntax.
    pub(crate) fn new(kind: &str, shape: &str, data: Vec<u8>) -> Self {
        Self {
            kind: kind.to_owned(),
            shape: shape.to_owned(),
            data,
            is_column_major: false,
        }
    }

    /// The bytes of a file in version 1 of the format.
    pub(crate) fn file(&self) -> Vec<u8> {
        let order = if self.is_column_major {
            "True"
        } else {
            "False"
        };
        let (kind, shape) = (&self.kind, &self.shape);
        let header =
            format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\0".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.into_bytes());
        file.extend(&self.data);
        file
    }
}

/// Writes an archive with these arrays, as `numpy.savez_compressed` does.
pub(crate) fn npz(path: &Path, arrays: &[(&str, &Npy)]) {
    let mut archive = ZipWriter::new(File::create(path).unwrap());
    for (name, array) in arrays {
        let options = SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(&array.file()).unwrap();
    }
    archive.finish().unwrap();
}

/// The bytes of a picture as PNG.
#[cfg(feature = "parquet")]
pub(crate) fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// Writes a Parquet file as the hub has them: pictures with their paths and labels, and the names of the classes.
#[cfg(feature = "parquet")]
pub(crate) fn parquet(path: &Path, rows: &[(Vec<u8>, &str, i64)], class_names: &[&str]) {
    use std::sync::Arc;

    use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use ::parquet::file::metadata::KeyValue;
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    let schema = "message schema {
        OPTIONAL GROUP img { OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }
        OPTIONAL INT64 fine_label;
    }";
    let names: Vec<String> = class_names.iter().map(|name| format!("{name:?}")).collect();
    let names = names.join(", ");
    let features = format!(
        r#"{{"info": {{"features": {{"fine_label": {{"names": [{names}], "_type": "ClassLabel"}}}}}}}}"#
    );
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "huggingface".to_owned(),
            features,
        )]))
        .build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let bytes: Vec<ByteArray> = rows.iter().map(|row| row.0.clone().into()).collect();
    let paths: Vec<ByteArray> = rows.iter().map(|row| row.1.into()).collect();
    let labels: Vec<i64> = rows.iter().map(|row| row.2).collect();
    // Every optional part is present.
    for column in [bytes, paths] {
        let mut writer = group.next_column().unwrap().unwrap();
        let levels = vec![2; rows.len()];
        writer
            .typed::<ByteArrayType>()
            .write_batch(&column, Some(&levels), None)
            .unwrap();
        writer.close().unwrap();
    }
    let mut column = group.next_column().unwrap().unwrap();
    let levels = vec![1; rows.len()];
    column
        .typed::<Int64Type>()
        .write_batch(&labels, Some(&levels), None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}
