//! What each picture shows of a model: used by the command of its name, and by `train` at the end.

use candle_core::{DType, IndexOp, Tensor};
use latent_datasets::{Batching, CLASSES, Dataset};
use latent_distributions::Generator;
use latent_models::latent_space::{Grid, Path, legibility, representatives};
use latent_training::{EVALUATION_BATCH, EpochRecord, Model, encode};
use latent_visualisation::{Curves, ImageGrid, Scatter};

use crate::arguments::{batching, require_plane};
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

/// `count` images from the prior.
pub(crate) fn samples(
    model: &Model,
    count: usize,
    draw: Draw,
    seed: u64,
) -> Result<ImageGrid, Error> {
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    let latents = model.model.sample_prior(count, &mut generator)?;
    let images = match draw {
        Draw::Mean => model.model.decode(&latents, &())?,
        Draw::Pixels => model.model.decode_sample(&latents, &(), &mut generator)?,
    };
    let columns = (count as f64).sqrt().ceil() as usize;
    Ok(grid(model, &images)?
        .columns(columns)
        .title("Samples from the prior"))
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
    let batching = Batching {
        size: count,
        ..batching(model, seed)
    };
    let Some(batch) = data.in_order(&batching, &context.device).next() else {
        return Err(latent_training::Error::NoImages { split: "test" }.into());
    };
    let images = batch?.images;
    let decoded = model
        .model
        .decode(&model.model.encode(&images, &())?, &())?;
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
    context: &Context,
) -> Result<ImageGrid, Error> {
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for &(from, to) in pairs {
        let ends = data.batch(&[from, to], &context.device)?;
        let latents = model.model.encode(&ends.images, &())?;
        let between = path.between(&latents.i(0)?, &latents.i(1)?, steps)?;
        rows.push(model.model.decode(&between, &())?);
        labels.push(format!("{} → {}", data.labels()[from], data.labels()[to]));
    }
    let grid = grid(model, &Tensor::cat(&rows, 0)?)?.columns(steps);
    Ok(grid
        .row_labels(labels)
        .title("Interpolations between test images"))
}

/// What the decoder makes of a grid over the latent plane.
pub(crate) fn manifold(model: &Model, plane: &Grid, context: &Context) -> Result<ImageGrid, Error> {
    require_plane(&*model.model, "manifold")?;
    let images = model.model.decode(&plane.latents(&context.device)?, &())?;
    let values = |axis: &[f64]| axis.iter().map(|&value| value as f32).collect::<Vec<_>>();
    Ok(grid(model, &images)?
        .axes(
            ("z₁", &values(&plane.first)),
            ("z₂", &values(&plane.second)),
        )
        .title("The latent plane, decoded"))
}

/// Where the first `count` images lie in the latent plane; with `sampled`, where a draw from q(z|x)
/// lies.
pub(crate) fn scatter(
    model: &Model,
    data: &Dataset,
    count: usize,
    sampled: bool,
    seed: u64,
    context: &Context,
) -> Result<Scatter, Error> {
    require_plane(&*model.model, "scatter plot")?;
    let data = first(data, count);
    let mut generator = Generator::stream(seed, "sample", 0, 0);
    let generator = sampled.then_some(&mut generator);
    let latents = encode(
        &*model.model,
        &data,
        &batching(model, seed),
        generator,
        &context.device,
    )?;
    let which = if sampled {
        "draws from q(z|x)"
    } else {
        "posterior means"
    };
    Ok(
        Scatter::new(values(&latents)?, data.labels())?.title(format!(
            "{} test images: {which}",
            crate::progress::thousands(data.len() as f64)
        )),
    )
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
    let images = data.batch(&indices, &context.device)?.images;
    let (mut latents, mut scores) = (Vec::new(), Vec::new());
    for (batch, labels) in data
        .in_order(&batching(model, seed), &context.device)
        .zip(data.labels().chunks(EVALUATION_BATCH))
    {
        let encoded = model.model.encode(&batch?.images, &())?;
        scores.extend(legibility(
            &model.model.decode(&encoded, &())?,
            labels,
            &images,
            data.labels(),
        )?);
        latents.push(encoded);
    }
    let latents = Tensor::cat(&latents, 0)?;
    let found = representatives(&latents, data.labels(), &scores, CLASSES as u8, per_digit)?;
    let mut rows = Vec::new();
    let mut labels = Vec::new();
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
        rows.push(model.model.decode(&chosen, &())?);
        labels.push(digit.to_string());
    }
    let grid = grid(model, &Tensor::cat(&rows, 0)?)?.columns(per_digit);
    Ok(grid
        .row_labels(labels)
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
    require_plane(&*model.model, "manifold")?;
    let latents = encode(
        &*model.model,
        data,
        &batching(model, seed),
        None,
        &context.device,
    )?;
    Ok(Grid::covering(&latents, steps)?)
}

/// Loss curves: the bound's parts, or the loss of a model without them; train and test.
pub(crate) fn curves(records: &[EpochRecord]) -> Result<Curves, Error> {
    let panels = [
        ("loss", "total"),
        ("reconstruction", "reconstruction"),
        ("kl", "KL"),
    ];
    let epochs: Vec<f64> = records.iter().map(|record| record.epoch as f64).collect();
    let mut curves = Curves::new(epochs)
        .x_label("epoch")
        .y_label("nats per image");
    for (metric, title) in panels {
        let series = |split: fn(&EpochRecord) -> &latent_training::Metrics| -> Vec<f64> {
            let value = |record| split(record).get(metric).copied().unwrap_or(f64::NAN);
            records.iter().map(value).collect()
        };
        let (train, test) = (
            series(|record| &record.train),
            series(|record| &record.test),
        );
        if train.iter().any(|value| value.is_finite()) {
            curves = curves.panel(title, &[("train", &train), ("test", &test)])?;
        }
    }
    Ok(curves)
}

fn first(data: &Dataset, count: usize) -> Dataset {
    data.clone().truncated(count)
}

fn grid(model: &Model, images: &Tensor) -> Result<ImageGrid, Error> {
    let data = &model.metadata.data;
    Ok(ImageGrid::new(
        values(images)?,
        [images.dim(0)?, data.height, data.width],
    )?)
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
