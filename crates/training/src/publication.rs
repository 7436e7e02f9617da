use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use latent_checkpoints::Checkpoint;

use crate::run::{MODEL_KIND, model_file};
use crate::{Error, Metrics, Model, ModelMetadata, parse_model};

/// A model's file as it is given to others: its metrics are of the very weights in it.
pub struct Publication {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it says of itself; of its metrics only those on test images.
    pub metadata: ModelMetadata,
}

/// Makes a file for others of the model at `path`, a run or a file: with its matrices rounded to 16 bits if
/// `half` is set (biases and scales are few, and stay as they are), and with what `measure` finds of
/// the model that then comes out of the file.
///
/// # Errors
/// There is no such model, or a weight is beyond what 16 bits can say; whatever `measure` fails by.
pub fn publish<E: From<Error>>(
    path: &Path,
    half: bool,
    device: &Device,
    measure: impl FnOnce(&Model) -> Result<Metrics, E>,
) -> Result<Publication, E> {
    let (file, run) = model_file(path)?;
    let Checkpoint {
        tensors,
        mut metadata,
        ..
    } = latent_checkpoints::load::<ModelMetadata>(&file, MODEL_KIND, device)
        .map_err(Error::from)?;
    let rounded = |(name, tensor): (String, Tensor)| {
        let dtype = if half && tensor.rank() > 1 {
            DType::F16
        } else {
            DType::F32
        };
        Ok((name, tensor.to_dtype(dtype)?))
    };
    let tensors: BTreeMap<_, _> = tensors
        .into_iter()
        .map(rounded)
        .collect::<candle_core::Result<_>>()
        .map_err(Error::from)?;
    let bytes = |metadata: &ModelMetadata| {
        latent_checkpoints::to_bytes(&file, MODEL_KIND, &tensors, metadata).map_err(Error::from)
    };
    let model = parse_model(&bytes(&metadata)?, &file, device)?;
    let metrics = measure(&Model { run, ..model })?;
    metadata.metrics = BTreeMap::from([("test".to_owned(), metrics)]);
    Ok(Publication {
        bytes: bytes(&metadata)?,
        metadata,
    })
}
