use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use super::files::file_error;
use crate::Error;

/// Locked by whoever trains the run; the file itself says nothing.
const LOCK: &str = ".lock";

/// The lock of a run directory: one process trains it, as long as a copy of this lives. Reading needs no lock,
/// since files are replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    _file: Arc<File>,
}

impl Lock {
    /// Locks `directory`, and calls `prepare` where no other process can be at work in it.
    ///
    /// # Errors
    /// [`Error::RunInUse`] where another process has the lock; [`Error::File`] where the file cannot be made;
    /// whatever `prepare` fails by.
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
            // A file system without locks is no reason not to train.
            Err(TryLockError::Error(_)) => {}
            Ok(()) => prepare()?,
        }
        Ok(Self {
            _file: Arc::new(file),
        })
    }
}
