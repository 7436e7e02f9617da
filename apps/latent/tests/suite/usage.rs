//! Arguments, exit codes and messages.

use std::fs;

use latent_tests::{fail, latent, native, object, outcome, succeed};

use super::small_runs::trained;

#[test]
fn a_number_of_threads_that_cannot_be_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for threads in ["99999", "0", "-1", "two", ""] {
        let mut command = latent(directory.path());
        let command = command
            .arg("experiments")
            .env("CANDLE_NUM_THREADS", threads);
        let (_, stderr, code) = outcome(command);
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains("from 1 to 1024"), "{stderr}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let directory = tempfile::tempdir().unwrap();
    let name = |bytes| OsStr::from_bytes(bytes);
    let mut sample = latent(directory.path());
    sample
        .args(["sample", "vae-2d", "--output"])
        .arg(name(b"\xff.png"));
    let (_, stderr, code) = outcome(&mut sample);
    assert_eq!(code, 0, "{stderr}");
    assert!(directory.path().join(name(b"\xff.png")).is_file());
    let mut report = latent(directory.path());
    let options = [
        "--quick",
        "--epochs",
        "1",
        "--limit",
        "10",
        "--dry-run",
        "--runs",
    ];
    report
        .args(["report", "aevb"])
        .args(options)
        .arg(name(b"\xff"));
    let (stdout, stderr, code) = outcome(&mut report);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains(r"$'\xFF"), "{stdout}");
}

#[test]
fn experiments_are_listed_with_the_assignments_that_train_them() {
    let directory = tempfile::tempdir().unwrap();
    let listed = object(directory.path(), &["experiments"]);
    let experiments = listed["experiments"].as_array().unwrap();
    let words = succeed(directory.path(), &["experiments"]);
    let of = |name: &str| {
        let found = experiments
            .iter()
            .find(|experiment| experiment["name"] == name);
        found.unwrap()["assignments"].clone()
    };
    assert_eq!(of("vae-2d"), serde_json::json!(["vae2d"]));
    assert_eq!(of("cvae-conv"), serde_json::json!(["hy673", "radboud"]));
    assert_eq!(of("nice"), serde_json::json!([]));
    assert!(words.contains("; assignments: hy673, radboud"), "{words}");
    let mut assignments = Vec::new();
    for experiment in experiments {
        assert!(words.contains(experiment["description"].as_str().unwrap()));
        for name in experiment["assignments"].as_array().unwrap() {
            assignments.push(name.as_str().unwrap());
        }
    }
    assignments.sort_unstable();
    assignments.dedup();
    assert_eq!(assignments, ["aevb", "hy673", "lab8", "radboud", "vae2d"]);
}

#[test]
fn an_experiment_of_one_s_own_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let text = "name = 'mine'\n[model]\nkind = 'vae'\nhidden = [8]\nlatent_size = 3\n[data]\nbinarise = true\nlimit = 100\n[training]\nepochs = 1\n";
    fs::write(directory.path().join("mine.toml"), text).unwrap();
    let trained = object(directory.path(), &["train", "mine.toml"]);
    assert_eq!(trained["run"], native("runs/mine"));
    assert_eq!(trained["epochs"], 1);
    let message = fail(directory.path(), &["plot", "manifold", "runs/mine"], 1);
    assert!(message.contains("this model has 3"), "{message}");
    assert!(message.contains("`plot latents`"), "{message}");
    for projection in ["pca", "tsne"] {
        let arguments = ["plot", "latents", "runs/mine", "--projection", projection];
        let small = ["--count", "300", "--output", "a.svg"];
        succeed(directory.path(), &[&arguments[..], &small].concat());
        let picture = fs::read_to_string(directory.path().join("a.svg")).unwrap();
        let words = if projection == "pca" {
            "PCA of 3"
        } else {
            "t-SNE of 3"
        };
        assert!(picture.contains(words), "{projection}");
    }
    let line = [
        "train",
        "mine.toml",
        "--set",
        "model.latent_size=1",
        "--output",
        "line",
    ];
    succeed(directory.path(), &line);
    for projection in ["auto", "tsne"] {
        let arguments = ["plot", "latents", "line", "--projection", projection];
        assert!(fail(directory.path(), &arguments, 1).contains("at least two latent dimensions"));
    }
    // What was resolved can be run again as it stands.
    let again = object(
        directory.path(),
        &["train", "runs/mine/experiment.toml", "--output", "again"],
    );
    assert_eq!(again["test"], trained["test"]);
}

