//! Properties of figures: their images are the decoded latents, and their files contain the same
//! data.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod any_data;
mod hierarchy;
mod latent_space;

use candle_core::{DType, Device, IndexOp, Tensor};
use latent_datasets::{Dataset, Splits, synthetic};
use latent_figures::{
    AnalogyOptions, Curves, Encoding, EpochRecord, Error, Format, Grid, ImageFigure,
    InterpolationOptions, LatentsOptions, ManifoldOptions, Model, Pairs, Path, PerturbationOptions,
    Picture, Pixels, PosteriorOptions, PrototypeOptions, ReconstructionOptions, SampleOptions,
    Split, analogies, comparison_curves, covering_grid, interpolations, latents, manifold,
    model_figures, perturbations, posterior, prototypes, quantile_grid, reconstructions, samples,
    setting_curves, throughput_curves, training_curves,
};
use latent_models::LatentModel;
use latent_tolerance::{SINGLE, rounding};
use latent_training::{
    Experiment, Metrics, Run, Silent, Throughput, encode, kl_by_dimension, train,
};
use tempfile::TempDir;

const CPU: &Device = &Device::Cpu;

/// A model trained for two epochs on a few images, with the images.
struct Small {
    model: Model,
    data: Splits,
    run: Run,
    _directory: TempDir,
}

fn small(kind: &str, latent_size: usize, binarise: bool, data: Splits) -> Small {
    let text = format!(
        "name = 'small'\n[model]\nkind = '{kind}'\nhidden = [16]\nlatent_size = {latent_size}\n\
         [training]\nepochs = 2\nbatch_size = 20\n\
         [data]\nsource = 'synthetic'\nbinarise = {binarise}\n"
    );
    small_of(&text, data)
}

fn small_of(text: &str, data: Splits) -> Small {
    let experiment = Experiment::parse(text, "small", &[]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let run = Run::create(directory.path(), &experiment, &data, None, false).unwrap();
    train(&run, &data, CPU, &mut Silent).unwrap();
    let model = latent_figures::load_model(run.directory(), CPU).unwrap();
    Small {
        model,
        data,
        run,
        _directory: directory,
    }
}

fn digits() -> Splits {
    synthetic(1, 80, 60)
}

fn vae(latent_size: usize) -> Small {
    small("vae", latent_size, false, digits())
}

fn cvae() -> Small {
    small("conditional-vae", 2, false, digits())
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn rows(latents: &Tensor) -> Vec<Vec<f32>> {
    latents.to_vec2().unwrap()
}

fn images(figure: &ImageFigure) -> Vec<&[f32]> {
    figure.grid.images().chunks_exact(784).collect()
}

/// The pixels of an image in [0, 1].
fn pixels(data: &Dataset, index: usize) -> Vec<f32> {
    let image = data.image(index).unwrap();
    image
        .iter()
        .map(|&level| f32::from(level) / 255.0)
        .collect()
}

/// A bound on the difference of two results of a network with one hidden layer: products of other
/// numbers of rows sum their at most 784 terms in another order, and logits and latents are below
/// 16 in magnitude.
fn network_rounding() -> f32 {
    rounding(SINGLE, 784, 16.0) as f32
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], bound: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= bound, "number {index}: {a} and {b}");
    }
}

/// The decoded image of a single latent.
fn decoded(model: &Model, latent: &[f32], label: u8) -> Vec<f32> {
    let latent = Tensor::from_slice(latent, (1, latent.len()), CPU).unwrap();
    let labels = model.labels(&[label]).unwrap();
    numbers(&model.model.decode(&latent, &labels).unwrap())
}

/// The latent of a single image.
fn encoded(model: &Model, data: &Dataset, index: usize) -> Vec<f32> {
    let image = Tensor::from_vec(pixels(data, index), (1, 784), CPU).unwrap();
    let labels = model.labels(&data.labels()[index..=index]).unwrap();
    numbers(&model.model.encode(&image, &labels).unwrap())
}

