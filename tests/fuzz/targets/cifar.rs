//! Fuzzes the reader of CIFAR-10's binary files.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use latent_datasets::cifar10_from_directory;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let mut record = vec![3];
    record.resize(3073, 9);
    for number in 1..=5 {
        fs::write(
            directory.path().join(format!("data_batch_{number}.bin")),
            &record,
        )
        .unwrap();
    }
    directory
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fs::write(DIRECTORY.path().join("test_batch.bin"), bytes).unwrap();
    if let Ok(splits) = cifar10_from_directory(DIRECTORY.path()) {
        assert_eq!(splits.test.images().len() + splits.test.len(), bytes.len());
    }
});
