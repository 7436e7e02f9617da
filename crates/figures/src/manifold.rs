use latent_datasets::Dataset;
use latent_models::LatentModel;
use latent_models::latent_space::Grid;
use latent_training::{Model, encode};

use crate::Error;
use crate::image_figure::{ImageFigure, check_image_count, check_labels, image_grid, seed_of};

/// Options of [`manifold`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifoldOptions {
    /// The label for a conditional model; by default the first of the training data.
    pub label: Option<u8>,
}

/// The decoded images of a grid over a two-dimensional latent space: z₁ to the right, z₂ upwards.
///
/// The latents are [`Grid::latents`]: for each value of z₂, from the smallest, all values of z₁.
/// The images have the same order.
///
/// ```
/// use candle_core::Device;
/// use latent_figures::{Grid, ManifoldOptions, manifold};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = latent_pretrained::load("vae-2d", &Device::Cpu)?;
/// let figure = manifold(&model, &Grid::quantiles(15), &ManifoldOptions::default())?;
/// assert_eq!(figure.grid.shape(), [225, 28, 28]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The latent space does not have two dimensions, a label is given for a model that is not
/// conditional or was not trained on it, or there are more than [`MAX_IMAGES`](crate::MAX_IMAGES)
/// points.
pub fn manifold(
    model: &Model,
    points: &Grid,
    options: &ManifoldOptions,
) -> Result<ImageFigure, Error> {
    check_plane(model)?;
    let count = points.first.len().saturating_mul(points.second.len());
    check_image_count(count)?;
    let (label, title) = match (options.label, model.model.conditional()) {
        (None, Err(_)) => (0, "Manifold (decoded latent plane)".to_owned()),
        (label, conditional) => {
            conditional?;
            let first = model.metadata.data.classes_present.first();
            let label = label.or(first.copied()).unwrap_or_default();
            let name = model.metadata.data.class_name(label);
            let title = format!("Manifold (decoded latent plane, label {name})");
            (label, title)
        }
    };
    let latents = points.latents(&model.device)?;
    let labels = model.labels(&vec![label; count])?;
    let images = model.model.decode(&latents, &labels)?;
    let values = |axis: &[f64]| axis.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let grid = image_grid(model, &images)?
        .axes(
            ("z₁", &values(&points.first)),
            ("z₂", &values(&points.second)),
        )
        .title(title);
    Ok(ImageFigure { grid, latents })
}

/// A grid of `steps` × `steps` points over the full range of the latents of a data set, in each
/// dimension separately.
///
/// `seed` is the seed of the binarisation, for a model of binarised images; by default the
/// experiment's.
///
/// # Errors
/// The latent space does not have two dimensions, or the data set has no images or, for a conditional
/// model, no labels.
pub fn covering_grid(
    model: &Model,
    data: &Dataset,
    steps: usize,
    seed: Option<u64>,
) -> Result<Grid, Error> {
    check_plane(model)?;
    check_labels(model, data)?;
    let batching = model.batching(seed_of(model, seed));
    let latents = encode(&model.model, data, &batching, false, &model.device)?;
    Ok(Grid::covering(&latents, steps)?)
}

/// A grid of `steps` × `steps` points at quantiles of the prior N(0, I): each point has the same probability.
///
/// # Errors
/// The latent space does not have two dimensions, or the prior is another distribution.
pub fn quantile_grid(model: &Model, steps: usize) -> Result<Grid, Error> {
    check_plane(model)?;
    if !model.metadata.experiment.model.has_standard_normal_prior() {
        return Err(Error::NotStandardNormal);
    }
    Ok(Grid::quantiles(steps))
}

fn check_plane(model: &Model) -> Result<(), Error> {
    match model.model.latent_size() {
        2 => Ok(()),
        dimensions => Err(Error::NotAPlane { dimensions }),
    }
}
