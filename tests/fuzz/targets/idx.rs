//! Fuzzes the reader of IDX files, plain or gzip.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = latent_datasets::Idx::read(Path::new("file"), bytes) {
        assert_eq!(idx.data().len(), idx.dimensions().iter().product::<usize>());
    }
});
