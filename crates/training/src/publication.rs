use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use latent_checkpoints::Checkpoint;

use crate::run::{MODEL_KIND, model_file};
use crate::{Error, Metrics, Model, ModelMetadata, parse_model};

/// A model file for publication, whose metrics were computed with exactly the weights in it.
pub struct Publication {
    /// The contents of the `.safetensors` file.
    pub bytes: Vec<u8>,
    /// The metadata of the file; `metrics` has the test split only.
    pub metadata: ModelMetadata,
}

/// Creates a model file for publication from the model at `path` (a run directory or a model file).
///
/// If `half` is set, matrices and convolution kernels are rounded to 16-bit floats; vectors (biases and scales)
/// remain 32-bit floats. `measure` computes the metrics of the model that is loaded from the new file.
///
/// # Errors
/// There is no such model, or a weight overflows 16 bits; errors of `measure`.
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
