//! What each picture shows of a model: used by the command of its name, and by `train` at the end.

use candle_core::{DType, IndexOp, Tensor};
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_models::latent_space::{Grid, Path, exemplars, knn_agreement, perturbations};
use latent_models::{Labels, LatentModel};
use latent_training::{EVALUATION_BATCH, EpochRecord, Metrics, Model, encode};
use latent_visualisation::{Curves, ImageGrid, Scatter};

use crate::arguments::{batching, require_plane};
use crate::progress::thousands;
use crate::projection::Projection;
use crate::{Context, Error};

/// Which images of p(x|z) are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Draw {
    /// Its mean: the probability of ink at each pixel
    #[default]
    Mean,
    /// A draw of the pixels, each black or white
    Pixels,
}

/// Images that a picture shows at most: more would take much memory, and nobody could tell them apart.
pub(crate) const MOST_IMAGES: usize = 10_000;

fn refuse_too_many(images: usize) -> Result<(), Error> {
    if images > MOST_IMAGES {
        return Err(Error::TooManyImages {
            count: images,
            most: MOST_IMAGES,
        });
    }
    Ok(())
}

/// What is drawn where nothing else is asked for: of a conditional model ten images of each digit that it
/// saw in training, of any other 25.
pub(crate) fn usual_samples(model: &Model) -> (Option<Vec<u8>>, usize) {
    match model.model.conditional() {
        Ok(_) => (Some(model.metadata.data.classes_present.clone()), 10),
        Err(_) => (None, 25),
    }
}

/// New images: `count` of them, or with `digits` so many of each, titled with what it was told to be.
pub(crate) fn samples(
    model: &Model,
    digits: Option<&[u8]>,
    count: usize,
    draw: Draw,
    temperature: f64,
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    refuse_too_many(count.saturating_mul(digits.map_or(1, <[u8]>::len)))?;
    let told: Vec<u8> = match digits {
        Some(digits) => digits
            .iter()
            .flat_map(|&digit| vec![digit; count])
            .collect(),
        // Such a model ignores them.
        None => vec![0; count],
    };
    let latents = (model.model.sample_prior(told.len(), &mut generator)? * temperature)?;
    let labels = labels(model, &told, context)?;
    let images = match draw {
        Draw::Mean => model.model.decode(&latents, &labels)?,
        Draw::Pixels => model
            .model
            .decode_sample(&latents, &labels, &mut generator)?,
    };
    let grid = grid(model, &images)?;
    let square = (told.len() as f64).sqrt().ceil() as usize;
    Ok(match digits {
        None => grid.columns(square).title("Samples from the prior"),
        Some(digits) => grid
            .columns(if count > 1 {
                count
            } else {
                square.max(digits.len().min(10))
            })
            .cell_titles(told.iter().map(ToString::to_string))
            .title("Samples of the digits that the model was told"),
    })
}

/// The first `count` images in a row above their reconstructions.
pub(crate) fn reconstructions(
    model: &Model,
    data: &Dataset,
    count: usize,
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    let data = first(data, count);
    if data.is_empty() {
        return Err(latent_training::Error::NoImages { split: "test" }.into());
    }
    let indices: Vec<usize> = (0..data.len()).collect();
    let images = data
        .chosen(&indices, &batching(model, seed), &context.device)?
        .images;
    let labels = labels(model, data.labels(), context)?;
    let latents = model.model.encode(&images, &labels)?;
    let decoded = model.model.decode(&latents, &labels)?;
    Ok(grid(model, &Tensor::cat(&[images, decoded], 0)?)?
        .columns(data.len())
        .column_labels(data.labels().iter().map(ToString::to_string))
        .row_labels(["true", "model"])
        .title("Test images and their reconstructions"))
}

/// The pairs (0, 1), (2, 3) and so on of test images: `count`, or as many as there are.
pub(crate) fn pairs(data: &Dataset, count: usize) -> Result<Vec<(usize, usize)>, Error> {
    match data.len() / 2 {
        0 => Err(Error::NoPairs(data.len())),
        most => Ok((0..count.min(most)).map(|i| (2 * i, 2 * i + 1)).collect()),
    }
}

