use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use latent_datasets::{Batch, Batching, Dataset};
use latent_distributions::Generator;
use latent_models::latent_space::nearest_labels;
use latent_models::{
    Condition, Conditional, LatentModel, LogMeanExp, Loss, LossContext, Trainable,
};
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
        // AdditiveConditioning in 64 bits, so that a mean over many images is as exact as its terms; on the CPU,
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
    evaluate_after(f64::INFINITY, model, dataset, batching, device)
}

/// [`evaluate`] for a model that is still being trained, after so many epochs.
pub(crate) fn evaluate_after<M: Trainable + ?Sized>(
    epochs: f64,
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    device: &Device,
) -> Result<Metrics, Error> {
    refuse_empty(dataset)?;
    let mut totals = Totals::default();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let batch = batch?;
        let mut context = LossContext::evaluation_after(noise(batching, step), epochs);
        totals.add(&model.loss(&batch.images, &batch.labels, &mut context)?)?;
    }
    Ok(totals.means())
}

/// A figure of every image of a data set, in their order: of the parts of the model's loss, the one of
/// this name, with the same draws as in [`evaluate`]. `None`, if the loss has no such part.
///
/// # Errors
/// As [`evaluate`].
pub fn part_of_each<M: Trainable + ?Sized>(
    model: &M,
    dataset: &Dataset,
    name: &str,
    batching: &Batching,
    device: &Device,
) -> Result<Option<Vec<f32>>, Error> {
    refuse_empty(dataset)?;
    let mut all = Vec::new();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let Batch { images, labels } = batch?;
        let Some(part) = part(model, &images, &labels, name, step, batching)? else {
            return Ok(None);
        };
        all.extend(part.to_dtype(DType::F32)?.to_vec1::<f32>()?);
    }
    Ok(Some(all))
}

/// log p(x) = log 1/k Σ p(x|y) of every image of a data set, in their order, with a uniform prior over the
/// k labels `classes` (those seen in training, [`DataRecord::classes`](crate::DataRecord::classes)), for a
/// model of p(x|y) of whose loss log p(x|y) is a part, `log_density`: the literature's figure for
/// conditional flows. `None`, if it has no such part; −∞ without a class, as the empty sum has it.
///
/// `progress` is told after every batch how many images are done.
///
/// # Errors
/// As [`evaluate`].
pub fn marginal_log_likelihoods<M: Conditional + ?Sized>(
    model: &M,
    dataset: &Dataset,
    classes: &[u8],
    batching: &Batching,
    device: &Device,
    mut progress: impl FnMut(usize),
) -> Result<Option<Vec<f32>>, Error> {
    refuse_empty(dataset)?;
    let mut all = Vec::new();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let images = batch?.images;
        let count = images.dim(0)?;
        let mut mixture = LogMeanExp::new(count);
        for &label in classes {
            let labels = Tensor::full(u32::from(label), count, device)?;
            // The same noise under every label, so that it is the density at one point.
            let part = part(model, &images, &labels, "log_density", step, batching)?;
            let Some(part) = part else {
                return Ok(None);
            };
            mixture.add(&part.unsqueeze(0)?)?;
        }
        let mean = mixture.finish(DType::F32, &Device::Cpu)?;
        all.extend(mean.to_vec1::<f32>()?);
        progress(all.len());
    }
    Ok(Some(all))
}

/// A part of the loss of the batch that comes at a step of an evaluation.
fn part<M: Trainable + ?Sized>(
    model: &M,
    images: &Tensor,
    labels: &Tensor,
    name: &str,
    step: usize,
    batching: &Batching,
) -> Result<Option<Tensor>, Error> {
    let mut context = LossContext::evaluation(noise(batching, step));
    let loss = model.loss(images, labels, &mut context)?;
    let part = loss.parts.into_iter().find(|(known, _)| *known == name);
    Ok(part.map(|(_, part)| part))
}

/// What the draws at a step of an evaluation come from.
fn noise(batching: &Batching, step: usize) -> Generator {
    Generator::stream(batching.seed, "evaluate", 0, step as u64)
}

/// The latents of every image of a data set, in their order, `[n, latent_size]`: what stands for
/// each image, or if `sampled` is set, the draw from q(z|x) that [`evaluate`] measures a model by which is
/// trained by one draw an image; of a flow, the latent of the image with the noise that is added there.
///
/// # Errors
/// There are no images, or the model does not fit them.
pub fn encode<M: LatentModel<Condition: Condition> + ?Sized>(
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    sampled: bool,
    device: &Device,
) -> Result<Tensor, Error> {
    refuse_empty(dataset)?;
    let mut latents = Vec::new();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let Batch { images, labels } = batch?;
        let condition = M::Condition::from_labels(&labels, model.classes(), images.dtype())?;
        latents.push(if sampled {
            let mut generator = noise(batching, step);
            model.encode_sample(&images, &condition, &mut generator)?
        } else {
            model.encode(&images, &condition)?
        });
    }
    Ok(Tensor::cat(&latents, 0)?)
}

