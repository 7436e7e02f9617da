use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::{Cache, CacheRepo};

use crate::file::is_hexadecimal;
use crate::transfer::{Progress, Transfer};
use crate::{Error, HubFile};

/// A hub, and the cache of what came from it.
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    is_offline: bool,
    patience: Duration,
}

impl Hub {
    /// The hub that everybody means.
    pub const ENDPOINT: &str = "https://huggingface.co";

    /// A hub with its files in the directory `cache`, asked without a token.
    pub fn new(endpoint: &str, cache: &Path) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: cache.to_owned(),
            token: None,
            is_offline: false,
            patience: Duration::from_secs(30),
        }
    }

    /// The hub and the cache that the environment names, as for Python's `huggingface_hub`:
    /// `HF_ENDPOINT`, `HF_HOME` or `HF_HUB_CACHE`, `HF_TOKEN` (or the file `token` in `HF_HOME`) and
    /// `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`Error::Setting`] where `HF_ENDPOINT` is no address, [`Error::NoHome`] where there is no place
    /// for a cache.
    pub fn from_env() -> Result<Self, Error> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| Self::ENDPOINT.to_owned());
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            return Err(Error::Setting {
                variable: "HF_ENDPOINT",
                value: endpoint,
                remedy: "it must begin with http:// or https://",
            });
        }
        if variable("HF_HOME").is_none() && dirs::home_dir().is_none() {
            return Err(Error::NoHome);
        }
        let usual = Cache::from_env();
        let cache = variable("HF_HUB_CACHE").map_or_else(|| usual.path().clone(), PathBuf::from);
        let is_set =
            |value: String| !matches!(value.to_lowercase().as_str(), "0" | "no" | "off" | "false");
        Ok(Self {
            token: variable("HF_TOKEN").or_else(|| usual.token()),
            is_offline: variable("HF_HUB_OFFLINE").is_some_and(is_set),
            ..Self::new(&endpoint, &cache)
        })
    }

    /// The same, asked with a token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// The same, which is given up after so long without a byte: 30 seconds unless told otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The file in the cache, if it is there: nothing is asked of the network.
    pub fn cached(&self, file: &HubFile) -> Option<PathBuf> {
        let repository = self.repository(file);
        let snapshot = match file.commit() {
            Some(commit) => repository.pointer_path(commit),
            // The commit that the branch was at when it was asked for last.
            None => return repository.get(file.path()),
        };
        Some(snapshot.join(file.path())).filter(|path| path.exists())
    }

    /// The file in the cache, fetched if it is not there. `watch` is told of every piece that arrives.
    ///
    /// # Errors
    /// Whatever keeps the file from being there whole. Then nothing is in its place; what has arrived of
    /// it is kept apart, and the next try goes on from there.
    pub fn fetch(&self, file: &HubFile, watch: &mut dyn FnMut(Progress)) -> Result<PathBuf, Error> {
        if let Some(path) = self.cached(file) {
            return Ok(path);
        }
        if self.is_offline {
            return Err(Error::Offline {
                file: file.to_string(),
                cache: self.cache.clone(),
            });
        }
        let transfer = Transfer::new(file, &self.endpoint, self.token.as_deref(), self.patience);
        let promise = transfer.promise()?;

        // huggingface_hub's layout: the bytes by their checksum, and links to them by commit and name.
        let repository = self.repository(file);
        let root = self.cache.join(file.repo().folder_name());
        let blobs = root.join("blobs");
        let blob = blobs.join(&promise.checksum);
        make_directory(&blobs)?;
        if !blob.exists() {
            transfer.fetch(&promise, &blob, watch)?;
        }
        let link = repository.pointer_path(&promise.commit).join(file.path());
        make_directory(link.parent().unwrap_or(&root))?;
        place(&blob, &link, file.path()).map_err(|reason| Error::Cache {
            path: link.clone(),
            reason,
        })?;
        if file.commit().is_none() {
            repository
                .create_ref(&promise.commit)
                .map_err(|reason| Error::Cache { path: root, reason })?;
        }
        Ok(link)
    }

    fn repository(&self, file: &HubFile) -> CacheRepo {
        Cache::new(self.cache.clone()).repo(file.repo())
    }
}

fn make_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|reason| Error::Cache {
        path: path.to_owned(),
        reason,
    })
}

/// Makes `link`, `snapshots/COMMIT/NAME`, lead to a blob.
fn place(blob: &Path, link: &Path, name: &str) -> io::Result<()> {
    if link.exists() {
        return Ok(());
    }
    // It may lead to a blob that is no more.
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    #[cfg(unix)]
    {
        let up = "../".repeat(name.split('/').count() + 1);
        let checksum = blob.file_name().unwrap_or_default();
        std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(checksum), link)
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        // Who may make links on other systems is another matter.
        let whole = link.with_extension("incomplete");
        fs::copy(blob, &whole)?;
        fs::rename(whole, link)
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

/// What a hub says of a file before it sends it.
pub(crate) struct Promise {
    /// The commit that the revision stands for.
    pub(crate) commit: String,
    /// SHA-256 of a large file, Git's checksum of a small one.
    pub(crate) checksum: String,
    /// Bytes.
    pub(crate) size: u64,
}

impl Promise {
    /// From the words of headers; says which is missing or makes no sense.
    pub(crate) fn from_headers(header: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let needed = |name: &str| header(name).ok_or_else(|| format!("it has no header {name}"));
        let checksum = header("x-linked-etag").map_or_else(|| needed("etag"), Ok)?;
        let checksum = checksum
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_lowercase();
        if !(is_hexadecimal(&checksum, 64) || is_hexadecimal(&checksum, 40)) {
            return Err("its etag is no checksum".to_owned());
        }
        let commit = needed("x-repo-commit")?;
        if !is_hexadecimal(&commit, 40) {
            return Err("its x-repo-commit is no commit".to_owned());
        }
        let size = header("x-linked-size").map_or_else(|| needed("content-length"), Ok)?;
        let size = size
            .parse()
            .map_err(|_| "its size is no number".to_owned())?;
        Ok(Self {
            commit,
            checksum,
            size,
        })
    }
}
