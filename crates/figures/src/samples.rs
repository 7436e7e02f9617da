use std::iter::repeat_n;

use candle_core::Tensor;
use latent_distributions::Generator;
use latent_models::LatentModel;
use latent_training::Model;

use crate::Error;
use crate::image_figure::{
    ImageFigure, LONGEST, LONGEST_TITLE, check_image_count, class_name, image_grid, seed_of,
};

/// The form of the decoded image p(x|z).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pixels {
    /// The mean: each pixel is its probability of being white.
    #[default]
    Mean,
    /// A sample: each pixel is black or white.
    Sample,
}

/// Options of [`samples`].
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    /// The requested labels, for a conditional model; by default all labels of the training data.
    pub labels: Option<Vec<u8>>,
    /// The number of samples, for a conditional model of each label. The default is 25; for a
    /// conditional model 10 for each label, or 1 if [`labels`](Self::labels) are given.
    pub count: Option<usize>,
    /// The form of the decoded image.
    pub pixels: Pixels,
    /// The factor of the prior's standard deviation: below 1, samples are more typical and less
    /// diverse.
    pub temperature: f64,
    /// The number of upper levels of a hierarchical model that the images of a row share: only the levels below are drawn for
    /// each image.
    pub shared_levels: usize,
    /// The seed of the latents; by default the experiment's.
    pub seed: Option<u64>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            labels: None,
            count: None,
            pixels: Pixels::Mean,
            temperature: 1.0,
            shared_levels: 0,
            seed: None,
        }
    }
}

/// Decoded samples of the prior. For a conditional model, `count` samples for each label in turn,
/// with the name of the requested class above each image. If there are long names, each class has a
/// row, and its name is beside it.
///
/// The latents are those of the images, `[n, latent_size]`.
///
/// # Errors
/// Labels are given for a model that is not conditional or was not trained on them, there are more than
/// [`MAX_IMAGES`](crate::MAX_IMAGES), or the model has no level below the shared ones.
pub fn samples(model: &Model, options: &SampleOptions) -> Result<ImageFigure, Error> {
    let (labels, count) = match (&options.labels, model.model.conditional()) {
        (Some(labels), conditional) => {
            conditional?;
            (Some(labels), 1)
        }
        (None, Ok(_)) => (Some(&model.metadata.data.classes_present), 10),
        (None, Err(_)) => (None, 25),
    };
    let count = options.count.unwrap_or(count);
    check_image_count(count.saturating_mul(labels.map_or(1, Vec::len)))?;
    let requested: Vec<u8> = match labels {
        Some(labels) => labels
            .iter()
            .flat_map(|&label| repeat_n(label, count))
            .collect(),
        // An unconditional model ignores labels.
        None => vec![0; count],
    };
    let mut generator = Generator::stream(seed_of(model, options.seed), "sample", 0, 0);
    let latents = model.model.sample_prior(requested.len(), &mut generator)?;
    let latents = (latents * options.temperature)?;
    let square = (requested.len() as f64).sqrt().ceil() as usize;
    let latents = shared(model, latents, options.shared_levels, square)?;
    let condition = model.labels(&requested)?;
    let images = match options.pixels {
        Pixels::Mean => model.model.decode(&latents, &condition)?,
        Pixels::Sample => model
            .model
            .decode_sample(&latents, &condition, &mut generator)?,
    };
    let grid = image_grid(model, &images)?.title(title(options, labels.is_some()));
    let grid = match labels {
        None => grid.columns(square),
        Some(labels) => {
            let names = &model.metadata.data.class_names;
            let is_short = |name: &String| name.chars().count() <= 3;
            if count <= 1 || names.iter().all(is_short) {
                let columns = match count {
                    0 | 1 => square.max(labels.len().min(10)),
                    // A high and narrow figure would have small images.
                    _ if model.metadata.data.classes > 10 => {
                        count * labels_per_row(labels.len(), count)
                    }
                    _ => count,
                };
                let name = |&label| class_name(names, label, LONGEST_TITLE);
                let titles = requested.iter().map(name);
                grid.columns(columns).cell_titles(titles)
            } else {
                let name = |&label| class_name(names, label, LONGEST);
                grid.columns(count).row_labels(labels.iter().map(name))
            }
        }
    };
    Ok(ImageFigure { grid, latents })
}

/// Gives the images of each row the upper `levels` of its first image.
fn shared(model: &Model, latents: Tensor, levels: usize, row: usize) -> Result<Tensor, Error> {
    let sizes = model.model.levels();
    if levels == 0 {
        return Ok(latents);
    }
    if levels >= sizes.len() {
        return Err(Error::NoLevelBelow {
            shared: levels,
            levels: sizes.len(),
        });
    }
    let size: usize = sizes[..levels].iter().sum();
    let count = latents.dim(0)?;
    let first: Vec<u32> = (0..count).map(|image| (image / row * row) as u32).collect();
    let first = Tensor::new(first, latents.device())?;
    let upper = latents
        .narrow(1, 0, size)?
        .contiguous()?
        .index_select(&first, 0)?;
    let lower = latents.narrow(1, size, latents.dim(1)? - size)?;
    Ok(Tensor::cat(&[upper, lower], 1)?)
}

/// The number of labels with `count` samples in one row, for a figure about as wide as high.
fn labels_per_row(labels: usize, count: usize) -> usize {
    (labels as f64 / (1.2 * count as f64)).sqrt().ceil() as usize
}

fn title(options: &SampleOptions, is_conditional: bool) -> String {
    let mut details = Vec::new();
    if options.temperature != 1.0 {
        details.push(format!("temperature {}", options.temperature));
    }
    match options.shared_levels {
        0 => {}
        1 => details.push("a row shares its top level".to_owned()),
        levels => details.push(format!("a row shares its {levels} upper levels")),
    }
    if options.pixels == Pixels::Sample {
        details.push("sampled pixels".to_owned());
    }
    let name = if is_conditional {
        "Class-conditional samples"
    } else {
        "Samples"
    };
    if details.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({})", details.join(", "))
    }
}
