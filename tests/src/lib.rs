//! What the tests that cross crates have in common: the built `latent` command, a loopback hub, and real
//! MNIST where it is found.
#![expect(clippy::expect_used, reason = "a test that cannot begin has failed")]

mod hub;
mod mutation;
mod parquet;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use latent_datasets::{Source, Splits};
use latent_tolerance::skipped;
use serde_json::Value;
use tempfile::TempDir;

pub use hub::{LoopbackHub, Misbehaviour};
pub use mutation::mutated;
pub use parquet::parquet_of;

/// The `latent` command that cargo built before the tests of its package, in an empty environment of its
/// own: no MNIST unless the arguments name it, and `directory` as the current one.
///
/// # Panics
/// There is none beside the tests: those of another package do not build it.
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
        // There a program that is on the path suggests its commands by its name.
        command.env("PATH", binary.parent().expect("a file is in a directory"));
    }
    isolated(command, directory)
}

/// A command in an environment of its own: data in the folder `data` of `directory` and nowhere else, the cache of
/// hubs and the user's data below `directory`, which is the current one.
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
        // Tests run side by side, one a processor; results do not depend on the number of threads.
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

/// A path with the system's own separators, as `latent` prints it.
pub fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// A temporary directory, in memory where there is such a place: a test that writes thousands of files durably
/// would wait for a busy disk for minutes.
///
/// # Panics
/// There is no place for it.
pub fn directory_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary directory")
}

/// What a command printed, on stdout and on stderr, and its exit code.
///
/// # Panics
/// The command cannot be started, or was ended by a signal.
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

/// Runs `latent` with arguments that must succeed; returns stdout.
///
/// # Panics
/// It does not succeed.
pub fn succeed(directory: &Path, arguments: &[&str]) -> String {
    let (stdout, stderr, code) = outcome(latent(directory).args(arguments));
    assert_eq!(code, 0, "latent {arguments:?} failed: {stderr}");
    stdout
}

/// Runs `latent … --json`; returns the one object that it prints.
///
/// # Panics
/// It does not succeed, or prints anything else.
pub fn object(directory: &Path, arguments: &[&str]) -> Value {
    let stdout = succeed(directory, &[arguments, &["--json"]].concat());
    assert_eq!(stdout.lines().count(), 1, "one line: {stdout}");
    serde_json::from_str(&stdout).expect("JSON on stdout")
}

/// Runs `latent` with arguments that must fail with `code`; returns the message.
///
/// # Panics
/// It does not fail so, prints a result all the same, or panics.
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

/// Says a figure for everybody to see: what a passing test prints with `println!`
/// is kept back.
pub fn announce(words: &str) {
    _ = writeln!(std::io::stderr(), "\n{words}");
}

/// The real MNIST, if it is on this computer; else a word that the test is skipped.
///
/// # Panics
/// MNIST is there but cannot be read.
pub fn mnist(test: &str) -> Option<Splits> {
    let loaded = latent_datasets::load(Source::Auto, None).expect("data that is there can be read");
    if loaded.source != Source::Mnist {
        let reason = "MNIST is not on this computer ($LATENT_DATA_DIR names its directory)";
        skipped(test, reason);
        return None;
    }
    Some(loaded.splits)
}
