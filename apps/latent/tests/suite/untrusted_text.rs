//! Names and messages of untrusted files, hubs and command lines do not reach the terminal as commands to it.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use latent_tests::{latent, outcome, succeed};
use serde_json::Value;

/// Sets the window's title, turns text red by a C1 control character, and reverses its direction.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";

/// Runs a command that quotes the hostile text, where colours are on; returns what it printed.
fn printed(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = latent(directory);
    command.args(arguments).env("CLICOLOR_FORCE", "1");
    let (stdout, stderr, code) = outcome(command.envs(variables.iter().copied()));
    let text = format!("{stdout}{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let hostile = |c: char| matches!(c, '\u{7}' | '\u{80}'..='\u{9f}' | '\u{202e}');
    assert!(
        !text.contains(hostile) && !text.contains("\u{1b}]"),
        "{arguments:?} exits with {code}: {text:?}"
    );
    text
}

/// The same of a command that must quote it, escaped.
fn quoted(directory: &Path, arguments: &[&str]) {
    let text = printed(directory, arguments, &[]);
    assert!(
        text.contains("owned"),
        "{arguments:?} does not quote it: {text}"
    );
}

fn trained() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "train", "vae-2d", "--output", "run", "--epochs", "1", "--limit", "60",
    ];
    let small = ["--no-figures", "--set", "model.hidden=[8]"];
    succeed(directory.path(), &[&arguments[..], &small].concat());
    directory
}

/// A copy of a model's file whose metadata and header were changed.
fn changed(from: &Path, to: &Path, change: impl Fn(&mut Value, &mut Value)) {
    let bytes = fs::read(from).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let metadata = header["__metadata__"]["latent"].as_str().unwrap();
    let mut metadata: Value = serde_json::from_str(metadata).unwrap();
    change(&mut header, &mut metadata);
    header["__metadata__"]["latent"] = Value::String(metadata.to_string());
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    let rest =
        &bytes[8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap()..];
    fs::write(to, [&length[..], header.as_bytes(), rest].concat()).unwrap();
}

#[test]
fn of_a_model_s_file() {
    let directory = trained();
    let at = directory.path();
    let model = at.join("run/model.safetensors");
    let hostile = at.join("hostile.safetensors");
    let evaluate = ["evaluate", "hostile.safetensors", "--limit", "10"];
    changed(&model, &hostile, |_, metadata| {
        metadata["kind"] = HOSTILE.into();
    });
    quoted(at, &evaluate);
    changed(&model, &hostile, |_, metadata| {
        // Of other images, so that the message names the data.
        metadata["data"]["name"] = HOSTILE.into();
        metadata["data"]["checksum"] = "0".into();
    });
    quoted(at, &evaluate);
    changed(&model, &hostile, |_, metadata| {
        metadata["format"] = HOSTILE.into();
    });
    quoted(at, &evaluate);
    changed(&model, &hostile, |header, _| {
        let name = header
            .as_object()
            .unwrap()
            .keys()
            .find(|name| name.ends_with("bias"));
        let name = name.unwrap().clone();
        let tensor = header.as_object_mut().unwrap().remove(&name).unwrap();
        header[HOSTILE] = tensor;
    });
    quoted(at, &evaluate);
    quoted(
        at,
        &[
            "import",
            "hostile.safetensors",
            "vae-2d",
            "--set",
            "model.hidden=[8]",
            "--output",
            "x.safetensors",
        ],
    );
}

#[test]
fn of_the_command_line() {
    let directory = trained();
    let at = directory.path();
    for arguments in [
        &["evaluate", HOSTILE][..],
        &["train", HOSTILE],
        &["train", "vae-2d", "--set", &format!("model.{HOSTILE}=1")],
        &["train", "vae-2d", "--data-dir", HOSTILE],
        &["evaluate", "run", "--data", HOSTILE],
        &["sample", "run", "--count", HOSTILE],
        &["sample", "run", "--output", HOSTILE],
        &["report", HOSTILE],
        &["models", "info", HOSTILE],
        &[
            "evaluate",
            &format!("hf://owner/models/{HOSTILE}.safetensors"),
        ],
        &["plot", "curves", "run", "--against", HOSTILE],
        &[HOSTILE],
    ] {
        quoted(at, arguments);
    }
}