/// The shape in the header of a NumPy file, and its data.
fn numpy(bytes: &[u8]) -> (String, &[u8]) {
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..end]).unwrap();
    let shape = header.split(['(', ')']).nth(1).unwrap();
    (shape.to_owned(), &bytes[end..])
}

fn numpy_f32(bytes: &[u8]) -> (String, Vec<f32>) {
    let (shape, bytes) = numpy(bytes);
    let values = bytes.chunks_exact(4);
    let values = values.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    (shape, values.collect())
}

/// The rows of the NumPy file of curves.
fn table(curves: &impl Picture) -> Vec<Vec<f64>> {
    let bytes = curves.render(Format::Npy).unwrap();
    let (shape, bytes) = numpy(&bytes);
    let columns: usize = shape.split(", ").nth(1).unwrap().parse().unwrap();
    let values = bytes.chunks_exact(8);
    let values = values.map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()));
    let values: Vec<f64> = values.collect();
    values.chunks_exact(columns).map(<[f64]>::to_vec).collect()
}

#[test]
fn images_of_a_manifold_are_its_decoded_points() {
    let points = Grid {
        first: vec![-1.5, 0.0, 2.0],
        second: vec![-0.5, 1.0],
    };
    let (vae, cvae) = (vae(2), cvae());
    for (model, label, expected_label) in [
        (&vae.model, None, 0),
        (&cvae.model, None, 0),
        (&cvae.model, Some(7), 7),
    ] {
        let figure = manifold(model, &points, &ManifoldOptions { label }).unwrap();
        assert_eq!(figure.grid.shape(), [6, 28, 28]);
        let places = [-0.5, 1.0].map(|z2| [-1.5, 0.0, 2.0].map(|z1| [z1, z2]));
        let places = places.concat();
        assert_eq!(rows(&figure.latents), places);
        for (place, image) in places.iter().zip(images(&figure)) {
            let expected = decoded(model, place, expected_label);
            assert_close(image, &expected, network_rounding());
        }
    }
}

#[test]
fn a_covering_grid_spans_the_range_of_the_latents() {
    let Small { model, data, .. } = vae(2);
    let grid = covering_grid(&model, &data.test, 4, None).unwrap();
    let latents = encode(&model.model, &data.test, &model.batching(0), false, CPU).unwrap();
    for (axis, values) in [(0, &grid.first), (1, &grid.second)] {
        let axis = numbers(&latents.i((.., axis)).unwrap());
        let least = axis.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = axis.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let ends = [values[0] as f32, values[3] as f32];
        assert_close(&ends, &[least, greatest], rounding(SINGLE, 4, 16.0) as f32);
    }
}

#[test]
fn analogies_keep_the_latent_and_change_the_label() {
    let Small { model, data, .. } = cvae();
    let options = AnalogyOptions {
        indices: Some(vec![5, 2]),
        ..AnalogyOptions::default()
    };
    let figure = analogies(&model, &data.test, &options).unwrap();
    assert_eq!(figure.grid.shape(), [22, 28, 28]);
    for ((row, shown), index) in rows(&figure.latents)
        .iter()
        .zip(images(&figure).chunks_exact(11))
        .zip([5, 2])
    {
        assert_close(row, &encoded(&model, &data.test, index), network_rounding());
        assert_close(shown[0], &pixels(&data.test, index), SINGLE as f32);
        for (label, image) in (0..10).zip(&shown[1..]) {
            assert_close(image, &decoded(&model, row, label), network_rounding());
        }
        assert!(shown[1..].windows(2).all(|pair| pair[0] != pair[1]));
    }
}

