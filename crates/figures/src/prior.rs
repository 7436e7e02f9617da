use candle_core::{DType, Tensor};
use latent_datasets::Dataset;
use latent_models::{Generator, LatentModel};
use latent_training::{Model, encode};
use latent_visualisation::{Field, Scatter};

use crate::image_figure::{check_labels, seed_of, values};
use crate::latents::scatter_of;
use crate::{Error, LatentsOptions};

/// The probabilities of the regions that the contour lines of [`prior`] enclose.
pub const REGIONS: [f64; 3] = [0.5, 0.9, 0.99];

/// The number of draws from the prior, by which the regions and the size of the figure are determined.
const DRAWS: usize = 10_000;
/// The number of points of the grid in each direction.
const STEPS: usize = 120;

/// The prior p(z) and the aggregate posterior of a VAE with two latent dimensions, in the space of the decoder's input z.
///
/// The points are draws of z from q(z|x), one for each image, coloured by label: the average of q(z|x) over the data, which
/// the prior should match (Hoffman & Johnson 2016). The lines enclose the smallest regions with 50 %, 90 % and 99 % of the
/// prior's probability.
///
/// Of a conditional model, whose prior may depend on the label, it shows the images of one label: `label`, by default the
/// first of the training data. Of `options`, `count`, `seed` and `split` count.
///
/// # Errors
/// The model is a flow or has another number of latent dimensions, or a label is given for a model that is not conditional;
/// there are no images or, for a conditional model, none of the label.
pub fn prior(
    model: &Model,
    data: &Dataset,
    label: Option<u8>,
    options: &LatentsOptions,
) -> Result<Scatter, Error> {
    let dimensions = model.model.latent_size();
    if dimensions != 2 {
        return Err(Error::NotAPlane { dimensions });
    }
    check_labels(model, data)?;
    let data = options.images(model, data);
    let (data, label) = match (label, model.model.conditional()) {
        (None, Err(_)) => (data, None),
        (label, conditional) => {
            conditional?;
            let first = model.metadata.data.classes_present.first();
            let label = label.or(first.copied()).unwrap_or_default();
            let data = data.of_classes(&[label]);
            if data.is_empty() {
                return Err(Error::NoImageOfLabel(label));
            }
            (data, Some(label))
        }
    };
    let seed = seed_of(model, options.seed);
    let condition = |count: usize| model.labels(&vec![label.unwrap_or_default(); count]);

    let batching = model.batching(seed);
    let base = encode(&model.model, &data, &batching, true, &model.device)?;
    let draws = model
        .model
        .decoder_latents(&base, &condition(base.dim(0)?)?)?;

    let mut generator = Generator::stream(seed, "prior", 0, 0);
    let base = model.model.sample_prior(DRAWS, &mut generator)?;
    let from_prior = model.model.decoder_latents(&base, &condition(DRAWS)?)?;
    let log_prob = |latents: &Tensor| -> Result<Vec<f64>, Error> {
        let condition = condition(latents.dim(0)?)?;
        let density = model.model.prior_log_prob(latents, &condition)?;
        let density = density.ok_or(Error::NoPriorOfLatents)?;
        Ok(density.to_dtype(DType::F64)?.to_vec1()?)
    };
    // A region of the highest density contains the draws with a density above its border's.
    let mut densities = log_prob(&from_prior)?;
    densities.sort_by(f64::total_cmp);
    let levels = REGIONS.map(|region| densities[((1.0 - region) * DRAWS as f64) as usize]);

    let both = Tensor::cat(&[&draws, &from_prior], 0)?;
    let axis = |dimension: usize| -> Result<Vec<f64>, Error> {
        let values = both.narrow(1, dimension, 1)?.to_dtype(DType::F64)?;
        let [low, high] = [values.min_all()?, values.max_all()?];
        let (low, high) = (low.to_scalar::<f64>()?, high.to_scalar::<f64>()?);
        let step = (high - low) / (STEPS - 1) as f64;
        Ok((0..STEPS).map(|i| low + step * i as f64).collect())
    };
    let (x, y) = (axis(0)?, axis(1)?);
    let cells = y.iter().flat_map(|&y| x.iter().map(move |&x| [x, y]));
    let cells: Vec<f32> = cells.flatten().map(|value| value as f32).collect();
    let cells = Tensor::from_vec(cells, (STEPS * STEPS, 2), &model.device)?;
    let field = Field {
        values: log_prob(&cells)?,
        x,
        y,
    };
    let of_label =
        label.map(|label| format!(" of label {}", model.metadata.data.class_name(label)));
    let title = format!(
        "Prior (50, 90, 99 % within the lines) and posterior ({}{})",
        options.split.count(data.len()),
        of_label.unwrap_or_default()
    );
    Ok(scatter_of(values(&draws)?, &data, data.labels())?
        .contours(&field, levels)
        .title(title))
}