/// The mean over the images of a data set of KL(q(z|x) ‖ p(z)) of each dimension of the latents, nats an
/// image; `None` where the model has none ([`LatentModel::kl_by_dimension`]).
///
/// # Errors
/// As [`encode`].
pub fn kl_by_dimension<M: LatentModel<Condition: Condition> + ?Sized>(
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    device: &Device,
) -> Result<Option<Vec<f64>>, Error> {
    refuse_empty(dataset)?;
    let mut sums = vec![0.0; model.latent_size()];
    for batch in dataset.in_order(batching, device) {
        let Batch { images, labels } = batch?;
        let condition = M::Condition::from_labels(&labels, model.classes(), images.dtype())?;
        let Some(kl) = model.kl_by_dimension(&images, &condition)? else {
            return Ok(None);
        };
        // Not every device has such floats.
        let kl = kl.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        for (sum, kl) in sums.iter_mut().zip(kl.sum(0)?.to_vec1::<f64>()?) {
            *sum += kl;
        }
    }
    let images = dataset.len() as f64;
    Ok(Some(sums.into_iter().map(|sum| sum / images).collect()))
}

/// The log-likelihood of every image of a data set, in their order, by so many draws for each
/// ([`LatentModel::log_likelihood`]): nats.
///
/// `progress` is told after every batch how many images are done.
///
/// # Errors
/// There are no images or no draws, or the model does not fit the images.
pub fn log_likelihoods<M: LatentModel<Condition: Condition> + ?Sized>(
    model: &M,
    dataset: &Dataset,
    samples: usize,
    batching: &Batching,
    device: &Device,
    progress: impl FnMut(usize),
) -> Result<Vec<f32>, Error> {
    let of_batch = |Batch { images, labels }: Batch, generator: &mut Generator| {
        let condition = M::Condition::from_labels(&labels, model.classes(), images.dtype())?;
        let values = model.log_likelihood(&images, &condition, samples, generator)?;
        Ok(values.to_dtype(DType::F32)?.to_vec1::<f32>()?)
    };
    each_batch(dataset, batching, device, progress, of_batch)
}

/// The most probable of `classes` for every image of a data set, in their order, by Bayes' rule over a
/// conditional model's likelihoods ([`Conditional::classify`]).
///
/// # Errors
/// As [`log_likelihoods`], or there are no classes.
pub fn classify<M: Conditional + ?Sized>(
    model: &M,
    dataset: &Dataset,
    classes: &[u8],
    samples: usize,
    batching: &Batching,
    device: &Device,
    progress: impl FnMut(usize),
) -> Result<Vec<u8>, Error> {
    let of_batch = |batch: Batch, generator: &mut Generator| {
        let found = model.classify(&batch.images, classes, samples, generator)?;
        let found = found.to_vec1::<u32>()?;
        Ok(found.iter().map(|&class| class as u8).collect())
    };
    each_batch(dataset, batching, device, progress, of_batch)
}

/// The class of every image of `images` by k-NN classification of latents: the most frequent label of the `neighbours`
/// latents of `train` that are nearest to its latent ([`nearest_labels`]). A conditional model encodes each image with
/// its label, so that this tells what its latents keep of the class.
///
/// # Errors
/// As [`encode`], or `neighbours` is 0.
pub fn knn_classify<M: LatentModel<Condition: Condition> + ?Sized>(
    model: &M,
    train: &Dataset,
    images: &Dataset,
    neighbours: usize,
    batching: &Batching,
    device: &Device,
) -> Result<Vec<u8>, Error> {
    let known = encode(model, train, batching, false, device)?;
    let latents = encode(model, images, batching, false, device)?;
    Ok(nearest_labels(
        &latents,
        &known,
        train.labels(),
        neighbours,
    )?)
}

/// What `of_batch` makes of every image of a data set, in their order, with noise that depends on the
/// seed and the place of the batch.
fn each_batch<T>(
    dataset: &Dataset,
    batching: &Batching,
    device: &Device,
    mut progress: impl FnMut(usize),
    of_batch: impl Fn(Batch, &mut Generator) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    refuse_empty(dataset)?;
    let mut all = Vec::new();
    for (step, batch) in dataset.in_order(batching, device).enumerate() {
        let mut generator = Generator::stream(batching.seed, "likelihood", 0, step as u64);
        all.extend(of_batch(batch?, &mut generator)?);
        progress(all.len());
    }
    Ok(all)
}

/// The mean of figures, and the standard error of that mean; of fewer than two figures there is none.
pub fn mean_and_standard_error(values: &[f32]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let squares = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2));
    let error = (values.len() > 1).then(|| (squares.sum::<f64>() / (count - 1.0) / count).sqrt());
    (mean, error)
}

fn refuse_empty(dataset: &Dataset) -> Result<(), Error> {
    if dataset.is_empty() {
        return Err(Error::NoImages { split: "test" });
    }
    Ok(())
}