#[test]
fn perturbations_have_their_distances_and_different_directions() {
    let Small { model, data, .. } = vae(3);
    let options = PerturbationOptions {
        index: 4,
        radii: vec![0.5, 2.0],
        directions: 3,
        ..PerturbationOptions::default()
    };
    let figure = perturbations(&model, &data.test, &options).unwrap();
    let centre = encoded(&model, &data.test, 4);
    let latents = rows(&figure.latents);
    assert_eq!(latents.len(), 9);
    for (row, shown) in latents.chunks_exact(3).zip(images(&figure).chunks_exact(4)) {
        assert_close(shown[0], &pixels(&data.test, 4), SINGLE as f32);
        let offset = |latent: &[f32]| -> Vec<f32> {
            latent.iter().zip(&centre).map(|(a, b)| a - b).collect()
        };
        for ((latent, radius), image) in row.iter().zip([0.0, 0.5, 2.0]).zip(&shown[1..]) {
            let squares = offset(latent).into_iter().map(|value| value * value);
            let distance = squares.sum::<f32>().sqrt();
            assert_close(&[distance], &[radius], network_rounding());
            assert_close(image, &decoded(&model, latent, 0), network_rounding());
        }
        // The second is four times as far from the centre in the same direction.
        let near: Vec<f32> = offset(&row[1]).into_iter().map(|x| 4.0 * x).collect();
        assert_close(&near, &offset(&row[2]), 5.0 * network_rounding());
    }
    let ends = [2, 5, 8].map(|place| &latents[place]);
    assert!(ends[0] != ends[1] && ends[1] != ends[2] && ends[0] != ends[2]);
}

#[test]
fn a_scatter_plot_has_the_encoded_images() {
    let Small { model, data, .. } = vae(2);
    for (encoding, is_sampled) in [(Encoding::Mean, false), (Encoding::Sample, true)] {
        let options = LatentsOptions {
            count: 40,
            encoding,
            seed: Some(3),
            ..LatentsOptions::default()
        };
        let scatter = latents(&model, &data.test, &options).unwrap();
        let first = data.test.clone().truncated(40);
        let expected = encode(&model.model, &first, &model.batching(3), is_sampled, CPU).unwrap();
        assert_eq!(scatter.points(), numbers(&expected));
        assert_eq!(scatter.labels(), first.labels());
    }
}

#[test]
fn training_images_are_a_random_subset() {
    let Small { model, data, .. } = vae(2);
    let options = LatentsOptions {
        count: 30,
        seed: Some(4),
        split: Split::Training,
        ..LatentsOptions::default()
    };
    let scatter = latents(&model, &data.train, &options).unwrap();
    let all = encode(&model.model, &data.train, &model.batching(4), false, CPU).unwrap();
    let all = numbers(&all);
    assert_eq!(scatter.points().len(), 2 * 30);
    for point in scatter.points().chunks(2) {
        let is_same = |z: &[f32]| z.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(all.chunks(2).any(is_same), "{point:?}");
    }
    assert_ne!(scatter.points(), &all[..2 * 30], "the first images");
    let again = latents(&model, &data.train, &options).unwrap();
    assert_eq!(scatter.points(), again.points());
}

#[test]
fn a_projection_saves_the_full_latents_too() {
    let Small { model, data, .. } = vae(5);
    let scatter = latents(&model, &data.test, &LatentsOptions::default()).unwrap();
    let expected = encode(&model.model, &data.test, &model.batching(0), false, CPU).unwrap();
    let companions = scatter.companions(Format::Npy);
    let saved = companions.iter().find(|(name, _)| *name == "latents.npy");
    let (shape, saved) = numpy_f32(&saved.unwrap().1);
    assert_eq!(shape, "60, 5");
    assert_eq!(saved, numbers(&expected));

    // Principal components: centred, uncorrelated, the first with the greater variance.
    let points: Vec<f64> = scatter.points().iter().copied().map(f64::from).collect();
    let mean = |of: &dyn Fn(&[f64]) -> f64| points.chunks_exact(2).map(of).sum::<f64>() / 60.0;
    let variances = [
        mean(&|point| point[0].powi(2)),
        mean(&|point| point[1].powi(2)),
    ];
    let bound = rounding(SINGLE, 60, variances[0].max(1.0));
    for value in [
        mean(&|point| point[0]),
        mean(&|point| point[1]),
        mean(&|point| point[0] * point[1]),
    ] {
        assert!(value.abs() <= bound, "{value}");
    }
    assert!(variances[0] > variances[1], "{variances:?}");
}

