use std::sync::Arc;

use latent_datasets::Dataset;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// A data set in the hub's format of MNIST: `image`, a structure of a PNG's `bytes` and a `path`,
/// and `label`.
///
/// # Errors
/// None, unless the format has changed.
pub fn parquet_of(digits: &Dataset) -> Result<Vec<u8>> {
    const SCHEMA: &str = "message schema {
        OPTIONAL GROUP image { OPTIONAL BYTE_ARRAY bytes; OPTIONAL BYTE_ARRAY path (UTF8); }
        OPTIONAL INT64 label;
    }";
    let count = digits.len();
    let images: Vec<ByteArray> = (0..count)
        .filter_map(|index| digits.image(index))
        .map(|pixels| png(pixels, digits.shape().width).into())
        .collect();
    let labels: Vec<i64> = digits.labels().iter().map(|&label| label.into()).collect();

    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        // Every optional part is present.
        column
            .typed::<ByteArrayType>()
            .write_batch(&images, Some(&vec![2; count]), None)?;
        column.close()?;
    }
    if let Some(mut column) = group.next_column()? {
        // The structure is present, but its path is null.
        column
            .typed::<ByteArrayType>()
            .write_batch(&[], Some(&vec![1; count]), None)?;
        column.close()?;
    }
    if let Some(mut column) = group.next_column()? {
        column
            .typed::<Int64Type>()
            .write_batch(&labels, Some(&vec![1; count]), None)?;
        column.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn png(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, (pixels.len() / width) as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(pixels));
    debug_assert!(written.is_ok(), "a vector takes everything");
    bytes
}
