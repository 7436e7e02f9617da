use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::{fs, io};

use atomic_write_file::AtomicWriteFile;
use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::mismatch::{Expected, Mismatch};

/// The format version that this crate reads and writes. [`load_older`] reads earlier ones.
pub const FORMAT: u64 = 3;

/// The only key in the header's metadata.
const KEY: &str = "latent";

/// The JSON value under [`KEY`].
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    format: u64,
    kind: String,
    #[serde(flatten)]
    metadata: M,
}

/// The part of [`Envelope`] that every format version has.
#[derive(Deserialize)]
struct Label {
    format: u64,
    kind: String,
}

/// The contents of a checkpoint file.
#[derive(Clone, Debug)]
pub struct Checkpoint<M> {
    /// The file that was read.
    pub path: PathBuf,
    /// The format version of the file.
    pub format: u64,
    /// The tensors by name; as 32-bit floats, unless [`load_older`] read them.
    pub tensors: BTreeMap<String, Tensor>,
    /// The caller's metadata.
    pub metadata: M,
}

impl<M> Checkpoint<M> {
    /// Verifies that the tensors are exactly the expected ones and that all values are finite.
    ///
    /// # Errors
    /// [`Error::Mismatch`] lists all tensors that are missing, surplus or of another shape;
    /// [`Error::NotFinite`] names the first tensor with an infinity or NaN.
    pub fn verify(&self, expected: &Expected) -> Result<(), Error> {
        let mismatch = Mismatch::between(&self.tensors, expected);
        if mismatch != Mismatch::default() {
            return Err(Error::Mismatch {
                path: self.path.clone(),
                mismatch: Box::new(mismatch),
            });
        }
        for (name, tensor) in &self.tensors {
            // The sum of magnitudes of 32-bit weights in 64 bits is finite if and only if all
            // elements are; a sum of squares could overflow.
            let sum = tensor
                .to_device(&Device::Cpu)?
                .to_dtype(DType::F64)?
                .abs()?
                .sum_all()?
                .to_scalar::<f64>()?;
            if !sum.is_finite() {
                return Err(Error::NotFinite {
                    path: self.path.clone(),
                    name: name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Writes a checkpoint atomically, with the bytes of [`to_bytes`].
pub fn save<M: Serialize>(
    path: &Path,
    kind: &str,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &M,
) -> Result<(), Error> {
    write_atomically(path, &to_bytes(path, kind, tensors, metadata)?)
}

/// Serialises tensors (floats of 16, 32 or 64 bits) and metadata. `path` is used only in error
/// messages. The same arguments give the same bytes.
///
/// `kind` names the kind of file, which [`load`] verifies. `metadata` must serialise to a JSON
/// object without the fields `format` and `kind`.
pub fn to_bytes<M: Serialize>(
    path: &Path,
    kind: &str,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &M,
) -> Result<Vec<u8>, Error> {
    let envelope = Envelope {
        format: FORMAT,
        kind: kind.to_owned(),
        metadata,
    };
    let json = serde_json::to_string(&envelope).map_err(|reason| Error::Metadata {
        path: path.into(),
        reason,
    })?;
    safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_owned(), json)]))).map_err(
        |reason| Error::NotSafetensors {
            path: path.into(),
            reason,
        },
    )
}

/// Reads a checkpoint of the given kind; see [`parse`].
pub fn load<M: DeserializeOwned>(
    path: &Path,
    kind: &str,
    device: &Device,
) -> Result<Checkpoint<M>, Error> {
    parse(&read(path)?, path, kind, device)
}

/// Parses the bytes of a checkpoint of the given kind, for platforms without files; error messages
/// call the file `path`.
///
/// The content is not trusted: the header's offsets must cover the file exactly, and memory is
/// limited to a few times the size of the file. [`Checkpoint::verify`] then compares the tensors
/// with those of a model.
pub fn parse<M: DeserializeOwned>(
    bytes: &[u8],
    path: &Path,
    kind: &str,
    device: &Device,
) -> Result<Checkpoint<M>, Error> {
    let Checkpoint {
        format,
        tensors,
        metadata,
        ..
    } = parse_formats(bytes, path, kind, FORMAT..=FORMAT, device)?;
    let tensors = tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Checkpoint {
        path: path.into(),
        format,
        tensors,
        metadata,
    })
}

/// Reads a file of the given kind in any format up to [`FORMAT`], to upgrade it: its metadata are those of that format,
/// and its tensors keep their types.
///
/// # Errors
/// As [`load`], except for an older format.
pub fn load_older<M: DeserializeOwned>(
    path: &Path,
    kind: &str,
    device: &Device,
) -> Result<Checkpoint<M>, Error> {
    parse_formats(&read(path)?, path, kind, 1..=FORMAT, device)
}

