use std::io;
use std::path::PathBuf;

/// An error of the hub or the cache; no message contains a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An invalid name of a file on a hub.
    #[error(
        "`{name}` is not a file on a hub ({reason}); the form is \
         hf://owner/repository/file.safetensors, or hf://owner/repository@revision/file.safetensors"
    )]
    Name {
        /// The given name.
        name: String,
        /// The reason.
        reason: &'static str,
    },
    /// An invalid environment variable.
    #[error("{variable} is {value}, but {expected}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// Its value; never a token.
        value: String,
        /// The requirement.
        expected: &'static str,
    },
    /// A token would be sent without encryption.
    #[error("{endpoint} is not encrypted: the token would be readable on the network")]
    TokenInClear {
        /// The hub's address.
        endpoint: String,
    },
    /// Neither a home directory nor a setting gives the place of the cache.
    #[error("there is no home directory for the cache")]
    NoHome,
    /// The file is not in the cache, and the network is disabled.
    #[error("{file} is not in the cache ({cache}), and HF_HUB_OFFLINE is set")]
    Offline {
        /// The file.
        file: String,
        /// The cache's directory.
        cache: PathBuf,
    },
    /// The hub cannot be reached.
    #[error("{url} cannot be reached ({reason})")]
    Unreachable {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The hub does not send data within the timeout.
    #[error("{url}: no data for {seconds} s; the partial download is kept")]
    Stalled {
        /// The address.
        url: String,
        /// The timeout.
        seconds: u64,
    },
    /// The hub requires authorisation.
    #[error(
        "{file}: the hub refuses access (status {status}): there is no such repository, or it is not \
         public, or the token has expired"
    )]
    Refused {
        /// The file.
        file: String,
        /// 401 or 403.
        status: u16,
    },
    /// The file does not exist.
    #[error("{file}: the hub has no such file")]
    NotFound {
        /// The file.
        file: String,
    },
    /// The hub limits the rate of requests.
    #[error("{file}: too many requests; the hub asks to wait{} (status 429)", wait(.seconds.as_deref()))]
    TooMany {
        /// The file.
        file: String,
        /// The waiting time, if the hub gave one.
        seconds: Option<String>,
    },
    /// The hub reports an internal error or an unexpected status.
    #[error("{file}: the hub answers with status {status}")]
    Status {
        /// The file.
        file: String,
        /// The HTTP status.
        status: u16,
    },
    /// The response is not that of a hub.
    #[error("{url}: not a valid response of a hub ({reason})")]
    NoHub {
        /// The address.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The connection ended before the end of the file.
    #[error(
        "{file}: the connection ended after {found} of {expected} bytes; the partial download is kept"
    )]
    CutOff {
        /// The file.
        file: String,
        /// The number of bytes received.
        found: u64,
        /// The size of the file in bytes.
        expected: u64,
    },
    /// The downloaded file does not match the hub's metadata.
    #[error("{file}: the download does not match the hub's metadata ({reason}) and was deleted")]
    Corrupt {
        /// The file.
        file: String,
        /// The difference.
        reason: String,
    },
    /// Another process is downloading the file.
    #[error("{file} is being downloaded by another process")]
    Busy {
        /// The file.
        file: String,
    },
    /// The cache cannot be written or read.
    #[error("{path}: {reason}")]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// The reason that the operating system gave.
        reason: io::Error,
    },
}

impl Error {
    /// Whether the hub does not have, or does not permit, the file, so that another attempt is
    /// useless.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotFound { .. })
    }

    /// Whether the error is temporary and says nothing about the file.
    pub(crate) fn is_of_the_moment(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Stalled { .. } | Self::TooMany { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

fn wait(seconds: Option<&str>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(" {seconds} s"))
}
