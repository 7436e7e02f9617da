//! Properties of checkpoints: files are read as written, and other files are refused.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use latent_checkpoints::{Expected, load, load_foreign, save};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Metadata {
    seed: u64,
    loss: f64,
}

const METADATA: Metadata = Metadata { seed: 7, loss: 0.1 };

fn tensors() -> BTreeMap<String, Tensor> {
    let tensor =
        |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
    BTreeMap::from([
        (
            "b.weight".to_owned(),
            tensor(&[1.0, -2.0, 3.5, f32::MAX], &[2, 2]),
        ),
        ("a.bias".to_owned(), tensor(&[1e-40, 0.25], &[2])),
        ("empty".to_owned(), tensor(&[], &[0])),
    ])
}

fn expected() -> Expected {
    tensors()
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()))
        .collect()
}

fn error(path: &Path) -> String {
    load::<Metadata>(path, "model", &Device::Cpu)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_saved_checkpoint_is_loaded_and_saves_to_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, "model", &tensors(), &METADATA).unwrap();
    let first = fs::read(&path).unwrap();

    let checkpoint = load::<Metadata>(&path, "model", &Device::Cpu).unwrap();
    checkpoint.verify(&expected()).unwrap();
    assert_eq!(checkpoint.metadata, METADATA);
    for (name, tensor) in tensors() {
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(
            values(&checkpoint.tensors[&name]),
            values(&tensor),
            "{name}"
        );
    }

    save(&path, "model", &checkpoint.tensors, &checkpoint.metadata).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "a temporary file is left"
    );
}

#[test]
fn every_deviation_of_names_and_shapes_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, "model", &tensors(), &METADATA).unwrap();
    let mut expected = expected();
    expected.remove("empty");
    expected.insert("a.bias".to_owned(), vec![3]);
    expected.insert("c.weight".to_owned(), vec![1]);
    let checkpoint = load::<Metadata>(&path, "model", &Device::Cpu).unwrap();
    let message = checkpoint.verify(&expected).unwrap_err().to_string();
    for part in [
        "a.bias is [2], expected [3]",
        "1 missing: c.weight [1]",
        "1 not part of the model: empty [",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // All tensors of a model are listed, but not those of a file with thousands.
    let count = |message: String| message.matches(" [7]").count();
    for (tensors, listed) in [(40, 40), (1000, 40)] {
        let many = (0..tensors).map(|index| (format!("layer.{index}"), vec![7]));
        let message = checkpoint.verify(&many.collect()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("{tensors} missing: ")),
            "{message}"
        );
        assert_eq!(
            message.contains("and 960 more"),
            tensors > listed,
            "{message}"
        );
        assert_eq!(count(message), listed);
    }
}

#[test]
fn name_parts_of_pytorch_wrappers_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let tensor = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
    let mut tensors: HashMap<_, _> = [
        "module.a.weight",
        "_orig_mod.module._orig_mod.a.bias",
        "b._orig_mod.weight",
        "modules.c",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), tensor.clone()))
    .collect();
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let checkpoint = load_foreign(&path, &Device::Cpu).unwrap();
    let names: Vec<&str> = checkpoint.tensors.keys().map(String::as_str).collect();
    assert_eq!(names, ["a.bias", "a.weight", "b.weight", "modules.c"]);

    tensors.insert("a.weight".to_owned(), tensor);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let message = load_foreign(&path, &Device::Cpu).unwrap_err().to_string();
    assert!(
        message.contains("two tensors are named a.weight"),
        "{message}"
    );
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut tensors = tensors();
        tensors.insert(
            "a.bias".to_owned(),
            Tensor::new(&[0.0, bad], &Device::Cpu).unwrap(),
        );
        save(&path, "model", &tensors, &METADATA).unwrap();
        let checkpoint = load::<Metadata>(&path, "model", &Device::Cpu).unwrap();
        let message = checkpoint.verify(&expected()).unwrap_err().to_string();
        assert!(message.contains("a.bias"), "{message}");
    }
}

