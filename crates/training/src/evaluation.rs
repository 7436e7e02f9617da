use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use latent_datasets::{Batching, Dataset};
use latent_distributions::Generator;
use latent_models::{LatentModel, Loss, Trainable};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Means over images by name, in nats per image: `loss`, and the parts that the model names.
pub type Metrics = BTreeMap<String, f64>;

/// Images in a batch where nothing is trained. The draws of an evaluation are made a batch at a
/// time, so this number is part of what a seed means.
pub const EVALUATION_BATCH: usize = 500;

/// Sums over the images seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Totals {
    images: u64,
    sums: Metrics,
}

impl Totals {
    /// Adds a batch, and returns its mean loss.
    pub(crate) fn add(&mut self, loss: &Loss) -> Result<f64, Error> {
        // Summed in 64 bits, so that a mean over many images is as exact as its terms; on the CPU,
        // since not every device has such floats.
        let sum = |tensor: &Tensor| {
            let tensor = tensor.detach().to_device(&Device::Cpu)?;
            tensor.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()
        };
        let images = loss.objective.elem_count();
        let objective = sum(&loss.objective)?;
        *self.sums.entry("loss".to_owned()).or_default() += objective;
        for (name, part) in &loss.parts {
            *self.sums.entry((*name).to_owned()).or_default() += sum(part)?;
        }
        self.images += images as u64;
        Ok(objective / images as f64)
    }

    pub(crate) fn means(&self) -> Metrics {
        self.sums
            .iter()
            .map(|(name, sum)| (name.clone(), sum / self.images as f64))
            .collect()
    }
}

/// Measures a model on every image of a data set, in their order, in nats per image.
///
/// The draws depend on the seed and the batch size of `batching` and on nothing else, so that the
/// same model gets the same figures. Build the model from tensors that are no variables: nothing is
/// differentiated here.
///
/// # Errors
/// There are no images, or the model does not fit them.
pub fn evaluate<M: Trainable + ?Sized>(
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    device: &Device,
) -> Result<Metrics, Error> {
    if dataset.is_empty() {
        return Err(Error::NoImages { split: "test" });
    }
    let mut totals = Totals::default();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let batch = batch?;
        let mut generator = Generator::stream(batching.seed, "evaluate", 0, step as u64);
        totals.add(&model.loss(&batch.images, &batch.labels, &mut generator)?)?;
    }
    Ok(totals.means())
}

/// The latents of every image of a data set, in their order, `[n, latent_size]`: what stands for
/// each image, or with a generator a draw from q(z|x) for each.
///
/// # Errors
/// There are no images, or the model does not fit them.
pub fn encode<M: LatentModel<Condition = ()> + ?Sized>(
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    mut sample: Option<&mut Generator>,
    device: &Device,
) -> Result<Tensor, Error> {
    if dataset.is_empty() {
        return Err(Error::NoImages { split: "test" });
    }
    let mut latents = Vec::new();
    for batch in dataset.in_order(batching, device) {
        let images = batch?.images;
        latents.push(match &mut sample {
            Some(generator) => model.encode_sample(&images, &(), generator)?,
            None => model.encode(&images, &())?,
        });
    }
    Ok(Tensor::cat(&latents, 0)?)
}
