//! A local file server for one directory.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

/// Serves the files of `directory` until the process ends.
pub(crate) fn serve(listener: &TcpListener, directory: &Path) {
    for stream in listener.incoming().flatten() {
        let directory = directory.to_owned();
        // A closed connection is not an error.
        thread::spawn(move || _ = answer(stream, &directory));
    }
}

fn answer(mut stream: TcpStream, directory: &Path) -> io::Result<()> {
    /// A limit above the length of any browser's request.
    const LONGEST: u64 = 1 << 16;
    // Browsers open connections in advance, without a request.
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut lines = BufReader::new((&mut stream).take(LONGEST)).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut takes_gzip = false;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        takes_gzip |= line.starts_with("accept-encoding:") && line.contains("gzip");
    }
    let mut words = first.split(' ');
    let found = match (words.next(), words.next()) {
        (Some("GET"), Some(target)) => file(directory, target, takes_gzip),
        _ => None,
    };
    let (status, headers, bytes) = match found {
        Some((headers, bytes)) => ("200 OK", headers, bytes),
        None => (
            "404 Not Found",
            String::new(),
            b"there is no such file".to_vec(),
        ),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\
         cache-control: no-cache\r\nconnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)
}

/// The headers and the bytes of a requested file: its compressed copy, if there is one and the browser accepts it.
fn file(directory: &Path, target: &str, takes_gzip: bool) -> Option<(String, Vec<u8>)> {
    let path = target.split(['?', '#']).next()?.trim_start_matches('/');
    let path = PathBuf::from(if path.is_empty() { "index.html" } else { path });
    let is_within = |part| matches!(part, Component::Normal(_));
    if !path.components().all(is_within) {
        return None;
    }
    let kind = match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    };
    let headers = format!("content-type: {kind}\r\nvary: accept-encoding\r\n");
    let path = directory.join(path);
    if takes_gzip && let Ok(bytes) = fs::read(compressed(&path)) {
        return Some((format!("{headers}content-encoding: gzip\r\n"), bytes));
    }
    Some((headers, fs::read(path).ok()?))
}

/// The path of the compressed copy of a file.
pub(crate) fn compressed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}
