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
