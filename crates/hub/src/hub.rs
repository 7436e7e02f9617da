use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::{Cache, CacheRepo};

use crate::cache::{cached_by, place, refer};
use crate::transfer::{Progress, Transfer, is_loopback};
use crate::{Error, HubFile};

/// A hub with a local cache.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    is_offline: bool,
    timeout: Duration,
}

/// A file in the cache.
#[derive(Debug)]
pub struct Fetched {
    /// The path in the cache.
    pub path: PathBuf,
    /// Why the hub could not be asked whether the file is still the current one of its branch or
    /// tag; `None` if it was asked, or if the revision is a commit.
    pub unchecked: Option<Error>,
}

impl Hub {
    /// The address of the Hugging Face hub.
    pub const ENDPOINT: &str = "https://huggingface.co";

    /// Creates a hub with the cache directory `cache`, without a token.
    pub fn new(endpoint: &str, cache: &Path) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: cache.to_owned(),
            token: None,
            is_offline: false,
            timeout: Duration::from_secs(30),
        }
    }

    /// Creates a hub with the endpoint, cache and token of the environment, following Python's
    /// `huggingface_hub`.
    ///
    /// The variables are `HF_ENDPOINT`; `HF_HOME` (by default `huggingface` in `XDG_CACHE_HOME` or
    /// in `~/.cache`), which contains the cache `hub` and the file `token`; `HF_HUB_CACHE` and
    /// `HF_TOKEN`, which replace these two; `HF_HUB_DISABLE_IMPLICIT_TOKEN` (no token is sent); and
    /// `HF_HUB_OFFLINE`.
    ///
    /// [`Self::fetch`] validates the endpoint and the token: a cached file needs neither.
    ///
    /// # Errors
    /// [`Error::NoHome`] if there is no place for a cache.
    pub fn from_env() -> Result<Self, Error> {
        let variable = |name| {
            let value = std::env::var(name).ok()?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| Self::ENDPOINT.to_owned());
        let home = variable("HF_HOME").map(PathBuf::from).or_else(|| {
            let caches = variable("XDG_CACHE_HOME").map(PathBuf::from);
            let caches = caches.or_else(|| Some(dirs::home_dir()?.join(".cache")));
            Some(caches?.join("huggingface"))
        });
        let cache = variable("HF_HUB_CACHE").map(PathBuf::from);
        let cache = cache.or_else(|| Some(home.as_ref()?.join("hub")));
        let kept = || {
            let token = fs::read_to_string(home.as_ref()?.join("token")).ok()?;
            Some(token.trim().to_owned()).filter(|token| !token.is_empty())
        };
        let is_set = |name| {
            variable(name).is_some_and(|value| {
                matches!(value.to_lowercase().as_str(), "1" | "on" | "yes" | "true")
            })
        };
        let token = if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            None
        } else {
            variable("HF_TOKEN").or_else(kept)
        };
        Ok(Self {
            token,
            is_offline: is_set("HF_HUB_OFFLINE"),
            ..Self::new(&endpoint, &cache.ok_or(Error::NoHome)?)
        })
    }

    /// Checks the endpoint and the token: the endpoint must be a valid URL, and a token needs an
    /// encrypted connection.
    ///
    /// # Errors
    /// [`Error::Setting`] if `HF_ENDPOINT` or `HF_TOKEN` is invalid, and [`Error::TokenInClear`].
    pub fn check(&self) -> Result<(), Error> {
        let is_http = self.endpoint.starts_with("http://");
        if !(is_http || self.endpoint.starts_with("https://")) {
            return Err(Error::Setting {
                variable: "HF_ENDPOINT",
                value: self.endpoint.clone(),
                expected: "it must start with http:// or https://",
            });
        }
        let Some(token) = &self.token else {
            return Ok(());
        };
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Setting {
                variable: "HF_TOKEN",
                value: "not shown".to_owned(),
                expected: "a token consists of ASCII characters without spaces",
            });
        }
        if is_http && !is_loopback(&self.endpoint) {
            return Err(Error::TokenInClear {
                endpoint: self.endpoint.clone(),
            });
        }
        Ok(())
    }

    /// Sets the token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// Sets the timeout of a transfer without data; the default is 30 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The path of the file in the cache, if it is there; the network is not used.
    pub fn cached(&self, file: &HubFile) -> Option<PathBuf> {
        let repository = self.repository(file);
        let snapshot = match file.commit() {
            Some(commit) => repository.pointer_path(commit),
            // The commit of the branch when the hub was last asked.
            None => return repository.get(file.path()),
        };
        Some(snapshot.join(file.path())).filter(|path| path.exists())
    }

    /// Returns the file in the cache, after downloading it if necessary. `watch` is called for
    /// every piece received.
    ///
    /// A branch or a tag may have moved, so the hub is asked. If it is unreachable, the cached file
    /// is returned, and [`Fetched::unchecked`] gives the reason. A commit never changes.
    ///
    /// # Errors
    /// Every failure of the download. The cache then has no file of that name; a partial download
    /// is kept separately and resumed by the next call.
    pub fn fetch(&self, file: &HubFile, watch: &mut dyn FnMut(Progress)) -> Result<Fetched, Error> {
        let cached = self.cached(file);
        if let Some(path) = cached
            .as_ref()
            .filter(|_| self.is_offline || file.commit().is_some())
        {
            return Ok(Fetched {
                path: path.clone(),
                unchecked: None,
            });
        }
        if self.is_offline {
            return Err(Error::Offline {
                file: file.to_string(),
                cache: self.cache.clone(),
            });
        }
        self.check()?;
        let transfer = Transfer::new(file, &self.endpoint, self.token.as_deref(), self.timeout);
        let metadata = match (transfer.metadata(), cached) {
            (Err(error), Some(path)) if error.is_of_the_moment() => {
                return Ok(Fetched {
                    path,
                    unchecked: Some(error),
                });
            }
            (metadata, _) => metadata?,
        };

        // The layout of huggingface_hub: blobs named by their checksum, and links to them by commit
        // and name.
        let folder = file.repo().folder_name();
        let root = self.cache.join(&folder);
        let blobs = root.join("blobs");
        let blob = blobs.join(&metadata.checksum);
        let link = self
            .repository(file)
            .pointer_path(&metadata.commit)
            .join(file.path());
        let locks = self.cache.join(".locks").join(folder);
        for directory in [&blobs, &locks, &link.parent().unwrap_or(&root).to_owned()] {
            cached_by(directory, fs::create_dir_all(directory))?;
        }
        let is_whole = || fs::metadata(&blob).is_ok_and(|blob| blob.len() == metadata.size);
        if !is_whole() {
            let path = locks.join(&metadata.checksum).with_extension("lock");
            let lock = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path);
            let lock = cached_by(&path, lock)?;
            if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
                return Err(Error::Busy {
                    file: file.to_string(),
                });
            }
            // Another process may just have downloaded it.
            if !is_whole() {
                transfer.fetch(&metadata, &blob, watch)?;
            }
        }
        cached_by(&link, place(&blob, &link, file.path()))?;
        if file.commit().is_none() {
            let reference = root.join("refs").join(file.revision());
            cached_by(&reference, refer(&reference, &metadata.commit))?;
        }
        Ok(Fetched {
            path: link,
            unchecked: None,
        })
    }

    fn repository(&self, file: &HubFile) -> CacheRepo {
        Cache::new(self.cache.clone()).repo(file.repo())
    }
}

/// Without the token.
impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("is_offline", &self.is_offline)
            .finish_non_exhaustive()
    }
}