#[test]
fn bad_input_exits_with_1_and_leaves_nothing_behind() {
    let directory = trained(&[]);
    let at = directory.path();
    fs::write(at.join("file"), "").unwrap();
    fs::create_dir(at.join("folder.toml")).unwrap();
    fs::write(
        at.join("broken.toml"),
        "name = 'x'\n[model]\nkind = 'vae'\nlatent_sise = 2\n",
    )
    .unwrap();
    for (arguments, part) in [
        (&["train", "vae-3d"][..], "did you mean `vae-2d`?"),
        (&["train", "nothing.toml"], "nothing.toml: cannot be read"),
        (&["train", "folder.toml"], "not a regular file"),
        (
            &["train", "broken.toml"],
            "did you mean `model.latent_size`?",
        ),
        (
            &["train", "vae-2d", "--set", "training.epoch=3"],
            "did you mean `training.epochs`?",
        ),
        (
            &["train", "vae-2d", "--set", "model.latent_size=0"],
            "`model.latent_size` is 0: it must be 1 or more",
        ),
        (&["train", "vae-2d", "--output", "run"], "--overwrite"),
        (&["train", "vae-2d", "--output", "file"], "file"),
        (&["train", "vae-2d", "--data-dir", "nowhere"], "nowhere"),
        (&["train", "vae-2d", "--data", "mnist"], "--data synthetic"),
        (
            &["train", "--resume", "nowhere"],
            "nowhere is not a run directory",
        ),
        (&["evaluate", "nothing"], "latent train EXPERIMENT"),
        (&["evaluate", "file"], "not a safetensors file"),
        (&["evaluate", "."], "not a run directory"),
        (
            &["evaluate", "run/state.safetensors"],
            "contains a training state, expected a model",
        ),
        (&["evaluate", "run", "--data", "mnist"], "--data-dir"),
        (&["sample", "run", "--output", "file/picture.png"], "file"),
        (
            &["train", "vae-2d", "--set", "model.hidden=[1000000000]"],
            "`model.hidden` is 1000000000",
        ),
        (
            &[
                "train",
                "vae-2d",
                "--set",
                "model.latent_size=1000000000000000000",
            ],
            "`model.latent_size` is",
        ),
        (
            &[
                "train",
                "vae-2d",
                "--set",
                "model.hidden=[300000000]",
                "--output",
                "run",
                "--overwrite",
            ],
            "268 million",
        ),
        (
            &["train", "vae-2d", "--set", "modle={}"],
            "did you mean `model",
        ),
        (&["train", "vae-2d", "--set", "name=.."], "`name` is .."),
        (
            &["plot", "curves", "run/model.safetensors"],
            "is not a run directory",
        ),
        (
            &["interpolate", "run", "--indices", "0,10000"],
            "there is no image 10000",
        ),
        (&["train", "vae-2d", "--device", "cuda"], "--device cpu"),
    ] {
        let message = fail(at, arguments, 1);
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(
            message
                .lines()
                .filter(|line| line.starts_with("error: "))
                .count()
                == 1
        );
    }
    // None of that left anything behind.
    let mut names: Vec<_> = fs::read_dir(at)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["broken.toml", "file", "folder.toml", "run"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure_and_a_closed_pipe_is_not() {
    use std::process::Stdio;

    let directory = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = latent(directory.path())
        .arg("experiments")
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    let mut child = latent(directory.path())
        .arg("experiments")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
