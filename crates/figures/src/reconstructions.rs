use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_models::LatentModel;
use latent_training::Model;

use crate::image_figure::{
    Encoded, ImageFigure, LONGEST, check_image_count, class_name, image_grid, seed_of,
};
use crate::{Encoding, Error, Split};

/// Options of [`reconstructions`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReconstructionOptions {
    /// The number of images, from the start of the data set; all if there are fewer.
    pub count: usize,
    /// The encoding of an image.
    pub encoding: Encoding,
    /// The seed of sampled latents and of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// Whether pixels are binarised; by default as in training.
    pub binarise: Option<bool>,
    /// The split of the images, for the title.
    pub split: Split,
}

impl Default for ReconstructionOptions {
    fn default() -> Self {
        Self {
            count: 10,
            encoding: Encoding::Mean,
            seed: None,
            binarise: None,
            split: Split::Test,
        }
    }
}

/// Reconstructions: a row of images, below the names of their classes if they have labels, above a
/// row of their reconstructions.
///
/// The images are first all n images, then all n reconstructions; the latents are those of the
/// images, `[n, latent_size]`.
///
/// # Errors
/// There are no images, or the model is conditional and they have no labels or others than it was
/// trained on.
pub fn reconstructions(
    model: &Model,
    data: &Dataset,
    options: &ReconstructionOptions,
) -> Result<ImageFigure, Error> {
    let count = options.count.min(data.len());
    if count == 0 {
        return Err(Error::NoImages);
    }
    check_image_count(2 * count)?;
    let indices: Vec<usize> = (0..count).collect();
    let seed = seed_of(model, options.seed);
    let Encoded {
        images,
        labels,
        latents,
    } = Encoded::new(model, data, &indices, seed, options.binarise)?;
    let condition = model.labels(&labels)?;
    let latents = match options.encoding {
        Encoding::Mean => latents,
        Encoding::Sample => {
            let mut generator = Generator::stream(seed, "reconstructions", 0, 0);
            model
                .model
                .encode_sample(&images, &condition, &mut generator)?
        }
    };
    let decoded = model.model.decode(&latents, &condition)?;
    let columns = labels.iter().filter(|_| data.is_labelled());
    let columns = columns.map(|&label| class_name(data.class_names(), label, LONGEST));
    let grid = image_grid(model, &Tensor::cat(&[images, decoded], 0)?)?
        .columns(count)
        .column_labels(columns)
        .row_labels(["true", "model"])
        .title(format!("Reconstructions ({})", options.split.images()));
    Ok(ImageFigure { grid, latents })
}