/// A row for each pair of images: the ways from one to the other through the latent space.
pub(crate) fn interpolations(
    model: &Model,
    data: &Dataset,
    pairs: &[(usize, usize)],
    path: Path,
    steps: usize,
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    refuse_too_many(pairs.len().saturating_mul(steps))?;
    let mut rows = Vec::new();
    let mut names = Vec::new();
    for &(from, to) in pairs {
        let ends = data.chosen(&[from, to], &batching(model, seed), &context.device)?;
        let digits = [from, to].map(|index| data.labels()[index]);
        let latents = model
            .model
            .encode(&ends.images, &labels(model, &digits, context)?)?;
        let between = path.between(&latents.i(0)?, &latents.i(1)?, steps)?;
        let on_the_way = Labels::between(
            digits,
            steps,
            model.metadata.data.classes,
            between.dtype(),
            between.device(),
        )?;
        rows.push(model.model.decode(&between, &on_the_way)?);
        names.push(format!("{} → {}", data.labels()[from], data.labels()[to]));
    }
    let grid = grid(model, &Tensor::cat(&rows, 0)?)?.columns(steps);
    Ok(grid
        .row_labels(names)
        .title("Interpolations between test images"))
}

/// What the decoder makes of a grid over the latent plane: for a conditional model, as `digit`.
pub(crate) fn manifold(
    model: &Model,
    plane: &Grid,
    digit: u8,
    context: &Context,
) -> Result<ImageGrid, Error> {
    require_plane(&model.model, "manifold")?;
    let latents = plane.latents(&context.device)?;
    let labels = labels(model, &vec![digit; latents.dim(0)?], context)?;
    let images = model.model.decode(&latents, &labels)?;
    let values = |axis: &[f64]| axis.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let title = match model.model.conditional() {
        Ok(_) => format!("The latent plane, decoded as {digit}"),
        Err(_) => "The latent plane, decoded".to_owned(),
    };
    Ok(grid(model, &images)?
        .axes(
            ("z₁", &values(&plane.first)),
            ("z₂", &values(&plane.second)),
        )
        .title(title))
}

/// Where the first `count` images lie in the latent space, or in a plane that it is projected to; with
/// `sampled`, where a draw from q(z|x) lies.
pub(crate) fn scatter(
    model: &Model,
    data: &Dataset,
    count: usize,
    projection: Projection,
    sampled: bool,
    seed: u64,
    context: &Context,
) -> Result<Scatter, Error> {
    let data = first(data, count);
    let batching = batching(model, seed);
    let latents = encode(&model.model, &data, &batching, sampled, &context.device)?;
    let which = if model.metadata.experiment.model.is_exact() {
        "their latents"
    } else if sampled {
        "draws from q(z|x)"
    } else {
        "posterior means"
    };
    let title = format!("{} test images: {which}", thousands(data.len() as f64));
    let plane = projection.of(&latents)?;
    let scatter = Scatter::new(values(&plane.points)?, data.labels())?
        .latents(values(&latents)?, latents.dim(1)?)?
        .title(format!("{title}{}", plane.words));
    Ok(match plane.axes {
        None => scatter,
        Some([x, y]) => scatter.x_label(x).y_label(y),
    })
}

/// How often draws from q(z|x), `[n, d]`, have which value, a panel for a dimension, beside the density of
/// the prior: of six at most, those that tell most of an image where `kl` says how much each does.
pub(crate) fn posterior(draws: &Tensor, kl: Option<&[f64]>) -> Result<Curves, Error> {
    /// Where a normal density ends for the eye, and bins that are fine enough to see its shape.
    const RANGE: f64 = 4.0;
    const BINS: usize = 40;
    const PANELS: usize = 6;

    let (count, size) = draws.dims2()?;
    let mut shown: Vec<usize> = (0..size).collect();
    if let Some(kl) = kl {
        shown.sort_by(|&a, &b| kl[b].total_cmp(&kl[a]));
    }
    shown.truncate(PANELS);
    shown.sort_unstable();
    let width = 2.0 * RANGE / BINS as f64;
    let centres: Vec<f64> = (0..BINS)
        .map(|bin| -RANGE + (bin as f64 + 0.5) * width)
        .collect();
    let density = |z: &f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    let prior: Vec<f64> = centres.iter().map(density).collect();
    let mut curves = Curves::new(centres)
        .x_label("z")
        .y_label("density")
        .from_zero();
    for index in shown {
        let mut found = vec![0.0; BINS];
        for value in values(&draws.narrow(1, index, 1)?)? {
            let bin = (f64::from(value) + RANGE) / width;
            if (0.0..BINS as f64).contains(&bin) {
                found[bin as usize] += 1.0 / (count as f64 * width);
            }
        }
        curves = curves.panel(
            format!("dimension {}", index + 1),
            &[("test images", &found), ("prior", &prior)],
        )?;
    }
    Ok(curves)
}

/// One image of a digit, by a conditional model.
pub(crate) fn digit(model: &Model, digit: u8, seed: u64) -> Result<ImageGrid, Error> {
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    let conditional = model.model.conditional()?;
    model.metadata.data.check_seen(&[digit])?;
    let image = conditional.generate(&[digit], &mut generator)?;
    grid(model, &image)
}