#[cfg(feature = "t-sne")]
#[test]
fn t_sne_is_deterministic_and_needs_a_minimum_of_images() {
    use latent_figures::{MIN_TSNE_IMAGES, Projection};

    let Small { model, data, .. } = vae(5);
    let of = |count| {
        let options = LatentsOptions {
            count,
            projection: Projection::TSne,
            ..LatentsOptions::default()
        };
        latents(&model, &data.test, &options)
    };
    let points = of(60).unwrap().points().to_vec();
    assert_eq!(points, of(60).unwrap().points());
    assert!(points.iter().all(|value| value.is_finite()));
    let too_few = of(MIN_TSNE_IMAGES - 1);
    assert!(matches!(
        too_few,
        Err(Error::TooFewForTsne {
            count: 7,
            minimum: 8
        })
    ));
    assert_eq!(of(MIN_TSNE_IMAGES).unwrap().points().len(), 16);
}

#[test]
fn reconstructions_are_below_their_images() {
    let Small { model, data, .. } = cvae();
    let options = ReconstructionOptions {
        count: 3,
        ..ReconstructionOptions::default()
    };
    let figure = reconstructions(&model, &data.test, &options).unwrap();
    let shown = images(&figure);
    assert_eq!(shown.len(), 6);
    for (index, latent) in rows(&figure.latents).iter().enumerate() {
        let label = data.test.labels()[index];
        let expected = encoded(&model, &data.test, index);
        assert_close(latent, &expected, network_rounding());
        assert_close(shown[index], &pixels(&data.test, index), SINGLE as f32);
        let decoded = decoded(&model, latent, label);
        assert_close(shown[3 + index], &decoded, network_rounding());
    }

    // Samples differ from the means, and from those of another seed, and are decoded too.
    let sampled = |seed| {
        let options = ReconstructionOptions {
            encoding: Encoding::Sample,
            seed: Some(seed),
            ..options.clone()
        };
        reconstructions(&model, &data.test, &options).unwrap()
    };
    let (first, second) = (sampled(1), sampled(2));
    assert_ne!(numbers(&first.latents), numbers(&figure.latents));
    assert_ne!(numbers(&first.latents), numbers(&second.latents));
    for (index, latent) in rows(&first.latents).iter().enumerate() {
        let decoded = decoded(&model, latent, data.test.labels()[index]);
        assert_close(images(&first)[3 + index], &decoded, network_rounding());
    }
}

#[test]
fn interpolations_start_and_end_at_the_images() {
    let Small { model, data, .. } = cvae();
    for path in [Path::Linear, Path::Sinusoidal, Path::Arc, Path::Slerp] {
        let options = InterpolationOptions {
            pairs: Pairs::Indices(vec![(7, 1), (4, 0)]),
            steps: 5,
            path,
            ..InterpolationOptions::default()
        };
        let figure = interpolations(&model, &data.test, &options).unwrap();
        let latents = rows(&figure.latents);
        assert_eq!(images(&figure).len(), 10);
        for (place, index) in [(0, 7), (4, 1), (5, 4), (9, 0)] {
            let end = encoded(&model, &data.test, index);
            assert_close(&latents[place], &end, 2.0 * network_rounding());
            let decoded = decoded(&model, &latents[place], data.test.labels()[index]);
            assert_close(images(&figure)[place], &decoded, network_rounding());
        }
        for (norm, latent) in figure.latent_norms().unwrap().iter().zip(&latents) {
            let squares = latent.iter().map(|z| f64::from(z * z)).sum::<f64>();
            // The squares are of 32-bit floats.
            assert!((norm - squares.sqrt()).abs() <= rounding(SINGLE, 2, *norm));
        }
        if path == Path::Linear {
            let ends = latents[0].iter().zip(&latents[4]);
            let middle: Vec<f32> = ends.map(|(a, b)| f32::midpoint(*a, *b)).collect();
            assert_close(&latents[2], &middle, network_rounding());
        }
    }
}

