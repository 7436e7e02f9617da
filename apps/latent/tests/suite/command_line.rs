//! The `latent` command from end to end, as a person types it.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use candle_core::{Device, safetensors};
use latent_datasets::{Dataset, Splits, save_idx, synthetic};
use latent_tests::{fail, latent, native, object, outcome, succeed};
use latent_tolerance::{SINGLE, rounding};

/// A small run on synthetic digits, in a directory of its own. The one without settings is trained
/// once, and copied for each test that begins with it.
fn trained(settings: &[&str]) -> tempfile::TempDir {
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

fn newly_trained(settings: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    train_small(directory.path(), settings);
    directory
}

fn train_small(directory: &Path, settings: &[&str]) {
    let arguments = ["train", "vae-2d", "--output", "run", "--epochs", "2"];
    let small = ["--limit", "300", "--set", "model.hidden=[32]"];
    let all = [&arguments[..], &small, &["--no-figures"], settings].concat();
    succeed(directory, &all);
}

/// A directory with a few digits as files, for commands that load all images there are.
fn with_files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let digits = synthetic(1, 1000, 300);
    save_idx(&digits, &directory.path().join("data"), |_| Ok(())).unwrap();
    directory
}

/// A small conditional run on such files.
fn trained_conditional() -> tempfile::TempDir {
    let directory = with_files();
    let train = ["train", "cvae-conv", "--data", "idx", "--output", "run"];
    let small = ["--limit", "200", "--set", "model.channels=[4,6]"];
    let all = [&train[..], &small, &["--epochs", "1", "--no-figures"]].concat();
    succeed(directory.path(), &all);
    directory
}

fn npy(path: &Path) -> (String, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..6], b"\x93NUMPY");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8(bytes[10..10 + length].to_vec()).unwrap();
    (header, bytes[10 + length..].to_vec())
}

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

