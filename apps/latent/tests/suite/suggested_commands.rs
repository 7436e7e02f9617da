//! Commands that the program suggests work exactly as they are printed, typed into a shell.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]
// What is typed here is for a POSIX shell.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use latent_datasets::synthetic;
use latent_tests::{LoopbackHub, isolated, latent, outcome, parquet_of};

/// A name that a shell would split.
const DATA: &str = "my data";

/// Four files in [`DATA`] of images of 4 × 4 pixels with these labels.
fn write_data(directory: &Path, train: &[u8], test: &[u8]) {
    let folder = directory.join(DATA);
    fs::create_dir_all(&folder).unwrap();
    for (part, labels) in [("train", train), ("t10k", test)] {
        let count = u32::try_from(labels.len()).unwrap().to_be_bytes();
        let pixel = |(i, label): (usize, &u8)| -> Vec<u8> {
            let of = |j: usize| (i * 37 + j * 11 + usize::from(*label) * 25) % 256;
            (0..16).map(|j| of(j) as u8).collect()
        };
        let pixels: Vec<u8> = labels.iter().enumerate().flat_map(pixel).collect();
        let images = [
            &[0, 0, 8, 3][..],
            &count,
            &[0, 0, 0, 4, 0, 0, 0, 4],
            &pixels,
        ]
        .concat();
        let labels = [&[0, 0, 8, 1][..], &count, labels].concat();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// Runs what is suggested, as it is printed: the lines after `next:` or `resume with`, and the text between
/// backticks that begins with the program. Returns them without the program's name.
fn follow(directory: &Path, printed: &str) -> Vec<String> {
    let program = latent(directory).get_program().to_str().unwrap().to_owned();
    let lines = printed
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .chain(printed.split('`').skip(1).step_by(2));
    let mut followed = Vec::new();
    for line in lines {
        let Some(arguments) = line.strip_prefix(&program) else {
            continue;
        };
        // A placeholder is for the reader to fill.
        let is_placeholder = |word: &str| word.len() > 1 && word.chars().all(char::is_uppercase);
        if arguments.split(' ').any(is_placeholder) {
            continue;
        }
        let mut shell = isolated(Command::new("sh"), directory);
        let (stdout, stderr, code) = outcome(shell.args(["-c", line]));
        assert_eq!(code, 0, "{line}\n{stdout}{stderr}");
        followed.push(arguments.trim().to_owned());
    }
    followed
}

/// Runs a command that must end with `code`, and follows what it suggests.
fn suggested(directory: &Path, arguments: &[&str], code: i32) -> Vec<String> {
    let (stdout, stderr, found) = outcome(latent(directory).args(arguments));
    assert_eq!(found, code, "{arguments:?}: {stdout}{stderr}");
    follow(directory, &format!("{stdout}{stderr}"))
}

fn train(directory: &Path, experiment: &str, settings: &[&str]) -> Vec<String> {
    let options = [
        "--data",
        "idx",
        "--data-dir",
        DATA,
        "--overwrite",
        "--output",
        "a run",
    ];
    let arguments = [
        &["train", experiment, "--epochs", "1"],
        &options[..],
        settings,
    ]
    .concat();
    suggested(directory, &arguments, 0)
}

const SMALL: [&str; 2] = ["--set", "model.hidden=[8]"];

#[test]
fn what_training_suggests_suits_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let labels: Vec<u8> = (0..40).map(|i| i % 10).collect();
    write_data(at, &labels, &labels[..20]);
    let suggestions = train(at, "cvae-mlp", &SMALL);
    assert!(
        suggestions[0].contains("sample 'a run' --labels 3,1,4"),
        "{suggestions:?}"
    );
    assert!(
        suggestions
            .iter()
            .any(|line| line.starts_with("plot analogies"))
    );

    let suggestions = train(at, "vae-2d", &SMALL);
    assert!(
        suggestions
            .iter()
            .any(|line| line.starts_with("plot manifold")),
        "{suggestions:?}"
    );
    assert_eq!(suggestions.len(), 3, "{suggestions:?}");

    let of_size = |size| [&SMALL[..], &["--set", size]].concat();
    let has_tsne = |lines: &[String]| lines.iter().any(|line| line.contains("tsne"));
    assert!(has_tsne(&train(
        at,
        "vae-2d",
        &of_size("model.latent_size=3")
    )));
    let suggestions = train(at, "vae-2d", &of_size("model.latent_size=1"));
    assert!(
        !has_tsne(&suggestions) && suggestions.len() >= 2,
        "{suggestions:?}"
    );

    let suggestions = train(at, "realnvp-5", &SMALL);
    assert!(has_tsne(&suggestions), "{suggestions:?}");
}

#[test]
fn what_training_suggests_suits_few_images_and_absent_classes() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    write_data(at, &[7; 12], &[7; 4]);
    let suggestions = train(at, "cvae-mlp", &SMALL);
    assert!(suggestions[0].contains("--labels 7"), "{suggestions:?}");
    let of_size_3 = [&SMALL[..], &["--set", "model.latent_size=3"]].concat();
    for (test, between) in [(7, Some("0,3")), (3, Some("0,1")), (1, None)] {
        write_data(at, &[7, 1, 7, 1, 7, 1], &vec![1; test]);
        let suggestions = train(at, "vae-2d", &of_size_3);
        let found = suggestions
            .iter()
            .find(|line| line.starts_with("interpolate"));
        match between {
            Some(pair) => assert!(found.unwrap().contains(pair), "{suggestions:?}"),
            None => assert_eq!(found, None),
        }
        assert!(!suggestions.iter().any(|line| line.contains("tsne")));
        train(at, "vae-2d", &SMALL);
    }
}

