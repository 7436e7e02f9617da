use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use super::files::file_error;
use crate::Error;

/// The lock file of a run directory. It is empty.
const LOCK: &str = ".lock";

/// The lock of a run directory, held until the last clone is dropped. Only one process can train a run. Readers
/// need no lock, since files are replaced atomically.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    _file: Arc<File>,
}

impl Lock {
    /// Locks `directory` and then calls `prepare`.
    ///
    /// On a file system without locks, the result is a lock without effect, and `prepare` is not called.
    ///
    /// # Errors
    /// [`Error::RunInUse`] if another process has the lock; [`Error::File`] if the lock file cannot be created;
    /// errors of `prepare`.
    pub(crate) fn acquire(
        directory: &Path,
        prepare: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let path = directory.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|reason| file_error(&path, reason))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::RunInUse {
                    directory: directory.to_owned(),
                });
            }
            // The file system has no locks: train without one.
            Err(TryLockError::Error(_)) => {}
            Ok(()) => prepare()?,
        }
        Ok(Self {
            _file: Arc::new(file),
        })
    }
}
