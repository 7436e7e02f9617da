//! A hub that misbehaves: whatever it does, there is one message that says what to do, nothing wrong in the
//! cache, and the next honest try works.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use latent_hub::{Error, Hub, HubFile};
use latent_tests::{LoopbackHub, Misbehaviour};

const LARGE: &str = "hf://owner/models/nets/large.bin";
const SMALL: &str = "hf://datasets/owner/data@v1.0/small.json";
const PATIENCE: Duration = Duration::from_millis(400);

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
    let hub = Hub::new(&server.endpoint(), cache).with_patience(PATIENCE);
    hub.fetch(&file(name), &mut |_| {})
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
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
        assert_eq!(last, expected.len() as u64);
        assert!(path.ends_with(file(name).path()));
        server.take_requests();
        assert_eq!(fetch(&server, cache.path(), name).unwrap(), path);
        assert_eq!(hub.cached(&file(name)), Some(path));
        assert_eq!(server.take_requests(), [""; 0], "nothing is asked twice");
    }
}

#[test]
fn after_every_misbehaviour_the_next_honest_try_works() {
    let server = served();
    let cases: [(Misbehaviour, &str); 18] = [
        (Misbehaviour::Status(401), "set HF_TOKEN"),
        (Misbehaviour::Status(403), "set HF_TOKEN"),
        (Misbehaviour::Status(404), "check the owner"),
        (Misbehaviour::Status(429), "try again in 17 s"),
        (Misbehaviour::Status(500), "try again later"),
        (Misbehaviour::Status(503), "try again later"),
        (Misbehaviour::Status(204), "status 204"),
        (Misbehaviour::CutOff, "150000 of 300000 bytes arrived"),
        (Misbehaviour::OtherBytes, "and was deleted"),
        (Misbehaviour::OneMore, "and was deleted"),
        (Misbehaviour::Stall, "nothing has arrived for"),
        (Misbehaviour::Silence, "nothing has arrived for"),
        (Misbehaviour::CircleOfNames, "from one address to another"),
        (Misbehaviour::CircleOfPlaces, "from one address to another"),
        (
            Misbehaviour::NoHeaders,
            "no answer of a hub (it has no header etag)",
        ),
        (Misbehaviour::HostileNames, "its etag is no checksum"),
        (Misbehaviour::Noise, "no answer of a hub"),
        (Misbehaviour::None, ""),
    ];
    for (misbehaviour, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("deep").join("cache");
        server.misbehave(misbehaviour);
        let begun = Instant::now();
        let result = fetch(&server, &cache, LARGE);
        assert!(begun.elapsed() < 10 * PATIENCE, "{misbehaviour:?}");
        if misbehaviour != Misbehaviour::None {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(expected), "{misbehaviour:?}: {message}");
            // No more than what arrived of it, under a name of its own.
            for path in below(directory.path()) {
                assert!(
                    path.extension().is_some_and(|end| end == "incomplete"),
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
    for (misbehaviour, asks) in [
        (Misbehaviour::None, "bytes=150000-"),
        // Then from the beginning, in the same try.
        (Misbehaviour::WholeForRest, "bytes=150000-"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        server.misbehave(Misbehaviour::CutOff);
        fetch(&server, cache.path(), LARGE).unwrap_err();
        server.take_requests();
        server.misbehave(misbehaviour);
        let path = fetch(&server, cache.path(), LARGE).unwrap();
        assert_eq!(fs::read(path).unwrap(), bytes(300_000));
        let requests = server.take_requests().concat().to_lowercase();
        assert!(requests.contains(asks), "{requests}");
    }
    // Another rest than was asked for is refused, and what was here is still good.
    let cache = tempfile::tempdir().unwrap();
    server.misbehave(Misbehaviour::CutOff);
    fetch(&server, cache.path(), LARGE).unwrap_err();
    server.misbehave(Misbehaviour::OtherRest);
    let message = fetch(&server, cache.path(), LARGE).unwrap_err().to_string();
    assert!(message.contains("another part of the file"), "{message}");
    server.misbehave(Misbehaviour::None);
    let path = fetch(&server, cache.path(), LARGE).unwrap();
    assert_eq!(fs::read(path).unwrap(), bytes(300_000));

    // A rest that is not of the same file is found out by the whole's checksum.
    let cache = tempfile::tempdir().unwrap();
    server.misbehave(Misbehaviour::CutOff);
    fetch(&server, cache.path(), LARGE).unwrap_err();
    server.misbehave(Misbehaviour::OtherBytes);
    let message = fetch(&server, cache.path(), LARGE).unwrap_err().to_string();
    assert!(message.contains("checksum"), "{message}");
    server.misbehave(Misbehaviour::None);
    fetch(&server, cache.path(), LARGE).unwrap();
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
    let requests = server.take_requests().concat();
    assert!(requests.contains("Bearer hf_verysecret"), "{requests}");
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
