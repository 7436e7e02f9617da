//! Fuzzes the reader of model files: the header of safetensors, its JSON, and tensors.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    _ = latent_training::parse_model(bytes, Path::new("file"), &candle_core::Device::Cpu);
});
