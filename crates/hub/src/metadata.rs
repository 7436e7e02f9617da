use crate::file::is_hexadecimal;

/// What a hub says of a file before it sends it.
pub(crate) struct FileMetadata {
    /// Where the hub has it, under the name that it goes by now.
    pub(crate) url: String,
    /// The commit that the revision stands for.
    pub(crate) commit: String,
    /// SHA-256 of a large file, Git's checksum of a small one.
    pub(crate) checksum: String,
    /// Bytes.
    pub(crate) size: u64,
}

impl FileMetadata {
    /// From the words of headers; says which is missing or makes no sense.
    pub(crate) fn from_headers(
        url: String,
        header: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        /// A tebibyte, which no file here is anywhere near.
        const LARGEST: u64 = 1 << 40;
        let needed = |name: &str| header(name).ok_or_else(|| format!("it has no header {name}"));
        let checksum = header("x-linked-etag").map_or_else(|| needed("etag"), Ok)?;
        let checksum = checksum
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_lowercase();
        if !(is_hexadecimal(&checksum, 64) || is_hexadecimal(&checksum, 40)) {
            return Err("its etag is no checksum".to_owned());
        }
        let commit = needed("x-repo-commit")?;
        if !is_hexadecimal(&commit, 40) {
            return Err("its x-repo-commit is no commit".to_owned());
        }
        let size = header("x-linked-size").map_or_else(|| needed("content-length"), Ok)?;
        let size = size.parse().ok().filter(|&size| size <= LARGEST);
        let size = size.ok_or("its size is no number of bytes")?;
        let commit = commit.to_lowercase();
        Ok(Self {
            url,
            commit,
            checksum,
            size,
        })
    }
}