#[test]
fn what_import_suggests_finds_the_data() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    write_data(at, &[0, 1, 2, 3, 4, 5], &[0, 1, 2]);
    // The likelihood of the experiment into which it is imported, and not the one that fits noise.
    let bernoulli = ["--set", "model.likelihood=bernoulli"];
    train(at, "vae-2d", &[&SMALL[..], &bernoulli].concat());
    let weights = "a run/model.safetensors";
    let data = ["--data", "idx", "--data-dir", DATA];
    for out in ["new model.safetensors", "-dash.safetensors"] {
        let out = format!("--output={out}");
        let arguments = [&["import", weights, "vae-2d", &out], &SMALL[..], &data].concat();
        let suggestions = suggested(at, &arguments, 0);
        assert_eq!(suggestions.len(), 1, "{suggestions:?}");
    }
}

#[test]
fn what_the_card_of_a_model_suggests_works_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let labels: Vec<u8> = (0..20).map(|i| i % 10).collect();
    write_data(at, &labels, &labels);
    let program = latent(at).get_program().to_str().unwrap().to_owned();
    let of_size_1 = [&SMALL[..], &["--set", "model.latent_size=1"]].concat();
    for (experiment, settings, count) in [
        ("cvae-mlp", &SMALL[..], 3),
        ("vae-2d", &SMALL, 3),
        ("vae-2d", &of_size_1, 2),
        ("realnvp-5", &SMALL, 2),
    ] {
        train(at, experiment, settings);
        let export = ["models", "export", "export", "a run", "--data-dir", DATA];
        let (_, stderr, code) = outcome(latent(at).args(export));
        assert_eq!(code, 0, "{stderr}");
        let card = fs::read_to_string(at.join(format!("export/{experiment}.md"))).unwrap();
        let (_, used) = card.split_once("## Use").unwrap();
        let typed: Vec<String> = used
            .lines()
            .filter_map(|line| line.strip_prefix("latent "))
            .map(|line| {
                format!(
                    "  {program} {}",
                    line.replace("PATH", &format!("'../{DATA}'"))
                )
            })
            .collect();
        assert_eq!(
            follow(&at.join("export"), &typed.join("\n")).len(),
            count,
            "{used}"
        );
    }
}

#[test]
fn what_the_lists_and_the_errors_suggest_works() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert_eq!(suggested(at, &["train", "vae-9d"], 1), ["experiments"]);
    assert_eq!(
        suggested(at, &["models", "info", "vae-9d"], 1),
        ["models list"]
    );
    let conditional = ["sample", "vae-2d", "--labels", "3"];
    assert_eq!(suggested(at, &conditional, 1), ["experiments"]);
    let exports = suggested(at, &["models", "export", "an export", "vae-2d"], 1);
    assert_eq!(exports, ["models export 'an export'"]);
}

#[test]
fn what_needs_a_hub_is_suggested_as_it_works() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let splits = synthetic(1, 20, 10);
    let part = |part: &str, data| {
        let path = format!(
            "datasets/zalando-datasets/fashion_mnist/fashion_mnist/{part}-00000-of-00001.parquet"
        );
        (path, parquet_of(data).unwrap())
    };
    let files = [part("train", &splits.train), part("test", &splits.test)];
    let hub = LoopbackHub::serving(BTreeMap::from(files)).unwrap();
    let fetch = ["data", "fetch", "fashion-mnist", "--output", DATA];
    let (stdout, stderr, code) = outcome(latent(at).args(fetch).env("HF_ENDPOINT", hub.endpoint()));
    assert_eq!(code, 0, "{stderr}");
    // Ten epochs of twenty images.
    let followed = follow(at, &stdout);
    assert_eq!(followed, ["train vae-2d --data idx --data-dir 'my data'"]);
}
