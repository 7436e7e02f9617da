//! Fuzzes the reader of NumPy's files and archives.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use latent_datasets::{arrays_from_file, numbers_from_file};
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = DIRECTORY.path().join("data.npz");
    fs::write(&path, bytes).unwrap();
    if let Ok(reading) = arrays_from_file(&path) {
        let train = reading.splits.train;
        assert_eq!(train.images().len(), train.len() * train.pixels());
    }
    if let Ok((dimensions, numbers)) = numbers_from_file(&path) {
        assert_eq!(dimensions.iter().product::<usize>(), numbers.len());
    }
});