/// What lies around a training image: a row for each of `count` directions, a column for each distance
/// from its latent.
pub(crate) fn neighbourhood(
    model: &Model,
    data: &Dataset,
    index: usize,
    radii: &[f64],
    count: usize,
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    let image = data
        .chosen(&[index], &batching(model, seed), &context.device)?
        .images;
    let shown = data.labels()[index];
    let latent = model
        .model
        .encode(&image, &labels(model, &[shown], context)?)?
        .i(0)?;
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    let all = [&[0.0], radii].concat();
    refuse_too_many(count.saturating_mul(all.len() + 1))?;
    let latents = perturbations(&latent, &all, count, &mut generator)?;
    let labels = labels(model, &vec![shown; latents.dim(0)?], context)?;
    let around = model.model.decode(&latents, &labels)?;
    let rows = around.reshape((count, all.len(), ()))?;
    let (_, _, pixels) = rows.dims3()?;
    let image = image.unsqueeze(0)?.broadcast_as((count, 1, pixels))?;
    let images = Tensor::cat(&[image, rows], 1)?.reshape(((), pixels))?;
    let columns = ["true".to_owned()]
        .into_iter()
        .chain(all.iter().map(ToString::to_string));
    Ok(grid(model, &images)?
        .columns(all.len() + 1)
        .column_labels(columns)
        .title(format!(
            "Around training image {index}: distance from its latent, a direction a row"
        )))
}

/// Test images in their own style as every digit that the model saw in training.
pub(crate) fn restyled(
    model: &Model,
    data: &Dataset,
    indices: &[usize],
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    let conditional = model.model.conditional()?;
    refuse_too_many(
        indices
            .len()
            .saturating_mul(model.metadata.data.classes + 1),
    )?;
    let images = data
        .chosen(indices, &batching(model, seed), &context.device)?
        .images;
    let digits: Vec<u8> = indices.iter().map(|&index| data.labels()[index]).collect();
    let classes = &model.metadata.data.classes_present;
    let styled = conditional.restyle(&images, &labels(model, &digits, context)?, classes)?;
    let (_, _, pixels) = styled.dims3()?;
    let all = Tensor::cat(&[images.unsqueeze(1)?, styled], 1)?.reshape(((), pixels))?;
    let columns = ["true".to_owned()]
        .into_iter()
        .chain(classes.iter().map(ToString::to_string));
    Ok(grid(model, &all)?
        .columns(classes.len() + 1)
        .column_labels(columns)
        .title("Test images, and in their style all digits"))
}

/// A row for each digit: `per_digit` latents that stand for it, decoded.
pub(crate) fn gallery(
    model: &Model,
    data: &Dataset,
    per_digit: usize,
    seed: u64,
    context: &Context,
) -> Result<ImageGrid, Error> {
    // Enough for every form of every digit: the search compares each image with all others.
    let data = first(data, 5000);
    let indices: Vec<usize> = (0..data.len()).collect();
    let images = data
        .chosen(&indices, &batching(model, seed), &context.device)?
        .images;
    let (mut latents, mut scores) = (Vec::new(), Vec::new());
    for (batch, digits) in data
        .in_order(&batching(model, seed), &context.device)
        .zip(data.labels().chunks(EVALUATION_BATCH))
    {
        let labels = labels(model, digits, context)?;
        let encoded = model.model.encode(&batch?.images, &labels)?;
        scores.extend(knn_agreement(
            &model.model.decode(&encoded, &labels)?,
            digits,
            &images,
            data.labels(),
        )?);
        latents.push(encoded);
    }
    let latents = Tensor::cat(&latents, 0)?;
    let found = exemplars(
        &latents,
        data.labels(),
        &scores,
        data.classes() as u8,
        per_digit,
    )?;
    let mut rows = Vec::new();
    let mut names = Vec::new();
    for (digit, indices) in found
        .iter()
        .enumerate()
        .filter(|(_, indices)| !indices.is_empty())
    {
        // A digit with too few images in the data repeats them, so that the rows stay in line.
        let indices: Vec<u32> = indices
            .iter()
            .cycle()
            .take(per_digit)
            .map(|&index| index as u32)
            .collect();
        let chosen = latents.index_select(&Tensor::new(indices, &context.device)?, 0)?;
        let labels = labels(model, &vec![digit as u8; per_digit], context)?;
        rows.push(model.model.decode(&chosen, &labels)?);
        names.push(digit.to_string());
    }
    let grid = grid(model, &Tensor::cat(&rows, 0)?)?.columns(per_digit);
    Ok(grid
        .row_labels(names)
        .title("Digits from latents that stand for them"))
}

