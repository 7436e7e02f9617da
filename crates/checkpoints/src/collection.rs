use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, read, write_atomically};

/// A collection of models for distribution: an index of the files in a directory or repository,
/// with their checksums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection<M> {
    /// By name.
    models: BTreeMap<String, Entry<M>>,
}

/// A model of a [`Collection`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<M> {
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The SHA-256 checksum of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The metadata of the file.
    pub metadata: M,
}

/// Whether a name is safe as part of a file name.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

/// Whether a file named NAME.something would collide with the collection's own files (`index.json`
/// and `README.md`) or cannot exist on Windows, ignoring case.
fn is_reserved(name: &str) -> bool {
    const PAGES: [&str; 2] = ["readme", "index"];
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let name = name.to_lowercase();
    // Windows also treats `con.txt` as a device.
    let stem = name.split('.').next().unwrap_or_default();
    let is_port = ["com", "lpt"].iter().any(|port| {
        let number = stem.strip_prefix(port);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|c| c.is_ascii_digit()))
    });
    PAGES.contains(&name.as_str()) || DEVICES.contains(&stem) || is_port
}

impl<M> Default for Collection<M> {
    fn default() -> Self {
        let models = BTreeMap::new();
        Self { models }
    }
}

impl<M: Serialize + DeserializeOwned> Collection<M> {
    /// The file name of the index.
    pub const INDEX: &str = "index.json";

    /// The file name of the model with this name.
    pub fn file(name: &str) -> String {
        format!("{name}.safetensors")
    }

    /// Reads the index in a directory; without an index the collection is empty.
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be read, [`Error::Index`] if it is not a valid index.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(Self::INDEX);
        if path.exists() {
            Self::parse(&read(&path)?, &path)
        } else {
            Ok(Self::default())
        }
    }

    /// Parses an index; error messages call it `path`.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let index = |reason| Error::Index {
            path: path.to_owned(),
            reason,
        };
        let collection: Self =
            serde_json::from_slice(bytes).map_err(|reason| index(reason.to_string()))?;
        match collection.models.keys().find(|name| !is_plain(name)) {
            Some(name) => Err(index(format!("{name:?} is not a valid name"))),
            None => Ok(collection),
        }
    }

    /// The models by name.
    pub fn models(&self) -> &BTreeMap<String, Entry<M>> {
        &self.models
    }

    /// Writes a model's file to the collection's directory, and then the updated index. A model of
    /// the same name is replaced.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Name`] for an invalid name. A name consists of letters, digits,
    /// `-`, `_` and `.`. `README`, `index` and the names of Windows' devices are reserved. It must
    /// differ from other names in more than case, since some file systems ignore case.
    pub fn add(
        &mut self,
        directory: &Path,
        name: &str,
        metadata: M,
        bytes: &[u8],
    ) -> Result<PathBuf, Error> {
        let wrong = |reason| {
            Err(Error::Name {
                name: name.to_owned(),
                reason,
            })
        };
        if !is_plain(name) {
            return wrong("a name consists of letters, digits, `-`, `_` and `.`".to_owned());
        }
        if is_reserved(name) {
            return wrong("it is reserved for another file".to_owned());
        }
        let mut others = self.models.keys().filter(|other| *other != name);
        if let Some(other) = others.find(|other| other.eq_ignore_ascii_case(name)) {
            return wrong(format!("it differs from `{other}` only in case"));
        }
        let path = directory.join(Self::file(name));
        write_atomically(&path, bytes)?;
        let entry = Entry {
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
            metadata,
        };
        self.models.insert(name.to_owned(), entry);
        let index = directory.join(Self::INDEX);
        let text = serde_json::to_string_pretty(self).map_err(|reason| Error::Index {
            path: index.clone(),
            reason: reason.to_string(),
        })?;
        write_atomically(&index, format!("{text}\n").as_bytes())?;
        Ok(path)
    }
}

impl<M> Entry<M> {
    /// Verifies that these bytes, read from `path`, are the file of this model, which is named
    /// `name`.
    ///
    /// # Errors
    /// [`Error::OtherFile`].
    pub fn verify(&self, name: &str, bytes: &[u8], path: &Path) -> Result<(), Error> {
        let found = sha256_hex(bytes);
        if found == self.sha256 {
            return Ok(());
        }
        Err(Error::OtherFile {
            path: path.to_owned(),
            name: name.to_owned(),
            expected: self.sha256.clone(),
            found,
        })
    }
}

/// The SHA-256 checksum of bytes, hexadecimal: 64 digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_models_are_found_and_other_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut collection = Collection::<f64>::open(directory.path()).unwrap();
        assert_eq!(collection, Collection::default());
        let path = collection
            .add(directory.path(), "small", 0.1 + 0.2, b"weights")
            .unwrap();

        let again = Collection::open(directory.path()).unwrap();
        assert_eq!(again, collection);
        let entry = &again.models()["small"];
        assert_eq!(entry.bytes, 7);
        let read = read(&path).unwrap();
        entry.verify("small", &read, &path).unwrap();
        for name in ["", "../small", ".small", "a b"] {
            let error = collection.add(directory.path(), name, 1.0, b"");
            assert!(error.is_err(), "{name}");
        }
        // The collection's own files, and names that some systems reserve or do not distinguish.
        for name in [
            "README", "readme", "Index", "NUL", "con.v1", "com1", "SMALL",
        ] {
            let error = collection
                .add(directory.path(), name, 1.0, b"")
                .unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{name}: {error}");
        }
        let files = std::fs::read_dir(directory.path()).unwrap();
        assert_eq!(files.count(), 2, "the index and one model");
        let name = "my_model.v1";
        collection.add(directory.path(), name, 1.0, b"").unwrap();
        assert_eq!(Collection::open(directory.path()).unwrap(), collection);
        let error = entry.verify("small", b"weighty", &path).unwrap_err();
        assert!(error.to_string().contains("not the small"), "{error}");
    }

    #[test]
    fn an_invalid_index_is_refused() {
        let path = Path::new("index.json");
        for text in [
            "",
            "[]",
            r#"{"models": {}, "more": 1}"#,
            r#"{"models": {"a": {}}}"#,
            r#"{"models": {"../a": {"bytes": 1, "sha256": "", "metadata": 1.0}}}"#,
        ] {
            let error = Collection::<f64>::parse(text.as_bytes(), path).unwrap_err();
            assert!(error.to_string().starts_with("index.json: "), "{error}");
        }
    }
}
