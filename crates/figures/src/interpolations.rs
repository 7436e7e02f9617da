use candle_core::{IndexOp, Tensor};
use latent_datasets::Dataset;
use latent_models::latent_space::Path;
use latent_models::{Labels, LatentModel};
use latent_training::Model;

use crate::image_figure::{
    Encoded, ImageFigure, LONGEST, check_image_count, class_name, image_grid, seed_of,
};
use crate::{Error, Split};

/// The pairs of images of [`interpolations`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// The first pairs (0, 1), (2, 3), …: at most this many.
    First(usize),
    /// Pairs of images by their indices.
    Indices(Vec<(usize, usize)>),
    /// The first image of one label and the first of another.
    Labels(u8, u8),
}

impl Pairs {
    fn indices(&self, data: &Dataset) -> Result<Vec<(usize, usize)>, Error> {
        let first_of = |label: u8| {
            if !data.is_labelled() {
                return Err(Error::NoLabels);
            }
            let found = data.labels().iter().position(|&other| other == label);
            found.ok_or(Error::NoImageOfLabel(label))
        };
        match self {
            Self::Indices(pairs) => Ok(pairs.clone()),
            Self::Labels(start, end) => Ok(vec![(first_of(*start)?, first_of(*end)?)]),
            Self::First(_) if data.len() < 2 => Err(Error::NoPairs(data.len())),
            Self::First(count) => {
                let count = (*count).min(data.len() / 2);
                Ok((0..count).map(|i| (2 * i, 2 * i + 1)).collect())
            }
        }
    }
}

/// Options of [`interpolations`].
#[derive(Clone, Debug, PartialEq)]
pub struct InterpolationOptions {
    /// The pairs of images.
    pub pairs: Pairs,
    /// The number of images of an interpolation, including both ends.
    pub steps: usize,
    /// The path between two latents.
    pub path: Path,
    /// The seed of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// Whether pixels are binarised; by default as in training.
    pub binarise: Option<bool>,
    /// The split of the images, for the title.
    pub split: Split,
}

impl Default for InterpolationOptions {
    fn default() -> Self {
        Self {
            pairs: Pairs::First(5),
            steps: 25,
            path: Path::Linear,
            seed: None,
            binarise: None,
            split: Split::Test,
        }
    }
}

/// Interpolations in latent space: a row for each pair of images, with the decoded path between
/// their latents and the names of their classes, if they have labels. A conditional model also interpolates between their labels.
///
/// The images are those of each path in turn, from the reconstruction of the start to that of the
/// end; the latents are theirs, `[pairs × steps, latent_size]`.
///
/// # Errors
/// There are fewer than two images or steps, an image or a label of a pair does not exist, images
/// whose label is needed (for [`Pairs::Labels`] or a conditional model) have none, the model was not trained on a label, or there are more than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn interpolations(
    model: &Model,
    data: &Dataset,
    options: &InterpolationOptions,
) -> Result<ImageFigure, Error> {
    let (steps, seed) = (options.steps, seed_of(model, options.seed));
    let pairs = options.pairs.indices(data)?;
    check_image_count(pairs.len().saturating_mul(steps))?;
    let (mut rows, mut latents, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (start, end) in pairs {
        let ends = Encoded::new(model, data, &[start, end], seed, options.binarise)?;
        let path = options
            .path
            .interpolate(&ends.latents.i(0)?, &ends.latents.i(1)?, steps)?;
        let [start, end] = [ends.labels[0], ends.labels[1]];
        let labels = Labels::interpolate(
            [start, end],
            steps,
            // Images without labels have no classes, and their model ignores labels.
            model.metadata.data.classes.max(1),
            path.dtype(),
            path.device(),
        )?;
        rows.push(model.model.decode(&path, &labels)?);
        latents.push(path);
        if data.is_labelled() {
            let [start, end] =
                [start, end].map(|label| class_name(data.class_names(), label, LONGEST));
            names.push(format!("{start} → {end}"));
        }
    }
    let path = match options.path {
        Path::Linear => "linear, ",
        Path::Sinusoidal => "sinusoidal, ",
        Path::Arc => "arc, ",
        Path::Slerp => "slerp, ",
        _ => "",
    };
    let grid = image_grid(model, &Tensor::cat(&rows, 0)?)?
        .columns(steps)
        .row_labels(names)
        .title(format!(
            "Latent interpolations ({path}pairs of {})",
            options.split.images()
        ));
    let latents = Tensor::cat(&latents, 0)?;
    Ok(ImageFigure { grid, latents })
}