#[test]
fn pairs_are_chosen_by_index_or_by_label() {
    let Small { model, data, .. } = vae(2);
    let of = |data: &Dataset, pairs| {
        let options = InterpolationOptions {
            pairs,
            steps: 2,
            ..InterpolationOptions::default()
        };
        interpolations(&model, data, &options)
    };
    let test = &data.test;
    let images = |pairs| of(test, pairs).unwrap().grid.images().to_vec();
    let first_of = |label| {
        let labels = test.labels();
        labels.iter().position(|&other| other == label).unwrap()
    };
    let by_place = Pairs::Indices(vec![(first_of(3), first_of(8))]);
    assert_eq!(images(Pairs::Labels(3, 8)), images(by_place));
    let by_place = Pairs::Indices(vec![(0, 1), (2, 3)]);
    assert_eq!(images(Pairs::First(2)), images(by_place));
    // As many as there are.
    assert_eq!(images(Pairs::First(1000)).len(), 60 * 784);

    let threes = test.clone().of_classes(&[3]);
    let missing = of(&threes, Pairs::Labels(3, 8));
    assert!(matches!(missing, Err(Error::NoImageOfLabel(8))));
    let missing = of(&test.clone().truncated(1), Pairs::First(1));
    assert!(matches!(missing, Err(Error::NoPairs(1))));
}

#[test]
fn samples_are_scaled_by_the_temperature_and_decoded_with_their_labels() {
    let Small { model, .. } = cvae();
    let of = |temperature, pixels| {
        let options = SampleOptions {
            labels: Some(vec![3, 1]),
            count: Some(2),
            pixels,
            temperature,
            seed: Some(4),
            ..SampleOptions::default()
        };
        samples(&model, &options).unwrap()
    };
    let (whole, half) = (of(1.0, Pixels::Mean), of(0.5, Pixels::Mean));
    let halves: Vec<f32> = numbers(&whole.latents).iter().map(|z| z / 2.0).collect();
    assert_eq!(numbers(&half.latents), halves);
    let latents = rows(&half.latents);
    for ((latent, image), label) in latents.iter().zip(images(&half)).zip([3, 3, 1, 1]) {
        assert_close(image, &decoded(&model, latent, label), network_rounding());
    }
    let binary = of(1.0, Pixels::Sample);
    assert_eq!(numbers(&binary.latents), numbers(&whole.latents));
    let mut pixels = binary.grid.images().iter();
    assert!(pixels.all(|&pixel| pixel == 0.0 || pixel == 1.0));

    for (model, count) in [(&model, 100), (&vae(2).model, 25)] {
        let usual = samples(model, &SampleOptions::default()).unwrap();
        assert_eq!(usual.grid.shape()[0], count);
    }
}

#[test]
fn prototypes_are_latents_of_images_of_their_class() {
    let Small { model, data, .. } = cvae();
    let options = PrototypeOptions {
        per_class: 2,
        ..PrototypeOptions::default()
    };
    let figure = prototypes(&model, &data.test, &options).unwrap();
    let all = encode(&model.model, &data.test, &model.batching(0), false, CPU).unwrap();
    let all = rows(&all);
    let classes = data.test.classes_present();
    let latents = rows(&figure.figure.latents);
    assert_eq!(latents.len(), 2 * classes.len());
    let labels = classes.iter().flat_map(|&label| [label; 2]);
    for ((latent, image), label) in latents.iter().zip(images(&figure.figure)).zip(labels) {
        let mut candidates = all.iter().zip(data.test.labels());
        assert!(candidates.any(|(other, &of)| of == label && other == latent));
        assert_close(image, &decoded(&model, latent, label), network_rounding());
    }
}

