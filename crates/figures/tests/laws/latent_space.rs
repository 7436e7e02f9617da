//! Figures that measure a latent space: traversals, coverage, alignment, and prototypes by a classifier.

use candle_core::{DType, IndexOp, Tensor};
use latent_datasets::synthetic;
use latent_figures::{
    Error, Grid, ImageMoments, LatentsOptions, ManifoldOptions, PrototypeOptions, Split,
    TraversalOptions, alignment, coverage, latents, manifold, prototypes, traversals,
};
use latent_models::latent_space::knn_agreement;
use latent_tolerance::{DOUBLE, SINGLE, monte_carlo, rounding};
use latent_training::{Silent, train_classifier};

use crate::{
    CPU, assert_close, cvae, decoded, digits, images, network_rounding, numbers, rows, small, vae,
};

#[test]
fn a_traversal_varies_one_dimension_with_the_same_latents_for_every_label() {
    let model = cvae().model;
    let options = TraversalOptions {
        dimension: 1,
        range: 1.5,
        steps: 5,
        samples: 50,
        ..TraversalOptions::default()
    };
    let found = traversals(&model, &options).unwrap();
    let labels = &model.metadata.data.classes_present;
    let latents = rows(&found.figure.latents);
    assert_eq!(latents.len(), 5 * labels.len());
    for (index, (latent, image)) in latents.iter().zip(images(&found.figure)).enumerate() {
        assert_eq!(*latent, [0.0, [-1.5, -0.75, 0.0, 0.75, 1.5][index % 5]]);
        let expected = decoded(&model, latent, labels[index / 5]);
        assert_close(image, &expected, network_rounding());
    }
    let rows: Vec<_> = found.correlations.iter().map(|row| row.label).collect();
    assert_eq!(
        rows,
        labels.iter().map(|&label| Some(label)).collect::<Vec<_>>()
    );
    for row in &found.correlations {
        for value in [row.slant, row.stroke_width, row.size] {
            assert!((-1.0..=1.0).contains(&value), "{row:?}");
        }
    }

    let plain = traversals(&vae(3).model, &options).unwrap();
    assert_eq!(plain.figure.grid.shape()[0], 5);
    assert_eq!(plain.correlations.len(), 1);
    assert_eq!(plain.correlations[0].label, None);
    let none = TraversalOptions {
        dimension: 3,
        ..options
    };
    let refused = traversals(&vae(3).model, &none);
    assert!(matches!(
        refused,
        Err(Error::NoDimension {
            index: 3,
            dimensions: 3
        })
    ));
}

#[test]
fn a_correlation_is_that_of_the_latent_and_the_property_of_its_image() {
    let model = vae(2).model;
    let options = TraversalOptions {
        samples: 400,
        ..TraversalOptions::default()
    };
    let found = traversals(&model, &options).unwrap().correlations[0];
    // Other draws of the prior: both coefficients have a standard error of at most 1/√n.
    let mut generator = latent_models::Generator::new(77);
    let latents =
        latent_models::LatentModel::sample_prior(&model.model, 400, &mut generator).unwrap();
    let labels = model.labels(&[0; 400]).unwrap();
    let decoded = latent_models::LatentModel::decode(&model.model, &latents, &labels).unwrap();
    let z = numbers(&latents.i((.., 0)).unwrap());
    let pixels = numbers(&decoded);
    let sizes: Vec<f64> = pixels
        .chunks_exact(784)
        .map(|image| ImageMoments::of(image, 28).unwrap().size)
        .collect();
    let (z_mean, size_mean) = (
        z.iter().map(|&z| f64::from(z)).sum::<f64>() / 400.0,
        sizes.iter().sum::<f64>() / 400.0,
    );
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        let pairs = z.iter().zip(&sizes);
        pairs
            .map(|(&z, size)| of(f64::from(z) - z_mean, size - size_mean))
            .sum()
    };
    let expected = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    let bound = 5.0 * (2.0f64 / 400.0).sqrt();
    assert!(
        (found.size - expected).abs() < bound,
        "{} and {expected}",
        found.size
    );
}

