use candle_core::{IndexOp, Tensor};
use latent_distributions::Generator;
use latent_models::LatentModel;
use latent_training::Model;
use latent_visualisation::{Format, Picture};

use crate::image_figure::{
    ImageFigure, LONGEST, check_image_count, class_name, image_grid, seed_of, values,
};
use crate::{Error, ImageMoments};

/// Options of [`traversals`].
#[derive(Clone, Debug, PartialEq)]
pub struct TraversalOptions {
    /// The index of the latent dimension, from 0.
    pub dimension: usize,
    /// The largest value of the dimension; the smallest is its negative.
    pub range: f64,
    /// The number of images of a row.
    pub steps: usize,
    /// The number of samples of each class for the correlations.
    pub samples: usize,
    /// The seed of the samples; by default the experiment's.
    pub seed: Option<u64>,
}

impl Default for TraversalOptions {
    fn default() -> Self {
        Self {
            dimension: 0,
            range: 2.0,
            steps: 11,
            samples: 1000,
            seed: None,
        }
    }
}

/// The correlations of a latent dimension with geometric properties of the decoded images of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlations {
    /// The label; `None` for an unconditional model.
    pub label: Option<u8>,
    /// With [`ImageMoments::slant`].
    pub slant: f64,
    /// With [`ImageMoments::stroke_width`].
    pub stroke_width: f64,
    /// With [`ImageMoments::size`].
    pub size: f64,
}

/// Latent traversals with the correlations of the dimension.
#[derive(Clone, Debug)]
pub struct TraversalFigure {
    /// The decoded images with their latents.
    pub figure: ImageFigure,
    /// One for each row.
    pub correlations: Vec<Correlations>,
}

impl Picture for TraversalFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.figure.render(format)
    }
}

/// A latent traversal: one dimension varies over [−range, range], the others are 0. A conditional model has a row for
/// each label of its training data, with the same latents; any other has one row.
///
/// The correlations are of samples from the prior: Pearson's coefficient between the dimension and the slant, stroke
/// width and size of the decoded image, with a standard error of about 1/√samples. A coefficient is NaN if one of the
/// two does not vary. The properties of a colour image are those of the mean of its channels.
///
/// # Errors
/// The model has no such dimension, or there are more images than [`MAX_IMAGES`](crate::MAX_IMAGES).
pub fn traversals(model: &Model, options: &TraversalOptions) -> Result<TraversalFigure, Error> {
    let (size, dimension, steps) = (model.model.latent_size(), options.dimension, options.steps);
    if dimension >= size {
        return Err(Error::NoDimension {
            index: dimension,
            dimensions: size,
        });
    }
    let is_conditional = model.model.conditional().is_ok();
    let labels = if is_conditional {
        model.metadata.data.classes_present.clone()
    } else {
        vec![0]
    };
    check_image_count(labels.len().saturating_mul(steps))?;
    let positions: Vec<f32> = (0..steps)
        .map(|step| {
            let share = step as f64 / (steps.max(2) - 1) as f64;
            (options.range * (2.0 * share - 1.0)) as f32
        })
        .collect();
    let mut path = vec![0f32; steps * size];
    for (latent, position) in path.chunks_exact_mut(size).zip(&positions) {
        latent[dimension] = *position;
    }
    let path = Tensor::from_vec(path, (steps, size), &model.device)?;
    let mut rows = Vec::new();
    for &label in &labels {
        let condition = model.labels(&vec![label; steps])?;
        rows.push(model.model.decode(&path, &condition)?);
    }
    let of_label = |&label: &u8| correlations(model, label, is_conditional, options);
    let correlations = labels.iter().map(of_label).collect::<Result<_, _>>()?;
    let names = labels.iter().filter(|_| is_conditional);
    let name = |&label: &u8| class_name(&model.metadata.data.class_names, label, LONGEST);
    let grid = image_grid(model, &Tensor::cat(&rows, 0)?)?
        .columns(steps)
        .row_labels(names.map(name))
        .column_labels(positions.iter().map(|&position| signed(position)))
        .title(format!(
            "Latent traversals (z{} varies, other dimensions 0)",
            subscript(dimension + 1)
        ));
    let latents = Tensor::cat(&vec![&path; labels.len()], 0)?;
    Ok(TraversalFigure {
        figure: ImageFigure { grid, latents },
        correlations,
    })
}

fn correlations(
    model: &Model,
    label: u8,
    is_conditional: bool,
    options: &TraversalOptions,
) -> Result<Correlations, Error> {
    let seed = seed_of(model, options.seed);
    // The same latents for every label.
    let mut generator = Generator::stream(seed, "traversals", 0, 0);
    let latents = model.model.sample_prior(options.samples, &mut generator)?;
    let condition = model.labels(&vec![label; options.samples])?;
    let images = model.model.decode(&latents, &condition)?;
    let along = values(&latents.i((.., options.dimension))?)?;
    let shape = model.metadata.data.shape;
    let measured: Vec<(f64, ImageMoments)> = values(&images)?
        .chunks_exact(shape.elem_count())
        .map(|image| grey(image, shape.channels))
        .zip(along)
        .filter_map(|(image, z)| Some((f64::from(z), ImageMoments::of(&image, shape.width)?)))
        .collect();
    let with = |property: fn(&ImageMoments) -> f64| {
        let pairs: Vec<_> = measured.iter().map(|(z, of)| (*z, property(of))).collect();
        correlation(&pairs)
    };
    Ok(Correlations {
        label: is_conditional.then_some(label),
        slant: with(|moments| moments.slant),
        stroke_width: with(|moments| moments.stroke_width),
        size: with(|moments| moments.size),
    })
}

/// The mean over the channels of an image `[pixels, channels]`.
fn grey(image: &[f32], channels: usize) -> Vec<f32> {
    let pixels = image.chunks_exact(channels);
    pixels
        .map(|pixel| pixel.iter().sum::<f32>() / channels as f32)
        .collect()
}

/// Pearson's correlation coefficient.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (dx, dy) = (pair.0 - x, pair.1 - y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    xy / (xx * yy).sqrt()
}

/// A number with one decimal and the minus sign U+2212.
fn signed(number: f32) -> String {
    format!("{number:.1}").replace('-', "−")
}

/// A number in subscript digits.
fn subscript(number: usize) -> String {
    let digit = |digit: char| match digit {
        '0'..='9' => char::from_u32(0x2080 + digit as u32 - '0' as u32).unwrap_or(digit),
        other => other,
    };
    number.to_string().chars().map(digit).collect()
}
