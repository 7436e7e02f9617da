//! The models that are there without training: they are what their cards say, they come from a hub, and new
//! ones can be given to others.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base16ct::lower::encode_string;
use latent_tests::{
    LoopbackHub, Misbehaviour, announce, fail, latent, mnist, object, outcome, succeed,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where this repository has those that are in the program, and all cards.
fn embedded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/pretrained/models")
}

/// Where it has the larger ones.
fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models")
}

/// The file of a model in either.
fn file(name: &str) -> PathBuf {
    let file = format!("{name}.safetensors");
    let mut found = [embedded(), assets()]
        .map(|directory| directory.join(&file))
        .into_iter();
    found.find(|path| path.exists()).unwrap()
}

fn listed() -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let list = object(directory.path(), &["models", "list"]);
    list["models"].as_array().unwrap().clone()
}

fn name(model: &Value) -> &str {
    model["name"].as_str().unwrap()
}

#[test]
fn the_index_the_files_and_the_cards_say_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut total = 0;
    for model in listed() {
        let name = name(&model);
        let bytes = fs::read(file(name)).unwrap();
        assert_eq!(model["bytes"], bytes.len(), "{name}");
        assert_eq!(
            model["sha256"],
            encode_string(&Sha256::digest(&bytes)),
            "{name}"
        );
        assert!(bytes.len() < 20_000_000, "{name}");
        total += bytes.len();

        let card = succeed(directory.path(), &["models", "info", name]);
        assert_eq!(
            card,
            fs::read_to_string(embedded().join(format!("{name}.md"))).unwrap()
        );
        // The experiment as it is now, and no other: whoever types this gets such a model.
        let made = format!("| Training | `latent train {name} --data mnist` (seed 1,");
        assert!(card.contains(&made), "{card}");
        assert_eq!(model["data"]["name"], "mnist");
    }
    assert!(total > 0);
    assert!(total < 40_000_000, "{total} bytes");
}

#[test]
fn a_name_draws_digits_with_no_file_and_no_network() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let draw = ["sample", "cvae-conv", "--labels", "3,1,4"];
    assert_eq!(
        succeed(path, &draw).trim_end(),
        "cvae-conv-samples.png",
        "it goes into the current directory"
    );
    assert!(path.join("cvae-conv-samples.png").is_file());

    // What lies here under the name is meant before what is known by it.
    fs::create_dir(path.join("cvae-conv")).unwrap();
    let message = fail(path, &draw, 1);
    assert!(message.contains("experiment.toml"), "{message}");

    let message = fail(path, &["sample", "cvae-con"], 1);
    assert!(message.contains("did you mean `cvae-conv`?"), "{message}");
    let message = fail(path, &["models", "info", "vae"], 1);
    assert!(message.contains("latent models list`"), "{message}");
}

#[test]
fn the_figures_on_the_cards_come_out_again() {
    if mnist("the figures on the models' cards").is_none() {
        return;
    }
    let data = std::env::var("LATENT_DATA_DIR").ok();
    for model in listed() {
        let name = name(&model);
        let file = file(name);
        let directory = tempfile::tempdir().unwrap();
        let mut evaluate = latent(directory.path());
        evaluate.args(["evaluate", file.to_str().unwrap(), "--limit", "500"]);
        evaluate.args(["--data", "mnist", "--json"]);
        if let Some(data) = &data {
            evaluate.env("LATENT_DATA_DIR", data);
        }
        let (stdout, stderr, code) = outcome(&mut evaluate);
        assert_eq!(code, 0, "{stderr}");
        let found: Value = serde_json::from_str(&stdout).unwrap();
        // The first twentieth of the images: near enough that other weights would be found out.
        let (found, stated) = (&found["loss"], &model["metrics"]["test"]["loss"]);
        let (found, stated) = (found.as_f64().unwrap(), stated.as_f64().unwrap());
        announce(&format!(
            "{name}: {found:.2} of 500 images, {stated:.2} of all"
        ));
        assert!(
            (found - stated).abs() < 0.05 * stated.abs(),
            "{name}: {found} against {stated}"
        );
    }
}

fn with_models(
    directory: &Path,
    server: &LoopbackHub,
    arguments: &[&str],
) -> (String, String, i32) {
    outcome(at(&mut latent(directory), server).args(arguments))
}

