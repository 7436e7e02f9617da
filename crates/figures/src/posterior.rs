use candle_core::Tensor;
use latent_datasets::Dataset;
use latent_models::latent_space::FittedNormal;
use latent_models::{Generator, LatentModel};
use latent_training::{Model, encode, kl_by_dimension};
use latent_visualisation::{Curves, Format, Picture};

use crate::image_figure::{check_labels, seed_of, values};
use crate::{Error, Split};

/// The KL divergence above which a latent dimension is active, in nats per image. (Burda et al.
/// 2016 use the variance of the mean, which separates nearly all dimensions clearly.)
pub const ACTIVE_NATS: f64 = 0.01;

/// Options of [`posterior`].
#[derive(Clone, Debug, PartialEq)]
pub struct PosteriorOptions {
    /// The maximum number of histograms: those of the dimensions with the highest KL divergence.
    pub panels: usize,
    /// The seed of the latents; by default the experiment's.
    pub seed: Option<u64>,
    /// The split of the images, for title and legend.
    pub split: Split,
}

impl Default for PosteriorOptions {
    fn default() -> Self {
        Self {
            panels: 6,
            seed: None,
            split: Split::Test,
        }
    }
}

/// The aggregate posterior of a data set: a sample of q(z|x) for each image.
///
/// As a [`Picture`] it is its [`histograms`](Self::histograms).
#[derive(Debug, Clone)]
pub struct PosteriorFigure {
    /// Histograms of the latents with the density of the prior, a panel for each dimension. The
    /// density of a prior other than N(0, I) is a histogram of its samples.
    pub histograms: Curves,
    /// The normal distribution with the mean and the covariance of all latents.
    pub fitted: FittedNormal,
    /// The KL divergence of that normal distribution from the prior, in nats; `None` for a singular
    /// covariance or a prior other than N(0, I).
    pub kl_from_prior: Option<f64>,
    /// The KL divergence KL(q(z|x) ‖ p(z)) of each dimension, averaged over the images, in nats per
    /// image; `None` for a flow, whose encoding is exact.
    pub kl: Option<Vec<f64>>,
}

impl PosteriorFigure {
    /// The number of active dimensions, with a KL divergence of more than [`ACTIVE_NATS`].
    pub fn active_dimensions(&self) -> Option<usize> {
        let is_active = |nats: &&f64| **nats > ACTIVE_NATS;
        self.kl
            .as_ref()
            .map(|kl| kl.iter().filter(is_active).count())
    }
}

impl Picture for PosteriorFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.histograms.render(format)
    }
}

/// The aggregate posterior of a data set compared with the prior, for each latent dimension.
///
/// # Errors
/// There are fewer than two images or, for a conditional model, no labels.
pub fn posterior(
    model: &Model,
    data: &Dataset,
    options: &PosteriorOptions,
) -> Result<PosteriorFigure, Error> {
    check_labels(model, data)?;
    let batching = model.batching(seed_of(model, options.seed));
    let latents = encode(&model.model, data, &batching, true, &model.device)?;
    let fitted = FittedNormal::of(&latents)?;
    let kl = kl_by_dimension(&model.model, data, &batching, &model.device)?;
    let title = format!(
        "Aggregate posterior and prior ({})",
        options.split.count(data.len())
    );
    let is_standard_normal = model.metadata.experiment.model.has_standard_normal_prior();
    let prior = if is_standard_normal {
        None
    } else {
        /// Samples of the prior: 2,500 for each bin, if they were uniform.
        const COUNT: usize = 100_000;
        let mut generator = Generator::stream(batching.seed, "prior", 0, 0);
        Some(model.model.sample_prior(COUNT, &mut generator)?)
    };
    let histograms = histograms(&latents, prior.as_ref(), kl.as_deref(), options)?.title(title);
    let kl_from_prior = fitted
        .kl_from_standard_normal()
        .filter(|_| is_standard_normal);
    Ok(PosteriorFigure {
        histograms,
        fitted,
        kl_from_prior,
        kl,
    })
}

/// Histograms of latents `[n, d]`, for the dimensions with the highest KL divergence.
///
/// `prior` are samples of a prior other than N(0, I).
fn histograms(
    latents: &Tensor,
    prior: Option<&Tensor>,
    kl: Option<&[f64]>,
    options: &PosteriorOptions,
) -> Result<Curves, Error> {
    /// Beyond this range the standard normal density is invisibly small.
    const RANGE: f64 = 4.0;
    /// The bins resolve the shape of the standard normal density.
    const WIDTH: f64 = 0.2;
    /// A latent far from all others must not make the bins of the others invisible.
    const MAX_BINS: usize = 200;

    let size = latents.dim(1)?;
    let mut shown: Vec<usize> = (0..size).collect();
    if let Some(kl) = kl {
        shown.sort_by(|&a, &b| kl[b].total_cmp(&kl[a]));
    }
    shown.truncate(options.panels);
    shown.sort_unstable();
    let mut furthest = RANGE;
    for &index in &shown {
        for value in values(&latents.narrow(1, index, 1)?)? {
            furthest = furthest.max(f64::from(value).abs());
        }
    }
    let half = ((furthest / WIDTH).ceil().min((MAX_BINS / 2) as f64)) as usize;
    let (bins, range) = (2 * half, half as f64 * WIDTH);
    let centres: Vec<f64> = (0..bins)
        .map(|bin| -range + (bin as f64 + 0.5) * WIDTH)
        .collect();
    let density = |z: &f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let normal: Vec<f64> = centres.iter().map(density).collect();
    let histogram = |latents: &Tensor, index: usize| -> Result<Vec<f64>, Error> {
        let count = latents.dim(0)? as f64;
        let mut heights = vec![0.0; bins];
        for value in values(&latents.narrow(1, index, 1)?)? {
            let bin = (f64::from(value) + range) / WIDTH;
            if (0.0..bins as f64).contains(&bin) {
                heights[bin as usize] += 1.0 / (count * WIDTH);
            }
        }
        Ok(heights)
    };
    let mut curves = Curves::new(centres)
        .x_label("z")
        .y_label("density")
        .from_zero();
    for index in shown {
        let bins = histogram(latents, index)?;
        let prior = match prior {
            Some(samples) => histogram(samples, index)?,
            None => normal.clone(),
        };
        let images = options.split.images();
        curves = curves.panel(
            format!("dimension {}", index + 1),
            &[(&images, &bins), ("prior", &prior)],
        )?;
    }
    Ok(curves)
}
