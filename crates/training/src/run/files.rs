use std::io;
use std::path::Path;

use crate::Error;

/// Reads a UTF-8 text file.
///
/// # Errors
/// [`Error::Checkpoint`] if it cannot be read; [`Error::File`] if it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let not_text = |_| file_error(path, io::Error::other("it is not UTF-8 text"));
    String::from_utf8(latent_checkpoints::read(path)?).map_err(not_text)
}

/// Adds the path to the error of a file operation.
pub(crate) fn file_error(path: &Path, reason: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        reason,
    }
}
