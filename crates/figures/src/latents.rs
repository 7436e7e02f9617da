use latent_datasets::Dataset;
use latent_models::Generator;
use latent_training::{Model, encode};
use latent_visualisation::Scatter;

use crate::image_figure::{check_labels, seed_of, values};
use crate::projection::Projection;
use crate::{Error, Split};

/// The encoding of an image as a latent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The mean of q(z|x); of a flow, the exact latent.
    #[default]
    Mean,
    /// A sample of q(z|x), the same as in an evaluation with the same seed; of a flow, the exact
    /// latent of the dequantised image.
    Sample,
}

/// Options of [`latents`].
#[derive(Clone, Debug, PartialEq)]
pub struct LatentsOptions {
    /// The number of images; all if there are fewer. Of training images, a random subset; otherwise the first ones.
    pub count: usize,
    /// The encoding of an image.
    pub encoding: Encoding,
    /// The projection of latents to a plane.
    pub projection: Projection,
    /// The seed of sampled latents and of the binarisation; by default the experiment's.
    pub seed: Option<u64>,
    /// The split of the images, for the title.
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

impl LatentsOptions {
    /// The images of the figure.
    pub(crate) fn images(&self, model: &Model, data: &Dataset) -> Dataset {
        match self.split {
            Split::Training => {
                let seed = seed_of(model, self.seed);
                let mut generator = Generator::stream(seed, "subset", 0, 0);
                data.clone().random_subset(self.count, &mut generator)
            }
            _ => data.clone().truncated(self.count),
        }
    }
}

/// A scatter plot of the latents of images, coloured by label, with the names of the data set's
/// classes. Images without labels have one colour.
///
/// The figure contains the points in the plane, the labels and the full latents, in the order of
/// the images.
///
/// # Errors
/// There are no images or, for a conditional model, no labels; the latents have fewer than two dimensions or more than the projection
/// supports, or the projection needs more images.
pub fn latents(model: &Model, data: &Dataset, options: &LatentsOptions) -> Result<Scatter, Error> {
    check_labels(model, data)?;
    let seed = seed_of(model, options.seed);
    let data = options.images(model, data);
    let batching = model.batching(seed);
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
    let scatter = scatter_of(values(&plane.points)?, &data, data.labels())?
        .latents(values(&latents)?, latents.dim(1)?)?
        .title(title);
    Ok(match plane.axes {
        None => scatter,
        Some([x, y]) => scatter.x_label(x).y_label(y),
    })
}

/// A scatter plot of points of images of a data set with these labels; without labels if the data
/// set has none.
pub(crate) fn scatter_of(
    points: Vec<f32>,
    data: &Dataset,
    labels: &[u8],
) -> Result<Scatter, Error> {
    Ok(if data.is_labelled() {
        Scatter::new(points, labels)?.class_names(data.class_names())
    } else {
        Scatter::unlabelled(points)?
    })
}
