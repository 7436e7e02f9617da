//! A run outlives whatever ends the process: what is resumed ends as if nothing had happened.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use latent_datasets::{save_idx, synthetic};
use latent_tests::{announce, directory_in_memory, fail, isolated, latent, succeed};
use latent_tolerance::{scaled, skipped};
use serde_json::Value;

/// A model of each kind of state: plain; averaged, conditional and chosen by validation images; a flow
/// that begins with what it sees; a flow with trained noise.
const EXPERIMENTS: [(&str, &str); 4] = [
    (
        "plain",
        "name = 'plain'\n[model]\nkind = 'vae'\nhidden = [16]\nlatent_size = 2\n\
         [training]\nepochs = 4\nbatch_size = 20\n",
    ),
    (
        "averaged",
        "name = 'averaged'\n[model]\nkind = 'conditional-vae'\nhidden = [16]\nlatent_size = 2\n\
         [training]\nepochs = 4\nbatch_size = 20\nema_decay = 0.9\nvalidation_images = 50\n\
         [data]\nbinarise = true\n",
    ),
    (
        "flow",
        "name = 'flow'\n[model]\nkind = 'flow'\ncouplings = 2\nhidden = [8]\n\
         transform = { kind = 'mixture', components = 2 }\nnormalisation = 'act-norm'\n\
         [training]\nepochs = 3\nbatch_size = 40\nmax_grad_norm = 100.0\n",
    ),
    (
        "multi-scale",
        "name = 'multi-scale'\n[model]\nkind = 'multi-scale-flow'\ncouplings = [1, 1]\nchannels = 4\n\
         transform = { kind = 'mixture', components = 2 }\n\
         dequantisation = { kind = 'variational', couplings = 1, channels = 4 }\n\
         [training]\nepochs = 3\nbatch_size = 40\nema_decay = 0.9\n",
    ),
];

/// A directory with the experiments and a few digits.
fn prepared() -> tempfile::TempDir {
    let directory = directory_in_memory();
    let digits = synthetic(1, 200, 50);
    save_idx(&digits, &directory.path().join("digits"), |_| Ok(())).unwrap();
    for (name, text) in EXPERIMENTS {
        fs::write(directory.path().join(format!("{name}.toml")), text).unwrap();
    }
    directory
}

const DATA: [&str; 5] = ["--data", "idx", "--data-dir", "digits", "--no-figures"];

/// Weights, and metrics without the one figure that may differ.
fn result(run: &Path) -> (Vec<u8>, Vec<Value>) {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let timeless = metrics.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record.as_object_mut().unwrap().remove("images_per_second");
        record
    });
    (
        fs::read(run.join("model.safetensors")).unwrap(),
        timeless.collect(),
    )
}

