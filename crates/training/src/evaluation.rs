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

/// Metrics by name, as means over images: `loss` and the parts of the model's [`Loss`].
///
/// The unit is nats per image, except for `bits_per_dimension` and `accuracy`.
pub type Metrics = BTreeMap<String, f64>;

/// The batch size for evaluation.
///
/// Random numbers are drawn per batch, so the results for a seed depend on this number.
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
        // The sum in 64-bit floats keeps a mean over many images as accurate as its terms. It is computed on the
        // CPU because not every device supports 64-bit floats.
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

/// Computes the loss and its parts for a model, as means over all images of a data set.
///
/// The random draws depend only on the seed and the batch size of `batching`, so the same model always
/// has the same metrics. Build the model from tensors without gradients to save memory.
///
/// # Errors
/// There are no images, or their shape is not the model's.
pub fn evaluate<M: Trainable + ?Sized>(
    model: &M,
    dataset: &Dataset,
    batching: &Batching,
    device: &Device,
) -> Result<Metrics, Error> {
    evaluate_after(f64::INFINITY, model, dataset, batching, device)
}

/// [`evaluate`] during training, after `epochs` (fractional) epochs, which determine the number of draws.
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

/// Computes one part of a model's loss for every image of a data set, `[images]`, with the same draws as
/// [`evaluate`].
///
/// The result is `None` if the loss has no part of this name.
///
/// # Errors
/// Those of [`evaluate`].
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

/// Computes the marginal log-density log p(x) = log(1/k Σ p(x|y)) over labels y for every image of a data
/// set, `[images]`, in nats.
///
/// The prior is uniform over the k labels in `classes`, normally those of the training images
/// ([`DataRecord::classes_present`](crate::DataRecord::classes_present)). The terms log p(x|y) are the
/// part `log_density` of the model's loss, so the model is a conditional flow; the result is `None` for
/// other models. Without classes, it is −∞.
///
/// `progress` is called after every batch with the number of completed images.
///
/// # Errors
/// Those of [`evaluate`].
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
            // The same dequantisation noise for every label: all terms are densities at the same point.
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

/// A part of the loss for the batch at `step` of an evaluation.
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

/// The random stream at `step` of an evaluation.
fn noise(batching: &Batching, step: usize) -> Generator {
    Generator::stream(batching.seed, "evaluate", 0, step as u64)
}

/// Encodes every image of a data set: latents `[images, latent_size]`.
///
/// Without `sampled`, the latents are those of [`LatentModel::encode`], such as posterior means. With
/// `sampled`, they are the draws from q(z|x) that [`evaluate`] uses for a VAE with one draw per image;
/// for a flow, the latents of the dequantised images.
///
/// # Errors
/// There are no images, or their shape is not the model's.
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

/// Computes the mean of KL(q(z|x) ‖ p(z)) over the images of a data set for each latent dimension, `[latent_size]`,
/// in nats per image.
///
/// The result is `None` if the model has no such divergence ([`LatentModel::kl_by_dimension`]).
///
/// # Errors
/// Those of [`encode`].
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
        // Not every device supports 64-bit floats.
        let kl = kl.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        for (sum, kl) in sums.iter_mut().zip(kl.sum(0)?.to_vec1::<f64>()?) {
            *sum += kl;
        }
    }
    let images = dataset.len() as f64;
    Ok(Some(sums.into_iter().map(|sum| sum / images).collect()))
}

/// Estimates the log-likelihood of every image of a data set, `[images]`, in nats, with `samples` draws for each
/// ([`LatentModel::log_likelihood`]).
///
/// `progress` is called after every batch with the number of completed images.
///
/// # Errors
/// There are no images, their shape is not the model's, or `samples` is 0.
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

/// Classifies every image of a data set with a conditional model: the label in `classes` with the highest posterior
/// p(y|x) by Bayes' rule ([`Conditional::classify`]).
///
/// # Errors
/// Those of [`log_likelihoods`], or `classes` is empty.
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

/// Classifies every image of `images` by k-NN on latents: the most frequent label among the `neighbours` nearest
/// latents of `train` ([`nearest_labels`]).
///
/// A conditional model encodes each image with its label, so its k-NN accuracy measures the class information that
/// remains in the latents.
///
/// # Errors
/// Those of [`encode`], or `neighbours` is 0.
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

/// Concatenates the results of `of_batch` over the batches of a data set. Each batch has its own random stream.
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

/// The mean of values and its standard error, s/√n; `None` for fewer than two values.
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
