//! A run is used with its own data wherever the program is called, and with others only on request.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::fs;
use std::path::Path;

use latent_datasets::{Splits, save_idx, synthetic};
use latent_tests::{fail, latent, object, outcome, succeed};
use latent_tolerance::{SINGLE, rounding};
use serde_json::Value;

/// Directories with digits: `own`, `others` of the same number, and `few`, without a training image of
/// all classes but 1, 4 and 7.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let save = |name: &str, splits: &Splits| {
        save_idx(splits, &directory.path().join(name), |_| Ok(())).unwrap();
    };
    save("own", &synthetic(1, 120, 40));
    save("others", &synthetic(2, 120, 40));
    let all = synthetic(3, 120, 40);
    save(
        "few",
        &Splits {
            train: all.train.of_classes(&[1, 4, 7]),
            ..all
        },
    );
    directory
}

fn train(at: &Path, experiment: &str, out: &str, data: &str) -> Value {
    let arguments = format!(
        "train {experiment} --output {out} --data idx --data-dir {data} --epochs 1 --no-figures"
    );
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let small: &[&str] = match experiment {
        "cond-realnvp-5" => &["--set", "model.hidden=[8]", "--set", "model.couplings=2"],
        _ => &["--set", "model.hidden=[16]"],
    };
    object(at, &[&arguments, small].concat())
}

#[test]
fn a_run_finds_its_own_data_and_takes_others_on_request_only() {
    let directory = directory();
    let at = directory.path();
    let trained = train(at, "vae-2d", "run", "own");
    // Nothing is named: the data are found, also from elsewhere and with another directory in the environment.
    let own = object(at, &["evaluate", "run"]);
    assert_eq!(own["elbo"], trained["test"]["elbo"]);
    assert_eq!(own["checksum"], trained["checksum"]);
    assert_eq!(
        (&own["data"], &own["split"]),
        (&"idx".into(), &"test".into())
    );
    assert_eq!(own["trained_on_these_data"], true);
    let inside = at.join("inside");
    fs::create_dir(&inside).unwrap();
    let mut command = latent(&inside);
    command
        .args(["evaluate", "../run", "--json"])
        .env("LATENT_DATA_DIR", at.join("others"));
    let (stdout, stderr, code) = outcome(&mut command);
    assert_eq!(code, 0, "{stderr}");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(found["checksum"], own["checksum"]);

    // A file that was copied knows no place: what the environment names is tried, and is not the same.
    fs::copy(
        at.join("run/model.safetensors"),
        at.join("model.safetensors"),
    )
    .unwrap();
    for (place, is_own) in [("others", false), ("own", true)] {
        let mut command = latent(at);
        command
            .args(["evaluate", "model.safetensors", "--json"])
            .env("LATENT_DATA_DIR", at.join(place));
        let (_, stderr, code) = outcome(&mut command);
        assert_eq!(code == 0, is_own, "{place}: {stderr}");
        if !is_own {
            let checksum = &trained["training_checksum"].as_str().unwrap()[..12];
            for part in ["other data", checksum, "with `--data`", "--data idx"] {
                assert!(stderr.contains(part), "{stderr}");
            }
        }
    }
    // Asked for, others are taken: people read a note, and programs that they are others.
    let others = ["evaluate", "run", "--data-dir", "others"];
    let (_, stderr, code) = outcome(latent(at).args(others));
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("note: run was trained on other data"),
        "{stderr}"
    );
    let others = object(at, &others);
    assert_eq!(others["trained_on_these_data"], false);
    assert_ne!(others["checksum"], own["checksum"]);
    let message = fail(
        at,
        &["models", "export", "out", "run", "--data-dir", "others"],
        1,
    );
    assert!(message.contains("figures of its own data"), "{message}");
    succeed(at, &["models", "export", "out", "run"]);

    // What was moved is named with the remedy, which is remembered by the run when it is continued.
    fs::rename(at.join("own"), at.join("moved")).unwrap();
    let message = fail(at, &["evaluate", "run"], 1);
    for part in ["the data of run", "own", "with `--data`"] {
        assert!(message.contains(part), "{message}");
    }
    let resume = ["train", "--resume", "run", "--no-figures"];
    fail(at, &resume, 1);
    succeed(at, &[&resume[..], &["--data-dir", "moved"]].concat());
    assert_eq!(object(at, &["evaluate", "run"]), own);
    succeed(at, &resume);
    let message = fail(at, &[&resume[..], &["--data-dir", "others"]].concat(), 1);
    for part in [
        "run was trained on other data: idx",
        "checksum",
        "with `--data`",
        "--output",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // That changed nothing.
    assert_eq!(object(at, &["evaluate", "run"]), own);
}