/// The complete range of the latents of `data`, in equal steps.
pub(crate) fn covering(
    model: &Model,
    data: &Dataset,
    steps: usize,
    seed: u64,
    context: &Context,
) -> Result<Grid, Error> {
    require_plane(&model.model, "manifold")?;
    let latents = encode(
        &model.model,
        data,
        &batching(model, seed),
        false,
        &context.device,
    )?;
    Ok(Grid::covering(&latents, steps)?)
}

/// Loss curves: the bound's parts, or the loss of a model without them; train and test.
pub(crate) fn curves(records: &[EpochRecord]) -> Result<Curves, Error> {
    let epochs: Vec<f64> = records.iter().map(|record| record.epoch as f64).collect();
    panels(Curves::new(epochs).x_label("epoch"), records)
}

/// How several runs ended, over the number that tells them apart, from the smallest to the largest.
pub(crate) fn curves_against(name: &str, ends: &[(f64, EpochRecord)]) -> Result<Curves, Error> {
    let (numbers, records): (Vec<f64>, Vec<EpochRecord>) = ends.iter().cloned().unzip();
    panels(Curves::new(numbers).x_label(name), &records)
}

/// The test figures of several runs over the epochs, a series for each run.
pub(crate) fn compared(runs: &[(&str, &[EpochRecord])]) -> Result<Curves, Error> {
    let epochs = runs
        .iter()
        .map(|(_, records)| records.len())
        .max()
        .unwrap_or(0);
    let axis: Vec<f64> = (1..=epochs).map(|epoch| epoch as f64).collect();
    let mut curves = Curves::new(axis).x_label("epoch").y_label("nats per image");
    for (metric, title) in PANELS {
        let all: Vec<(&str, Vec<f64>)> = runs
            .iter()
            .map(|(name, records)| {
                let value = |index: usize| records.get(index)?.test.get(metric).copied();
                let values = (0..epochs).map(|index| value(index).unwrap_or(f64::NAN));
                (*name, values.collect())
            })
            .collect();
        let known: Vec<(&str, &[f64])> = all
            .iter()
            .filter(|(_, values)| values.iter().any(|value| value.is_finite()))
            .map(|(name, values)| (*name, values.as_slice()))
            .collect();
        if !known.is_empty() {
            curves = curves.panel(format!("test {title}"), &known)?;
        }
    }
    Ok(curves)
}

/// What loss curves show of a model that has it, and what it is called there.
const PANELS: [(&str, &str); 3] = [
    ("loss", "total"),
    ("reconstruction", "reconstruction"),
    ("kl", "KL"),
];

fn panels(mut curves: Curves, records: &[EpochRecord]) -> Result<Curves, Error> {
    curves = curves.y_label("nats per image");
    for (metric, title) in PANELS {
        let series = |split: fn(&EpochRecord) -> Option<&Metrics>| -> Vec<f64> {
            let value = |record| {
                split(record)
                    .and_then(|metrics| metrics.get(metric))
                    .copied()
            };
            records
                .iter()
                .map(|record| value(record).unwrap_or(f64::NAN))
                .collect()
        };
        let all = [
            ("train", series(|record| Some(&record.train))),
            ("validation", series(|record| record.validation.as_ref())),
            ("test", series(|record| Some(&record.test))),
        ];
        // Not every model has each figure, and not every run validation images.
        let known = all
            .iter()
            .filter(|(_, values)| values.iter().any(|value| value.is_finite()))
            .map(|(name, values)| (*name, values.as_slice()));
        let known: Vec<_> = known.collect();
        if !known.is_empty() {
            curves = curves.panel(title, &known)?;
        }
    }
    Ok(curves)
}

/// The digit that a conditional model draws where none is asked for: the first that it saw in training.
pub(crate) fn first_class(model: &Model) -> u8 {
    model
        .metadata
        .data
        .classes_present
        .first()
        .copied()
        .unwrap_or(0)
}

/// Labels as a model takes them: of a conditional one, those that it saw in training.
pub(crate) fn labels(model: &Model, digits: &[u8], context: &Context) -> Result<Labels, Error> {
    if model.model.conditional().is_ok() {
        model.metadata.data.check_seen(digits)?;
    }
    Ok(Labels::new(
        digits,
        model.metadata.data.classes,
        DType::F32,
        &context.device,
    )?)
}

fn first(data: &Dataset, count: usize) -> Dataset {
    data.clone().truncated(count)
}

fn grid(model: &Model, images: &Tensor) -> Result<ImageGrid, Error> {
    let data = &model.metadata.data;
    Ok(ImageGrid::new(
        values(images)?,
        [images.dim(0)?, data.shape.height, data.shape.width],
    )?)
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
