//! Metrics of evaluation, comparison and benchmark.

use std::fs;

use latent_datasets::{save_idx, synthetic};
use latent_tests::{fail, object, succeed};
use latent_tolerance::{SINGLE, rounding};

use super::small_runs::trained;

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
            "realnvp-10",
            "vae-flow-prior",
            "vae-ladder",
            "flow-multiscale"
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
