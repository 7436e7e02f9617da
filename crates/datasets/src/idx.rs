use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::Error;
use crate::checksum::sha256_hex;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const UNSIGNED_BYTES: u8 = 0x08;

/// An array of unsigned bytes from an [IDX file](http://yann.lecun.com/exdb/mnist/), the file
/// format of MNIST.
///
/// The header is not trusted: memory grows with the bytes actually read, and reading stops one byte
/// after the declared size, which also limits the damage of a gzip bomb.
///
/// ```
/// use std::path::Path;
/// use latent_datasets::Idx;
///
/// let file = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 11, 12, 20, 21, 22];
/// let idx = Idx::read(Path::new("six.idx"), file.as_slice())?;
/// assert_eq!(idx.dimensions(), [2, 3]);
/// assert_eq!(idx.data(), [10, 11, 12, 20, 21, 22]);
/// # Ok::<(), latent_datasets::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Idx {
    dimensions: Vec<usize>,
    data: Vec<u8>,
}

impl Idx {
    /// Opens a file, plain or gzip (detected by its first bytes, not by its name).
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |error| unreadable(path, error);
        // Checked first: Windows reports a directory as a lack of permission.
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            return Err(Error::IsDirectory { path: path.into() });
        }
        Self::read(path, File::open(path).map_err(unreadable)?)
    }

    /// Reads from any reader, plain or gzip; error messages call it `path`.
    ///
    /// A gzip stream of several members, as `cat a.gz b.gz` produces, is read as one.
    pub fn read(path: &Path, mut reader: impl Read) -> Result<Self, Error> {
        let start = read_at_most(path, &mut reader, 2)?;
        let whole = start.as_slice().chain(reader);
        if start == GZIP {
            Self::read_plain(path, MultiGzDecoder::new(whole))
        } else {
            Self::read_plain(path, whole)
        }
    }

    fn read_plain(path: &Path, mut reader: impl Read) -> Result<Self, Error> {
        let header_cut_off = |found, expected| Error::HeaderCutOff {
            path: path.into(),
            found,
            expected,
        };

        let magic = read_at_most(path, &mut reader, 4)?;
        if magic.is_empty() {
            return Err(Error::EmptyFile { path: path.into() });
        }
        let Ok(found @ [first, second, element, count]) = <[u8; 4]>::try_from(magic.as_slice())
        else {
            return Err(header_cut_off(magic.len(), 4));
        };
        if [first, second, element] != [0, 0, UNSIGNED_BYTES] {
            let path = path.into();
            return Err(match (first, second, other_element_type(element)) {
                (0, 0, Some(found)) => Error::ElementType { path, found },
                _ => Error::NotIdx { path, found },
            });
        }

        let length = 4 * usize::from(count);
        let sizes = read_at_most(path, &mut reader, length)?;
        if sizes.len() < length {
            return Err(header_cut_off(4 + sizes.len(), 4 + length));
        }
        let dimensions: Vec<usize> = sizes
            .as_chunks()
            .0
            .iter()
            .map(|&size| u32::from_be_bytes(size) as usize)
            .collect();
        if dimensions.is_empty() || dimensions.contains(&0) {
            let path = path.into();
            return Err(Error::NoElements { path, dimensions });
        }
        let Some(promised) = dimensions
            .iter()
            .try_fold(1, |product: usize, &size| product.checked_mul(size))
        else {
            let path = path.into();
            return Err(Error::TooLarge { path, dimensions });
        };

        // One byte more than declared, to detect trailing bytes and to make the gzip decoder verify
        // its checksum.
        let data = read_at_most(path, &mut reader, promised.saturating_add(1))?;
        if data.len() < promised {
            return Err(Error::CutOff {
                path: path.into(),
                dimensions,
                found: data.len(),
            });
        }
        if data.len() > promised {
            let path = path.into();
            return Err(Error::TrailingBytes { path, dimensions });
        }
        Ok(Self { dimensions, data })
    }

    /// The sizes of the dimensions, outermost first; at least one, none of them 0.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The elements in row-major order, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The SHA-256 of the unpacked file, header included, as 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        // The header is a function of the dimensions, so it is not stored.
        sha256_hex(&[&Self::header(&self.dimensions), &self.data])
    }

    /// The header of a file with these dimensions.
    pub(crate) fn header(dimensions: &[usize]) -> Vec<u8> {
        let mut header = vec![0, 0, UNSIGNED_BYTES, dimensions.len() as u8];
        for &size in dimensions {
            header.extend((size as u32).to_be_bytes());
        }
        header
    }
}

/// Without the data, which may be many megabytes.
impl fmt::Debug for Idx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Idx")
            .field("dimensions", &self.dimensions)
            .finish_non_exhaustive()
    }
}