#[test]
fn a_posterior_has_the_moments_and_the_histograms_of_its_latents() {
    let Small { model, data, .. } = vae(3);
    let options = PosteriorOptions {
        panels: 2,
        seed: Some(6),
        ..PosteriorOptions::default()
    };
    let figure = posterior(&model, &data.test, &options).unwrap();
    let batching = model.batching(6);
    let latents = encode(&model.model, &data.test, &batching, true, CPU).unwrap();
    let mean = latents.to_dtype(DType::F64).unwrap().mean(0).unwrap();
    let mean: Vec<f64> = mean.to_vec1().unwrap();
    for (found, expected) in figure.fitted.mean.iter().zip(mean) {
        assert!((found - expected).abs() <= rounding(SINGLE, 60, 4.0));
    }
    let kl = kl_by_dimension(&model.model, &data.test, &batching, CPU).unwrap();
    assert_eq!(figure.kl, kl);
    let kl = kl.unwrap();
    let active = kl.iter().filter(|&&nats| nats > 0.01).count();
    assert_eq!(figure.active_dimensions(), Some(active));

    // The two dimensions with the highest KL divergence, in their order; bins of 0.2 between −4 and
    // 4.
    let least = (0..3).min_by(|&a, &b| kl[a].total_cmp(&kl[b])).unwrap();
    let shown = (0..3).filter(|&dimension| dimension != least);
    let table = table(&figure);
    assert_eq!((table.len(), table[0].len()), (40, 5));
    for (panel, dimension) in shown.enumerate() {
        let values = numbers(&latents.i((.., dimension)).unwrap());
        for row in &table {
            let is_inside = |value: &&f32| (f64::from(**value) - row[0]).abs() < 0.1;
            let density = values.iter().filter(is_inside).count() as f64 / (60.0 * 0.2);
            assert!((row[1 + 2 * panel] - density).abs() < 1e-9, "{row:?}");
        }
    }
}

#[test]
fn a_prior_other_than_the_standard_normal_is_drawn_by_its_samples() {
    let base =
        "base = 'logistic'\ncouplings = 2\nhidden = [8]\npreprocessing = { kind = 'unit' }\n";
    let text = format!(
        "name = 'small'\n[model]\nkind = 'flow'\n{base}[training]\nepochs = 1\nbatch_size = 50\n\
         [data]\nsource = 'synthetic'\n"
    );
    let Small { model, data, .. } = small_of(&text, digits());
    let figure = posterior(&model, &data.test, &PosteriorOptions::default()).unwrap();
    assert_eq!(figure.kl_from_prior, None);
    // The standard logistic density 1/4 sech²(z/2) at the centres of the bins, of 100,000 samples.
    for row in table(&figure) {
        let density = 0.25 / (row[0] / 2.0).cosh().powi(2);
        // Five standard errors of a share of a bin of width 0.2, and the curvature within a bin.
        let error = 5.0 * (density / (100_000.0 * 0.2)).sqrt() + 0.2_f64.powi(2) / 24.0;
        assert!((row[2] - density).abs() < error, "{row:?}");
    }
    assert!(matches!(
        quantile_grid(&model, 3),
        Err(Error::NotAPlane { .. })
    ));

    let Small { model, data, .. } = vae(2);
    let figure = posterior(&model, &data.test, &PosteriorOptions::default()).unwrap();
    assert_eq!(
        figure.kl_from_prior,
        figure.fitted.kl_from_standard_normal()
    );
    assert!(figure.kl_from_prior.is_some() && quantile_grid(&model, 3).is_ok());
}

