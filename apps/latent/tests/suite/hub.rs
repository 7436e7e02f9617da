//! A hub that misbehaves: whatever it does, there is one message that says what to do, nothing wrong in the
//! cache, and the next honest try works.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use latent_datasets::{Splits, synthetic};
use latent_hub::{Error, Fetched, Hub, HubFile};
use latent_tests::{
    LoopbackHub, Misbehaviour, announce, isolated, latent, outcome, parquet_of, succeed,
};

const LARGE: &str = "hf://owner/models/nets/large.bin";
const SMALL: &str = "hf://datasets/owner/data@v1.0/small.json";
const TIMEOUT: Duration = Duration::from_millis(400);

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * i % 251) as u8).collect()
}

fn served() -> LoopbackHub {
    let files = [
        ("owner/models/nets/large.bin", bytes(300_000)),
        ("datasets/owner/data/small.json", b"{}\n".to_vec()),
    ];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes));
    LoopbackHub::serving(BTreeMap::from(files)).unwrap()
}

fn file(name: &str) -> HubFile {
    name.parse().unwrap()
}

fn fetch(server: &LoopbackHub, cache: &Path, name: &str) -> Result<PathBuf, Error> {
    let fetched = fetched(server, cache, name)?;
    assert!(fetched.unchecked.is_none(), "{:?}", fetched.unchecked);
    Ok(fetched.path)
}

fn fetched(server: &LoopbackHub, cache: &Path, name: &str) -> Result<Fetched, Error> {
    let hub = Hub::new(&server.endpoint(), cache).with_timeout(TIMEOUT);
    hub.fetch(&file(name), &mut |_| {})
}

/// What becomes of a download that broke off in the middle when a server that does this wrong is asked to
/// go on, and what it was asked.
fn after_a_break(
    server: &LoopbackHub,
    cache: &Path,
    misbehaviour: Misbehaviour,
) -> (Result<PathBuf, Error>, String) {
    server.misbehave(Misbehaviour::CutOff);
    fetch(server, cache, LARGE).unwrap_err();
    server.take_requests();
    server.misbehave(misbehaviour);
    let result = fetch(server, cache, LARGE);
    (result, server.take_requests().concat().to_lowercase())
}

/// All files below a directory, links followed.
fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                below(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn files_come_from_a_hub_once_and_then_from_the_cache() {
    let server = served();
    let cache = tempfile::tempdir().unwrap();
    for (name, expected) in [(LARGE, bytes(300_000)), (SMALL, b"{}\n".to_vec())] {
        let mut last = 0;
        let hub = Hub::new(&server.endpoint(), cache.path());
        assert_eq!(hub.cached(&file(name)), None);
        let path = hub
            .fetch(&file(name), &mut |progress| {
                assert_eq!(progress.total, expected.len() as u64);
                assert!(progress.received > last);
                last = progress.received;
            })
            .unwrap()
            .path;
        assert_eq!(fs::read(&path).unwrap(), expected);
        assert_eq!(last, expected.len() as u64);
        assert!(path.ends_with(file(name).path()));
        server.take_requests();
        assert_eq!(fetch(&server, cache.path(), name).unwrap(), path);
        assert_eq!(hub.cached(&file(name)), Some(path));
        // A branch may have moved, which is asked; what has not changed is not sent again.
        let requests = server.take_requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert!(requests[0].starts_with("HEAD "), "{requests:?}");
    }
}

#[test]
fn after_every_misbehaviour_the_next_honest_try_works() {
    let server = served();
    let cases: [(Misbehaviour, &str); 19] = [
        (Misbehaviour::Status(401), "refuses access (status 401)"),
        (Misbehaviour::Status(403), "refuses access (status 403)"),
        (Misbehaviour::Status(404), "has no such file"),
        (Misbehaviour::Status(429), "asks to wait 17 s (status 429)"),
        (Misbehaviour::Status(500), "status 500"),
        (Misbehaviour::Status(503), "status 503"),
        (Misbehaviour::Status(204), "status 204"),
        (Misbehaviour::CutOff, "ended after 150000 of 300000 bytes"),
        (Misbehaviour::OtherBytes, "and was deleted"),
        (Misbehaviour::OneMore, "and was deleted"),
        (Misbehaviour::Stall, "no data for"),
        (Misbehaviour::Silence, "no data for"),
        (Misbehaviour::CircleOfNames, "too many redirects"),
        (Misbehaviour::CircleOfPlaces, "too many redirects"),
        (
            Misbehaviour::NoHeaders,
            "not a valid response of a hub (the header etag is missing)",
        ),
        (Misbehaviour::HostileNames, "the etag is not a checksum"),
        (Misbehaviour::Endless, "the size is not a number of bytes"),
        (Misbehaviour::Noise, "not a valid response of a hub"),
        (Misbehaviour::None, ""),
    ];
    for (misbehaviour, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("deep").join("cache");
        server.misbehave(misbehaviour);
        let begun = Instant::now();
        let result = fetch(&server, &cache, LARGE);
        assert!(begun.elapsed() < 10 * TIMEOUT, "{misbehaviour:?}");
        if misbehaviour != Misbehaviour::None {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(expected), "{misbehaviour:?}: {message}");
            // No more than what arrived of it, under a name of its own, and a lock.
            for path in below(directory.path()) {
                assert!(
                    path.extension()
                        .is_some_and(|end| end == "incomplete" || end == "lock"),
                    "{path:?}"
                );
            }
        }
        server.misbehave(Misbehaviour::None);
        let path = fetch(&server, &cache, LARGE).unwrap();
        assert_eq!(fs::read(path).unwrap(), bytes(300_000), "{misbehaviour:?}");
    }
}