fn other_element_type(code: u8) -> Option<&'static str> {
    match code {
        0x09 => Some("signed byte"),
        0x0b => Some("int16"),
        0x0c => Some("int32"),
        0x0d => Some("float32"),
        0x0e => Some("float64"),
        _ => None,
    }
}

/// Reads at most `limit` bytes, fewer only at the end of the reader; the vector grows as they
/// arrive.
fn read_at_most(path: &Path, reader: &mut impl Read, limit: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    match reader.take(limit as u64).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// Distinguishes errors of the gzip decoder, which have no code, from those of the operating
/// system.
fn unreadable(path: &Path, reason: io::Error) -> Error {
    let path = path.into();
    match (reason.raw_os_error(), reason.kind()) {
        (None, io::ErrorKind::UnexpectedEof) => Error::GzipCutOff { path },
        (None, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            Error::GzipDamaged { path, reason }
        }
        _ => Error::Unreadable { path, reason },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    pub(crate) fn idx_file(dimensions: &[u32], data: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, dimensions.len() as u8];
        file.extend(dimensions.iter().flat_map(|size| size.to_be_bytes()));
        file.extend(data);
        file
    }

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(file: &[u8]) -> Result<Idx, Error> {
        Idx::read(Path::new("digits"), file)
    }

    fn array() -> impl Strategy<Value = (Vec<u32>, Vec<u8>)> {
        prop::collection::vec(1_u32..6, 1..5).prop_flat_map(|dimensions| {
            let count = dimensions.iter().product::<u32>() as usize;
            (Just(dimensions), prop::collection::vec(any::<u8>(), count))
        })
    }

    /// Any IDX file, plain or gzip.
    fn file() -> impl Strategy<Value = Vec<u8>> {
        (array(), any::<bool>()).prop_map(|((dimensions, data), packed)| {
            let file = idx_file(&dimensions, &data);
            if packed { gzip(&file) } else { file }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_written_array_is_read_back((dimensions, data) in array(), cut in any::<Index>()) {
            let file = idx_file(&dimensions, &data);
            let (first, second) = file.split_at(cut.index(file.len()));
            let members = [gzip(first), gzip(second)].concat();
            for packed in [file.clone(), gzip(&file), members] {
                let idx = read(&packed).unwrap();
                prop_assert_eq!(idx.sha256(), sha256_hex(&[&file]));
                let sizes: Vec<_> = dimensions.iter().map(|&size| size as usize).collect();
                prop_assert_eq!(idx.dimensions(), sizes);
                prop_assert_eq!(idx.into_data(), data.as_slice());
            }
        }

        #[test]
        fn a_truncated_file_is_refused(file in file(), cut in any::<Index>()) {
            prop_assert!(read(&file[..cut.index(file.len())]).is_err());
        }

        #[test]
        fn trailing_bytes_are_refused(
            mut file in file(),
            more in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            file.extend(more);
            prop_assert!(read(&file).is_err());
        }

        #[test]
        fn one_changed_byte_of_a_packed_file_never_changes_the_data(
            (dimensions, data) in array(),
            place in any::<Index>(),
            change in 1_u8..,
        ) {
            let mut file = gzip(&idx_file(&dimensions, &data));
            let place = place.index(file.len());
            file[place] ^= change;
            if let Ok(idx) = read(&file) {
                prop_assert_eq!(idx.into_data(), data);
            }
        }

        #[test]
        fn any_damage_gives_an_array_or_an_error(
            mut file in file(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
            length in 0_usize..200,
        ) {
            for (place, byte) in changes {
                let place = place.index(file.len());
                file[place] = byte;
            }
            file.truncate(length);
            if let Ok(idx) = read(&file) {
                prop_assert_eq!(idx.dimensions().iter().product::<usize>(), idx.data().len());
            }
        }

        #[test]
        fn any_bytes_give_an_array_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            for start in [[].as_slice(), &GZIP, &[0, 0, 8, 1, 0, 0, 0], &[0, 0, 8, 3, 0, 0, 0, 2]] {
                let _ = read(&[start, &bytes].concat());
            }
        }
    }

    #[test]
    fn every_kind_of_damage_has_its_message() {
        let good = idx_file(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        let mut other_sum = gzip(&good);
        let sum = other_sum.len() - 8;
        other_sum[sum] ^= 1;
        let packed = gzip(&good);

        let cases: [(Vec<u8>, &str); 17] = [
            (vec![], "digits: the file is empty, expected an IDX file"),
            (gzip(&[]), "digits: the file is empty, expected an IDX file"),
            (
                vec![0, 0],
                "digits: the file ends after 2 bytes, expected an IDX header of at least 4: it is \
                 truncated",
            ),
            (
                good[..11].to_vec(),
                "digits: the file ends after 11 bytes, expected an IDX header of at least 12: it \
                 is truncated",
            ),
            (
                b"<html>".to_vec(),
                "digits: the file starts with the bytes [3c, 68, 74, 6d], expected those of an \
                 IDX file of unsigned bytes, [00, 00, 08]; it may be a web page saved under \
                 this name",
            ),
            (
                vec![0, 0, 7, 1],
                "digits: the file starts with the bytes [00, 00, 07, 01], expected those of an \
                 IDX file of unsigned bytes, [00, 00, 08]; it may be a web page saved under \
                 this name",
            ),
            (
                vec![0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0],
                "digits: the elements of the file are float32, expected unsigned bytes",
            ),
            (
                idx_file(&[], &[1]),
                "digits: the header declares no dimensions, expected at least one element",
            ),
            (
                idx_file(&[0, 28, 28], &[]),
                "digits: the header declares 0 × 28 × 28, expected at least one element",
            ),
            (
                idx_file(&[u32::MAX; 3], &[1]),
                "digits: the header declares 4294967295 × 4294967295 × 4294967295 bytes, more \
                 than this computer can address: it is damaged",
            ),
            (
                idx_file(&[10000], &[7; 9000]),
                "digits: the header declares 10000 bytes but only 9000 follow: the file is \
                 truncated",
            ),
            (
                gzip(&idx_file(&[2, 28, 28], &[7; 100])),
                "digits: the header declares 2 × 28 × 28 bytes but only 100 follow: the file \
                 is truncated",
            ),
            (
                idx_file(&[2, 3], &[7; 7]),
                "digits: the header declares 2 × 3 bytes but more follow: the file is \
                 damaged, or another was appended to it",
            ),
            (
                packed[..packed.len() - 1].to_vec(),
                "digits: the gzip stream is truncated",
            ),
            (vec![0x1f, 0x8b], "digits: the gzip stream is truncated"),
            (
                other_sum,
                "digits: the gzip stream is damaged or followed by other data \
                 (corrupt gzip stream does not have a matching checksum)",
            ),
            (
                [packed.as_slice(), b"something else"].concat(),
                "digits: the gzip stream is damaged or followed by other data \
                 (invalid gzip header)",
            ),
        ];
        for (file, message) in cases {
            assert_eq!(read(&file).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_directory_or_missing_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let message = Idx::open(directory.path()).unwrap_err().to_string();
        assert!(message.starts_with(&directory.path().display().to_string()));
        assert!(message.ends_with(": this is a directory, expected a file"));

        let error = Idx::open(&directory.path().join("nothing")).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }));
        let message = error.to_string();
        assert!(message.starts_with(&directory.path().join("nothing").display().to_string()));
    }

    #[test]
    fn an_error_of_the_disk_is_not_reported_as_damage() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                // EINVAL has the same kind as the gzip decoder's errors.
                Err(io::Error::from_raw_os_error(22))
            }
        }

        for start in [idx_file(&[2], &[]), gzip(&[])[..5].to_vec()] {
            let error = Idx::read(Path::new("digits"), start.chain(Failing)).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        }
    }

    /// Allocating what these headers declare would fail and end the process.
    #[test]
    fn memory_is_not_allocated_from_the_header_alone() {
        for dimensions in [[1 << 20, 1 << 20], [1 << 31, 1 << 31]] {
            let file = idx_file(&dimensions, &[1, 2, 3]);
            for file in [gzip(&file), file] {
                let error = read(&file).unwrap_err();
                assert!(matches!(error, Error::CutOff { found: 3, .. }), "{error}");
            }
        }
    }

    #[test]
    fn reading_stops_one_byte_after_the_declared_size() {
        let header = idx_file(&[10], &[]);
        let error = Idx::read(Path::new("digits"), header.chain(io::repeat(0))).unwrap_err();
        assert!(matches!(error, Error::TrailingBytes { .. }));

        let bomb = gzip(&idx_file(&[10], &vec![0; 1 << 27]));
        let mut unread = bomb.as_slice();
        let error = Idx::read(Path::new("digits"), &mut unread).unwrap_err();
        assert!(matches!(error, Error::TrailingBytes { .. }));
        assert!(unread.len() > bomb.len() / 2);
    }

    #[test]
    fn gzip_is_detected_by_content_not_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = idx_file(&[3], &[1, 2, 3]);
        for (name, bytes) in [("plain.gz", file.clone()), ("packed", gzip(&file))] {
            let path = directory.path().join(name);
            fs::write(&path, bytes).unwrap();
            assert_eq!(Idx::open(&path).unwrap().data(), [1, 2, 3]);
        }
    }
}
