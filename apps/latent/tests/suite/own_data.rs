//! Data sets that are not MNIST: pictures and arrays of a user, from training to the last figure.

use std::fs;
use std::path::Path;

use latent_tests::{
    digit_picture, ellipses, fail, latent, letters, object, outcome, save_arrays, save_grey,
    save_pictures, shapes, succeed,
};

/// A small network, trained for one epoch.
const SMALL: [&str; 6] = [
    "--epochs",
    "1",
    "--no-figures",
    "--set",
    "model.channels=[4, 4]",
    "--overwrite",
];

fn train(at: &Path, experiment: &str, data: &str) -> String {
    let arguments = [&["train", experiment, "--data", data][..], &SMALL].concat();
    let (_, stderr, code) = outcome(latent(at).args(&arguments));
    assert_eq!(code, 0, "{stderr}");
    stderr
}

#[test]
fn a_folder_of_coloured_pictures_is_used_from_training_to_every_figure() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    save_pictures(&shapes(1, 420), &at.join("my shapes")).unwrap();
    let said = train(at, "cvae-conv", "my shapes");
    assert!(
        said.contains("the likelihood is discretised-logistic"),
        "{said}"
    );
    assert!(
        said.contains("a seventh of the images of each class"),
        "{said}"
    );

    let info = object(at, &["data", "info", "--data", "my shapes"]);
    assert_eq!(info["test"]["channels"], 3);
    assert_eq!(info["test"]["classes"][2], "ring");
    // The run finds its pictures again.
    let evaluated = object(at, &["evaluate", "runs/cvae-conv"]);
    assert_eq!(evaluated["trained_on_these_data"], true);
    assert!(evaluated["bits_per_dimension"].is_number());
    for arguments in [
        &["sample", "runs/cvae-conv", "--labels", "ring,square"][..],
        &["sample", "runs/cvae-conv", "--labels", "2, 3"],
        &["reconstruct", "runs/cvae-conv"],
        &["interpolate", "runs/cvae-conv", "--labels", "ring,cross"],
        &[
            "plot",
            "manifold",
            "runs/cvae-conv",
            "--label",
            "ring",
            "--steps",
            "3",
        ],
        &["plot", "latents", "runs/cvae-conv"],
        &["plot", "analogies", "runs/cvae-conv"],
        &["plot", "perturbations", "runs/cvae-conv"],
        &["plot", "traversals", "runs/cvae-conv"],
        &["plot", "posterior", "runs/cvae-conv"],
        &["plot", "coverage", "runs/cvae-conv"],
        &["plot", "curves", "runs/cvae-conv"],
        &[
            "classify",
            "runs/cvae-conv",
            "--limit",
            "20",
            "--importance-samples",
            "2",
        ],
        &["data", "show", "--data", "my shapes", "--output", "one.png"],
    ] {
        succeed(at, arguments);
    }
    let message = fail(at, &["sample", "runs/cvae-conv", "--labels", "hexagon"], 1);
    assert!(
        message.contains("there is no class `hexagon`, only `circle`, `cross`, `ring`"),
        "{message}"
    );
}

