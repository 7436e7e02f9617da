//! Training: output, resuming, and the same bytes for the same command.

use std::fs;

use latent_tests::{fail, latent, native, outcome, succeed};

use super::small_runs::{newly_trained, trained};

#[test]
fn training_says_what_it_took_what_it_reached_and_what_to_do_next() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["train", "vae-2d", "--epochs", "1", "--limit", "200"];
    let (stdout, stderr, code) = outcome(latent(directory.path()).args(arguments));
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("data: synthetic digits (MNIST not found; run `"),
        "{stderr}"
    );
    assert!(
        stderr.contains("epoch 1/1") && !stderr.contains('\u{1b}'),
        "no terminal, no bar: {stderr}"
    );
    for part in [
        "elbo",
        "reconstruction",
        "kl",
        "nats per image",
        "next:",
        &native("latent plot manifold runs/vae-2d"),
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let run = directory.path().join("runs/vae-2d");
    for file in ["experiment.toml", "metrics.jsonl", "model.safetensors"] {
        assert!(run.join(file).is_file(), "{file}");
    }
    for figure in [
        "curves",
        "samples",
        "reconstructions",
        "latents",
        "manifold",
        "prototypes",
    ] {
        let bytes = fs::read(run.join(format!("figures/{figure}.png"))).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{figure}");
    }
    let experiment = fs::read_to_string(run.join("experiment.toml")).unwrap();
    assert!(
        experiment.contains("source = \"synthetic\"") && experiment.contains("limit = 200"),
        "{experiment}"
    );
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let weights = |threads: &str| {
        let directory = tempfile::tempdir().unwrap();
        let arguments = ["train", "vae-2d", "--output", "run", "--epochs", "1"];
        let data = ["--limit", "600", "--data", "synthetic", "--no-figures"];
        let mut command = latent(directory.path());
        command.args(arguments).args(data);
        let (_, stderr, code) = outcome(command.env("CANDLE_NUM_THREADS", threads));
        assert_eq!(code, 0, "{stderr}");
        fs::read(directory.path().join("run/model.safetensors")).unwrap()
    };
    let alone = weights("1");
    assert!(alone == weights("2") && alone == weights("5"));
}

#[test]
fn the_same_command_twice_gives_the_same_bytes() {
    let model = |directory: &tempfile::TempDir| {
        fs::read(directory.path().join("run/model.safetensors")).unwrap()
    };
    let first = model(&trained(&[]));
    assert_eq!(first, model(&newly_trained(&[])));
    assert_ne!(first, model(&newly_trained(&["--seed", "2"])));
}

#[test]
fn a_run_is_trained_only_if_it_is_needed() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let arguments = [
        "train",
        "vae-2d",
        "--if-needed",
        "--epochs",
        "1",
        "--limit",
        "60",
    ];
    let small = ["--no-figures", "--set", "model.hidden=[8]"];
    let train = [&arguments[..], &small].concat();
    let model = || {
        fs::metadata(at.join("runs/vae-2d/model.safetensors"))
            .unwrap()
            .modified()
            .unwrap()
    };
    assert!(succeed(at, &train).contains("nats per image"));
    let first = model();
    assert!(succeed(at, &train).contains(&native("runs/vae-2d: training is complete")));
    assert_eq!(model(), first);
    let message = fail(at, &[&train[..], &["--seed", "9"]].concat(), 1);
    assert!(
        message.contains("its `seed` is 1, and 9 is needed"),
        "{message}"
    );
    assert_eq!(model(), first);
}

#[test]
fn what_is_left_of_a_run_is_not_taken_for_a_new_one() {
    let directory = trained(&[]);
    let run = directory.path().join("run");
    let model = fs::read(run.join("model.safetensors")).unwrap();
    succeed(directory.path(), &["sample", "run"]);
    assert!(run.join("figures").exists());
    let arguments = [
        "train",
        "vae-2d",
        "--output",
        "run",
        "--limit",
        "100",
        "--epochs",
        "1",
        "--no-figures",
    ];
    for name in ["experiment.toml", "metrics.jsonl", "state.safetensors"] {
        fs::remove_file(run.join(name)).unwrap();
        assert!(
            fail(directory.path(), &arguments, 1).contains("--overwrite"),
            "without {name}"
        );
        assert_eq!(fs::read(run.join("model.safetensors")).unwrap(), model);
    }
    succeed(
        directory.path(),
        &[&arguments[..], &["--overwrite"]].concat(),
    );
    assert_ne!(fs::read(run.join("model.safetensors")).unwrap(), model);
    assert!(
        !run.join("figures").exists(),
        "no picture of the old run is left"
    );
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "train",
        "vae-2d",
        "--limit",
        "500",
        "--learning-rate",
        "1e30",
        "--quiet",
    ];
    let message = fail(directory.path(), &arguments, 1);
    assert!(
        message.contains("epoch 1, step 2") && message.contains("--learning-rate"),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_the_run_and_says_how_to_go_on_to_the_same_bytes() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let directory = tempfile::tempdir().unwrap();
    let train = |out: &'static str| {
        [
            "train",
            "vae-2d",
            "--epochs",
            "3",
            "--limit",
            "2000",
            "--output",
            out,
            "--no-figures",
        ]
    };
    succeed(directory.path(), &train("whole"));

    let mut child = latent(directory.path())
        .args(train("stopped"))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("epoch 1/3") {
        line.clear();
        assert!(
            stderr.read_line(&mut line).unwrap() > 0,
            "training ended early"
        );
    }
    let pid = i32::try_from(child.id()).unwrap();
    #[expect(unsafe_code, reason = "the standard library sends no SIGINT")]
    // SAFETY: kill only takes numbers, and the child has not been waited for: the number is its own.
    let sent = unsafe { libc::kill(pid, libc::SIGINT) };
    assert_eq!(sent, 0);
    let rest: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(
        rest.iter()
            .any(|line| line.contains("train --resume stopped")),
        "{rest:?}"
    );

    // The command that was printed, and the same that resumes what it finds.
    fs::create_dir(directory.path().join("again")).unwrap();
    for entry in fs::read_dir(directory.path().join("stopped")).unwrap() {
        let path = entry.unwrap().path();
        let copy = directory
            .path()
            .join("again")
            .join(path.file_name().unwrap());
        fs::copy(&path, copy).unwrap();
    }
    let line = rest.iter().find(|line| line.contains("--resume")).unwrap();
    let shell = std::process::Command::new("sh");
    let mut shell = latent_tests::isolated(shell, directory.path());
    let (_, stderr, code) = outcome(shell.args(["-c", line]));
    assert_eq!(code, 0, "{line}: {stderr}");
    let again = [&train("again")[..], &["--if-needed"]].concat();
    succeed(directory.path(), &again);
    let model = |run: &str| fs::read(directory.path().join(run).join("model.safetensors")).unwrap();
    assert_eq!(model("stopped"), model("whole"));
    assert_eq!(model("again"), model("whole"));
}
