//! Support for tests that use several crates: the built `latent` command, a loopback hub, and MNIST
//! if it is available.
#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod hub;
mod mutation;
mod own_data;
mod parquet;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use latent_datasets::{ImageOptions, Source, Splits};
use latent_tolerance::skipped;
use serde_json::Value;
use tempfile::TempDir;

pub use hub::{LoopbackHub, Misbehaviour};
pub use mutation::mutated;
pub use own_data::{
    GlyphPicture, Pen, SHAPES, digit_picture, ellipses, letters, save_arrays, save_grey,
    save_pictures, shapes,
};
pub use parquet::parquet_of;

/// The `latent` command that cargo built before the tests of its package, in an isolated
/// environment: without MNIST unless the arguments name it, and with `directory` as the current
/// directory.
///
/// # Panics
/// The command was not built: tests of another package do not build it.
pub fn latent(directory: &Path) -> Command {
    // Tests are in target/release/deps, the command is in target/release.
    let tests = std::env::current_exe().expect("a test has a path");
    let name = format!("latent{}", std::env::consts::EXE_SUFFIX);
    let binary = tests
        .parent()
        .and_then(Path::parent)
        .map(|built| built.join(name));
    let binary = binary.expect("a test is in a directory of a directory");
    assert!(
        binary.is_file(),
        "{} is missing; `cargo test --release --locked --test suite --no-run` builds it",
        binary.display()
    );
    let mut command = Command::new(&binary);
    if cfg!(windows) {
        // A program on the path suggests its commands by its name alone.
        command.env("PATH", binary.parent().expect("a file is in a directory"));
    }
    isolated(command, directory)
}

/// Isolates a command: its only data are in `data` in `directory`, the hub's cache and the user's
/// data are below `directory`, which is the current directory.
pub fn isolated(mut command: Command, directory: &Path) -> Command {
    for variable in [
        "CARGO",
        "HF_ENDPOINT",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HF_TOKEN",
        "LATENT_DATA_DIR",
        "LATENT_MODELS",
    ] {
        command.env_remove(variable);
    }
    command
        .current_dir(directory)
        // Tests run in parallel, one for each processor; results do not depend on the number of
        // threads.
        .env("CANDLE_NUM_THREADS", "1")
        .env("HF_HOME", directory.join("hub"))
        .env("XDG_DATA_HOME", directory.join("user-data"))
        .env("RUST_BACKTRACE", "0");
    let data = directory.join("data");
    if data.is_dir() {
        command.env("LATENT_DATA_DIR", data);
    }
    command
}

/// A path with the system's separators, as `latent` prints it.
pub fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// A temporary directory, in memory if possible: a test that durably writes thousands of files
/// would wait minutes for a busy disk.
///
/// # Panics
/// The directory cannot be created.
pub fn directory_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary directory")
}

/// The standard output, the standard error and the exit code of a command.
///
/// # Panics
/// The command cannot be started, or a signal ended it.
pub fn outcome(command: &mut Command) -> (String, String, i32) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&stdout),
        text(&stderr),
        status.code().expect("no signal ended it"),
    )
}

/// Runs `latent` with arguments that must succeed; returns the standard output.
///
/// # Panics
/// The command fails.
pub fn succeed(directory: &Path, arguments: &[&str]) -> String {
    let (stdout, stderr, code) = outcome(latent(directory).args(arguments));
    assert_eq!(code, 0, "latent {arguments:?} failed: {stderr}");
    stdout
}

/// Runs `latent … --json`; returns the JSON object that it prints.
///
/// # Panics
/// The command fails, or prints anything else.
pub fn object(directory: &Path, arguments: &[&str]) -> Value {
    let stdout = succeed(directory, &[arguments, &["--json"]].concat());
    assert_eq!(stdout.lines().count(), 1, "one line: {stdout}");
    serde_json::from_str(&stdout).expect("JSON on stdout")
}

/// Runs `latent` with arguments that must fail with `code`; returns the message.
///
/// # Panics
/// The command does not fail with this code, prints a result, or panics.
pub fn fail(directory: &Path, arguments: &[&str], code: i32) -> String {
    let (stdout, stderr, found) = outcome(latent(directory).args(arguments));
    assert_eq!(found, code, "latent {arguments:?}: {stdout}{stderr}");
    assert_eq!(stdout, "", "latent {arguments:?} printed a result");
    assert!(
        !stderr.contains("panicked"),
        "latent {arguments:?}: {stderr}"
    );
    stderr
}

/// Prints a result directly to stderr, since the test harness hides what a passing test prints with
/// `println!`.
pub fn announce(words: &str) {
    _ = writeln!(std::io::stderr(), "\n{words}");
}

/// MNIST, if it is on this computer; otherwise a message that the test is skipped.
///
/// # Panics
/// MNIST cannot be read.
pub fn mnist(test: &str) -> Option<Splits> {
    let loaded = latent_datasets::load(Source::Auto, None, &ImageOptions::default())
        .expect("data that is there can be read");
    if loaded.source != Source::Mnist {
        let reason = "MNIST is not on this computer ($LATENT_DATA_DIR names its directory)";
        skipped(test, reason);
        return None;
    }
    Some(loaded.splits)
}

/// Tests the example of the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
