use candle_core::{DType, Tensor};
use latent_datasets::{Batching, Dataset, Shape};
use latent_models::LatentModel;
use latent_training::Model;
use latent_visualisation::{Format, ImageGrid, Picture};

use crate::Error;

/// The maximum number of images of a figure: a larger one takes gigabytes of memory to draw.
pub const MAX_IMAGES: usize = 10_000;

/// A grid of decoded images with their latents.
///
/// Drawn as a [`Picture`], it shows the grid; saved as `.npy`, it contains [`ImageGrid::images`]:
/// `[n, height, width]`, or `[n, height, width, 3]` of a model of colour images.
#[derive(Debug, Clone)]
pub struct ImageFigure {
    /// The images, with title and labels.
    pub grid: ImageGrid,
    /// The latents, `[n, latent_size]`.
    pub latents: Tensor,
}

impl ImageFigure {
    /// The Euclidean norm of each latent.
    ///
    /// # Errors
    /// An operation on tensors failed.
    pub fn latent_norms(&self) -> Result<Vec<f64>, Error> {
        let norms = self.latents.to_dtype(DType::F64)?.sqr()?.sum(1)?.sqrt()?;
        Ok(norms.to_vec1()?)
    }
}

impl Picture for ImageFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.grid.render(format)
    }
}

/// A batch of images of a data set with their latents.
pub(crate) struct Encoded {
    /// `[n, pixels]`
    pub(crate) images: Tensor,
    /// 0 for images without labels, which only an unconditional model encodes.
    pub(crate) labels: Vec<u8>,
    /// `[n, latent_size]`
    pub(crate) latents: Tensor,
}

impl Encoded {
    /// Encodes the images at these indices.
    pub(crate) fn new(
        model: &Model,
        data: &Dataset,
        indices: &[usize],
        seed: u64,
        binarise: Option<bool>,
    ) -> Result<Self, Error> {
        check_labels(model, data)?;
        let batching = model.batching(seed);
        let batching = Batching {
            binarise: binarise.unwrap_or(batching.binarise),
            ..batching
        };
        let batch = data.chosen(indices, &batching, &model.device)?;
        let label = |&index: &usize| data.labels().get(index).copied().unwrap_or_default();
        let labels: Vec<u8> = indices.iter().map(label).collect();
        let latents = model.model.encode(&batch.images, &model.labels(&labels)?)?;
        Ok(Self {
            images: batch.images,
            labels,
            latents,
        })
    }
}

/// The seed of a figure: the given one, or the experiment's.
pub(crate) fn seed_of(model: &Model, seed: Option<u64>) -> u64 {
    seed.unwrap_or(model.metadata.experiment.seed)
}

/// Checks that images have labels if the model is conditional, which encodes them with their labels.
///
/// # Errors
/// [`Error::NoLabels`]
pub(crate) fn check_labels(model: &Model, data: &Dataset) -> Result<(), Error> {
    if model.model.conditional().is_ok() && !data.is_labelled() {
        return Err(Error::NoLabels);
    }
    Ok(())
}

/// The name of a class among `names`, or its number, with at most `limit` characters.
pub(crate) fn class_name(names: &[String], label: u8, limit: usize) -> String {
    let Some(name) = names.get(usize::from(label)) else {
        return label.to_string();
    };
    if name.chars().count() <= limit {
        return name.clone();
    }
    let start: String = name.chars().take(limit - 1).collect();
    format!("{}…", start.trim_end())
}

/// The maximum number of characters of a class name that labels a row or a column, and of one above
/// an image.
pub(crate) const LONGEST: usize = 24;
pub(crate) const LONGEST_TITLE: usize = 14;

/// # Errors
/// [`Error::TooManyImages`]
pub(crate) fn check_image_count(count: usize) -> Result<(), Error> {
    if count > MAX_IMAGES {
        return Err(Error::TooManyImages {
            count,
            limit: MAX_IMAGES,
        });
    }
    Ok(())
}

/// A grid of images `[n, pixels]` of the model's image shape.
pub(crate) fn image_grid(model: &Model, images: &Tensor) -> Result<ImageGrid, Error> {
    let Shape {
        channels,
        height,
        width,
    } = model.metadata.data.shape;
    let shape = [images.dim(0)?, height, width, channels];
    Ok(ImageGrid::new(values(images)?, shape)?)
}

/// Prepends images `[rows, pixels]` to the rows of `[rows, columns, pixels]`, as one batch.
pub(crate) fn with_first_column(first: &Tensor, rows: &Tensor) -> Result<Tensor, Error> {
    let (_, _, pixels) = rows.dims3()?;
    Ok(Tensor::cat(&[&first.unsqueeze(1)?, rows], 1)?.reshape(((), pixels))?)
}

/// The elements of a tensor as 32-bit floats.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