#[test]
fn a_broken_download_goes_on_where_it_ended() {
    let server = served();
    for (misbehaviour, expected) in [
        (Misbehaviour::None, None),
        // From the beginning then, in the same try.
        (Misbehaviour::WholeForRest, None),
        (Misbehaviour::NoRanges, None),
        // Another rest than was asked for is refused, and what was here is still good.
        (Misbehaviour::OtherRest, Some("another part of the file")),
        // A rest that is not of the same file is found out by the whole's checksum.
        (Misbehaviour::OtherBytes, Some("checksum")),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let (result, requests) = after_a_break(&server, cache.path(), misbehaviour);
        assert!(requests.contains("bytes=150000-"), "{requests}");
        let path = match expected {
            None => result.unwrap(),
            Some(words) => {
                let message = result.unwrap_err().to_string();
                assert!(message.contains(words), "{message}");
                server.misbehave(Misbehaviour::None);
                fetch(&server, cache.path(), LARGE).unwrap()
            }
        };
        assert_eq!(fs::read(path).unwrap(), bytes(300_000), "{misbehaviour:?}");
    }
}

#[test]
fn a_branch_that_moved_is_followed_and_a_commit_is_not_asked_for_again() {
    let cache = tempfile::tempdir().unwrap();
    let files = |contents: &str| {
        let file = (
            "owner/models/small.txt".to_owned(),
            contents.as_bytes().to_vec(),
        );
        LoopbackHub::serving(BTreeMap::from([file])).unwrap()
    };
    let (branch, commit) = (
        "hf://owner/models/small.txt",
        "hf://owner/models@0123456789ABCDEF0123456789abcdef01234567/small.txt",
    );
    let first = files("one");
    let path = fetch(&first, cache.path(), branch).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    first.take_requests();
    assert_eq!(fetch(&first, cache.path(), commit).unwrap(), path);
    assert_eq!(first.take_requests(), [""; 0]);
    // Another commit with other contents.
    let second = files("two");
    second.move_to("1123456789abcdef0123456789abcdef01234567");
    let path = fetch(&second, cache.path(), branch).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    // Out of reach, what is here will do, and the caller learns that nobody was asked.
    for misbehaviour in [Misbehaviour::Status(503), Misbehaviour::Silence] {
        second.misbehave(misbehaviour);
        let old = fetched(&second, cache.path(), branch).unwrap();
        assert_eq!(old.path, path);
        assert!(old.unchecked.is_some(), "{misbehaviour:?}");
    }
    let nobody = Hub::new("http://127.0.0.1:9", cache.path());
    let old = nobody.fetch(&file(branch), &mut |_| {}).unwrap();
    assert!(matches!(old.unchecked, Some(Error::Unreachable { .. })));
    // A commit never changes, and is not asked for.
    let old = nobody.fetch(&file(commit), &mut |_| {}).unwrap();
    assert!(old.unchecked.is_none());
}

