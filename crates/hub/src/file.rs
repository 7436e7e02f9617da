use std::fmt;
use std::str::FromStr;

use hf_hub::{Repo, RepoType};

use crate::Error;

/// The kind of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryKind {
    /// Weights.
    Model,
    /// Data.
    Dataset,
}

/// A file on a hub: `hf://owner/repository[@revision]/path/of/file`, or
/// `hf://datasets/owner/repository…` for a data set. The default revision is `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    kind: RepositoryKind,
    repository: String,
    revision: String,
    path: String,
}

impl HubFile {
    /// The scheme of names of files on a hub.
    pub const SCHEME: &str = "hf://";

    /// Creates the name of the file at `path` in `repository`, `owner/name`, at `revision`.
    ///
    /// # Errors
    /// [`Error::Name`] if one of them is invalid.
    pub fn new(
        kind: RepositoryKind,
        repository: &str,
        revision: &str,
        path: &str,
    ) -> Result<Self, Error> {
        let file = Self {
            kind,
            repository: repository.to_owned(),
            // Commits are in lower case.
            revision: if is_hexadecimal(revision, 40) {
                revision.to_lowercase()
            } else {
                revision.to_owned()
            },
            path: path.to_owned(),
        };
        let wrong = |reason| {
            Err(Error::Name {
                name: file.to_string(),
                reason,
            })
        };
        // All of these become parts of paths and URLs.
        let is_plain = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c))
        };
        let mut parts = repository.split('/');
        if !(parts.clone().count() == 2 && parts.all(is_plain)) {
            return wrong("the repository is not of the form owner/name");
        }
        if repository.starts_with("spaces/") {
            return wrong("spaces contain no models");
        }
        if !revision.split('/').all(is_plain) {
            return wrong("the revision is not a valid name of a branch, a tag or a commit");
        }
        if !path.split('/').all(is_plain) {
            return wrong("the path within the repository is invalid");
        }
        Ok(file)
    }

    /// The path within the repository.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The branch, tag or commit.
    pub(crate) fn revision(&self) -> &str {
        &self.revision
    }

    /// The revision if it is a commit, whose content never changes.
    pub(crate) fn commit(&self) -> Option<&str> {
        is_hexadecimal(&self.revision, 40).then_some(&self.revision)
    }

    /// The URL of the file on a hub.
    pub(crate) fn url(&self, endpoint: &str) -> String {
        let kind = match self.kind {
            RepositoryKind::Model => "",
            RepositoryKind::Dataset => "datasets/",
        };
        let revision = self.revision.replace('/', "%2F");
        format!(
            "{endpoint}/{kind}{}/resolve/{revision}/{}",
            self.repository, self.path
        )
    }

    pub(crate) fn repo(&self) -> Repo {
        let kind = match self.kind {
            RepositoryKind::Model => RepoType::Model,
            RepositoryKind::Dataset => RepoType::Dataset,
        };
        Repo::with_revision(self.repository.clone(), kind, self.revision.clone())
    }
}

/// Whether a text consists of exactly this many hexadecimal digits, like a checksum.
pub(crate) fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for HubFile {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            kind,
            repository,
            revision,
            path,
        } = self;
        let kind = match kind {
            RepositoryKind::Model => "",
            RepositoryKind::Dataset => "datasets/",
        };
        write!(formatter, "{}{kind}{repository}", Self::SCHEME)?;
        if revision != "main" {
            write!(formatter, "@{}", revision.replace('/', "%2F"))?;
        }
        write!(formatter, "/{path}")
    }
}

impl FromStr for HubFile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let wrong = |reason| Error::Name {
            name: name.to_owned(),
            reason,
        };
        let rest = name
            .strip_prefix(Self::SCHEME)
            .ok_or_else(|| wrong("it does not start with hf://"))?;
        let (kind, rest) = rest
            .strip_prefix("datasets/")
            .map_or((RepositoryKind::Model, rest), |rest| {
                (RepositoryKind::Dataset, rest)
            });
        let mut parts = rest.splitn(3, '/');
        let (Some(owner), Some(named), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong("an owner, a repository and a file are needed"));
        };
        // A slash in the name of a branch is written %2F, as in the hub's URLs.
        let (named, revision) = named.split_once('@').unwrap_or((named, "main"));
        Self::new(
            kind,
            &format!("{owner}/{named}"),
            &revision.replace("%2F", "/"),
            path,
        )
    }
}