#[cfg(unix)]
#[test]
fn of_the_names_of_files() {
    let directory = trained();
    let at = directory.path();
    fs::rename(at.join("run"), at.join(HOSTILE)).unwrap();
    let out = format!("{HOSTILE}.png");
    quoted(at, &["sample", HOSTILE, "--output", &out]);
    quoted(at, &["evaluate", HOSTILE, "--json", "--limit", "10"]);
    quoted(at, &["compare", HOSTILE, HOSTILE]);
    quoted(at, &["train", "--resume", HOSTILE, "--no-figures"]);
}

#[test]
fn of_experiments_metrics_and_indexes() {
    let directory = trained();
    let at = directory.path();
    let toml = |name: &str, description: &str| {
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let (name, description) = (text(name), text(description));
        let head = format!("name = {name}\ndescription = {description}\n");
        fs::write(at.join("mine.toml"), head + "[model]\nkind = 'vae'\n").unwrap();
    };
    toml(HOSTILE, "");
    quoted(at, &["train", "mine.toml"]);
    fs::write(at.join("mine.toml"), format!("{HOSTILE} = 1\n")).unwrap();
    quoted(at, &["train", "mine.toml"]);
    fs::write(
        at.join("mine.toml"),
        format!("name = 'x'\n[model]\nkind = '{HOSTILE}'\n"),
    )
    .unwrap();
    quoted(at, &["train", "mine.toml"]);

    let metrics = at.join("run/metrics.jsonl");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&metrics).unwrap()).unwrap();
    record["test"][HOSTILE] = 1.0.into();
    fs::write(&metrics, format!("{record}\n")).unwrap();
    quoted(at, &["compare", "run"]);
    quoted(at, &["compare", "run", "--json"]);
    quoted(at, &["compare", "run", "--csv"]);

    fs::create_dir(at.join("export")).unwrap();
    let index = serde_json::json!({ "models": { HOSTILE: 1 } });
    fs::write(at.join("export/index.json"), index.to_string()).unwrap();
    printed(at, &["models", "export", "export"], &[]);
    fs::write(
        at.join("export/index.json"),
        format!("{{\"{HOSTILE}\": 1}}"),
    )
    .unwrap();
    printed(at, &["models", "export", "export"], &[]);
}

#[test]
fn of_a_hub() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            _ = stream.read(&mut [0; 4096]);
            let headers = format!(
                "X-Repo-Commit: {HOSTILE}\r\nETag: \"{HOSTILE}\"\r\nLocation: /{HOSTILE}\r\nX-Error-Message: {HOSTILE}\r\n"
            );
            let status = ["200 OK", "302 Found", "404 Not Found", "500 Trouble"][number % 4];
            let status = format!("HTTP/1.1 {status}{HOSTILE}\r\n");
            let body = format!("Content-Length: 7\r\nConnection: close\r\n\r\n{HOSTILE}");
            _ = stream.write_all([status, headers, body].concat().as_bytes());
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let endpoint = format!("http://{address}");
    for _ in 0..4 {
        let arguments = ["evaluate", "hf://owner/models/file.safetensors"];
        let text = printed(directory.path(), &arguments, &[("HF_ENDPOINT", &endpoint)]);
        assert!(text.contains("error: "), "{text}");
    }
    let arguments = ["models", "fetch"];
    for variable in ["HF_ENDPOINT", "LATENT_MODELS"] {
        let text = printed(directory.path(), &arguments, &[(variable, HOSTILE)]);
        assert!(text.contains("owned"), "{text}");
    }
}