#[test]
fn other_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    assert!(error(&path).contains("cannot be read"));
    assert!(error(directory.path()).contains("cannot be read"));

    fs::write(&path, b"<html>not found</html>").unwrap();
    assert!(error(&path).contains("not a safetensors file"));
    fs::write(&path, b"").unwrap();
    assert!(error(&path).contains("not a safetensors file"));

    fs::write(&path, safetensors::serialize(tensors(), None).unwrap()).unwrap();
    assert!(error(&path).contains("not one of latent's"));

    save(&path, "training state", &tensors(), &METADATA).unwrap();
    assert!(error(&path).contains("training state"));

    save(&path, "model", &tensors(), &METADATA).unwrap();
    let bytes = fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let at = text.find("format\\\":3").unwrap() + "format\\\":".len();
    let mut newer = bytes.clone();
    newer[at] = b'9';
    fs::write(&path, newer).unwrap();
    assert!(error(&path).contains("format 9"), "{}", error(&path));

    let mut seedless = bytes.clone();
    seedless[text.find("seed").unwrap()] = b'x';
    fs::write(&path, seedless).unwrap();
    assert!(
        error(&path).contains("missing field `seed`"),
        "{}",
        error(&path)
    );

    for cut in [1, 8, 100, bytes.len() - 1] {
        fs::write(&path, &bytes[..cut]).unwrap();
        assert!(
            error(&path).contains("not a safetensors file"),
            "cut at {cut}"
        );
    }
    // A header that declares 2⁶³ bytes.
    let mut huge = bytes;
    huge[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    fs::write(&path, huge).unwrap();
    assert!(error(&path).contains("not a safetensors file"));
}

/// Metadata that cannot be serialised.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("unwritable"))
    }
}

#[test]
fn a_failed_write_leaves_the_old_file_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, "model", &tensors(), &METADATA).unwrap();
    let before = fs::read(&path).unwrap();
    save(&path, "model", &tensors(), &Unwritable).unwrap_err();
    // A file is not treated as a directory either.
    let message = save(&path.join("below/a/file"), "model", &tensors(), &METADATA)
        .unwrap_err()
        .to_string();
    assert!(message.contains("cannot be written"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "a temporary file is left"
    );
}

#[test]
fn floats_of_other_sizes_are_read_and_other_numbers_refused() {
    use candle_core::DType;
    use std::collections::HashMap;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let metadata = HashMap::from([(
        "latent".to_owned(),
        r#"{"format":3,"kind":"model","seed":7,"loss":0.1}"#.to_owned(),
    )]);
    let values = Tensor::new(&[0.5f32, -2.0, 1024.0], &Device::Cpu).unwrap();
    let write = |dtype| {
        let tensors = BTreeMap::from([("w", values.to_dtype(dtype).unwrap())]);
        fs::write(
            &path,
            safetensors::serialize(tensors, Some(metadata.clone())).unwrap(),
        )
        .unwrap();
    };
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        write(dtype);
        let read = load::<Metadata>(&path, "model", &Device::Cpu).unwrap();
        assert_eq!(
            read.tensors["w"].to_vec1::<f32>().unwrap(),
            [0.5, -2.0, 1024.0],
            "{dtype:?}"
        );
    }
    write(DType::I64);
    assert!(error(&path).contains("expected floats"), "{}", error(&path));
}

/// The new file replaces the old one by renaming: a process with the old file open reads it
/// completely.
#[cfg(unix)]
#[test]
fn a_file_is_replaced_and_never_overwritten_in_place() {
    use std::os::unix::fs::MetadataExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let inode = || fs::metadata(&path).unwrap().ino();
    save(&path, "model", &tensors(), &METADATA).unwrap();
    let open = fs::File::open(&path).unwrap();
    let first = inode();
    save(&path, "model", &tensors(), &METADATA).unwrap();
    assert_ne!(first, inode());
    drop(open);
}
