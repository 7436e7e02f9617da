use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use latent_checkpoints::{Checkpoint, Expected};
use latent_datasets::{Batching, Splits};
use latent_models::{AnyModel, Labels, Parameters, shapes};

use super::directory::Run;
use super::records::{EpochRecord, MODEL_KIND, ModelMetadata, VERSION};
use crate::upgrade::PYTORCH_FORMAT;
use crate::{DataRecord, EVALUATION_BATCH, Error, Experiment};

/// The number type of a loaded model.
const DTYPE: DType = DType::F32;

/// A trained model with the metadata of its file.
pub struct Model {
    /// The model, without gradients.
    pub model: AnyModel,
    /// The metadata of the file.
    pub metadata: ModelMetadata,
    /// The device of the tensors.
    pub device: Device,
    /// The path of the file.
    pub path: PathBuf,
    /// The run of the model, if it was loaded from a run directory.
    pub run: Option<Run>,
}

impl Model {
    /// Converts labels to the model's input, on its device.
    ///
    /// # Errors
    /// A label is not below the number of classes, or the model is conditional and had no training image with it.
    pub fn labels(&self, labels: &[u8]) -> Result<Labels, Error> {
        if self.model.conditional().is_ok() {
            self.metadata.data.check_seen(labels)?;
        }
        // Images without labels have no classes, and their model ignores labels.
        let classes = self.metadata.data.classes.max(1);
        Ok(Labels::new(labels, classes, DTYPE, &self.device)?)
    }

    /// The batches for encoding and evaluation: [`EVALUATION_BATCH`] images, binarised if the training images were.
    pub fn batching(&self, seed: u64) -> Batching {
        Batching {
            size: EVALUATION_BATCH,
            binarise: self.metadata.experiment.data.binarise,
            seed,
        }
    }
}

/// Writes the model file `path` with the weights of the epoch of `record`.
pub(crate) fn save_model(
    path: &Path,
    weights: &Parameters,
    experiment: &Experiment,
    data: &DataRecord,
    record: &EpochRecord,
) -> Result<(), Error> {
    let variables = weights.variables();
    let tensors = variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()));
    let tensors = experiment
        .model
        .in_pytorch_order(data.shape, tensors.collect())?;
    let metadata = ModelMetadata::of_epoch(experiment, data, record);
    Ok(latent_checkpoints::save(
        path, MODEL_KIND, &tensors, &metadata,
    )?)
}

/// Loads a model from a run directory or a `.safetensors` file.
///
/// # Errors
/// The path is not a model, or the tensors do not match the model in the metadata.
pub fn load_model(path: &Path, device: &Device) -> Result<Model, Error> {
    let (file, run) = model_file(path)?;
    let model = parse_model(&latent_checkpoints::read(&file)?, &file, device)?;
    Ok(Model { run, ..model })
}

/// The model file at `path`, a run directory or a file, and the run.
pub(crate) fn model_file(path: &Path) -> Result<(PathBuf, Option<Run>), Error> {
    let run = if path.is_dir() {
        Some(Run::open(path)?)
    } else {
        None
    };
    let file = run
        .as_ref()
        .map_or_else(|| path.to_owned(), Run::model_path);
    if let Some(run) = &run
        && !file.exists()
    {
        return Err(Error::NoWeights {
            directory: run.directory().to_owned(),
        });
    }
    if !file.exists() {
        return Err(Error::NoModel {
            path: path.to_owned(),
        });
    }
    Ok((file, run))
}

/// Loads a model from the bytes of a `.safetensors` file, for example in a browser. Errors name the file `path`.
///
/// # Errors
/// The bytes are not a model file, or the tensors do not match the model in the metadata.
pub fn parse_model(bytes: &[u8], path: &Path, device: &Device) -> Result<Model, Error> {
    let checkpoint: Checkpoint<ModelMetadata> =
        latent_checkpoints::parse(bytes, path, MODEL_KIND, device)?;
    let metadata = &checkpoint.metadata;
    metadata.experiment.check(&path.display().to_string())?;
    let DataRecord { shape, classes, .. } = metadata.data;
    if shape.checked_elem_count().is_none() {
        return Err(latent_datasets::Error::ImageShape(shape).into());
    }
    let expected: Expected =
        shapes(|builder| metadata.experiment.model.build(shape, classes, builder))?;
    checkpoint.verify(&expected)?;

    let config = &metadata.experiment.model;
    let tensors = config.in_own_order(shape, checkpoint.tensors)?;
    let builder = VarBuilder::from_tensors(tensors.into_iter().collect(), DTYPE, device);
    let model = checkpoint
        .metadata
        .experiment
        .model
        .build(shape, classes, &builder)?;
    Ok(Model {
        model,
        metadata: checkpoint.metadata,
        device: device.clone(),
        path: path.to_owned(),
        run: None,
    })
}

/// Converts weights that another program trained to a model file.
///
/// `weights` is a safetensors file with exactly the tensors of the experiment's model, with the names and layouts of
/// PyTorch's layers. The metadata of the file `out` have the experiment and `splits`, epoch 0 and no metrics.
///
/// # Errors
/// The tensors do not match the model.
pub fn import(
    weights: &Path,
    experiment: &Experiment,
    splits: &Splits,
    out: &Path,
) -> Result<(), Error> {
    let checkpoint = latent_checkpoints::load_foreign(weights, &Device::Cpu)?;
    let data = DataRecord::of(&experiment.prepared(splits.clone()));
    let DataRecord { shape, classes, .. } = data;
    experiment.check_for(&experiment.name, shape, classes)?;
    checkpoint.verify(&shapes(|builder| {
        experiment.model.build(shape, classes, builder)
    })?)?;
    let tensors = if checkpoint.format < PYTORCH_FORMAT {
        let config = &experiment.model;
        config.in_pytorch_order(shape, checkpoint.tensors)?
    } else {
        checkpoint.tensors
    };
    let metadata = ModelMetadata {
        version: VERSION.to_owned(),
        experiment: experiment.clone(),
        data,
        epoch: 0,
        metrics: BTreeMap::new(),
    };
    Ok(latent_checkpoints::save(
        out, MODEL_KIND, &tensors, &metadata,
    )?)
}