#[test]
fn files_of_a_figure_contain_its_data() {
    let Small { model, data, .. } = vae(2);
    let figure = samples(&model, &SampleOptions::default()).unwrap();
    let (shape, saved) = numpy_f32(&figure.render(Format::Npy).unwrap());
    assert_eq!(shape, "25, 28, 28");
    assert_eq!(saved, figure.grid.images());

    let scatter = latents(&model, &data.test, &LatentsOptions::default()).unwrap();
    let (shape, saved) = numpy_f32(&scatter.render(Format::Npy).unwrap());
    assert_eq!(shape, "60, 2");
    assert_eq!(saved, scatter.points());

    let again = samples(&model, &SampleOptions::default()).unwrap();
    for format in [Format::Png, Format::Svg, Format::Npy] {
        let [first, second] = [&figure, &again].map(|figure| figure.render(format).unwrap());
        assert!(first == second, "{format:?}: other bytes");
    }
}

#[test]
fn curves_have_the_metrics_of_the_records() {
    const METRICS: [&str; 3] = ["loss", "reconstruction", "kl"];
    // Owns the directory of the run.
    let small = vae(2);
    let records = small.run.metrics().unwrap();
    let row = |x: f64, record: &EpochRecord| -> Vec<f64> {
        let both = |metric| [&record.train, &record.test].map(|metrics| metrics[metric]);
        [x].into_iter()
            .chain(METRICS.into_iter().flat_map(both))
            .collect()
    };
    let table_of = |curves: Result<Curves, Error>| table(&curves.unwrap());
    let expected = [row(1.0, &records[0]), row(2.0, &records[1])];
    assert_eq!(table_of(training_curves(&records)), expected);

    // In the order of the setting.
    let runs = [(8.0, records[0].clone()), (2.0, records[1].clone())];
    let expected = [row(2.0, &records[1]), row(8.0, &records[0])];
    assert_eq!(table_of(setting_curves("latent size", &runs)), expected);

    // A shorter run has no values after its end.
    let found = table_of(comparison_curves(&[
        ("long", &records),
        ("short", &records[..1]),
    ]));
    assert_eq!((found.len(), found[0].len()), (2, 7));
    for (index, metric) in METRICS.into_iter().enumerate() {
        let [long, short] = [1 + 2 * index, 2 + 2 * index];
        let test = [&records[0], &records[1]].map(|record| record.test[metric]);
        assert_eq!([found[0][long], found[1][long]], test);
        assert_eq!(found[0][short], test[0]);
        assert!(found[1][short].is_nan());
    }

    // A metric that no run has gets no panel.
    let loss = Metrics::from([("loss".to_owned(), 5.0)]);
    let record = EpochRecord {
        train: loss.clone(),
        test: loss,
        validation: None,
        ..records[0].clone()
    };
    assert_eq!(table_of(training_curves(&[record])), [[1.0, 5.0, 5.0]]);
}

#[test]
fn binarisation_defaults_to_that_of_training() {
    let grey = vae(2);
    let binarised = small("vae", 2, true, digits());
    let is_binary = |small: &Small, binarise| {
        let options = ReconstructionOptions {
            count: 2,
            binarise,
            ..ReconstructionOptions::default()
        };
        let figure = reconstructions(&small.model, &small.data.test, &options).unwrap();
        let mut pixels = figure.grid.images()[..2 * 784].iter();
        pixels.all(|&pixel| pixel == 0.0 || pixel == 1.0)
    };
    assert!(is_binary(&binarised, None));
    assert!(!is_binary(&binarised, Some(false)));
    assert!(!is_binary(&grey, None));
    assert!(is_binary(&grey, Some(true)));
}

