//! Fuzzes the reader of the hub's Parquet files.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use latent_datasets::{ImageOptions, parquet_from_path};
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = DIRECTORY.path().join("data.parquet");
    fs::write(&path, bytes).unwrap();
    if let Ok(reading) = parquet_from_path(&path, &ImageOptions::default()) {
        let train = reading.splits.train;
        assert_eq!(train.images().len(), train.len() * train.pixels());
    }
});