/// Reads a file in one of these formats. Its tensors keep their types.
fn parse_formats<M: DeserializeOwned>(
    bytes: &[u8],
    path: &Path,
    kind: &str,
    formats: RangeInclusive<u64>,
    device: &Device,
) -> Result<Checkpoint<M>, Error> {
    let not_safetensors = |reason| Error::NotSafetensors {
        path: path.into(),
        reason,
    };
    let bad_metadata = |reason| Error::Metadata {
        path: path.into(),
        reason,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_safetensors)?;
    let file = SafeTensors::deserialize(bytes).map_err(not_safetensors)?;

    let Some(json) = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY))
    else {
        return Err(Error::Foreign { path: path.into() });
    };
    let label: Label = serde_json::from_str(json).map_err(bad_metadata)?;
    if !formats.contains(&label.format) {
        return Err(Error::Format {
            path: path.into(),
            found: label.format,
            expected: FORMAT,
        });
    }
    if label.kind != kind {
        return Err(Error::Kind {
            path: path.into(),
            found: label.kind.chars().take(40).collect(),
            expected: kind.to_owned(),
        });
    }
    let envelope: Envelope<M> = serde_json::from_str(json).map_err(bad_metadata)?;

    Ok(Checkpoint {
        path: path.into(),
        format: label.format,
        tensors: tensors(&file, path, device)?,
        metadata: envelope.metadata,
    })
}

/// Reads the tensors of any safetensors file. For a checkpoint of this crate the metadata are
/// ignored except for the format; other files count as the latest format. The parts that PyTorch's
/// wrappers add to names are removed: `module` (`DistributedDataParallel`, `AveragedModel`) and
/// `_orig_mod` (`torch.compile`).
///
/// # Errors
/// The file is not a safetensors file, a tensor is not of a float type, or two tensors get the same
/// name.
pub fn load_foreign(path: &Path, device: &Device) -> Result<Checkpoint<()>, Error> {
    let bytes = read(path)?;
    let not_safetensors = |reason| Error::NotSafetensors {
        path: path.into(),
        reason,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(not_safetensors)?;
    let file = SafeTensors::deserialize(&bytes).map_err(not_safetensors)?;
    let label = header
        .metadata()
        .as_ref()
        .and_then(|metadata| serde_json::from_str(metadata.get(KEY)?).ok());
    Ok(Checkpoint {
        path: path.into(),
        format: label.map_or(FORMAT, |label: Label| label.format),
        tensors: unwrapped(tensors(&file, path, device)?, path)?,
        metadata: (),
    })
}

/// Tensors as 32-bit floats, by their names without the parts that PyTorch's wrappers add.
fn unwrapped(
    tensors: BTreeMap<String, Tensor>,
    path: &Path,
) -> Result<BTreeMap<String, Tensor>, Error> {
    const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];
    let mut unwrapped = BTreeMap::new();
    for (name, tensor) in tensors {
        let parts: Vec<&str> = name
            .split('.')
            .filter(|part| !WRAPPERS.contains(part))
            .collect();
        let short = parts.join(".");
        let tensor = tensor.to_dtype(DType::F32)?;
        if unwrapped.insert(short.clone(), tensor).is_some() {
            return Err(Error::SameName {
                path: path.into(),
                name: short,
            });
        }
    }
    Ok(unwrapped)
}

/// The tensors of a file, of the types that they have there.
fn tensors(
    file: &SafeTensors,
    path: &Path,
    device: &Device,
) -> Result<BTreeMap<String, Tensor>, Error> {
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let dtype = match view.dtype() {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            found => {
                return Err(Error::NumberType {
                    path: path.into(),
                    name: name.to_owned(),
                    found,
                });
            }
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), device)?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

/// Reads a regular file; a pipe or a device might never end.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        if fs::metadata(path)?.is_file() {
            fs::read(path)
        } else {
            Err(io::Error::other("it is not a regular file"))
        }
    };
    read().map_err(|reason| Error::Read {
        path: path.into(),
        reason,
    })
}

/// Writes a file atomically: at any time, even after a power failure, it has either the old or the
/// new content. The content is written to a temporary file in the same directory and synced, the
/// file is renamed, and the directory is synced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        // A link's target is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(bytes)?;
        file.commit()
    };
    write().map_err(|reason| Error::Write {
        path: path.into(),
        reason,
    })
}

/// Removes temporary files that a killed process left in [`write_atomically`]. Must not be called
/// while another process may write the file.
pub fn remove_leftovers(path: &Path) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let beginning = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.strip_prefix(&beginning));
        // Six letters and digits: names of editors' temporary files differ.
        let is_leftover = end.is_some_and(|end| {
            end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if is_leftover && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
