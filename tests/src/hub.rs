use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base16ct::lower::encode_string;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Files of at least this size are stored on another server, to which the hub redirects, as the
/// real hub does.
const LARGE: usize = 1000;

/// The commit of every revision, until [`LoopbackHub::move_to`] changes it.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A fault of a [`LoopbackHub`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// No fault.
    None,
    /// Every response has this status.
    Status(u16),
    /// The connection ends in the middle of a file.
    CutOff,
    /// The file has other content of the same length.
    OtherBytes,
    /// The file has an additional byte.
    OneMore,
    /// The transfer stops after the start of a file, without closing the connection.
    Stall,
    /// The server accepts connections and never responds.
    Silence,
    /// The response to a range request is the whole file.
    WholeForRest,
    /// The response to a range request is another range.
    OtherRest,
    /// Every range request is refused with status 416.
    NoRanges,
    /// Circular redirects within the hub.
    CircleOfNames,
    /// Circular redirects at the storage server.
    CircleOfPlaces,
    /// The metadata headers are missing, as on any other server.
    NoHeaders,
    /// The declared size is larger than the file.
    Endless,
    /// The checksums contain paths that lead out of the cache.
    HostileNames,
    /// The response is not HTTP.
    Noise,
}

/// A server on this computer that responds like the hub, with a thread for each connection. Large
/// files are served by another server, as on the real hub.
pub struct LoopbackHub {
    address: SocketAddr,
    storage: SocketAddr,
    state: Arc<State>,
}

struct State {
    files: BTreeMap<String, Vec<u8>>,
    commit: Mutex<String>,
    misbehaviour: Mutex<Misbehaviour>,
    requests: Mutex<Vec<String>>,
}

struct Request {
    method: String,
    path: String,
    /// The first requested byte.
    from: Option<usize>,
}

impl LoopbackHub {
    /// Starts a hub with these files, by `owner/repository/file` or
    /// `datasets/owner/repository/file`, in every revision.
    ///
    /// # Errors
    /// No port is available.
    pub fn serving(files: BTreeMap<String, Vec<u8>>) -> io::Result<Self> {
        let listeners = [
            TcpListener::bind("127.0.0.1:0")?,
            TcpListener::bind("127.0.0.1:0")?,
        ];
        let (address, storage) = (listeners[0].local_addr()?, listeners[1].local_addr()?);
        let state = Arc::new(State {
            files,
            commit: Mutex::new(COMMIT.to_owned()),
            misbehaviour: Mutex::new(Misbehaviour::None),
            requests: Mutex::default(),
        });
        for listener in listeners {
            let shared = Arc::clone(&state);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&shared);
                    // A client may close the connection.
                    thread::spawn(move || _ = state.answer(stream, storage));
                }
            });
        }
        Ok(Self {
            address,
            storage,
            state,
        })
    }

    /// The value for `HF_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The host of its large files, as it appears in requests.
    pub fn storage(&self) -> String {
        self.storage.to_string()
    }

    /// Sets the fault of the following responses.
    pub fn misbehave(&self, misbehaviour: Misbehaviour) {
        *lock(&self.state.misbehaviour) = misbehaviour;
    }

    /// Sets the commit of every revision.
    pub fn move_to(&self, commit: &str) {
        commit.clone_into(&mut lock(&self.state.commit));
    }

    /// The requests since the last call, with their headers.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state.requests))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&self, mut stream: TcpStream, storage: SocketAddr) -> io::Result<()> {
        let request = self.read(&stream)?;
        let misbehaviour = *lock(&self.misbehaviour);
        let empty = |status: &str, headers: &str| {
            format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n{headers}\r\n")
        };
        match misbehaviour {
            Misbehaviour::Status(status) => {
                let headers = if status == 429 {
                    "retry-after: 17\r\n"
                } else {
                    ""
                };
                return stream.write_all(empty(&format!("{status} So"), headers).as_bytes());
            }
            Misbehaviour::Silence => {
                thread::sleep(Duration::from_secs(20));
                return Ok(());
            }
            Misbehaviour::Noise => {
                return stream.write_all(b"\x00\xff 220 mail.example ESMTP\r\n\r\n");
            }
            Misbehaviour::CircleOfNames => {
                let headers = "location: /round/and/round/resolve/main/again\r\n";
                return stream.write_all(empty("307 Temporary Redirect", headers).as_bytes());
            }
            _ => {}
        }
        let place = format!("http://{storage}/bytes");
        if let Some(name) = request.path.strip_prefix("/bytes/") {
            if misbehaviour == Misbehaviour::CircleOfPlaces {
                let headers = format!("location: {place}/{name}\r\n");
                return stream.write_all(empty("302 Found", &headers).as_bytes());
            }
            let Some(bytes) = self.files.get(name) else {
                return stream.write_all(empty("404 Not Found", "").as_bytes());
            };
            return send(&mut stream, &request, bytes, "", misbehaviour);
        }
        let named = request.path.trim_start_matches('/').split_once("/resolve/");
        let file = named.and_then(|(repository, rest)| {
            let name = format!("{repository}/{}", rest.split_once('/')?.1);
            let bytes = self.files.get(&name)?;
            Some((name, bytes))
        });
        let Some((name, bytes)) = file else {
            let headers = "x-error-code: EntryNotFound\r\n";
            return stream.write_all(empty("404 Not Found", headers).as_bytes());
        };
        let sha256 = encode_string(&Sha256::digest(bytes));
        let is_large = bytes.len() >= LARGE;
        let commit = lock(&self.commit).clone();
        let headers = match misbehaviour {
            Misbehaviour::Endless => format!(
                "x-repo-commit: {commit}\r\nx-linked-size: {}\r\nx-linked-etag: \"{sha256}\"\r\n",
                u64::MAX
            ),
            Misbehaviour::NoHeaders => String::new(),
            Misbehaviour::HostileNames => format!(
                "x-repo-commit: ../../../../escaped\r\nx-linked-size: {}\r\netag: \"../../../../escaped\"\r\n",
                bytes.len()
            ),
            _ if is_large => format!(
                "x-repo-commit: {commit}\r\nx-linked-size: {}\r\nx-linked-etag: \"{sha256}\"\r\n",
                bytes.len()
            ),
            _ => {
                let git = Sha1::new()
                    .chain_update(format!("blob {}\0", bytes.len()))
                    .chain_update(bytes);
                let git = encode_string(&git.finalize());
                format!("x-repo-commit: {commit}\r\netag: \"{git}\"\r\n")
            }
        };
        if is_large {
            let headers = format!("{headers}location: {place}/{name}\r\n");
            return stream.write_all(empty("302 Found", &headers).as_bytes());
        }
        send(&mut stream, &request, bytes, &headers, misbehaviour)
    }

    fn read(&self, stream: &TcpStream) -> io::Result<Request> {
        let mut text = String::new();
        let mut from = None;
        for line in BufReader::new(stream.try_clone()?).lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
                from = range.split('-').next().and_then(|first| first.parse().ok());
            }
            text.push_str(&line);
            text.push('\n');
        }
        let mut words = text.split_whitespace().map(ToOwned::to_owned);
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        lock(&self.requests).push(text);
        Ok(Request { method, path, from })
    }
}