#[test]
fn impossible_figures_are_refused() {
    let plain = vae(2);
    let (model, test) = (&plain.model, &plain.data.test);
    let points = Grid::quantiles(3);

    let space = vae(3);
    let found = manifold(&space.model, &points, &ManifoldOptions::default());
    assert!(matches!(found, Err(Error::NotAPlane { dimensions: 3 })));
    let found = covering_grid(&space.model, test, 3, None);
    assert!(matches!(found, Err(Error::NotAPlane { dimensions: 3 })));
    let found = latents(&vae(1).model, test, &LatentsOptions::default());
    assert!(matches!(
        found,
        Err(Error::TooFewDimensions { dimensions: 1 })
    ));
    let found = manifold(model, &Grid::quantiles(101), &ManifoldOptions::default());
    assert!(matches!(
        found,
        Err(Error::TooManyImages {
            count: 10_201,
            limit: 10_000
        })
    ));

    // Labels need a conditional model.
    let one = SampleOptions {
        labels: Some(vec![1]),
        ..SampleOptions::default()
    };
    let found = manifold(model, &points, &ManifoldOptions { label: Some(1) });
    assert!(matches!(found, Err(Error::Model(_))));
    let found = analogies(model, test, &AnalogyOptions::default());
    assert!(matches!(found, Err(Error::Model(_))));
    assert!(matches!(samples(model, &one), Err(Error::Model(_))));

    // The model must have been trained on the labels.
    let splits = digits();
    let threes_and_fours = Splits {
        train: splits.train.of_classes(&[3, 4]),
        test: splits.test.of_classes(&[3, 4]),
        ..splits
    };
    let few = small("conditional-vae", 2, false, threes_and_fours);
    assert!(matches!(samples(&few.model, &one), Err(Error::Training(_))));
    let usual = samples(&few.model, &SampleOptions::default()).unwrap();
    assert_eq!(usual.grid.shape()[0], 20);

    let none = test.clone().truncated(0);
    let found = reconstructions(model, &none, &ReconstructionOptions::default());
    assert!(matches!(found, Err(Error::NoImages)));
    let found = prototypes(model, &none, &PrototypeOptions::default());
    assert!(matches!(found, Err(Error::NoImages)));
    let beyond = PerturbationOptions {
        index: 60,
        ..PerturbationOptions::default()
    };
    let found = perturbations(model, test, &beyond);
    assert!(matches!(found, Err(Error::Data(_))));
}

#[test]
fn a_model_has_the_figures_that_suit_it() {
    let names = |small: &Small, images: usize| -> Vec<&str> {
        let test = small.data.test.clone().truncated(images);
        let figures = model_figures(&small.model, &test).unwrap();
        figures.into_iter().map(|(name, _)| name).collect()
    };
    let all = [
        "samples",
        "reconstructions",
        "interpolations",
        "prototypes",
        "latents",
        "manifold",
    ];
    assert_eq!(names(&vae(2), 60), all);
    assert_eq!(names(&vae(3), 60), all[..5]);
    assert_eq!(names(&vae(1), 60), all[..4]);
    assert_eq!(
        names(&vae(3), 1),
        ["samples", "reconstructions", "prototypes"]
    );
}

#[test]
fn speed_is_drawn_over_the_batch_size_for_each_model_and_number_of_threads() {
    let result = |name, threads, batch_size, images_per_second| {
        let throughput = Throughput {
            threads,
            batch_size,
            steps: 10,
            images_per_second,
            samples_per_second: 1.0,
        };
        (name, throughput)
    };
    let results = [
        result("mlp", 1, 32, 100.0),
        result("mlp", 1, 128, 200.0),
        result("mlp", 2, 32, 150.0),
        result("flow", 2, 128, 50.0),
    ];
    let found = table(&throughput_curves(&results).unwrap());
    // The size, and of each model the speeds with one and with two threads.
    assert_eq!(found[0][..3], [5.0, 100.0, 150.0]);
    assert_eq!(found[1][..2], [7.0, 200.0]);
    assert!(found[1][2].is_nan());
    assert_eq!(found[1].last(), Some(&50.0));
}
