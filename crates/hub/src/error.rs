use std::io;
use std::path::PathBuf;

/// What can go wrong on the way of a file from a hub; no message holds a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No name of a file on a hub.
    #[error(
        "`{name}` names no file on a hub ({reason}): it must look like \
         hf://owner/repository/file.safetensors, or hf://owner/repository@revision/file.safetensors"
    )]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting of the environment that cannot be used.
    #[error("{variable} is {value}, but {expected}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// Its value; never that of a token.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A token would be sent where everybody on the way can read it.
    #[error(
        "{endpoint} is not encrypted, and everybody on the way could read the token that would be sent there"
    )]
    TokenInClear {
        /// The hub's address.
        endpoint: String,
    },
    /// Neither a home directory nor a setting says where the cache is.
    #[error("there is no home directory to keep a cache in")]
    NoHome,
    /// The file is not in the cache, and the network is not to be used.
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
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The hub says nothing for a long while.
    #[error("{url}: nothing has arrived for {seconds} s; what arrived before is kept")]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The hub wants to know who asks.
    #[error(
        "{file}: the hub refuses it (status {status}): there is no such repository, or it is not \
         public, or the token has expired"
    )]
    Refused {
        /// The file.
        file: String,
        /// 401 or 403.
        status: u16,
    },
    /// There is no such file.
    #[error("{file}: the hub has no such file")]
    NotFound {
        /// The file.
        file: String,
    },
    /// The hub has had enough questions.
    #[error("{file}: the hub asks to wait{} (status 429)", wait(.seconds.as_deref()))]
    TooMany {
        /// The file.
        file: String,
        /// How long, if it said so.
        seconds: Option<String>,
    },
    /// The hub has trouble of its own, or answers what nobody asked.
    #[error("{file}: the hub answers with status {status}")]
    Status {
        /// The file.
        file: String,
        /// Its answer.
        status: u16,
    },
    /// What answers is no hub.
    #[error("{url}: this is no answer of a hub ({reason})")]
    NoHub {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection ended before the file did.
    #[error("{file}: {found} of {expected} bytes arrived, and are kept")]
    CutOff {
        /// The file.
        file: String,
        /// Bytes that are here.
        found: u64,
        /// Bytes that the file has.
        expected: u64,
    },
    /// Something else arrived than the hub promised.
    #[error("{file}: what arrived is not what the hub promised ({reason}), and was deleted")]
    Corrupt {
        /// The file.
        file: String,
        /// In what they differ.
        reason: String,
    },
    /// Another process fetches the file.
    #[error("{file} is being fetched by another process")]
    Busy {
        /// The file.
        file: String,
    },
    /// The cache cannot be written or read.
    #[error("{path}: {reason}")]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
}

impl Error {
    /// Whether the hub has or gives no such file, and another try will not change that.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotFound { .. })
    }

    /// Whether it says nothing of the file: the hub cannot be asked now.
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