#[test]
fn coverage_counts_the_latents_of_the_scatter_plot() {
    let small = vae(2);
    let options = LatentsOptions::default();
    let grid = Grid::symmetric(1.0, 4);
    let found = coverage(&small.model, &small.data.test, &grid, &options).unwrap();
    let scatter = latents(&small.model, &small.data.test, &options).unwrap();
    // Cells reach half a step, 1/3, beyond the grid.
    let edge = |value: f32| f64::from(value).abs() < 4.0 / 3.0;
    let inside = scatter
        .points()
        .chunks(2)
        .filter(|p| edge(p[0]) && edge(p[1]))
        .count();
    assert_eq!(found.images, small.data.test.len());
    assert_eq!(found.counts.iter().sum::<usize>(), inside);
    assert_eq!(found.inside, inside as f64 / found.images as f64);
    // Row by row from (-1, -1), z₁ first.
    for cell in 0..16u8 {
        let centre = [cell % 4, cell / 4].map(|index| f32::from(index) * 2.0 / 3.0 - 1.0);
        let near = |point: &&[f32]| {
            let mut pairs = point.iter().zip(centre);
            pairs.all(|(z, centre)| (z - centre).abs() < 1.0 / 3.0)
        };
        let expected = scatter.points().chunks(2).filter(near).count();
        assert_eq!(found.counts[usize::from(cell)], expected, "{cell}");
    }
    let is_symmetric =
        (0..4).all(|a| (0..4).all(|b| found.counts[4 * a + b] == found.counts[4 * b + a]));
    assert!(!is_symmetric, "the test would not see exchanged axes");
    let covered = found.counts.iter().filter(|&&count| count > 0).count();
    assert_eq!(found.covered, covered as f64 / 16.0);
    // The layout of the manifold.
    let same = manifold(&small.model, &grid, &ManifoldOptions::default()).unwrap();
    assert_eq!(found.grid.shape(), same.grid.shape());
    let brightest = found.grid.images().iter().copied().fold(0.0, f32::max);
    assert_eq!(brightest, 1.0);

    let line = coverage(
        &small.model,
        &small.data.test,
        &Grid::symmetric(1.0, 1),
        &options,
    );
    assert!(matches!(line, Err(Error::NoSteps)));
    let space = coverage(&vae(3).model, &small.data.test, &grid, &options);
    assert!(matches!(space, Err(Error::NotAPlane { dimensions: 3 })));
}

#[test]
fn expected_coverage_is_that_of_draws_from_the_prior() {
    let small = vae(2);
    let found = coverage(
        &small.model,
        &small.data.test,
        &Grid::symmetric(2.0, 9),
        &LatentsOptions::default(),
    )
    .unwrap();
    // Cells of width 1/2 from -2.25 to 2.25.
    let (repeats, draws) = (200, found.images);
    let mut generator = latent_models::Generator::new(5);
    let (mut covered, mut squares, mut inside) = (0.0, 0.0, 0.0);
    for _ in 0..repeats {
        let points = generator
            .standard_normal((draws, 2), DType::F64, CPU)
            .unwrap();
        let mut hit = [false; 81];
        for point in points.to_vec2::<f64>().unwrap() {
            let cell = |value: f64| ((value + 2.25) / 0.5).floor();
            let (x, y) = (cell(point[0]), cell(point[1]));
            if (0.0..9.0).contains(&x) && (0.0..9.0).contains(&y) {
                hit[(9.0 * y + x) as usize] = true;
                inside += 1.0;
            }
        }
        let share = hit.iter().filter(|&&hit| hit).count() as f64 / 81.0;
        covered += share;
        squares += share * share;
    }
    let n = f64::from(repeats);
    let (mean, variance) = (covered / n, squares / n - (covered / n).powi(2));
    let error = monte_carlo(variance.sqrt(), repeats as usize);
    assert!((found.covered_by_prior - mean).abs() < error, "{mean}");
    let p = found.inside_by_prior;
    let total = n * draws as f64;
    assert!((inside / total - p).abs() < monte_carlo((p * (1.0 - p)).sqrt(), total as usize));
}