#[test]
fn a_token_goes_to_the_hub_and_into_no_message() {
    let server = served();
    let cache = tempfile::tempdir().unwrap();
    let secret = "hf_verysecret";
    let hub = Hub::new(&server.endpoint(), cache.path()).with_token(secret);
    assert!(!format!("{hub:?}").contains(secret));
    server.misbehave(Misbehaviour::Status(403));
    let error = hub.fetch(&file(LARGE), &mut |_| {}).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret));
    server.take_requests();

    // The hub leads to its large files on another server, which is none of its own.
    server.misbehave(Misbehaviour::None);
    hub.fetch(&file(LARGE), &mut |_| {}).unwrap();
    let requests = server.take_requests();
    let host = format!("host: {}", server.storage());
    let (elsewhere, own): (Vec<_>, Vec<_>) = requests
        .iter()
        .partition(|request| request.lines().any(|line| line.eq_ignore_ascii_case(&host)));
    assert_eq!((elsewhere.len(), own.len()), (1, 2), "{requests:?}");
    let knows = |request: &&String| request.contains("Bearer hf_verysecret");
    assert!(own.iter().all(knows), "{own:?}");
    assert!(
        !elsewhere[0].to_lowercase().contains("hf_verysecret"),
        "{elsewhere:?}"
    );
}

#[test]
fn a_hub_on_this_computer_is_asked_without_a_proxy() {
    let server = served();
    let directory = tempfile::tempdir().unwrap();
    let mut command = latent(directory.path());
    command
        .args(["sample", "hf://owner/models/nets/large.bin"])
        .env("HF_ENDPOINT", server.endpoint());
    for variable in ["ALL_PROXY", "HTTP_PROXY", "http_proxy"] {
        command.env(variable, "http://127.0.0.1:9");
    }
    // It came here, and is no model.
    let (_, message, code) = outcome(&mut command);
    assert_eq!(code, 1);
    assert!(message.contains("not a safetensors file"), "{message}");
}

#[test]
fn a_token_is_not_sent_unencrypted_to_another_computer() {
    let cache = tempfile::tempdir().unwrap();
    let secret = "hf_verysecret";
    // Not asked for at all: no such host exists, and the error would be another one.
    for endpoint in [
        "http://hub.invalid",
        "http://localhost.invalid:80",
        "http://[2001:db8::1]",
    ] {
        let hub = Hub::new(endpoint, cache.path()).with_token(secret);
        let error = hub.fetch(&file(LARGE), &mut |_| {}).unwrap_err();
        assert!(matches!(error, Error::TokenInClear { .. }), "{error}");
        assert!(!error.to_string().contains(secret));
        let without = Hub::new(endpoint, cache.path());
        without.check().unwrap();
    }
    for endpoint in [
        "https://hub.invalid",
        "http://localhost:80",
        "http://[::1]",
        "http://127.0.0.2",
    ] {
        Hub::new(endpoint, cache.path())
            .with_token(secret)
            .check()
            .unwrap();
    }
}