#[test]
fn runs_of_different_data_are_said_to_be() {
    let directory = directory();
    let at = directory.path();
    train(at, "vae-2d", "a", "own");
    train(at, "vae-2d", "b", "own");
    train(at, "vae-2d", "c", "others");
    let same = object(at, &["compare", "a", "b"]);
    assert_eq!(same["same_test_images"], true);
    let words = succeed(at, &["compare", "a", "b"]);
    assert!(
        !words.contains("note") && !words.contains("checksum"),
        "{words}"
    );

    let differ = object(at, &["compare", "a", "c"]);
    assert_eq!(differ["same_training_images"], false);
    assert_eq!(differ["same_test_images"], false);
    let checksum = |index: usize| differ["runs"][index]["data"]["checksum"].as_str().unwrap();
    assert_ne!(checksum(0), checksum(1));
    let words = succeed(at, &["compare", "a", "c"]);
    for part in [&checksum(0)[..12], &checksum(1)[..12], "cannot be compared"] {
        assert!(words.contains(part), "{words}");
    }
    let against = ["plot", "curves", "a", "c", "--against", "model.latent_size"];
    assert!(succeed(at, &against).contains("cannot be compared"));
    assert_eq!(object(at, &against)["same_test_images"], false);

    // A report needs runs of the data that it is asked for, and says which they are of.
    let message = fail(at, &["report", "a", "--data-dir", "others"], 1);
    for part in [
        "a was trained on idx",
        &checksum(0)[..12],
        &checksum(1)[..12],
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("needs idx"), "{message}");
    let written = object(at, &["report", "a", "c"]);
    let page = fs::read_to_string(at.join(written["report"].as_str().unwrap())).unwrap();
    assert!(page.contains("cannot be compared"));
}

#[test]
fn one_epoch_represents_a_run_everywhere() {
    let directory = directory();
    let at = directory.path();
    let arguments = "train vae-2d --output run --data idx --data-dir own --epochs 12 --no-figures \
                     --set model.hidden=[16] --set training.validation_images=20 --set training.batch_size=10 \
                     --learning-rate 0.1";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let trained = object(at, &arguments);
    let compared = object(at, &["compare", "run"]);
    let kept = compared["runs"][0]["kept_epoch"].as_u64().unwrap();
    assert!(kept < 12, "the best epoch is not the last");
    assert_eq!(trained["epochs"], kept);
    assert_eq!(compared["runs"][0]["test"], trained["test"]);
    let against = "plot curves run --against model.latent_size --output figure.npy";
    succeed(at, &against.split(' ').collect::<Vec<_>>());
    let bytes = fs::read(at.join("figure.npy")).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let drawn: Vec<f64> = bytes[header..]
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| f64::from_le_bytes(*bytes))
        .collect();
    let has = |value: &Value| drawn.contains(&value.as_f64().unwrap());
    for part in ["loss", "reconstruction", "kl"] {
        assert!(has(&trained["test"][part]), "{part}: {drawn:?}");
    }
}

#[test]
fn a_training_that_diverges_fails_with_the_remedy() {
    // Whether its loss becomes large or no number is a matter of rounding.
    let directory = directory();
    let at = directory.path();
    let arguments = "train vae-2d --output run --data idx --data-dir own --epochs 2 --no-figures \
                     --set model.hidden=[16] --learning-rate 10 --set training.batch_size=20";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let message = fail(at, &arguments, 1);
    for part in [
        "training stopped",
        "epoch 1",
        "--learning-rate",
        "no weights",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("overfit"), "{message}");
}

