use latent_datasets::Dataset;
use latent_training::{Model, encode};
use latent_visualisation::Scatter;

use crate::image_figure::{seed_of, values};
use crate::projection::Projection;
use crate::{Error, Split};

/// The latent that stands for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The mean of q(z|x); of a flow, the exact latent.
    #[default]
    Mean,
    /// A sample of q(z|x), the one that an evaluation with the same seed uses; of a flow, the exact latent of the
    /// dequantised image.
    Sample,
}

/// Options of [`latents`].
#[derive(Clone, Debug, PartialEq)]
pub struct LatentsOptions {
    /// The number of images: the first of the data set, or all where it has fewer.
    pub count: usize,
    /// The latent that stands for an image.
    pub encoding: Encoding,
    /// The projection of latents to a plane.
    pub projection: Projection,
    /// The seed of sampled latents and of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// What the images are, for the title.
    pub split: Split,
}

impl Default for LatentsOptions {
    fn default() -> Self {
        Self {
            count: 5000,
            encoding: Encoding::Mean,
            projection: Projection::Auto,
            seed: None,
            split: Split::Test,
        }
    }
}

/// A scatter plot of the latents of images, coloured by label.
///
/// It has the points of the plane, the labels and the latents of all dimensions, in the order of the images.
///
/// # Errors
/// There are no images, the latents have one dimension or more than a projection takes, or a projection needs more
/// images.
pub fn latents(model: &Model, data: &Dataset, options: &LatentsOptions) -> Result<Scatter, Error> {
    let data = data.clone().truncated(options.count);
    let batching = model.batching(seed_of(model, options.seed));
    let is_sampled = options.encoding == Encoding::Sample;
    let latents = encode(&model.model, &data, &batching, is_sampled, &model.device)?;
    let name = if model.metadata.experiment.model.is_exact() {
        "exact latents"
    } else if is_sampled {
        "posterior samples"
    } else {
        "posterior means"
    };
    let plane = options.projection.project(&latents)?;
    let projection = plane.method.map(|method| format!(", {method}"));
    let title = format!(
        "Latent space ({name}, {}{})",
        options.split.count(data.len()),
        projection.unwrap_or_default()
    );
    let scatter = Scatter::new(values(&plane.points)?, data.labels())?
        .latents(values(&latents)?, latents.dim(1)?)?
        .title(title);
    Ok(match plane.axes {
        None => scatter,
        Some([x, y]) => scatter.x_label(x).y_label(y),
    })
}
