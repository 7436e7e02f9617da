use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;

use crate::Error;

/// The file format of a [`Picture`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Pixels on a white background.
    Png,
    /// Shapes that are sharp at any size, texts as glyph outlines; images are embedded PNGs.
    Svg,
    /// The data of the figure, for NumPy.
    Npy,
}

impl Format {
    /// The format of a path's extension, in upper or lower case.
    ///
    /// ```
    /// use latent_visualisation::Format;
    ///
    /// assert_eq!(Format::from_path("figures/samples.PNG".as_ref())?, Format::Png);
    /// assert!(Format::from_path("samples.bmp".as_ref()).is_err());
    /// # Ok::<(), latent_visualisation::Error>(())
    /// ```
    pub fn from_path(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Ok(Self::Png),
            Some("svg") => Ok(Self::Svg),
            Some("npy") => Ok(Self::Npy),
            _ => Err(Error::UnknownFormat {
                path: path.to_path_buf(),
            }),
        }
    }
}

/// A figure that can be rendered and saved. The same figure always gives the same bytes.
pub trait Picture {
    /// Renders the figure as a file of this format.
    fn render(&self, format: Format) -> Result<Vec<u8>, Error>;

    /// Further files next to the main one: for each, the extension that replaces that of the main
    /// file, and the content.
    fn companions(&self, _format: Format) -> Vec<(&'static str, Vec<u8>)> {
        Vec::new()
    }

    /// Saves the figure in the format of the extension of `path`, with its
    /// [companions](Self::companions), and returns the paths written.
    ///
    /// Missing directories are created. Each file is written completely or not at all; if rendering
    /// or writing fails, existing files are unchanged.
    fn save(&self, path: &Path) -> Result<Vec<PathBuf>, Error> {
        let format = Format::from_path(path)?;
        let mut files = vec![(path.to_path_buf(), self.render(format)?)];
        let companions = self.companions(format).into_iter();
        files.extend(companions.map(|(extension, bytes)| (path.with_extension(extension), bytes)));
        write(files)
    }
}

/// Writes all files to temporary names first, and then renames them.
fn write(files: Vec<(PathBuf, Vec<u8>)>) -> Result<Vec<PathBuf>, Error> {
    let mut written = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        if path.is_dir() {
            return Err(Error::IsDirectory { path });
        }
        let directory = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(directory).map_err(|source| Error::CreateDirectory {
            directory: directory.to_path_buf(),
            source,
        })?;
        // A link's target is replaced, not the link.
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let file = AtomicWriteFile::open(&target)
            .and_then(|mut file| file.write_all(&bytes).map(|()| file));
        match file {
            Ok(file) => written.push((path, file)),
            Err(source) => return Err(Error::Write { path, source }),
        }
    }
    written
        .into_iter()
        .map(|(path, file)| match file.commit() {
            Ok(()) => Ok(path),
            Err(source) => Err(Error::Write { path, source }),
        })
        .collect()
}

/// A NumPy file (`.npy`) of 32-bit floats in row-major order, for numbers that are no figure.
///
/// ```
/// let file = latent_visualisation::npy_file(&[2, 3], &[0.0; 6]);
/// assert_eq!(file.len(), 128 + 24);
/// ```
pub fn npy_file(shape: &[usize], values: &[f32]) -> Vec<u8> {
    npy(
        "<f4",
        shape,
        values.iter().copied().flat_map(f32::to_le_bytes),
    )
}

/// A NumPy file, version 1.0. `kind` is NumPy's name of the number type, such as `<f4`; `data` are
/// little-endian bytes in row-major order.
pub(crate) fn npy(kind: &str, shape: &[usize], data: impl Iterator<Item = u8>) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A Python tuple of one element has a comma: `(3,)`.
    let shape = lengths.join(", ") + if lengths.len() == 1 { "," } else { "" };
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The data start at a multiple of 64 bytes, after 10 bytes of preamble and a line feed.
    let length = (header.len() + 11).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<0$}\n", length - 1).bytes());
    bytes.extend(data);
    bytes
}
