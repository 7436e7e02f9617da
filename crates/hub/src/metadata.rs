use crate::file::is_hexadecimal;

/// The hub's metadata of a file.
pub(crate) struct FileMetadata {
    /// The URL of the file, under its current name.
    pub(crate) url: String,
    /// The commit of the revision.
    pub(crate) commit: String,
    /// The SHA-256 of a large file, or Git's checksum of a small one.
    pub(crate) checksum: String,
    /// The size in bytes.
    pub(crate) size: u64,
}

impl FileMetadata {
    /// Parses the headers of a response; the error names a missing or invalid one.
    pub(crate) fn from_headers(
        url: String,
        header: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        /// One tebibyte, much more than any supported file.
        const LARGEST: u64 = 1 << 40;
        let needed =
            |name: &str| header(name).ok_or_else(|| format!("the header {name} is missing"));
        let checksum = header("x-linked-etag").map_or_else(|| needed("etag"), Ok)?;
        let checksum = checksum
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_lowercase();
        if !(is_hexadecimal(&checksum, 64) || is_hexadecimal(&checksum, 40)) {
            return Err("the etag is not a checksum".to_owned());
        }
        let commit = needed("x-repo-commit")?;
        if !is_hexadecimal(&commit, 40) {
            return Err("the x-repo-commit is not a commit".to_owned());
        }
        let size = header("x-linked-size").map_or_else(|| needed("content-length"), Ok)?;
        let size = size.parse().ok().filter(|&size| size <= LARGEST);
        let size = size.ok_or("the size is not a number of bytes")?;
        let commit = commit.to_lowercase();
        Ok(Self {
            url,
            commit,
            checksum,
            size,
        })
    }
}
