use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Error;

/// A failure of the cache, with the place where it happened.
pub(crate) fn cached_by<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|reason| Error::Cache {
        path: path.to_owned(),
        reason,
    })
}

/// A path with something added to its name.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Makes `link`, `snapshots/COMMIT/NAME`, lead to a blob.
pub(crate) fn place(blob: &Path, link: &Path, name: &str) -> io::Result<()> {
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
        match std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(checksum), link) {
            // Another process was as quick.
            Err(_) if link.exists() => Ok(()),
            result => result,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        // Who may make links on other systems is another matter.
        let whole = beside(link, ".incomplete");
        fs::copy(blob, &whole)?;
        fs::rename(whole, link)
    }
}

/// Writes which commit a branch stands for, whole or not at all.
pub(crate) fn refer(reference: &Path, commit: &str) -> io::Result<()> {
    if fs::read_to_string(reference).is_ok_and(|known| known.trim() == commit) {
        return Ok(());
    }
    if let Some(directory) = reference.parent() {
        fs::create_dir_all(directory)?;
    }
    let whole = beside(reference, &format!(".{}", std::process::id()));
    fs::write(&whole, commit)?;
    fs::rename(whole, reference)
}
