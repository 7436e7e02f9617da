use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_models::LatentModel;
use latent_models::latent_space::{Procrustes, neighbour_overlap};
use latent_training::Model;
use latent_visualisation::{Format, Picture, Scatter};

use crate::image_figure::values;
use crate::latents::scatter_of;
use crate::{Error, LatentsOptions, latents};

/// The number of neighbours that are compared.
pub const NEIGHBOURS: usize = 10;

/// The latents of a model after alignment with those of another.
#[derive(Clone, Debug)]
pub struct AlignmentFigure {
    /// The first two dimensions of the aligned latents, coloured by label.
    pub scatter: Scatter,
    /// The share of variance that the alignment leaves: [`Procrustes::disparity`].
    pub disparity: f64,
    /// The mean fraction of the [`NEIGHBOURS`] nearest neighbours that both latent spaces share.
    pub neighbour_overlap: f64,
    /// The overlap of unrelated latent spaces.
    pub overlap_by_chance: f64,
    /// The number of images.
    pub images: usize,
}

impl Picture for AlignmentFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.scatter.render(format)
    }
}

/// Compares the latent spaces of two models on the same images, such as of two trainings with different seeds: a scatter
/// plot of the latents of `model` after the translation, scale, rotation and reflection that brings them closest to those
/// of `target`, with numbers of how far they agree.
///
/// # Errors
/// The models have different numbers of latent dimensions or fewer than two; there are too few images; or all latents are
/// equal.
pub fn alignment(
    model: &Model,
    target: &Model,
    data: &Dataset,
    options: &LatentsOptions,
) -> Result<AlignmentFigure, Error> {
    let options = LatentsOptions {
        // The same images for both models.
        seed: Some(options.seed.unwrap_or(target.metadata.experiment.seed)),
        ..options.clone()
    };
    let encoded = |model: &Model| -> Result<(Tensor, Scatter), Error> {
        let scatter = latents(model, data, &options)?;
        let size = model.model.latent_size();
        let numbers = scatter.full_latents().to_vec();
        let shape = (numbers.len() / size, size);
        Ok((Tensor::from_vec(numbers, shape, &model.device)?, scatter))
    };
    let ((own, scatter), (other, _)) = (encoded(model)?, encoded(target)?);
    let found = Procrustes::align(&own, &other)?;
    let overlap = neighbour_overlap(&own, &other, NEIGHBOURS)?;
    let images = own.dim(0)?;
    let plane = found.aligned.narrow(1, 0, 2)?;
    let title = format!(
        "Latent space after alignment ({})",
        options.split.count(images)
    );
    Ok(AlignmentFigure {
        scatter: scatter_of(values(&plane)?, data, scatter.labels())?
            .latents(values(&found.aligned)?, found.aligned.dim(1)?)?
            .title(title),
        disparity: found.disparity,
        neighbour_overlap: overlap,
        overlap_by_chance: NEIGHBOURS as f64 / (images - 1) as f64,
        images,
    })
}