#[test]
fn images_keep_the_names_of_their_files() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    save_pictures(&shapes(1, 420), &at.join("my shapes")).unwrap();
    train(at, "cvae-conv", "my shapes");
    // Odd images first.
    succeed(
        at,
        &["score", "runs/cvae-conv", "--importance-samples", "2"],
    );
    let table = fs::read_to_string(at.join("scores.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows[0], ["index", "image", "label", "log_likelihood"]);
    assert_eq!(rows.len(), 61);
    let scores: Vec<f64> = rows[1..]
        .iter()
        .map(|row| row[3].parse().unwrap())
        .collect();
    assert!(scores.is_sorted());
    let index = rows[1][0];
    let show = ["data", "show", "--data", "my shapes", "--split", "test"];
    let shown = succeed(at, &[&show[..], &["--index", index]].concat());
    assert!(shown.contains(rows[1][1]), "{shown} is not {:?}", rows[1]);
    for row in &rows[1..] {
        assert!(at.join("my shapes").join(row[1]).is_file(), "{row:?}");
        assert!(row[1].starts_with(&format!("{}/", row[2])), "{row:?}");
    }

    // Latents go out and come back.
    succeed(at, &["encode", "runs/cvae-conv", "--limit", "4"]);
    let names = fs::read_to_string(at.join("latents.csv")).unwrap();
    assert_eq!(names.lines().count(), 5);
    succeed(
        at,
        &[
            "decode",
            "runs/cvae-conv",
            "latents.npy",
            "--labels",
            "ring",
            "--output",
            "decoded.png",
        ],
    );
    let message = fail(
        at,
        &[
            "decode",
            "runs/cvae-conv",
            "latents.npy",
            "--labels",
            "ring,cross",
        ],
        1,
    );
    assert!(message.contains("2 labels for 4 latents"), "{message}");

    // A picture from the folder is one of its images, also in another size.
    let picture = at.join("my shapes/ring/00002.png");
    let picture = picture.to_str().unwrap();
    let found = object(
        at,
        &[
            "classify",
            "runs/cvae-conv",
            "--input",
            picture,
            "--importance-samples",
            "2",
        ],
    );
    assert_eq!(found["pictures"].as_array().unwrap().len(), 1);
    succeed(
        at,
        &[
            "reconstruct",
            "runs/cvae-conv",
            "--input",
            picture,
            "--input-labels",
            "ring",
        ],
    );
    succeed(at, &["report", "runs/cvae-conv"]);
}

#[test]
fn an_archive_of_letters_has_26_classes() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    save_arrays(&letters(1, 364), &at.join("letters.npz")).unwrap();
    let said = train(at, "cvae-conv", "letters.npz");
    assert!(!said.contains("the likelihood"), "{said}");
    let run = "runs/cvae-conv";
    for arguments in [
        &["sample", run][..],
        &["sample", run, "--labels", "Z", "-n", "2"],
        &["plot", "latents", run],
        &["classify", run, "--method", "knn"],
        &[
            "classify",
            run,
            "--limit",
            "10",
            "--importance-samples",
            "1",
        ],
        &["evaluate", run],
    ] {
        succeed(at, arguments);
    }
    // The archive moved: the run says so, and takes the new path.
    fs::rename(at.join("letters.npz"), at.join("moved.npz")).unwrap();
    let message = fail(at, &["evaluate", run], 1);
    assert!(
        message.contains("letters.npz") && message.contains("`--data`"),
        "{message}"
    );
    let found = object(at, &["evaluate", run, "--data", "moved.npz"]);
    assert_eq!(found["trained_on_these_data"], true);
}

#[test]
fn pictures_without_labels_are_for_unconditional_models() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    save_pictures(&ellipses(1, 70), &at.join("ellipses")).unwrap();
    train(at, "vae-conv", "ellipses");
    let run = "runs/vae-conv";
    for arguments in [
        &["sample", run][..],
        &["reconstruct", run],
        &["interpolate", run],
        &["plot", "latents", run],
        &["plot", "manifold", run, "--steps", "3"],
        &["plot", "posterior", run],
        &["evaluate", run],
        &[
            "score",
            run,
            "--importance-samples",
            "2",
            "--split",
            "train",
            "--output",
            "train.csv",
        ],
        &["encode", run],
        &["report", run],
    ] {
        succeed(at, arguments);
    }
    let message = fail(at, &["train", "vae-2d", "--data", "fashion"], 1);
    assert!(
        message.contains("fashion: there is no such file or directory"),
        "{message}"
    );
    let both = [
        "train",
        "vae-2d",
        "--data",
        "ellipses",
        "--data-dir",
        "ellipses",
    ];
    assert!(fail(at, &both, 1).contains("are two paths"));
    let message = fail(at, &["train", "cvae-conv", "--data", "ellipses"], 1);
    assert!(
        message.contains("the images of ellipses have no labels"),
        "{message}"
    );
    for arguments in [
        &["classify", run][..],
        &["plot", "prototypes", run],
        &["interpolate", run, "--labels", "1,2"],
    ] {
        let message = fail(at, arguments, 1);
        assert!(
            message.contains("label") || message.contains("class"),
            "{arguments:?}: {message}"
        );
    }
    // The data that were used are part of a run.
    let other = ["evaluate", run, "--data", "ellipses", "--invert"];
    assert_eq!(object(at, &other)["trained_on_these_data"], false);
}

