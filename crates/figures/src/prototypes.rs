use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_models::LatentModel;
use latent_models::latent_space::{exemplars, knn_agreement};
use latent_training::{EVALUATION_BATCH, Model};

use crate::image_figure::{ImageFigure, check_image_count, image_grid, seed_of};
use crate::{Error, Split};

/// Options of [`prototypes`].
#[derive(Clone, Debug, PartialEq)]
pub struct PrototypeOptions {
    /// The number of prototypes of each class.
    pub per_class: usize,
    /// The number of candidate images, from the start of the data set. The time grows with its
    /// square.
    pub candidates: usize,
    /// The seed of the binarisation, for a model of binarised images; by default the experiment's.
    pub seed: Option<u64>,
    /// The split of the images, for the title.
    pub split: Split,
}

impl Default for PrototypeOptions {
    fn default() -> Self {
        Self {
            per_class: 5,
            candidates: 5000,
            seed: None,
            split: Split::Test,
        }
    }
}

/// Prototypes of each class: a row of decoded exemplar latents.
///
/// The candidates are latents of images. A candidate is suitable if the k-nearest-neighbour
/// classifier on the images assigns its class to its decoded image ([`knn_agreement`]); of the
/// suitable ones, those farthest from each other are selected ([`exemplars`]). A class with fewer
/// candidates than prototypes repeats them; a class without candidates has no row.
///
/// The latents are `[classes × per_class, latent_size]`, row by row; the images are theirs.
///
/// # Errors
/// There are no images, the model was not trained on one of the labels, or there are more
/// prototypes than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn prototypes(
    model: &Model,
    data: &Dataset,
    options: &PrototypeOptions,
) -> Result<ImageFigure, Error> {
    let per_class = options.per_class;
    let data = data.clone().truncated(options.candidates);
    if data.is_empty() {
        return Err(Error::NoImages);
    }
    check_image_count(data.classes_present().len().saturating_mul(per_class))?;
    let (latents, scores) = candidates(model, &data, seed_of(model, options.seed))?;
    let found = exemplars(
        &latents,
        data.labels(),
        &scores,
        data.classes() as u8,
        per_class,
    )?;
    let (mut images, mut chosen, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (label, indices) in (0..).zip(found).filter(|(_, found)| !found.is_empty()) {
        let indices = indices.iter().cycle().take(per_class);
        let indices: Vec<u32> = indices.map(|&index| index as u32).collect();
        let of_class = latents.index_select(&Tensor::new(indices, &model.device)?, 0)?;
        let labels = model.labels(&vec![label; per_class])?;
        images.push(model.model.decode(&of_class, &labels)?);
        chosen.push(of_class);
        names.push(label.to_string());
    }
    let grid = image_grid(model, &Tensor::cat(&images, 0)?)?
        .columns(per_class)
        .row_labels(names)
        .title(format!(
            "Class prototypes (latents of {})",
            options.split.images()
        ));
    let latents = Tensor::cat(&chosen, 0)?;
    Ok(ImageFigure { grid, latents })
}

/// The latents of all images, `[n, latent_size]`, and the k-NN agreement of each decoded latent
/// with its class.
fn candidates(model: &Model, data: &Dataset, seed: u64) -> Result<(Tensor, Vec<f32>), Error> {
    let batching = model.batching(seed);
    let indices: Vec<usize> = (0..data.len()).collect();
    let images = data.chosen(&indices, &batching, &model.device)?.images;
    let (mut latents, mut scores) = (Vec::new(), Vec::new());
    for (batch, labels) in data
        .in_order(&batching, &model.device)
        .zip(data.labels().chunks(EVALUATION_BATCH))
    {
        let condition = model.labels(labels)?;
        let encoded = model.model.encode(&batch?.images, &condition)?;
        let decoded = model.model.decode(&encoded, &condition)?;
        scores.extend(knn_agreement(&decoded, labels, &images, data.labels())?);
        latents.push(encoded);
    }
    Ok((Tensor::cat(&latents, 0)?, scores))
}
