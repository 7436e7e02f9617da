//! Figures: every command in every file format.

use std::fs;

use latent_tests::{fail, native, object, succeed};
use latent_tolerance::{SINGLE, rounding};

use super::small_runs::{
    draw_in_every_form, npy, train_small, trained, trained_conditional, with_files,
};

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
            &["interpolate", "run", "--labels", "3,8", "--method", "slerp"],
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

#[test]
fn a_conditional_model_draws_the_requested_labels() {
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
    let confusion_at = |temperature| {
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
    let typical = confusion_at("0");
    for row in typical.as_array().unwrap() {
        assert!(row.as_array().unwrap().contains(&5.into()), "{row}");
    }
    assert_ne!(typical, confusion_at("100"));
}

#[test]
fn the_same_seed_samples_the_same_image() {
    let directory = trained_conditional();
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
}

#[test]
fn a_confusion_matrix_counts_every_image_once() {
    let directory = trained_conditional();
    let classified = object(directory.path(), &["classify", "run", "--limit", "20"]);
    let rows = classified["confusion"].as_array().unwrap();
    let counts = rows.iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), 20);
}

#[test]
fn labels_and_options_of_a_conditional_model_are_checked() {
    let directory = trained_conditional();
    for class in ["3,256", "ten"] {
        let message = fail(directory.path(), &["sample", "run", "--labels", class], 1);
        assert!(
            message.contains("only `0`, `1`, `2`, `3`, `4`, `5`, `6`, `7`, `8`, `9`"),
            "{message}"
        );
    }
    for (arguments, part) in [
        (&["classify", "run", "--importance-samples", "0"][..], "1.."),
        (&["evaluate", "run", "--importance-samples", "0"], "1.."),
        (&["interpolate", "run", "--labels", "3"], "3,8"),
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