#[test]
fn a_model_is_perfectly_aligned_with_itself_and_not_with_another() {
    let (first, second) = (vae(2), small("vae", 2, false, synthetic(9, 80, 60)));
    let images = &first.data.test;
    let options = LatentsOptions {
        split: Split::Test,
        ..LatentsOptions::default()
    };
    let same = alignment(&first.model, &first.model, images, &options).unwrap();
    assert!(
        same.disparity < rounding(DOUBLE, images.len(), 1.0),
        "{}",
        same.disparity
    );
    assert_eq!(same.neighbour_overlap, 1.0);
    let plain = latents(&first.model, images, &options).unwrap();
    assert_close(same.scatter.points(), plain.points(), network_rounding());
    assert_eq!(same.scatter.labels(), plain.labels());

    let other = alignment(&second.model, &first.model, images, &options).unwrap();
    assert!(other.disparity > 0.001 && other.disparity < 1.0);
    assert!(other.neighbour_overlap < 1.0);
    // The aligned latents are in the space of the target, where they leave the disparity of its variance.
    let target = latents(&first.model, images, &options).unwrap();
    let n = images.len() as f64;
    let mean = |axis: usize| {
        let values = target.points().iter().skip(axis).step_by(2);
        values.map(|&z| f64::from(z)).sum::<f64>() / n
    };
    let means = [mean(0), mean(1)];
    let (mut rest, mut variance) = (0.0, 0.0);
    for (index, (a, b)) in other
        .scatter
        .points()
        .iter()
        .zip(target.points())
        .enumerate()
    {
        rest += f64::from(a - b).powi(2);
        variance += (f64::from(*b) - means[index % 2]).powi(2);
    }
    let found = rest / variance;
    assert!(
        (found - other.disparity).abs() < rounding(SINGLE, images.len(), 1.0),
        "{found}"
    );
    assert_eq!(other.overlap_by_chance, 10.0 / (images.len() - 1) as f64);
    assert!(alignment(&vae(3).model, &first.model, images, &options).is_err());
}

#[test]
fn prototypes_are_those_of_which_the_classifier_is_certain() {
    let small = cvae();
    let data = digits();
    let trained = train_classifier(&data, &[], 1, CPU, &mut Silent).unwrap();
    let options = PrototypeOptions {
        classifier: Some(&trained.classifier),
        per_class: 1,
        ..PrototypeOptions::default()
    };
    let found = prototypes(&small.model, &small.data.test, &options).unwrap();
    let probability = |images: &Tensor, label: u8| {
        let rows = trained.classifier.log_probabilities(images).unwrap();
        f64::from(rows.to_vec2::<f32>().unwrap()[0][usize::from(label)]).exp()
    };
    let all = latents(&small.model, &small.data.test, &LatentsOptions::default()).unwrap();
    for (latent, &label) in rows(&found.figure.latents).iter().zip(&found.labels) {
        let score = |latent: &[f32]| {
            let norm: f32 = latent.iter().map(|z| z * z).sum();
            let image = Tensor::new(decoded(&small.model, latent, label), CPU).unwrap();
            // Two dimensions: 2 + √4.
            let image = image.unsqueeze(0).unwrap();
            let pixels = small.data.test.in_order(&small.model.batching(0), CPU);
            let all: Vec<_> = pixels.map(|batch| batch.unwrap().images).collect();
            let all = Tensor::cat(&all, 0).unwrap();
            let agreement =
                knn_agreement(&image, &[label], &all, small.data.test.labels()).unwrap();
            f64::from(u8::from(norm <= 4.0)) * probability(&image, label) * f64::from(agreement[0])
        };
        let of_class = all.points().chunks(2).zip(all.labels());
        let scores = of_class
            .filter(|(_, of)| **of == label)
            .map(|(z, _)| score(z));
        let best = scores.fold(0.0, f64::max);
        assert!(score(latent) >= 0.9 * best - 1e-4, "label {label}");
    }
    assert!(found.recognised <= found.labels.len());
}
