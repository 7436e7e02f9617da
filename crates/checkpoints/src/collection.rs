use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, read, write_atomically};

/// Models to be given to others: an index of files in one directory or repository, with their checksums.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection<M> {
    /// In the order of their names.
    models: BTreeMap<String, Entry<M>>,
}

/// A model of a [`Collection`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<M> {
    /// The length of its file.
    pub bytes: u64,
    /// The SHA-256 of its file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What its file says about it.
    pub metadata: M,
}

/// Names become names of files.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

/// Whether files that are called NAME.something would be taken for the collection's own pages (`index.json` and
/// `README.md`) or cannot exist on Windows, in capitals or not.
fn is_reserved(name: &str) -> bool {
    const PAGES: [&str; 2] = ["readme", "index"];
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let name = name.to_lowercase();
    // Windows takes `con.txt` for a device too.
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
    /// The file of the index.
    pub const INDEX: &str = "index.json";

    /// The file of the model of this name, wherever the collection is.
    pub fn file(name: &str) -> String {
        format!("{name}.safetensors")
    }

    /// The index in a directory; empty, if there is none.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Index`]: what is there is none.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(Self::INDEX);
        if path.exists() {
            Self::parse(&read(&path)?, &path)
        } else {
            Ok(Self::default())
        }
    }

    /// The index from its bytes, which errors call `path`.
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
            Some(name) => Err(index(format!("{name:?} is no name"))),
            None => Ok(collection),
        }
    }

    /// The models by name.
    pub fn models(&self) -> &BTreeMap<String, Entry<M>> {
        &self.models
    }

    /// Writes a model's file into the collection's directory, and then the index that tells of it. A model
    /// of the same name is replaced.
    ///
    /// # Errors
    /// [`Error::Write`], and [`Error::Name`] for a name that a model cannot have: it consists of letters, digits,
    /// `-`, `_` and `.`; `README`, `index` and the names of Windows' devices are reserved; and it differs from
    /// those of the other models in more than capital letters, since some file systems do not tell these apart.
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
            return wrong("it consists of letters, digits, `-`, `_` and `.`".to_owned());
        }
        if is_reserved(name) {
            return wrong("it is reserved for another file".to_owned());
        }
        let mut others = self.models.keys().filter(|other| *other != name);
        if let Some(other) = others.find(|other| other.eq_ignore_ascii_case(name)) {
            return wrong(format!("it differs from `{other}` in capital letters only"));
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
    /// Whether these bytes, read from `path`, are this model's, which is called `name`.
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
    fn what_was_added_is_found_again_and_nothing_else_passes_for_it() {
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
        // Pages of the collection's own, and files that are one on some systems.
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
    fn an_index_that_leads_elsewhere_is_none() {
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