#[test]
fn a_picture_of_a_digit_needs_no_data() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    // Black ink on grey paper, off the centre.
    save_grey(&digit_picture('3'), [120, 160], &at.join("three.png")).unwrap();

    let found = object(at, &["classify", "cvae-conv", "--input", "three.png"]);
    assert_eq!(found["pictures"][0]["label"], "3");
    let (_, said, code) =
        outcome(latent(at).args(["reconstruct", "vae-2d", "--input", "three.png"]));
    assert_eq!(code, 0, "{said}");
    let steps = "three.png: inverted, contrast stretched, strokes scaled to 20 × 20 pixels, centred by mass";
    assert!(said.contains(steps), "{said}");
    succeed(
        at,
        &[
            "interpolate",
            "vae-2d",
            "--input",
            "three.png",
            "three.png",
            "--steps",
            "3",
        ],
    );
    succeed(
        at,
        &["plot", "analogies", "cvae-conv", "--input", "three.png"],
    );
    // Each step can be switched off.
    let plain = [
        "reconstruct",
        "vae-2d",
        "--input",
        "three.png",
        "--no-invert",
        "--no-centre",
    ];
    let (_, said, _) = outcome(latent(at).args(plain));
    assert!(said.contains("three.png: scaled\n"), "{said}");

    // They are no test images.
    let drawn = [
        "reconstruct",
        "vae-2d",
        "--input",
        "three.png",
        "--output",
        "a.svg",
    ];
    succeed(at, &drawn);
    let picture = fs::read_to_string(at.join("a.svg")).unwrap();
    assert!(
        picture.contains("Reconstructions (images)"),
        "the title of {drawn:?}"
    );

    save_grey(&[255; 100], [10, 10], &at.join("blank.png")).unwrap();
    let message = fail(at, &["classify", "cvae-conv", "--input", "blank.png"], 1);
    assert!(message.contains("no light strokes"), "{message}");
    fs::write(at.join("no.png"), "<html>").unwrap();
    let message = fail(at, &["classify", "cvae-conv", "--input", "no.png"], 1);
    assert!(message.contains("its content is not PNG"), "{message}");
}

#[test]
fn classes_whose_names_are_numbers_have_no_other_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let numbers = ["3", "7", "10", "11", "12", "13"].map(str::to_owned);
    let named = shapes(1, 420).with_class_names(numbers.to_vec()).unwrap();
    save_pictures(&named, &at.join("numbers")).unwrap();
    train(at, "cvae-conv", "numbers");
    succeed(at, &["sample", "runs/cvae-conv", "--labels", "7,10"]);
    let message = fail(at, &["sample", "runs/cvae-conv", "--labels", "1,2,3"], 1);
    assert!(message.contains("there is no class `1`"), "{message}");
}

#[test]
fn mistakes_about_ones_own_pictures_have_remedies() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    save_pictures(&ellipses(1, 60), &at.join("flat")).unwrap();
    train(at, "vae-conv", "flat");
    let picture = fs::read_dir(at.join("flat")).unwrap().next().unwrap();
    let picture = picture.unwrap().path();
    let picture = picture.to_str().unwrap();
    for (arguments, parts) in [
        (
            &["interpolate", "runs/vae-conv", "--labels", "0,1"][..],
            &["have no labels"][..],
        ),
        (
            &["interpolate", "runs/vae-conv", "--input", picture],
            &["two images", "`--input`"],
        ),
        (
            &["reconstruct", "runs/vae-conv", "--input", "flat"],
            &["this is a directory", "a file inside it"],
        ),
        (
            &["train", "cvae-conv", "--data", "flat"],
            &["no labels", "vae-conv"],
        ),
        (
            &["train", "vae-conv", "--data", "flta"],
            &["did you mean `flat`?"],
        ),
        (
            &["train", "vae-conv", "--data", "mnsit"],
            &["did you mean `mnist`?"],
        ),
    ] {
        let message = fail(at, arguments, 1);
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
    }
}
