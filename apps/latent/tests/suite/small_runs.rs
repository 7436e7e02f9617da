//! Small runs and data that several tests use.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use latent_datasets::{save_idx, synthetic};
use latent_tests::{native, succeed};

/// A small run on synthetic digits, in a directory of its own. The one without settings is trained
/// once, and copied for each test that begins with it.
pub(crate) fn trained(settings: &[&str]) -> tempfile::TempDir {
    static PLAIN: LazyLock<Vec<(OsString, Vec<u8>)>> = LazyLock::new(|| {
        let directory = newly_trained(&[]);
        let files = fs::read_dir(directory.path().join("run")).unwrap();
        let files = files.map(|file| file.unwrap());
        files
            .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
            .collect()
    });
    if !settings.is_empty() {
        return newly_trained(settings);
    }
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    fs::create_dir(&run).unwrap();
    for (name, bytes) in &*PLAIN {
        fs::write(run.join(name), bytes).unwrap();
    }
    directory
}

pub(crate) fn newly_trained(settings: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    train_small(directory.path(), settings);
    directory
}

pub(crate) fn train_small(directory: &Path, settings: &[&str]) {
    let arguments = ["train", "vae-2d", "--output", "run", "--epochs", "2"];
    let small = ["--limit", "300", "--set", "model.hidden=[32]"];
    let all = [&arguments[..], &small, &["--no-figures"], settings].concat();
    succeed(directory, &all);
}

/// A directory with a few digits as files, for commands that load all images there are.
pub(crate) fn with_files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let digits = synthetic(1, 1000, 300);
    save_idx(&digits, &directory.path().join("data"), |_| Ok(())).unwrap();
    directory
}

/// A small conditional run on such files.
pub(crate) fn trained_conditional() -> tempfile::TempDir {
    let directory = with_files();
    let train = ["train", "cvae-conv", "--data", "idx", "--output", "run"];
    let small = ["--limit", "200", "--set", "model.channels=[4,6]"];
    let all = [&train[..], &small, &["--epochs", "1", "--no-figures"]].concat();
    succeed(directory.path(), &all);
    directory
}

pub(crate) fn npy(path: &Path) -> (String, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..6], b"\x93NUMPY");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8(bytes[10..10 + length].to_vec()).unwrap();
    (header, bytes[10 + length..].to_vec())
}

/// Runs commands that draw, each for every kind of file.
pub(crate) fn draw_in_every_form(directory: &Path, commands: &[(&[&str], &str)]) {
    for (command, shape) in commands {
        for extension in ["png", "svg", "npy"] {
            let name = format!("pictures/of.{extension}");
            let stdout = succeed(directory, &[command, &["--output", &name][..]].concat());
            assert!(
                stdout.lines().any(|line| line == native(&name)),
                "{command:?}"
            );
            let path = directory.join(&name);
            match extension {
                "png" => assert!(fs::read(&path).unwrap().starts_with(b"\x89PNG")),
                "svg" => assert!(fs::read_to_string(&path).unwrap().contains("<svg")),
                _ => {
                    let (header, _) = npy(&path);
                    let counts = matches!(command[0], "classify" | "evaluate-samples");
                    let kind = if counts { "'<i8'" } else { "'<f4'" };
                    assert!(header.contains(shape), "{command:?}: {header}");
                    assert!(header.contains(kind), "{command:?}: {header}");
                }
            }
            // The next command is to write its own.
            fs::remove_file(&path).unwrap();
        }
    }
}