fn at<'a>(command: &'a mut Command, server: &LoopbackHub) -> &'a mut Command {
    command
        .env("HF_ENDPOINT", server.endpoint())
        .env("LATENT_MODELS", "somebody/digits@v1.0")
}

/// A hub with one file for a model.
fn hub_with(name: &str, bytes: Vec<u8>) -> LoopbackHub {
    let file = format!("somebody/digits/{name}.safetensors");
    LoopbackHub::serving(BTreeMap::from([(file, bytes)])).unwrap()
}

#[test]
fn a_large_one_comes_from_the_hub_and_is_the_one_that_was_meant() {
    let models = listed();
    let large = models.iter().find(|model| model["place"] == "hub").unwrap();
    let name = name(large);
    let bytes = fs::read(file(name)).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let message = fail(path, &["sample", name], 1);
    assert!(
        message.contains(&format!("latent train {name} --data mnist` trains it")),
        "{message}"
    );

    // Somebody else's file under this name, with all that a hub promises kept.
    let other = hub_with(name, bytes[..2000].to_vec());
    let (_, message, code) = with_models(path, &other, &["models", "fetch", name]);
    assert_eq!(code, 1);
    assert!(message.contains(&format!("not the {name}")), "{message}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = hub_with(name, bytes);
    server.misbehave(Misbehaviour::CutOff);
    let (_, message, code) = with_models(path, &server, &["models", "fetch", name]);
    assert_eq!(code, 1, "{message}");
    server.misbehave(Misbehaviour::None);
    let (stdout, message, code) = with_models(path, &server, &["models", "fetch", name]);
    assert_eq!(code, 0, "{message}");
    assert!(stdout.starts_with(&format!("{name}: ")), "{stdout}");

    // From then on its name does, with no hub at all.
    server.misbehave(Misbehaviour::Status(500));
    server.take_requests();
    let draw = ["sample", name, "--count", "4"];
    let (_, message, code) = with_models(path, &server, &draw);
    assert_eq!(code, 0, "{message}");
    assert_eq!(server.take_requests(), Vec::<String>::new());

    // A second fetch of a branch asks whether it moved; where nobody answers, the copy is used and said so.
    let large = "hf://somebody/digits@v1.0/".to_owned() + name + ".safetensors";
    let (_, message, code) = with_models(path, &server, &["sample", &large, "--json"]);
    assert_eq!(code, 0, "{message}");
    assert!(message.starts_with("warning: "), "{message}");
    assert!(message.contains("may be out of date"), "{message}");
}

#[test]
fn models_are_listed_whatever_the_settings_of_a_hub_are() {
    let directory = tempfile::tempdir().unwrap();
    for (variable, value, expected) in [
        ("HF_ENDPOINT", "nonsense", "HF_ENDPOINT is nonsense"),
        ("LATENT_MODELS", "nobody", "hf://owner/repository"),
        ("HF_TOKEN", "with a space", "HF_TOKEN"),
    ] {
        let mut list = latent(directory.path());
        list.args(["models", "list"]).env(variable, value);
        let (words, message, code) = outcome(&mut list);
        assert_eq!(code, 0, "{message}");
        assert!(words.contains("in the program"), "{words}");
        assert!(message.contains(expected), "{message}");
        let mut fetch = latent(directory.path());
        fetch.args(["models", "fetch", "nice"]).env(variable, value);
        let (_, message, code) = outcome(&mut fetch);
        assert_eq!(code, 1, "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_the_default_repository_lacks_is_said_with_what_works_instead() {
    let directory = tempfile::tempdir().unwrap();
    let server = LoopbackHub::serving(BTreeMap::new()).unwrap();
    // The real hub answers 401 for a repository that is not there.
    for misbehaviour in [Misbehaviour::None, Misbehaviour::Status(401)] {
        server.misbehave(misbehaviour);
        let mut fetch = latent(directory.path());
        fetch
            .args(["models", "fetch", "nice"])
            .env("HF_ENDPOINT", server.endpoint());
        let (_, message, code) = outcome(&mut fetch);
        assert_eq!(code, 1, "{message}");
        for words in [
            "latent train nice --data mnist`",
            "LATENT_MODELS",
            "cvae-conv",
        ] {
            assert!(message.contains(words), "{words}: {message}");
        }
        // Of a repository of one's own, the hub's answer says enough.
        let (_, message, _) = with_models(directory.path(), &server, &["models", "fetch", "nice"]);
        assert!(!message.contains("default repository"), "{message}");
    }
}

/// A small trained run.
fn trained(path: &Path) {
    let train = "train cvae-mlp --data synthetic --limit 200 --epochs 1 --no-figures --output run";
    let small = "--set model.hidden=[16] --set training.batch_size=50";
    let arguments: Vec<&str> = train.split(' ').chain(small.split(' ')).collect();
    succeed(path, &arguments);
}

#[test]
fn what_is_exported_is_measured_again_and_can_be_drawn_with() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    trained(path);
    succeed(path, &["models", "export", "whole", "run"]);
    succeed(path, &["models", "export", "half", "run", "--half"]);
    succeed(path, &["models", "export", "again", "run", "--half"]);
    let file = |directory: &str, name: &str| fs::read(path.join(directory).join(name)).unwrap();
    for name in [
        "cvae-mlp.safetensors",
        "cvae-mlp.md",
        "README.md",
        "index.json",
    ] {
        assert_eq!(file("half", name), file("again", name), "{name}");
    }
    let weights = |directory| file(directory, "cvae-mlp.safetensors");
    let ratio = weights("half").len() as f64 / weights("whole").len() as f64;
    assert!(ratio < 0.6, "{ratio}");

    // The figures are those of the rounded weights, near those of the whole, and not the same.
    let loss = |directory: &str| {
        let index: Value = serde_json::from_slice(&file(directory, "index.json")).unwrap();
        let metadata = &index["models"]["cvae-mlp"]["metadata"];
        metadata["metrics"]["test"]["loss"].as_f64().unwrap()
    };
    assert_ne!(loss("half"), loss("whole"));
    // Rounding to half floats changes each weight by at most 2⁻¹¹ of it, and no sum of products by more, so that
    // encoder and decoder together change the loss by about twice that.
    let change = loss("half") / loss("whole") - 1.0;
    assert!(change.abs() <= 2.0 * 2f64.powi(-11), "{change}");
    let model = "half/cvae-mlp.safetensors";
    let evaluated = object(path, &["evaluate", model, "--limit", "200"]);
    assert_eq!(evaluated["loss"].as_f64().unwrap(), loss("half"));
    succeed(
        path,
        &[
            "sample",
            model,
            "--labels",
            "7",
            "--count",
            "1",
            "--output",
            "seven.png",
        ],
    );

    // A name that is another page's is refused before that is overwritten.
    let overview = file("whole", "README.md");
    let train = "train cvae-mlp --data synthetic --limit 200 --epochs 1 --no-figures --output readme \
                 --set name=README --set model.hidden=[16]";
    succeed(path, &train.split_whitespace().collect::<Vec<_>>());
    let message = fail(path, &["models", "export", "whole", "readme"], 1);
    assert!(message.contains("\"README\""), "{message}");
    assert_eq!(file("whole", "README.md"), overview);

    // More may be added, but not to a directory of other things, nor with figures of other images.
    fs::create_dir(path.join("mine")).unwrap();
    fs::write(path.join("mine").join("README.md"), "mine").unwrap();
    let message = fail(path, &["models", "export", "mine", "run"], 1);
    assert!(message.contains("choose a new directory"), "{message}");
    assert_eq!(file("mine", "README.md"), b"mine");
    fs::write(path.join("half").join("index.json"), "{").unwrap();
    let message = fail(path, &["models", "export", "half", "run"], 1);
    assert!(message.contains("not a valid index of models"), "{message}");
}

#[test]
fn the_pretrained_models_are_exported_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // A clone of the repository has all of them.
    fs::create_dir_all(path.join("assets")).unwrap();
    fs::create_dir(path.join("assets").join("models")).unwrap();
    for entry in fs::read_dir(assets()).unwrap() {
        let file = entry.unwrap().file_name();
        let copy = path.join("assets").join("models").join(&file);
        fs::copy(assets().join(file), copy).unwrap();
    }
    succeed(path, &["models", "export", "out"]);
    let mut files = 0;
    for directory in [assets(), embedded()] {
        for entry in fs::read_dir(&directory).unwrap() {
            let file = entry.unwrap().file_name();
            assert_eq!(
                fs::read(path.join("out").join(&file)).unwrap(),
                fs::read(directory.join(&file)).unwrap(),
                "{}",
                file.display()
            );
            files += 1;
        }
    }
    assert_eq!(fs::read_dir(path.join("out")).unwrap().count(), files);
}
