//! Fuzzes the decoder of pictures: PNG, JPEG, GIF, BMP and WebP.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use latent_datasets::{ImageOptions, decode_picture};
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = DIRECTORY.path().join("picture");
    fs::write(&path, bytes).unwrap();
    if let Ok(picture) = decode_picture(&path, &ImageOptions::default()) {
        assert_eq!(picture.pixels.len(), picture.shape.elem_count());
    }
});
