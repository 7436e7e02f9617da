use std::io;
use std::path::Path;

use crate::Error;

/// The text of a file.
///
/// # Errors
/// [`Error::File`] where it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let not_text = |_| file_error(path, io::Error::other("it is no UTF-8 text"));
    String::from_utf8(latent_checkpoints::read(path)?).map_err(not_text)
}

/// The error of an operation on a file.
pub(crate) fn file_error(path: &Path, reason: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        reason,
    }
}
