//! Snapshots of every command's help and of the messages for a wrong command line.
//!
//! `SNAPSHOTS=overwrite cargo test --release --locked --test suite messages` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latent_tests::{directory_in_memory, fail, latent, outcome};
use snapbox::{Assert, Data};

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

/// Compares a text with the snapshot in a file.
fn compare(text: &str, file: &Path) {
    let text = text.replace("latent.exe", "latent");
    Assert::new()
        .action_env("SNAPSHOTS")
        .eq(text, Data::read_from(file, None));
}

/// The help of a command, at a width of 80 columns.
fn help(command: &[String]) -> String {
    let directory = directory_in_memory();
    let mut call = latent(directory.path());
    call.args(command).arg("--help").env("COLUMNS", "80");
    let (stdout, stderr, code) = outcome(&mut call);
    assert_eq!((stderr.as_str(), code), ("", 0), "{command:?}");
    stdout
}

/// The subcommands that the help of a command lists.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let list = list.split("\n\n").next().unwrap_or_default();
    let name = |line: &str| {
        let name = line
            .strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))?;
        name.split_whitespace().next().map(str::to_owned)
    };
    let names = list.lines().filter_map(name);
    names.filter(|name| name != "help").collect()
}

#[test]
fn help_is_that_of_the_snapshots_and_has_an_example_in_80_columns() {
    // `generate` is hidden.
    let mut commands = vec![Vec::new(), vec!["generate".to_owned()]];
    let mut files = BTreeSet::new();
    while let Some(command) = commands.pop() {
        let text = help(&command);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{command:?}: {line}");
        }
        assert!(text.contains("\nExample"), "{command:?} has no example");
        let name = format!(
            "{}.txt",
            [&["latent".to_owned()], &command[..]].concat().join("-")
        );
        compare(&text, &snapshots().join("help").join(&name));
        files.insert(name);
        let inner = subcommands(&text).into_iter();
        commands.extend(inner.map(|name| [&command[..], &[name]].concat()));
    }
    let stored = fs::read_dir(snapshots().join("help")).unwrap();
    let stored = stored.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(stored.collect::<BTreeSet<_>>(), files);
}

#[test]
fn wrong_command_lines_exit_with_2_and_the_messages_of_the_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let lines = [
        "train",
        "tran vae-2d",
        "train vae-2d --learning-rate NaN",
        "train vae-2d --epochs 0",
        "train vae-2d --epochs -1",
        "train vae-2d --seed 9223372036854775808",
        "train vae-2d --output ''",
        "train --resume run --limit 3",
        "evaluate ''",
        "evaluate run --limit 0",
        "sample run --count 0",
        "sample run --count 10001",
        "sample run --output picture.jpg",
        "sample run --temperature 1e38",
        "sample run --labels 3,,4",
        "interpolate run --indices 1",
        "interpolate run --steps 1",
        "interpolate run --method geodesic",
        "plot",
        "plot scatter run",
        "plot manifold run --range -1",
        "plot manifold run --range=-1",
        "plot manifold run --range inf",
        "plot perturbations run --radii -1",
        "plot perturbations run --radii 1,1e39",
        "plot curves run --output curves.jpg",
    ];
    let message = |line: &str| {
        let arguments: Vec<&str> = line
            .split(' ')
            .map(|word| word.trim_matches('\''))
            .collect();
        let message = fail(directory.path(), &arguments, 2);
        format!("$ latent {line}\n{message}\n")
    };
    let messages = lines.map(message).concat();
    compare(&messages, &snapshots().join("usage.txt"));
}