#[test]
fn what_is_in_the_cache_needs_no_endpoint() {
    let server = served();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let commit = "hf://owner/models@0123456789abcdef0123456789abcdef01234567/nets/large.bin";
    let here = fetch(&server, path, commit).unwrap();
    let hub = Hub::new("nonsense", path);
    assert_eq!(hub.fetch(&file(commit), &mut |_| {}).unwrap().path, here);
    let error = hub.fetch(&file(SMALL), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
}

#[test]
fn nobody_answers_and_the_message_says_where() {
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new("http://127.0.0.1:9", cache.path());
    let message = hub
        .fetch(&file(LARGE), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("http://127.0.0.1:9") && message.contains("cannot be reached"),
        "{message}"
    );
}

#[test]
fn names_that_lead_astray_are_refused() {
    for name in [
        "owner/models/file",
        "hf://",
        "hf://owner",
        "hf://owner/models",
        "hf://owner/models/",
        "hf://owner/models/../file",
        "hf://owner/../../file",
        "hf://owner/models@/file",
        "hf://owner/models@../file",
        "hf://owner/models@a b/file",
        "hf://ow ner/models/file",
        "hf://spaces/owner/models/file",
        "hf://owner/models/a//b",
        "hf://owner/models/a?b",
    ] {
        let message = name.parse::<HubFile>().unwrap_err().to_string();
        assert!(
            message.contains("hf://owner/repository/file.safetensors"),
            "{name}: {message}"
        );
    }
    for name in [LARGE, SMALL, "hf://owner/models@feature%2Fx/file"] {
        let file = name.parse::<HubFile>().unwrap();
        assert_eq!(file.to_string(), name);
    }
}

const TRAIN: &str = "mnist/train-00000-of-00001.parquet";
const TEST: &str = "mnist/test-00000-of-00001.parquet";

/// `latent` with this hub and a cache in its directory.
fn with_hub(directory: &Path, server: &LoopbackHub, arguments: &[&str]) -> (String, String, i32) {
    let mut command = latent(directory);
    command
        .args(arguments)
        .env("HF_ENDPOINT", server.endpoint());
    outcome(&mut command)
}

fn hub_of(repository: &str, folder: &str, digits: &Splits) -> LoopbackHub {
    let name =
        |split: &str| format!("datasets/{repository}/{folder}/{split}-00000-of-00001.parquet");
    LoopbackHub::serving(BTreeMap::from([
        (name("train"), parquet_of(&digits.train).unwrap()),
        (name("test"), parquet_of(&digits.test).unwrap()),
    ]))
    .unwrap()
}

#[test]
fn a_data_set_is_fetched_and_then_found() {
    let digits = synthetic(3, 40, 20);
    let server = hub_of("zalando-datasets/fashion_mnist", "fashion_mnist", &digits);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let fetch = ["data", "fetch", "fashion-mnist"];
    let (words, _, code) = with_hub(path, &server, &fetch);
    assert_eq!(code, 0);
    assert!(
        words.contains("40 training images and 20 test images"),
        "{words}"
    );
    let (_, message, code) = with_hub(path, &server, &fetch);
    assert_eq!(code, 1);
    assert!(message.contains("`--overwrite`"), "{message}");
    let kept = path.join("user-data").join("latent").join("fashion-mnist");
    let info = ["data", "info", "--data", "idx", "--data-dir"];
    let found = succeed(path, &[&info[..], &[kept.to_str().unwrap()]].concat());
    assert!(found.contains(&digits.train.checksum()), "{found}");
    assert!(found.contains(&digits.test.checksum()), "{found}");
}

#[test]
fn what_is_called_mnist_and_is_not_goes_nowhere() {
    let server = hub_of("ylecun/mnist", "mnist", &synthetic(3, 40, 20));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (_, message, code) = with_hub(path, &server, &["data", "fetch", "--output", "digits"]);
    assert_eq!(code, 1);
    assert!(message.contains("SHA-256"), "{message}");
    assert!(!path.join("digits").exists());

    // And neither does what is no data set at all.
    for bytes in [b"PAR1 and so on PAR1".to_vec(), Vec::new(), bytes(5000)] {
        let names = [TRAIN, TEST].map(|name| format!("datasets/ylecun/mnist/{name}"));
        let files = names.map(|name| (name, bytes.clone()));
        let server = LoopbackHub::serving(BTreeMap::from(files)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (_, message, code) = with_hub(path, &server, &["data", "fetch", "--output", "digits"]);
        assert_eq!(code, 1);
        assert!(
            message.contains("not a Parquet data set of images"),
            "{message}"
        );
        assert!(!message.contains("panicked"), "{message}");
        assert!(!path.join("digits").exists());
    }
}

#[test]
fn the_real_mnist_is_fetched_from_the_hub_s_parquet() {
    let mnist = std::env::var_os("LATENT_DATA_DIR").map(PathBuf::from);
    // Where it lies beside the files of MNIST.
    let hub = mnist.map(|path| path.join("../hub/datasets/ylecun/mnist"));
    let Some(hub) = hub.filter(|path| path.join(TRAIN).is_file()) else {
        return announce("SKIPPED: MNIST from the hub's parquet, which is not on this computer");
    };
    let files = [TRAIN, TEST].map(|name| {
        let bytes = fs::read(hub.join(name)).unwrap();
        (format!("datasets/ylecun/mnist/{name}"), bytes)
    });
    let server = LoopbackHub::serving(BTreeMap::from(files)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();

    server.misbehave(Misbehaviour::CutOff);
    let (_, message, code) = with_hub(path, &server, &["data", "fetch"]);
    assert_eq!(code, 1);
    assert!(message.contains("try again"), "{message}");
    server.misbehave(Misbehaviour::None);
    assert_eq!(with_hub(path, &server, &["data", "fetch"]).2, 0);
    // From now on it is what `auto` finds.
    assert!(succeed(path, &["data", "info"]).starts_with("mnist\n"));

    // The cache serves without a network.
    server.misbehave(Misbehaviour::Status(500));
    let (_, message, code) = with_hub(path, &server, &["data", "fetch", "--output", "again"]);
    assert_eq!(code, 0, "{message}");
}

/// Trains a model, the run `run`, and serves it and another file.
fn hub_with_a_model(directory: &Path) -> LoopbackHub {
    let train = "train vae-2d --data synthetic --limit 100 --epochs 1 --output run --no-figures";
    succeed(directory, &train.split(' ').collect::<Vec<_>>());
    let model = fs::read(directory.join("run").join("model.safetensors")).unwrap();
    let files = [
        ("owner/digits/vae.safetensors", model),
        ("owner/digits/notes.txt", bytes(2000)),
    ];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes));
    LoopbackHub::serving(BTreeMap::from(files)).unwrap()
}

/// Where Python's `huggingface_hub` says that a file is after this call of `hf_hub_download`.
fn by_python(python: &OsStr, directory: &Path, server: &LoopbackHub, arguments: &str) -> PathBuf {
    let script =
        format!("import huggingface_hub; print(huggingface_hub.hf_hub_download({arguments}))");
    let mut command = isolated(Command::new(python), directory);
    command
        .args(["-c", &script])
        .env("HF_ENDPOINT", server.endpoint())
        .env("NO_PROXY", "127.0.0.1");
    let (said, complaint, code) = outcome(&mut command);
    assert_eq!(code, 0, "{complaint}");
    said.trim().into()
}

/// The requests since the last time that are for a file: Python's client has others of its own.
fn for_files(server: &LoopbackHub) -> Vec<String> {
    let mut requests = server.take_requests();
    requests.retain(|request| request.contains("/resolve/") || request.contains("/bytes/"));
    requests
}

#[test]
fn python_s_client_takes_the_loopback_hub_for_one_and_shares_its_cache_with_ours() {
    let python = std::env::var_os("LATENT_PYTHON").unwrap_or_else(|| "python3".into());
    let probe = Command::new(&python)
        .args(["-c", "import huggingface_hub"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return announce(
            "SKIPPED: the hub seen by Python, which has no module huggingface_hub here (`just test-python` \
             sees to it, or $LATENT_PYTHON names a Python that has it)",
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = hub_with_a_model(path);
    let trained = fs::read(path.join("run").join("model.safetensors")).unwrap();

    // Python fetches, and `latent` finds.
    let model = r#""owner/digits", "vae.safetensors""#;
    let fetched = by_python(&python, path, &server, model);
    assert_eq!(fs::read(&fetched).unwrap(), trained);
    server.take_requests();
    let offline = |name: &str| {
        let mut command = latent(path);
        command
            .args(["sample", name, "--seed", "3", "--output", "there.npy"])
            .env("HF_ENDPOINT", server.endpoint())
            .env("HF_HUB_OFFLINE", "1");
        outcome(&mut command)
    };
    let (_, message, code) = offline("hf://owner/digits/vae.safetensors");
    assert_eq!(code, 0, "{message}");
    assert_eq!(server.take_requests(), [""; 0]);
    succeed(
        path,
        &["sample", "run", "--seed", "3", "--output", "here.npy"],
    );
    let numbers = |name| fs::read(path.join(name)).unwrap();
    assert_eq!(numbers("there.npy"), numbers("here.npy"));

    // `latent` fetches, and Python finds: a large file and a small one.
    let server = served();
    let cache = path.join("hub").join("hub");
    for (name, contents, arguments) in [
        (LARGE, bytes(300_000), r#""owner/models", "nets/large.bin""#),
        (
            SMALL,
            b"{}\n".to_vec(),
            r#""owner/data", "small.json", repo_type="dataset", revision="v1.0""#,
        ),
    ] {
        let ours = fetch(&server, &cache, name).unwrap();
        server.take_requests();
        let alone = format!("{arguments}, local_files_only=True");
        assert_eq!(by_python(&python, path, &server, &alone), ours);
        assert_eq!(for_files(&server), [""; 0]);
        // Asked again, it is still the same file, of which nothing is sent.
        assert_eq!(by_python(&python, path, &server, arguments), ours);
        let requests = for_files(&server);
        assert!(!requests.is_empty());
        assert!(
            requests.iter().all(|request| request.starts_with("HEAD ")),
            "{requests:?}"
        );
        // Python's own way, from nothing.
        let elsewhere = tempfile::tempdir().unwrap();
        let theirs = by_python(&python, elsewhere.path(), &server, arguments);
        assert_eq!(fs::read(&theirs).unwrap(), contents);
        let blob = |path: &Path| {
            path.canonicalize()
                .unwrap()
                .file_name()
                .map(OsStr::to_owned)
        };
        assert_eq!(blob(&theirs), blob(&ours));
    }
}

#[test]
fn a_model_on_a_hub_is_as_good_as_one_here() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let server = hub_with_a_model(path);
    let name = "hf://owner/digits@main/vae.safetensors";
    let draw = |model, out| {
        [
            "sample", model, "--seed", "3", "--count", "4", "--output", out,
        ]
    };
    assert_eq!(with_hub(path, &server, &draw(name, "there.png")).2, 0);
    succeed(path, &draw("run", "here.png"));
    assert_eq!(
        fs::read(path.join("there.png")).unwrap(),
        fs::read(path.join("here.png")).unwrap()
    );

    for (name, expected) in [
        ("hf://owner/digits/notes.txt", "not a safetensors file"),
        ("hf://owner/digits/others.safetensors", "no such file"),
        (
            "hf://owner/digits",
            "hf://owner/repository/file.safetensors",
        ),
    ] {
        let (_, message, code) = with_hub(path, &server, &["sample", name]);
        assert_eq!(code, 1, "{name}");
        assert!(message.contains(expected), "{name}: {message}");
    }
    let mut offline = latent(path);
    offline
        .args(["sample", "hf://owner/digits/others.safetensors"])
        .env("HF_ENDPOINT", server.endpoint())
        .env("HF_HUB_OFFLINE", "1");
    let (_, message, code) = outcome(&mut offline);
    assert_eq!(code, 1);
    assert!(message.contains("HF_HUB_OFFLINE is set"), "{message}");
}