#[test]
fn a_run_killed_at_a_hundred_moments_ends_in_the_same_bits() {
    let directory = prepared();
    let path = directory.path();
    let total = scaled(100, EXPERIMENTS.len());
    let (mut kills, mut with_weights, mut tries) = (0, 0, 0_u32);
    for (index, (name, _)) in EXPERIMENTS.iter().enumerate() {
        let file = format!("{name}.toml");
        // Saved after every step, so that many of the moments are within a write.
        let train = |run: &str| {
            let begun = path.join(run).join("experiment.toml").exists();
            let what: Vec<&str> = if begun {
                // A run knows its data from the moment on at which it has begun.
                vec!["--resume", run, "--no-figures"]
            } else {
                [&[&file, "--output", run][..], &DATA].concat()
            };
            let mut command = latent(path);
            command
                .arg("train")
                .args(what)
                .args(["--checkpoint-interval", "0"])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let whole = format!("{name}-whole");
        let mut command = train(&whole);
        let begun = Instant::now();
        assert!(command.status().unwrap().success());
        let duration = begun.elapsed();
        let expected = result(&path.join(&whole));

        let enough = total * (index + 1) / EXPERIMENTS.len();
        let mut runs = 0;
        while kills < enough {
            runs += 1;
            let run = format!("{name}-{runs}");
            loop {
                let mut child = train(&run).spawn().unwrap();
                // Evenly over most of a run, in no order: multiples of the golden ratio.
                tries += 1;
                let moment = (f64::from(tries) * 0.618_033_988_749_895).fract();
                sleep(duration.mul_f64(0.9 * moment));
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                // Whatever is there is whole.
                if path.join(&run).join("model.safetensors").exists() {
                    succeed(
                        path,
                        &["sample", &run, "--count", "1", "--output", "one.png"],
                    );
                    with_weights += 1;
                }
            }
            assert_eq!(result(&path.join(&run)), expected, "{run}");
            let left: Vec<_> = fs::read_dir(path.join(&run))
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(left.len(), 6, "{left:?}");
        }
    }
    announce(&format!(
        "{kills} trainings killed, {with_weights} of them with weights; all ended in the same bits"
    ));
}

#[test]
fn two_trainings_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let begin = [
        "train",
        "aevb",
        "--data",
        "synthetic",
        "--output",
        "run",
        "--no-figures",
    ];
    let mut first = latent(path)
        .args(begin)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !path.join("run").join("experiment.toml").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it trains");
        sleep(Duration::from_millis(5));
    }
    let second = fail(path, &["train", "--resume", "run"], 1);
    let again = [&begin[..], &["--overwrite"]].concat();
    let third = fail(path, &again, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    for message in [second, third] {
        assert!(
            message.contains("run is being trained by another process"),
            "{message}"
        );
    }
    // Who is killed lets go of it.
    succeed(
        path,
        &[&again[..], &["--limit", "50", "--epochs", "1"]].concat(),
    );
}

/// Runs a script that begins with a mount on `disk`, where nobody else sees it; `None` if this user or
/// system has none to give.
fn with_a_disk(path: &Path, options: &str, script: &str) -> Option<()> {
    fs::create_dir(path.join("disk")).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs disk 2>/dev/null || exit 77\n");
    let output = isolated(Command::new("unshare"), path)
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec"])
        .arg(mount + script)
        .env("LATENT", latent(path).get_program())
        .env("DATA", DATA.join(" "))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.contains("unshare:") {
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(())
}

#[test]
fn a_full_disk_stops_training_and_spoils_nothing() {
    let directory = prepared();
    let path = directory.path();
    // Filled after the first epoch, and emptied again.
    let script = r#"
        "$LATENT" train plain.toml --epochs 1 --output disk/run $DATA >/dev/null
        cp -r disk/run before
        sed -i 's/^epochs = 1$/epochs = 4/' disk/run/experiment.toml
        dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null || true
        code=0
        "$LATENT" train --resume disk/run $DATA >/dev/null 2>message || code=$?
        test $code -eq 1
        for file in model.safetensors state.safetensors metrics.jsonl; do
            cmp disk/run/$file before/$file
        done
        rm disk/filler
        "$LATENT" train --resume disk/run $DATA >/dev/null
        cp -r disk/run after"#;
    if with_a_disk(path, "size=4m", script).is_none() {
        return skipped("a full disk", "this user may not mount one");
    }
    let message = fs::read_to_string(path.join("message")).unwrap();
    assert!(message.contains("No space left on device"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    let train = ["train", "plain.toml", "--output", "whole"];
    succeed(path, &[&train[..], &DATA].concat());
    let (after, whole) = (path.join("after"), path.join("whole"));
    assert_eq!(result(&after), result(&whole));
}

#[test]
fn a_disk_that_may_not_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let script = r#"
        code=0
        "$LATENT" train aevb --data synthetic --limit 50 --output disk/run 2>message || code=$?
        test $code -eq 1"#;
    if with_a_disk(path, "ro", script).is_none() {
        return skipped("a read-only disk", "this user may not mount one");
    }
    let message = fs::read_to_string(path.join("message")).unwrap();
    for words in ["disk/run", "Read-only file system"] {
        assert!(message.contains(words), "{message}");
    }
}