/// A command of one or two words with the model after it, and its options.
fn with_model<'a>(arguments: &'a [&'a str], model: &'a str) -> (Vec<&'a str>, &'a [&'a str]) {
    let words = if arguments[0] == "plot" { 2 } else { 1 };
    let (command, options) = arguments.split_at(words);
    ([command, &[model]].concat(), options)
}

#[test]
fn what_was_not_seen_in_training_is_refused_by_name() {
    let directory = directory();
    let at = directory.path();
    for experiment in ["cvae-mlp", "cond-realnvp-5"] {
        let trained = train(at, experiment, experiment, "few");
        // Of 40 test images twelve are of these classes.
        assert_eq!(trained["images"], 12, "{experiment}");
        let run = |arguments: &[&str]| {
            let (command, options) = with_model(arguments, experiment);
            object(at, &[&command[..], options].concat())
        };
        for command in [
            "sample",
            "plot analogies",
            "plot prototypes",
            "reconstruct",
            "interpolate",
        ] {
            let drawn = run(&command.split(' ').collect::<Vec<_>>());
            assert!(drawn["files"].is_array(), "{experiment} {command}");
        }
        run(&["sample", "--labels", "7,1"]);
        run(&["sample", "--labels", "4", "--count", "1"]);
        let evaluated = run(&["evaluate"]);
        assert_eq!(evaluated["images"], 12);
        assert_eq!(evaluated["loss"], trained["test"]["loss"]);
        if experiment == "cond-realnvp-5" {
            // Of three labels, one is worth at most ln 3 nats more than the mixture.
            let figure = |name: &str| evaluated[name].as_f64().unwrap();
            let likelihood = figure("log_density");
            let worth = likelihood - figure("marginal_log_density");
            // Both are means of likelihoods that were rounded to 32 bits, twice on the way to the mixture.
            let bound = rounding(SINGLE, 3, likelihood);
            assert!(worth <= 3f64.ln() + bound, "{worth}");
        }
        for command in [
            &["classify", "--importance-samples", "2"][..],
            &["classify", "--method", "knn"],
            &["evaluate-samples", "--count", "4"],
        ] {
            let found = run(command);
            assert_eq!(
                found["classes"],
                serde_json::json!([1, 4, 7]),
                "{command:?}"
            );
            let rows = found["confusion"].as_array().unwrap();
            let cells = rows.iter().flat_map(|row| row.as_array().unwrap());
            assert_eq!(rows.len(), 3);
            assert_eq!(cells.map(|cell| cell.as_u64().unwrap()).sum::<u64>(), 12);
        }
        for arguments in [
            &["sample", "--labels", "3"][..],
            &["sample", "--labels", "3", "--count", "1"],
            // The fourth test image shows a 3.
            &["plot", "analogies", "--indices", "3"],
            &["interpolate", "--indices", "1,3"],
        ] {
            let (command, options) = with_model(arguments, experiment);
            let message = fail(at, &[&command[..], options].concat(), 1);
            for part in ["class 3", "1, 4, 7"] {
                assert!(message.contains(part), "{arguments:?}: {message}");
            }
        }
        let message = fail(at, &["interpolate", experiment, "--labels", "1,3"], 1);
        assert!(message.contains("label 3"), "{message}");
        let message = fail(at, &["evaluate-samples", experiment, "--limit", "1"], 1);
        assert!(message.contains("none of class"), "{message}");
    }
    let plane = "train cvae-mlp --output plane --data idx --data-dir few --epochs 1 --set model.hidden=[16] \
                 --set model.latent_size=2";
    succeed(at, &plane.split_whitespace().collect::<Vec<_>>());
    succeed(at, &["plot", "manifold", "plane", "--label", "4"]);
    let message = fail(at, &["plot", "manifold", "plane", "--label", "0"], 1);
    assert!(message.contains("class 0"), "{message}");
    // What needs no label is refused none: a model of p(x) has seen pixels.
    train(at, "vae-2d", "plain", "few");
    assert_eq!(object(at, &["evaluate", "plain"])["images"], 40);
}