fn send(
    stream: &mut TcpStream,
    request: &Request,
    bytes: &[u8],
    headers: &str,
    misbehaviour: Misbehaviour,
) -> io::Result<()> {
    if request.from.is_some() && misbehaviour == Misbehaviour::NoRanges {
        let head = format!(
            "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\nconnection: close\r\n\
             content-range: bytes */{}\r\n\r\n",
            bytes.len()
        );
        return stream.write_all(head.as_bytes());
    }
    let mut from = request.from.unwrap_or(0).min(bytes.len());
    let status = match (request.from, misbehaviour) {
        (None, _) => "200 OK",
        (Some(_), Misbehaviour::WholeForRest) => {
            from = 0;
            "200 OK"
        }
        (Some(_), Misbehaviour::OtherRest) => {
            from /= 2;
            "206 Partial Content"
        }
        _ => "206 Partial Content",
    };
    let mut rest = bytes[from..].to_vec();
    match misbehaviour {
        Misbehaviour::OtherBytes => rest.iter_mut().for_each(|byte| *byte ^= 1),
        Misbehaviour::OneMore => rest.push(0),
        _ => {}
    }
    let range = if status.starts_with("206") {
        format!(
            "content-range: bytes {from}-{}/{}\r\n",
            bytes.len().saturating_sub(1),
            bytes.len()
        )
    } else {
        String::new()
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\naccept-ranges: bytes\r\nconnection: close\r\n{range}{headers}\r\n",
        rest.len()
    );
    stream.write_all(head.as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    match misbehaviour {
        Misbehaviour::CutOff => stream.write_all(&rest[..rest.len() / 2]),
        Misbehaviour::Stall => {
            stream.write_all(&rest[..rest.len() / 2])?;
            stream.flush()?;
            thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        _ => stream.write_all(&rest),
    }
}
