use candle_core::IndexOp;
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_models::{LatentModel, latent_space};
use latent_training::Model;

use crate::image_figure::{
    Encoded, ImageFigure, check_image_count, image_grid, seed_of, with_first_column,
};
use crate::{Error, Split};

/// Options of [`perturbations`].
#[derive(Clone, Debug, PartialEq)]
pub struct PerturbationOptions {
    /// The image's index in the data set, counted from 0.
    pub index: usize,
    /// The distances from the latent, in addition to 0.
    pub radii: Vec<f64>,
    /// The number of random directions.
    pub directions: usize,
    /// The seed of the directions and of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// Whether pixels are binarised; by default as in training.
    pub binarise: Option<bool>,
    /// The split of the image, for the title.
    pub split: Split,
}

impl Default for PerturbationOptions {
    fn default() -> Self {
        Self {
            index: 0,
            radii: vec![0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0],
            directions: 6,
            seed: None,
            binarise: None,
            split: Split::Training,
        }
    }
}

/// Perturbations around the latent of an image, decoded: a row for each random direction, a column
/// for each distance, starting with 0. A conditional model uses the image's label.
///
/// The images of each row are the image itself and the decoded latents. The latents are
/// `[directions × (1 + radii), latent_size]`, row by row.
///
/// # Errors
/// The image index is out of range, the model is conditional and the image has no label or one that
/// it was not trained on, or there are more than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn perturbations(
    model: &Model,
    data: &Dataset,
    options: &PerturbationOptions,
) -> Result<ImageFigure, Error> {
    let (index, directions) = (options.index, options.directions);
    let seed = seed_of(model, options.seed);
    let center = Encoded::new(model, data, &[index], seed, options.binarise)?;
    let radii = [&[0.0], &options.radii[..]].concat();
    check_image_count(directions.saturating_mul(radii.len() + 1))?;
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    let latents =
        latent_space::perturbations(&center.latents.i(0)?, &radii, directions, &mut generator)?;
    let labels = model.labels(&vec![center.labels[0]; latents.dim(0)?])?;
    let decoded = model.model.decode(&latents, &labels)?;
    let rows = decoded.reshape((directions, radii.len(), ()))?;
    let image = center.images.broadcast_as((directions, rows.dim(2)?))?;
    let columns = ["true".to_owned()]
        .into_iter()
        .chain(radii.iter().map(ToString::to_string));
    let grid = image_grid(model, &with_first_column(&image, &rows)?)?
        .columns(radii.len() + 1)
        .column_labels(columns)
        .title(format!(
            "Perturbations of the latent of {} (rows: directions, columns: distances)",
            options.split.image(index)
        ));
    Ok(ImageFigure { grid, latents })
}
