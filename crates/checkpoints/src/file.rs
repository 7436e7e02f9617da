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

/// The version of the layout that this crate reads and writes. [`load_older`] reads earlier ones.
pub const FORMAT: u64 = 3;

/// The one key in the header's metadata.
const KEY: &str = "latent";

/// What a file says about itself.
#[derive(Serialize, Deserialize)]
struct Envelope<M> {
    format: u64,
    kind: String,
    #[serde(flatten)]
    metadata: M,
}

/// The part of [`Envelope`] that every version of the layout has.
#[derive(Deserialize)]
struct Label {
    format: u64,
    kind: String,
}

/// A file's contents.
#[derive(Clone, Debug)]
pub struct Checkpoint<M> {
    /// Where it was read from.
    pub path: PathBuf,
    /// The version of its layout.
    pub format: u64,
    /// The tensors by name; as 32-bit floats, unless [`load_older`] read them.
    pub tensors: BTreeMap<String, Tensor>,
    /// The caller's description.
    pub metadata: M,
}

impl<M> Checkpoint<M> {
    /// Whether the tensors are exactly the expected ones, and all their values finite.
    ///
    /// # Errors
    /// [`Error::Mismatch`] lists every tensor that is missing, surplus or of another shape;
    /// [`Error::NotFinite`] names the first that holds an infinity or NaN.
    pub fn verify(&self, expected: &Expected) -> Result<(), Error> {
        let mismatch = Mismatch::between(&self.tensors, expected);
        if mismatch != Mismatch::default() {
            return Err(Error::Mismatch {
                path: self.path.clone(),
                mismatch: Box::new(mismatch),
            });
        }
        for (name, tensor) in &self.tensors {
            // A sum is finite unless an element is not: sums of squares could overflow, a sum of
            // magnitudes of 32-bit weights in 64 bits cannot.
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

/// Writes a file: the bytes of [`to_bytes`], whole or not at all.
pub fn save<M: Serialize>(
    path: &Path,
    kind: &str,
    tensors: &BTreeMap<String, Tensor>,
    metadata: &M,
) -> Result<(), Error> {
    write_atomically(path, &to_bytes(path, kind, tensors, metadata)?)
}

/// The bytes of a file with tensors (floats of 16, 32 or 64 bits) and their metadata, which errors call
/// `path`. The same arguments give the same bytes.
///
/// `kind` says what the file is for, and [`load`] asks for it again; `metadata` must serialise to a
/// JSON object without the fields `format` and `kind`.
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

/// Reads a file of the given kind, as [`parse`] does its bytes.
pub fn load<M: DeserializeOwned>(
    path: &Path,
    kind: &str,
    device: &Device,
) -> Result<Checkpoint<M>, Error> {
    parse(&read(path)?, path, kind, device)
}

/// Reads the bytes of a file of the given kind, which errors call `path`: for where there are no files.
///
/// Nothing in them is believed before it has been checked: the header's offsets must cover the
/// file exactly, and no more memory than a few times its size is asked for. [`Checkpoint::verify`] then compares
/// the tensors with those of a model.
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

/// Reads the tensors of any safetensors file, whoever wrote it. The metadata of one of ours are ignored,
/// except for its format. Names lose what PyTorch's wrappers added to them: the parts
/// `module` (`DistributedDataParallel`, `AveragedModel`) and `_orig_mod` (`torch.compile`).
///
/// # Errors
/// It is none, holds numbers that weights do not have, or two tensors get the same name.
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

/// A file's tensors, of the types that the file has.
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

/// Reads a whole file, which must be one: a pipe or a device might never end.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        if fs::metadata(path)?.is_file() {
            fs::read(path)
        } else {
            Err(io::Error::other("it is no regular file"))
        }
    };
    read().map_err(|reason| Error::Read {
        path: path.into(),
        reason,
    })
}

/// Writes a file so that at any moment, even of a power cut, either the old contents or all of the
/// new are there: into a temporary file beside it, synced, then renamed, the directory synced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        // What a link points to is replaced, and not the link.
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

/// Removes what a process that was killed within [`write_atomically`] left beside the file: never called
/// while another may write it.
pub fn remove_leftovers(path: &Path) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let beginning = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.strip_prefix(&beginning));
        // Six letters and digits: what an editor keeps there has other names.
        let is_leftover = end.is_some_and(|end| {
            end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if is_leftover && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
