use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Error;

/// Adds the path to an error of the cache.
pub(crate) fn cached_by<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|reason| Error::Cache {
        path: path.to_owned(),
        reason,
    })
}

/// The path with an ending added to its file name.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Creates `link`, `snapshots/COMMIT/NAME`, as a link to a blob.
pub(crate) fn place(blob: &Path, link: &Path, name: &str) -> io::Result<()> {
    if link.exists() {
        return Ok(());
    }
    // The link may lead to a blob that was deleted.
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link)?;
    }
    #[cfg(unix)]
    {
        let up = "../".repeat(name.split('/').count() + 1);
        let checksum = blob.file_name().unwrap_or_default();
        match std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(checksum), link) {
            // Another process created the link at the same time.
            Err(_) if link.exists() => Ok(()),
            result => result,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        // Other systems may not permit links, so the blob is copied.
        let whole = beside(link, ".incomplete");
        fs::copy(blob, &whole)?;
        fs::rename(whole, link)
    }
}

/// Writes the commit of a branch atomically.
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
