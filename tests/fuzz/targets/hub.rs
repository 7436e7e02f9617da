//! Fuzzes the hub client with a server that gives the same response to all requests.
#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use latent_hub::{Hub, HubFile};

static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            _ = stream.read(&mut [0; 4096]);
            let answer = ANSWER.lock().expect("nobody panicked").clone();
            _ = stream.write_all(&answer);
        }
    });
    address
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bytes.clone_into(&mut ANSWER.lock().expect("nobody panicked"));
    let cache = tempfile::tempdir().expect("a directory");
    let hub = Hub::new(&format!("http://{}", *SERVER), cache.path());
    let file: HubFile = "hf://owner/models/file".parse().expect("a name");
    let result = hub
        .with_timeout(Duration::from_millis(100))
        .fetch(&file, &mut |_| {});
    // Only a file that matches the metadata has a name in the cache.
    let snapshots = cache.path().join("models--owner--models").join("snapshots");
    assert!(result.is_ok() || !snapshots.exists() || is_bare(&snapshots));
});

/// Whether the directory contains no files, only directories.
fn is_bare(directory: &std::path::Path) -> bool {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .flatten()
        .all(|entry| entry.path().is_dir() && is_bare(&entry.path()))
}
