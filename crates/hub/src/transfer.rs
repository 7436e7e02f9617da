use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body, Proxy, RequestBuilder};

use crate::cache::beside;
use crate::metadata::FileMetadata;
use crate::{Error, HubFile};

/// The number of bytes read at once.
const PIECE: usize = 1 << 16;

/// The progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of bytes received.
    pub received: u64,
    /// The size of the file in bytes.
    pub total: u64,
}

/// The transfer of one file.
pub(crate) struct Transfer<'a> {
    file: &'a HubFile,
    url: String,
    token: Option<&'a str>,
    timeout: Duration,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(
        file: &'a HubFile,
        endpoint: &str,
        token: Option<&'a str>,
        timeout: Duration,
    ) -> Self {
        Self {
            file,
            url: file.url(endpoint),
            token,
            timeout,
        }
    }

    fn agent(&self, redirects: u32) -> Agent {
        Agent::config_builder()
            .max_redirects(redirects)
            .max_redirects_will_error(redirects > 0)
            // The token is sent only to the hub, never to a redirect's target, not even to another
            // port.
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .proxy(self.proxy())
            .http_status_as_error(false)
            .user_agent(concat!("latent/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_connect(Some(self.timeout))
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build()
            .into()
    }

    /// The proxy of the environment, unless the hub is on this computer: as in Go's `net/http`.
    fn proxy(&self) -> Option<Proxy> {
        (!is_loopback(&self.url))
            .then(Proxy::try_from_env)
            .flatten()
    }

    fn authorised<T>(&self, request: RequestBuilder<T>) -> RequestBuilder<T> {
        match self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Requests the metadata of the file.
    pub(crate) fn metadata(&self) -> Result<FileMetadata, Error> {
        /// A renamed repository redirects to its new name on the same hub.
        const MAX_REDIRECTS: usize = 5;
        let agent = self.agent(0);
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.authorised(agent.head(&url)).call();
            let response = response.map_err(|error| self.failure(&error))?;
            let header = |name: &str| {
                let value = response.headers().get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            // Only redirects within the hub are followed: another host serves the content, without
            // metadata.
            let elsewhere = header("location").filter(|place| place.starts_with('/'));
            if let (true, Some(place)) = (response.status().is_redirection(), elsewhere) {
                let Some(host) = origin(&url) else { break };
                url = format!("{host}{place}");
                continue;
            }
            if !response.status().is_redirection() {
                self.accept(&response)?;
            }
            let metadata = FileMetadata::from_headers(url, header);
            return metadata.map_err(|reason| Error::NoHub {
                url: self.url.clone(),
                reason,
            });
        }
        let reason = "too many redirects".to_owned();
        Err(Error::NoHub {
            url: self.url.clone(),
            reason,
        })
    }

    /// Downloads the file to `blob`, through a temporary file that is renamed when it is complete.
    /// Must not be called twice at the same time for the same blob.
    pub(crate) fn fetch(
        &self,
        metadata: &FileMetadata,
        blob: &Path,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(), Error> {
        let path = beside(blob, ".incomplete");
        let failed = |reason| Error::Cache {
            path: path.clone(),
            reason,
        };
        let mut part = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let mut received = part.seek(SeekFrom::End(0)).map_err(failed)?;
        if received > metadata.size {
            part.set_len(0).map_err(failed)?;
            received = part.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        if received < metadata.size {
            received = self.receive(&mut part, received, metadata, watch, &failed)?;
        }
        if received < metadata.size {
            let (found, expected) = (received, metadata.size);
            return Err(Error::CutOff {
                file: self.file.to_string(),
                found,
                expected,
            });
        }
        let wrong = if received > metadata.size {
            Some(format!("more than the {} bytes expected", metadata.size))
        } else {
            let found = checksum(&mut part, metadata).map_err(failed)?;
            (found != metadata.checksum)
                .then(|| format!("checksum {found}, expected {}", metadata.checksum))
        };
        if let Some(reason) = wrong {
            fs::remove_file(&path).map_err(failed)?;
            return Err(Error::Corrupt {
                file: self.file.to_string(),
                reason,
            });
        }
        part.sync_all().map_err(failed)?;
        fs::rename(&path, blob).map_err(failed)
    }

    /// Appends the missing bytes of a file; returns its new size.
    fn receive(
        &self,
        part: &mut File,
        mut received: u64,
        metadata: &FileMetadata,
        watch: &mut dyn FnMut(Progress),
        failed: &impl Fn(io::Error) -> Error,
    ) -> Result<u64, Error> {
        const MAX_REDIRECTS: u32 = 5;
        let total = metadata.size;
        let agent = self.agent(MAX_REDIRECTS);
        let ask_from = |first: u64| {
            let mut request = self.authorised(agent.get(&metadata.url));
            if first > 0 {
                request = request.header("range", format!("bytes={first}-"));
            }
            request.call().map_err(|error| self.failure(&error))
        };
        let mut response = ask_from(received)?;
        if received > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // The server does not support ranges, or the partial file is longer than the file:
            // start again.
            part.set_len(0).map_err(failed)?;
            received = part.seek(SeekFrom::Start(0)).map_err(failed)?;
            response = ask_from(0)?;
        }
        self.accept(&response)?;
        // A response to a range request may be the whole file instead of the rest.
        let range = response
            .headers()
            .get("content-range")
            .and_then(|range| range.to_str().ok());
        let is_rest = response.status() == StatusCode::PARTIAL_CONTENT
            && range.is_some_and(|range| range.starts_with(&format!("bytes {received}-")));
        if received > 0 && !is_rest {
            if response.status() == StatusCode::PARTIAL_CONTENT {
                let reason = "it is another part of the file than requested".to_owned();
                return Err(Error::NoHub {
                    url: self.url.clone(),
                    reason,
                });
            }
            part.set_len(0).map_err(failed)?;
            received = part.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        // One byte more than expected is enough to detect a longer file, and limits what is
        // written.
        let mut body = response
            .into_body()
            .into_reader()
            .take(total + 1 - received);
        let mut buffer = vec![0; PIECE];
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => return Ok(received),
                Ok(count) => count,
                Err(reason) => {
                    return match ureq::Error::from(reason) {
                        ureq::Error::Timeout(_) | ureq::Error::BodyStalled => Err(self.stalled()),
                        // The connection broke: the partial file is kept.
                        _ => Ok(received),
                    };
                }
            };
            part.write_all(&buffer[..count]).map_err(failed)?;
            received += count as u64;
            watch(Progress { received, total });
        }
    }

    /// Checks the status of a response.
    fn accept(&self, response: &Response<Body>) -> Result<(), Error> {
        let file = self.file.to_string();
        let status = response.status().as_u16();
        Err(match status {
            200 | 206 => return Ok(()),
            401 | 403 => Error::Refused { file, status },
            404 | 410 => Error::NotFound { file },
            429 => {
                let seconds = response.headers().get("retry-after");
                let seconds = seconds.and_then(|value| value.to_str().ok());
                // The value is untrusted and is printed.
                let is_number = |value: &&str| value.len() < 8 && value.parse::<u32>().is_ok();
                let seconds = seconds.filter(is_number).map(ToOwned::to_owned);
                Error::TooMany { file, seconds }
            }
            _ => Error::Status { file, status },
        })
    }

    fn stalled(&self) -> Error {
        Error::Stalled {
            url: self.url.clone(),
            seconds: self.timeout.as_secs(),
        }
    }

    fn failure(&self, error: &ureq::Error) -> Error {
        let url = self.url.clone();
        match error {
            ureq::Error::Timeout(_) => self.stalled(),
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Error::NoHub {
                url,
                reason: "too many redirects".to_owned(),
            },
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::LargeResponseHeader(..) => Error::NoHub {
                url,
                reason: error.to_string(),
            },
            _ => Error::Unreachable {
                url,
                reason: error.to_string(),
            },
        }
    }
}

/// Whether a URL refers to this computer.
pub(crate) fn is_loopback(url: &str) -> bool {
    let url = url.parse::<Uri>().ok();
    let host = url.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The `https://host` part of a URL.
fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..]
        .find('/')
        .map_or(url.len(), |slash| host + slash);
    Some(&url[..end])
}

/// The checksum of a file, of the kind in the metadata: SHA-256, or Git's checksum of a blob.
fn checksum(file: &mut File, metadata: &FileMetadata) -> io::Result<String> {
    if metadata.checksum.len() == 64 {
        digest(Sha256::new(), file)
    } else {
        digest(
            Sha1::new().chain_update(format!("blob {}\0", metadata.size)),
            file,
        )
    }
}

fn digest(mut digest: impl Digest, file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    Ok(base16ct::lower::encode_string(&digest.finalize()))
}