#[test]
fn bench_times_every_model_with_the_threads_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "bench",
        "--batch-size",
        "8",
        "--steps",
        "2",
        "--threads",
        "1",
    ];
    let result = object(directory.path(), &arguments);
    assert_eq!(result["threads"], 1);
    let names: Vec<&str> = result["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            assert_eq!(
                (&result["batch_size"], &result["steps"]),
                (&8.into(), &2.into())
            );
            for figure in ["images_per_second", "samples_per_second"] {
                assert!(result[figure].as_f64().unwrap() > 0.0, "{result}");
            }
            // Where the system tells.
            assert_eq!(
                result["peak_memory_bytes"].is_u64(),
                cfg!(target_os = "linux")
            );
            result["name"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        names,
        [
            "mlp-vae",
            "conv-vae",
            "conv-cvae",
            "realnvp-5",
            "realnvp-10"
        ]
    );
    let arguments =
        "bench mlp-vae conv-vae --batch-size 4,8 --steps 2 --threads 1,2 --output speed.npy";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let result = object(directory.path(), &arguments);
    assert_eq!(result["threads"], serde_json::json!([1, 2]));
    assert_eq!(result["results"].as_array().unwrap().len(), 8);
    assert!(directory.path().join("speed.npy").is_file());
    let error = fail(directory.path(), &["bench", "resnet"], 2);
    assert!(error.contains("mlp-vae"), "{error}");
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
fn the_figures_of_training_are_those_of_evaluate() {
    let directory = trained(&[]);
    let metrics = fs::read_to_string(directory.path().join("run/metrics.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    let evaluated = object(directory.path(), &["evaluate", "run", "--limit", "300"]);
    for figure in ["elbo", "reconstruction", "kl"] {
        assert_eq!(evaluated[figure], last["test"][figure], "{figure}");
    }
    assert_eq!(evaluated["images"], 300);
    assert_eq!(evaluated["data"], "synthetic");
    assert_eq!(evaluated["split"], "test");
    let [elbo, reconstruction, kl] =
        ["elbo", "reconstruction", "kl"].map(|name| evaluated[name].as_f64().unwrap());
    // Each image's bound is rounded to 32 bits after one addition, and its mean is taken in 64.
    assert!((elbo + reconstruction + kl).abs() <= rounding(SINGLE, 2, elbo));
    // A file needs no run directory.
    fs::copy(
        directory.path().join("run/model.safetensors"),
        directory.path().join("copy.safetensors"),
    )
    .unwrap();
    let copy = object(
        directory.path(),
        &["evaluate", "copy.safetensors", "--limit", "300"],
    );
    assert_eq!(copy["elbo"], evaluated["elbo"]);
}

#[test]
fn every_picture_is_drawn_in_every_form() {
    let directory = with_files();
    train_small(directory.path(), &["--data", "idx"]);
    let commands: [(&[&str], &str); 12] = [
        (&["sample", "run", "--count", "7"], "(7, 28, 28)"),
        (&["sample", "run", "--pixels", "sample"], "(25, 28, 28)"),
        (&["reconstruct", "run", "--count", "12"], "(24, 28, 28)"),
        (&["reconstruct", "run", "--count", "3"], "(6, 28, 28)"),
        (
            &["interpolate", "run", "--pairs", "2", "--steps", "6"],
            "(12, 28, 28)",
        ),
        (
            &[
                "interpolate",
                "run",
                "--indices",
                "3,1",
                "--method",
                "linear",
            ],
            "(25, 28, 28)",
        ),
        (
            &["plot", "manifold", "run", "--steps", "4", "--range", "2.0"],
            "(16, 28, 28)",
        ),
        (
            &["plot", "manifold", "run", "--steps", "3", "--quantiles"],
            "(9, 28, 28)",
        ),
        (
            &[
                "plot", "latents", "run", "--count", "50", "--latent", "sample",
            ],
            "(50, 2)",
        ),
        (
            &["plot", "prototypes", "run", "--per-class", "2"],
            "(20, 28, 28)",
        ),
        (
            &["plot", "perturbations", "run", "--index", "3"],
            "(54, 28, 28)",
        ),
        (
            &[
                "interpolate",
                "run",
                "--labels",
                "3,8",
                "--method",
                "spherical",
            ],
            "(25, 28, 28)",
        ),
    ];
    draw_in_every_form(directory.path(), &commands);
    assert!(directory.path().join("pictures/of.labels.npy").is_file());
    // Without --output, into the run; the JSON says where.
    let written = object(directory.path(), &["plot", "manifold", "run"]);
    assert_eq!(written["files"][0], native("run/figures/manifold.png"));
    assert_eq!(
        object(directory.path(), &["plot", "curves", "run"])["files"][0],
        native("run/figures/curves.png")
    );
}

/// Runs commands that draw, each for every kind of file.
fn draw_in_every_form(directory: &Path, commands: &[(&[&str], &str)]) {
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

#[test]
fn a_conditional_model_draws_what_it_is_told() {
    let directory = trained_conditional();
    let commands: [(&[&str], &str); 11] = [
        (&["sample", "run"], "(100, 28, 28)"),
        (&["sample", "run", "--labels", "3, 1, 4"], "(3, 28, 28)"),
        (
            &["sample", "run", "--labels", "0,2", "--count", "4"],
            "(8, 28, 28)",
        ),
        (
            &["sample", "run", "--labels", "7", "--count", "1"],
            "(1, 28, 28)",
        ),
        (
            &["plot", "analogies", "run", "--indices", "4, 0"],
            "(22, 28, 28)",
        ),
        (
            &["plot", "manifold", "run", "--label", "3", "--steps", "3"],
            "(9, 28, 28)",
        ),
        (
            &[
                "plot",
                "perturbations",
                "run",
                "--radii",
                "1,2",
                "--count",
                "2",
            ],
            "(8, 28, 28)",
        ),
        (
            &[
                "interpolate",
                "run",
                "--labels",
                "0,9",
                "--method",
                "sinusoidal",
            ],
            "(25, 28, 28)",
        ),
        (
            &[
                "classify",
                "run",
                "--limit",
                "20",
                "--importance-samples",
                "2",
            ],
            "'<i8'",
        ),
        (
            &[
                "evaluate-samples",
                "run",
                "--count",
                "3",
                "--limit",
                "300",
                "--temperature",
                "0.8",
            ],
            "(10, 10)",
        ),
        (&["plot", "prototypes", "run"], "(50, 28, 28)"),
    ];
    draw_in_every_form(directory.path(), &commands);
    // At temperature 0 there is one image of each digit, read as one; far out there are others.
    let judged = |temperature| {
        let object = object(
            directory.path(),
            &[
                "evaluate-samples",
                "run",
                "--count",
                "5",
                "--limit",
                "300",
                "--temperature",
                temperature,
            ],
        );
        object["confusion"].clone()
    };
    let typical = judged("0");
    for row in typical.as_array().unwrap() {
        assert!(row.as_array().unwrap().contains(&5.into()), "{row}");
    }
    assert_ne!(typical, judged("100"));
    // The same seed draws the same digit.
    let image = |name: &str| fs::read(directory.path().join(name)).unwrap();
    for name in ["a.npy", "b.npy"] {
        succeed(
            directory.path(),
            &[
                "sample", "run", "--labels", "7", "--count", "1", "--output", name,
            ],
        );
    }
    succeed(
        directory.path(),
        &[
            "sample", "run", "--labels", "1", "--count", "1", "--output", "c.npy",
        ],
    );
    assert!(image("a.npy") == image("b.npy") && image("a.npy") != image("c.npy"));

    let classified = object(directory.path(), &["classify", "run", "--limit", "20"]);
    let rows = classified["confusion"].as_array().unwrap();
    let counts = rows.iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), 20);
    for (arguments, part) in [
        (&["sample", "run", "--labels", "3,256"][..], "0..=255"),
        (&["sample", "run", "--labels", "ten", "--count", "1"], "ten"),
        (&["classify", "run", "--importance-samples", "0"], "1.."),
        (&["evaluate", "run", "--importance-samples", "0"], "1.."),
        (&["interpolate", "run", "--labels", "3,x"], "3,8"),
        (&["plot", "perturbations", "run", "--radii=-1"], "0.5"),
    ] {
        let message = fail(directory.path(), arguments, 2);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    let message = fail(
        directory.path(),
        &["plot", "analogies", "run", "--indices", "10000"],
        1,
    );
    assert!(message.contains("no image 10000"), "{message}");
}

#[test]
fn conditional_questions_to_another_model_are_refused() {
    let directory = trained(&[]);
    for arguments in [
        &["sample", "run", "--labels", "3"][..],
        &["sample", "run", "--labels", "3", "--count", "1"],
        &["plot", "analogies", "run"],
        &["plot", "manifold", "run", "--label", "3"],
        &["evaluate-samples", "run"],
    ] {
        let message = fail(directory.path(), arguments, 1);
        assert!(
            message.contains("not conditional"),
            "{arguments:?}: {message}"
        );
    }
    // It is classified by what lies near in its latent space instead.
    let classified = object(directory.path(), &["classify", "run", "--limit", "500"]);
    assert!(classified["method"].as_str().unwrap().contains("NN"));
    assert!(classified["accuracy"].as_f64().unwrap() > 0.2);
    assert!(directory.path().join("run/figures/confusion.png").is_file());
}

#[test]
fn the_log_likelihood_lies_above_the_bound_and_has_its_error_beside_it() {
    let directory = trained(&["--set", "data.binarise=true"]);
    let arguments = ["evaluate", "run", "--importance-samples", "50"];
    let measured = object(
        directory.path(),
        &[&arguments[..], &["--limit", "300"]].concat(),
    );
    let figure = |name: &str| measured[name].as_f64().unwrap();
    assert!(figure("log_likelihood") > figure("elbo"));
    let error = figure("log_likelihood_standard_error");
    assert!(error > 0.0 && error < 10.0, "{error}");
    assert_eq!(measured["importance_samples"], 50);
}

#[test]
fn what_one_image_does_not_define_is_said_so() {
    let directory = trained(&[]);
    let at = directory.path();
    let evaluate = [
        "evaluate",
        "run",
        "--limit",
        "1",
        "--importance-samples",
        "2",
    ];
    let measured = object(at, &evaluate);
    for figure in ["elbo", "log_likelihood"] {
        assert!(measured[figure].is_f64(), "{measured}");
        let error = &measured.as_object().unwrap()[&format!("{figure}_standard_error")];
        assert!(error.is_null(), "{measured}");
    }
    let words = succeed(at, &evaluate);
    assert!(
        words.contains("not defined for one image") && !words.contains("± 0"),
        "{words}"
    );
    let two = object(at, &["evaluate", "run", "--limit", "2"]);
    assert!(two["elbo_standard_error"].as_f64().unwrap() > 0.0, "{two}");
}

#[test]
fn a_covariance_of_few_images_is_said_to_be_singular() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let small = [
        "--limit",
        "4",
        "--set",
        "model.hidden=[8]",
        "--set",
        "model.latent_size=5",
    ];
    let arguments = [
        "train",
        "vae-2d",
        "--epochs",
        "1",
        "--output",
        "run",
        "--no-figures",
    ];
    succeed(at, &[&arguments[..], &small].concat());
    save_idx(&synthetic(1, 10, 4), &at.join("few"), |_| Ok(())).unwrap();
    let posterior = [
        "plot",
        "posterior",
        "run",
        "--data",
        "idx",
        "--data-dir",
        "few",
    ];
    let words = succeed(at, &posterior);
    let expected = "not defined, since the covariance of 4 images in 5 dimensions is singular";
    assert!(
        words.contains(expected) && !words.contains("inf"),
        "{words}"
    );
    assert!(object(at, &posterior)["kl_from_prior"].is_null());
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
fn runs_are_compared_over_what_tells_them_apart() {
    let directory = trained(&[]);
    let at = directory.path();
    let other = [
        "train", "vae-2d", "--output", "other", "--epochs", "1", "--limit", "100",
    ];
    succeed(
        at,
        &[&other[..], &["--set", "model.latent_size=4"]].concat(),
    );
    let against = [
        "plot",
        "curves",
        "run",
        "other",
        "--against",
        "model.latent_size",
    ];
    assert_eq!(object(at, &against)["files"][0], "latent_size.png");
    let message = fail(at, &["plot", "curves", "run", "other"], 1);
    assert!(message.contains("--against"), "{message}");
    let message = fail(
        at,
        &["plot", "curves", "run", "--against", "model.latent_sizes"],
        1,
    );
    assert!(
        message.contains("did you mean `model.latent_size`"),
        "{message}"
    );
}

#[test]
fn numbers_behind_pictures_are_what_they_say() {
    let directory = trained(&[]);
    succeed(
        directory.path(),
        &["sample", "run", "--pixels", "sample", "--output", "a.npy"],
    );
    let values = |name: &str| -> Vec<f32> {
        let (_, bytes) = npy(&directory.path().join(name));
        bytes
            .chunks(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect()
    };
    assert!(
        values("a.npy")
            .iter()
            .all(|&pixel| pixel == 0.0 || pixel == 1.0)
    );
    succeed(directory.path(), &["sample", "run", "--output", "b.npy"]);
    assert!(
        values("b.npy")
            .iter()
            .all(|pixel| (0.0..=1.0).contains(pixel))
    );
    // The same seed draws the same, another one does not.
    succeed(directory.path(), &["sample", "run", "--output", "c.npy"]);
    succeed(
        directory.path(),
        &["sample", "run", "--seed", "9", "--output", "d.npy"],
    );
    assert_eq!(values("b.npy"), values("c.npy"));
    assert_ne!(values("b.npy"), values("d.npy"));
    // The ends of an interpolation are the reconstructions of its images.
    succeed(
        directory.path(),
        &["reconstruct", "run", "--count", "2", "--output", "e.npy"],
    );
    succeed(
        directory.path(),
        &[
            "interpolate",
            "run",
            "--indices",
            "0,1",
            "--steps",
            "5",
            "--output",
            "f.npy",
        ],
    );
    let (reconstructed, between) = (values("e.npy"), values("f.npy"));
    // A product of another number of rows adds up its 784 terms in another order, in an encoder and a decoder; logits
    // of up to 16 pass through a sigmoid, whose slope is at most 1/4.
    let bound = rounding(SINGLE, 2 * 784, 16.0 / 4.0) as f32;
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= bound);
    assert!(close(&reconstructed[2 * 784..3 * 784], &between[..784]));
    assert!(close(&reconstructed[3 * 784..], &between[4 * 784..]));
}

#[test]
fn weights_are_imported_where_they_fit_the_experiment() {
    let directory = trained(&[]);
    let at = directory.path();
    let import = |experiment, arguments: &[&'static str]| {
        let what = [
            "import",
            "run/model.safetensors",
            experiment,
            "--output",
            "new.safetensors",
        ];
        [&what[..], arguments].concat()
    };
    // What the file says of itself is not asked for.
    let files = &object(at, &import("vae-2d", &["--set", "model.hidden=[32]"]))["files"];
    assert_eq!(files[0], "new.safetensors");
    let measured = |model| object(at, &["evaluate", model, "--limit", "300"])["elbo"].clone();
    assert_eq!(measured("new.safetensors"), measured("run"));

    let small = ["--set", "model.hidden=[32]"];
    for (arguments, expected) in [
        (import("vae-2d", &small), "--overwrite"),
        (
            import("vae-2d", &["--overwrite"]),
            "encoder.0.weight is [32, 784], expected [512, 784]",
        ),
        (import("vae-conv", &["--overwrite"]), "decoder.3.bias [32]"),
        (import("vae-2", &["--overwrite"]), "did you mean `vae-2d`"),
    ] {
        let message = fail(at, &arguments, 1);
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(measured("new.safetensors"), measured("run"));
    succeed(
        at,
        &import("vae-2d", &["--set", "model.hidden=[32]", "--overwrite"]),
    );
}

#[test]
fn weights_of_pytorch_are_imported_without_the_names_of_its_wrappers() {
    let directory = trained(&[]);
    let at = directory.path();
    let trained = safetensors::load(at.join("run/model.safetensors"), &Device::Cpu).unwrap();
    let import = |weights| {
        let what = [
            "import",
            weights,
            "vae-2d",
            "--output",
            "new.safetensors",
            "--overwrite",
        ];
        [&what[..], &["--set", "model.hidden=[32]"]].concat()
    };
    let save = |name: &str, rename: &dyn Fn(&str) -> String| {
        let tensors = trained
            .iter()
            .map(|(tensor, values)| (rename(tensor), values.clone()));
        safetensors::save(&tensors.collect(), at.join(name)).unwrap();
    };
    let measured = |model| object(at, &["evaluate", model])["elbo"].clone();
    let renamings: [fn(&str) -> String; 2] = [
        |name| format!("module._orig_mod.{name}"),
        // A part of the model was compiled.
        |name| name.replacen("encoder.", "encoder._orig_mod.", 1),
    ];
    for rename in renamings {
        save("wrapped.safetensors", &rename);
        succeed(at, &import("wrapped.safetensors"));
        assert_eq!(measured("new.safetensors"), measured("run"));
    }

    // What is there and what is not, with shapes.
    save("others.safetensors", &|name| format!("vae.{name}"));
    let message = fail(at, &import("others.safetensors"), 1);
    let count = trained.len();
    for words in [
        format!("{count} missing: decoder.0.bias [32], "),
        format!("{count} not part of the model: vae.decoder.0.bias [32], "),
        "vae.mean.weight [2, 32]".to_owned(),
    ] {
        assert!(message.contains(&words), "{words}: {message}");
    }

    // PyTorch's own files, by name or by contents.
    // Windows has no quotes in names.
    let quotes = if cfg!(windows) { '\'' } else { '"' };
    let quoted = format!("my {quotes}weights{quotes}.ckpt");
    for (name, contents) in [
        ("weights.pt", &b"PK\x03\x04 and so on"[..]),
        ("weights.pth", b"anything"),
        (&quoted, b""),
        ("weights", b"\x80\x02\x8a\x0al\xfc\x9cF"),
    ] {
        fs::write(at.join(name), contents).unwrap();
        let message = fail(at, &import(name), 1);
        let literal = name.replace('"', "\\\"");
        for words in [
            format!("torch.load(\"{literal}\", "),
            "safetensors.torch.save_file(".to_owned(),
            "`latent import`".to_owned(),
        ] {
            assert!(message.contains(&words), "{words}: {message}");
        }
        let message = fail(at, &["sample", name], 1);
        assert!(message.contains("torch.load("), "{message}");
    }
}

#[test]
fn images_that_look_wrong_are_reported_with_the_remedy() {
    type Change<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

    let directory = tempfile::tempdir().unwrap();
    let digits = synthetic(1, 100, 20);
    let transposed = |image: &[u8]| -> Vec<u8> {
        (0..784)
            .map(|index| image[index % 28 * 28 + index / 28])
            .collect()
    };
    let changes: [(&str, Change); 4] = [
        ("", &<[u8]>::to_vec),
        ("store black as 0 and white as 255", &|image| {
            image.iter().map(|&pixel| u8::from(pixel > 127)).collect()
        }),
        ("255 minus each pixel", &|image| {
            image.iter().map(|pixel| 255 - pixel).collect()
        }),
        ("exchange rows and columns", &transposed),
    ];
    for (remedy, change) in changes {
        let changed = |data: &Dataset| {
            let images = data.images().chunks(784).flat_map(change).collect();
            Dataset::new(data.shape(), data.classes(), images, data.labels().to_vec()).unwrap()
        };
        let splits = Splits {
            name: "changed".to_owned(),
            train: changed(&digits.train),
            validation: None,
            test: changed(&digits.test),
        };
        let path = directory.path().join("data");
        save_idx(&splits, &path, |_| Ok(())).unwrap();
        // With --json too: it is no progress.
        let info = [
            "data",
            "info",
            "--data",
            "idx",
            "--data-dir",
            "data",
            "--json",
        ];
        let (stdout, stderr, code) = outcome(latent(directory.path()).args(info));
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(
            stdout.contains(r#""findings":[]"#),
            remedy.is_empty(),
            "{stdout}"
        );
        let warnings: Vec<_> = stderr
            .lines()
            .filter(|line| line.contains("warning: "))
            .collect();
        if remedy.is_empty() {
            assert_eq!(warnings, [""; 0]);
        } else {
            assert_eq!(warnings.len(), 1, "{stderr}");
            assert!(warnings[0].contains(remedy), "{stderr}");
        }
        let (_, stderr, _) = outcome(latent(directory.path()).args(info).arg("--quiet"));
        assert_eq!(stderr, "");
    }
}

#[test]
fn the_data_can_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let info = object(directory.path(), &["data", "info", "--data", "synthetic"]);
    assert_eq!(info["train"]["images"], 60_000);
    assert_eq!(info["test"]["images_by_digit"][3], 1000);
    let show = succeed(
        directory.path(),
        &["data", "show", "--index", "3", "--output", "three.png"],
    );
    assert!(
        show.starts_with("image 3 of synthetic (train): 3\n") && show.contains('█'),
        "{show}"
    );
    assert!(directory.path().join("three.png").is_file());
    assert_eq!(
        object(directory.path(), &["data", "show"])["pixels"]
            .as_array()
            .unwrap()
            .len(),
        784
    );
    let message = fail(directory.path(), &["data", "show", "--index", "60000"], 1);
    assert!(
        message.contains("there is no image 60000: the data set has 60000"),
        "{message}"
    );
}

#[test]
fn experiments_are_listed_with_their_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let listed = object(directory.path(), &["experiments"]);
    let experiments = listed["experiments"].as_array().unwrap();
    assert!(
        experiments
            .iter()
            .any(|experiment| experiment["name"] == "vae-2d")
    );
    let words = succeed(directory.path(), &["experiments"]);
    let justfile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../justfile")).unwrap();
    for experiment in experiments {
        for task in experiment["tasks"].as_array().unwrap() {
            let task = task.as_str().unwrap();
            assert!(words.contains(task));
            let recipe = |line: &str| {
                line.starts_with(&format!("{task} ")) || line.starts_with(&format!("{task}:"))
            };
            assert!(
                justfile.lines().any(recipe),
                "the justfile has no recipe {task}"
            );
        }
    }
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
fn bad_usage_exits_with_2() {
    let directory = trained(&[]);
    let at = directory.path();
    for (arguments, part) in [
        (&["train"][..], "EXPERIMENT"),
        (&["tran", "vae-2d"], "train"),
        (
            &["train", "vae-2d", "--learning-rate", "NaN"],
            "positive number",
        ),
        (&["train", "vae-2d", "--epochs", "0"], "1 or more"),
        (&["train", "vae-2d", "--epochs", "-1"], "1 or more"),
        (&["train", "vae-2d", "--output", ""], "a path is needed"),
        (&["evaluate", ""], "a path is needed"),
        (
            &["plot", "manifold", "run", "--range", "-1"],
            "positive number",
        ),
        (
            &["plot", "perturbations", "run", "--radii", "-1"],
            "from 0 to",
        ),
        (&["sample", "run", "--count", "10001"], "1..=10000"),
        (&["train", "vae-2d", "--data", "fashion"], "synthetic"),
        (&["sample", "run", "--count", "0"], "1.."),
        (&["sample", "run", "--output", "picture.jpg"], ".png"),
        (&["interpolate", "run", "--indices", "1"], "0,1"),
        (&["interpolate", "run", "--steps", "1"], "2.."),
        (
            &["plot", "manifold", "run", "--range=-1"],
            "positive number",
        ),
        (
            &["plot", "manifold", "run", "--range", "inf"],
            "positive number",
        ),
        (&["sample", "run", "--temperature", "1e38"], "from 0 to"),
        (
            &["plot", "perturbations", "run", "--radii", "1,1e39"],
            "from 0 to",
        ),
        (&["evaluate", "run", "--limit", "0"], "1.."),
        (
            &["train", "vae-2d", "--seed", "9223372036854775808"],
            "9223372036854775807",
        ),
        (&["plot", "curves", "run", "--output", "curves.jpg"], ".png"),
    ] {
        let message = fail(at, arguments, 2);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
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
            "nowhere is no run directory",
        ),
        (&["evaluate", "nothing"], "latent train EXPERIMENT"),
        (&["evaluate", "file"], "not a safetensors file"),
        (&["evaluate", "."], "no run directory"),
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
            "no run directory",
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
fn other_images_than_the_model_was_trained_on_are_pointed_out() {
    let directory = tempfile::tempdir().unwrap();
    let write = |folder: &str, ink: u8| {
        let folder = directory.path().join(folder);
        fs::create_dir(&folder).unwrap();
        for (part, count) in [("train", 12u8), ("t10k", 4)] {
            let images = [
                &[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3][..],
                &vec![ink; usize::from(count) * 6],
            ]
            .concat();
            let labels = [
                &[0, 0, 8, 1, 0, 0, 0, count][..],
                &vec![7; usize::from(count)],
            ]
            .concat();
            fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
            fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
        }
    };
    write("mine", 200);
    write("others", 10);
    // Images of 2 × 3 pixels, one class, fewer than a picture would like: all of it still works.
    let train = [
        "train",
        "vae-2d",
        "--epochs",
        "1",
        "--data",
        "idx",
        "--data-dir",
        "mine",
        "--output",
        "run",
    ];
    let stdout = succeed(directory.path(), &train);
    assert!(stdout.contains("latent evaluate run --json\n"), "{stdout}");
    let stderr = |folder: &str| {
        outcome(latent(directory.path()).args(["evaluate", "run", "--data-dir", folder])).1
    };
    assert!(!stderr("mine").contains("note:"));
    assert!(stderr("others").contains("note: run was trained on other data"));
    let message = fail(
        directory.path(),
        &["evaluate", "run", "--data", "synthetic"],
        1,
    );
    assert!(
        message.contains("2 × 3") && message.contains("28 × 28"),
        "{message}"
    );
    succeed(directory.path(), &["interpolate", "run"]);
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

#[cfg(unix)]
#[test]
fn a_picture_goes_where_a_link_points() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = trained(&[]);
    fs::write(directory.path().join("target.png"), "old").unwrap();
    symlink("target.png", directory.path().join("link.png")).unwrap();
    succeed(directory.path(), &["sample", "run", "--output", "link.png"]);
    assert!(
        fs::symlink_metadata(directory.path().join("link.png"))
            .unwrap()
            .is_symlink()
    );
    let target = directory.path().join("target.png");
    assert!(fs::read(&target).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o111,
        0
    );
}

#[test]
fn damaged_data_is_named_with_its_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(data.join(name), bytes).unwrap();
    let images = |count: u8| {
        [
            &[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28][..],
            &vec![9; usize::from(count) * 784],
        ]
        .concat()
    };
    let labels = |labels: &[u8]| [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8][..], labels].concat();
    write("train-images-idx3-ubyte", &images(2));
    write("train-labels-idx1-ubyte", &labels(&[3, 4]));
    write("t10k-images-idx3-ubyte", &images(1));
    write("t10k-labels-idx1-ubyte", &labels(&[5]));
    let info = |source| ["data", "info", "--data", source, "--data-dir", "data"];

    let found = object(directory.path(), &info("idx"));
    assert_eq!(found["train"]["images"], 2);
    assert!(fail(directory.path(), &info("auto"), 1).contains("not MNIST's"));

    let promise = |count: [u8; 4]| {
        [
            &[0, 0, 8, 3][..],
            &count,
            &[0, 0, 0, 28, 0, 0, 0, 28],
            &[0; 784],
        ]
        .concat()
    };
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut cut, &images(2)).unwrap();
    let cut = cut.finish().unwrap();
    for (name, bytes, part) in [
        (
            "train-images-idx3-ubyte",
            &promise([0, 0, 0, 2])[..],
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &promise([255, 255, 255, 255]),
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &promise([0, 0, 0, 1])[..700],
            "the file is truncated",
        ),
        (
            "train-images-idx3-ubyte",
            &[&images(2)[..], &[0]].concat(),
            "but more follow",
        ),
        (
            "train-images-idx3-ubyte",
            b"<html></html>",
            "starts with the bytes",
        ),
        (
            "train-images-idx3-ubyte",
            &cut[..cut.len() / 2],
            "the gzip stream is truncated",
        ),
        (
            "train-labels-idx1-ubyte",
            &labels(&[3, 10]),
            "label 10 of image 1",
        ),
        (
            "train-labels-idx1-ubyte",
            &labels(&[3]),
            "one image for each label",
        ),
        ("train-labels-idx1-ubyte", &[], "is empty"),
    ] {
        let whole = fs::read(data.join(name)).unwrap();
        write(name, bytes);
        let message = fail(directory.path(), &info("idx"), 1);
        assert!(
            message.contains(part) && message.contains(name),
            "{part}: {message}"
        );
        write(name, &whole);
    }
    fs::remove_file(data.join("t10k-labels-idx1-ubyte")).unwrap();
    assert!(fail(directory.path(), &info("auto"), 1).contains("t10k-labels-idx1-ubyte not found"));
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
