use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_models::LatentModel;
use latent_training::Model;

use crate::image_figure::{
    Encoded, ImageFigure, LONGEST, check_image_count, class_name, image_grid, seed_of,
    with_first_column,
};
use crate::{Error, Split};

/// Options of [`analogies`].
#[derive(Clone, Debug, PartialEq)]
pub struct AnalogyOptions {
    /// The images' indices in the data set, counted from 0; by default the first ten, or all if
    /// there are fewer.
    pub indices: Option<Vec<usize>>,
    /// The seed of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// Whether pixels are binarised; by default as in training.
    pub binarise: Option<bool>,
    /// The split of the images, for the title.
    pub split: Split,
}

impl Default for AnalogyOptions {
    fn default() -> Self {
        Self {
            indices: None,
            seed: None,
            binarise: None,
            split: Split::Test,
        }
    }
}

/// Style transfer (analogies) with a conditional model: a row for each image, with its latent
/// decoded under every label of the training data.
///
/// The images of each row are the image itself and one for each label, in ascending order; the
/// latents are one for each row, `[rows, latent_size]`.
///
/// # Errors
/// The model is not conditional or was not trained on an image's label, the images have no labels, an
/// image index is out of range, or there are more than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn analogies(
    model: &Model,
    data: &Dataset,
    options: &AnalogyOptions,
) -> Result<ImageFigure, Error> {
    model.model.conditional()?;
    let classes = &model.metadata.data.classes_present;
    let indices = match &options.indices {
        Some(indices) => indices.clone(),
        None => (0..data.len().min(10)).collect(),
    };
    if indices.is_empty() {
        return Err(Error::NoImages);
    }
    check_image_count(indices.len().saturating_mul(classes.len() + 1))?;
    let seed = seed_of(model, options.seed);
    let Encoded {
        images, latents, ..
    } = Encoded::new(model, data, &indices, seed, options.binarise)?;
    let decode = |&label: &u8| {
        let labels = model.labels(&vec![label; indices.len()])?;
        Ok::<_, Error>(model.model.decode(&latents, &labels)?)
    };
    let decoded: Vec<Tensor> = classes.iter().map(decode).collect::<Result<_, _>>()?;
    let decoded = Tensor::stack(&decoded, 1)?;
    let names = &model.metadata.data.class_names;
    let columns = classes
        .iter()
        .map(|&label| class_name(names, label, LONGEST));
    let columns = ["true".to_owned()].into_iter().chain(columns);
    let grid = image_grid(model, &with_first_column(&images, &decoded)?)?
        .columns(classes.len() + 1)
        .column_labels(columns)
        .title(format!(
            "Analogies (latents of {} decoded with each label)",
            options.split.images()
        ));
    Ok(ImageFigure { grid, latents })
}
