//! Runs, data and pictures in directories of every name that the system allows.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::path::Path;

use latent_datasets::{save_idx, synthetic};
use latent_tests::succeed;

/// Trains, replaces and resumes a run in `place`, with data from there, and uses it.
fn use_everything_in(directory: &Path, place: &str) {
    let digits = synthetic(1, 60, 20);
    save_idx(&digits, &directory.join(place).join("digits"), |_| Ok(())).unwrap();
    let (run, data) = (&format!("{place}/run"), &format!("{place}/digits"));
    let (report, picture) = (&format!("{place}/report"), &format!("{place}/sample.svg"));
    let train: &[&str] = &["train", "vae-2d", "--epochs", "1", "--data", "idx"];
    let small: &[&str] = &[
        "--set",
        "model.hidden=[8]",
        "--output",
        run,
        "--data-dir",
        data,
    ];
    succeed(directory, &[train, small].concat());
    succeed(directory, &[train, small, &["--overwrite"]].concat());
    succeed(directory, &["train", "--resume", run, "--data-dir", data]);
    succeed(directory, &["evaluate", run, "--data-dir", data]);
    succeed(directory, &["sample", run, "--output", picture]);
    succeed(
        directory,
        &["report", run, "--data-dir", data, "--output", report],
    );
    for file in ["run/figures/curves.png", "sample.svg", "report/report.html"] {
        assert!(
            directory.join(place).join(file).is_file(),
            "{place}: {file}"
        );
    }
    assert!(!directory.join(run).join("replaced").exists(), "{place}");
}

#[test]
fn letters_of_every_alphabet_spaces_and_quotes_may_be_in_a_path() {
    let directory = tempfile::tempdir().unwrap();
    use_everything_in(directory.path(), "rüns/数字 'one' & $HOME");
}

/// Windows has had a limit of 260 characters, which its older functions still have.
#[test]
fn a_path_may_have_more_than_260_characters() {
    let directory = tempfile::tempdir().unwrap();
    let place = vec!["a".repeat(60); 5].join("/");
    use_everything_in(directory.path(), &place);
}

#[cfg(windows)]
#[test]
fn a_name_that_windows_reserves_is_refused_before_anything_is_written() {
    use std::fs;

    use latent_tests::fail;

    let directory = tempfile::tempdir().unwrap();
    for (name, reason) in [
        ("NUL", "names a device"),
        ("runs/nul.1", "names a device"),
        ("COM1", "names a device"),
        ("a:b", "contains `:`"),
        ("run:b", "contains `:`"),
        ("what?", "contains `?`"),
        ("run.", "ends with a dot"),
    ] {
        let message = fail(directory.path(), &["train", "vae-2d", "--output", name], 2);
        assert!(message.contains(reason), "{name}: {message}");
        let picture = format!("{name}/sample.png");
        let sample = ["sample", "cvae-conv", "--output", &picture];
        let message = fail(directory.path(), &sample, 2);
        assert!(message.contains(reason), "{picture}: {message}");
    }
    // A directory is named after an experiment.
    let text = "name = 'aux'\n[model]\nkind = 'vae'\nhidden = [8]\nlatent_size = 2\n";
    fs::write(directory.path().join("mine.toml"), text).unwrap();
    let message = fail(directory.path(), &["train", "mine.toml"], 1);
    assert!(message.contains("names a device"), "{message}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
