//! Interpolation, grids, neighbours, exemplars and statistics in latent spaces.

use candle_core::{DType, Tensor};
use latent_distributions::Generator;
use latent_models::latent_space::{
    FittedNormal, Grid, Path, PrincipalComponents, Procrustes, exemplars, knn_agreement, nearest,
    nearest_labels, neighbour_overlap, perturbations,
};

use latent_tolerance::{DOUBLE, SINGLE, monte_carlo, rounding};

use crate::{CPU, PIXELS, Result, vec1};

#[test]
fn linear_interpolation_has_equal_steps() -> Result {
    let (a, b) = (
        Tensor::new(&[0f32, 4.0], CPU)?,
        Tensor::new(&[1f32, 0.0], CPU)?,
    );
    let path = Path::Linear.interpolate(&a, &b, 5)?.to_vec2::<f32>()?;
    assert_eq!(
        path,
        [[0.0, 4.0], [0.25, 3.0], [0.5, 2.0], [0.75, 1.0], [1.0, 0.0]]
    );
    assert!(Path::Linear.interpolate(&a, &b, 1).is_err());
    Ok(())
}

#[test]
fn sinusoidal_interpolation_is_linear_with_sinusoidal_steps() -> Result {
    let (a, b) = (
        Tensor::new(&[0f32, 3.0], CPU)?,
        Tensor::new(&[2f32, -1.0], CPU)?,
    );
    let path = Path::Sinusoidal.interpolate(&a, &b, 11)?.to_vec2::<f32>()?;
    for (step, z) in path.iter().enumerate() {
        let share = (step as f64 / 10.0 * std::f64::consts::FRAC_PI_2).sin();
        let expected = [2.0 * share, 3.0 - 4.0 * share];
        for (z, expected) in z.iter().zip(expected) {
            let apart = (f64::from(*z) - expected).abs();
            assert!(apart <= rounding(SINGLE, 4, 4.0), "{z} at step {step}");
        }
    }
    Ok(())
}

#[test]
fn every_interpolation_includes_its_ends_and_circular_ones_keep_the_norm() -> Result {
    let (a, b) = (
        Tensor::new(&[2f32, 0.0, 0.0], CPU)?,
        Tensor::new(&[0f32, 2.0, 0.0], CPU)?,
    );
    for path in [Path::Linear, Path::Sinusoidal, Path::Arc, Path::Slerp] {
        let way: Vec<Vec<f32>> = path.interpolate(&a, &b, 11)?.to_vec2()?;
        for (end, expected) in [(&way[0], &a), (&way[10], &b)] {
            let expected: Vec<f32> = expected.to_vec1()?;
            assert!(
                end.iter()
                    .zip(&expected)
                    .all(|(x, y)| f64::from((x - y).abs()) <= rounding(SINGLE, 4, 2.0)),
                "{path:?}"
            );
        }
        let mut lengths = way
            .iter()
            .map(|z| z.iter().map(|x| x * x).sum::<f32>().sqrt());
        let round =
            lengths.all(|length| f64::from((length - 2.0).abs()) <= rounding(SINGLE, 10, 2.0));
        assert_eq!(round, matches!(path, Path::Arc | Path::Slerp), "{path:?}");
    }
    // If the ends are not orthogonal, the great circle still has a constant norm and equal angles.
    let b = Tensor::new(&[1.2f32, 1.6, 0.0], CPU)?;
    let way: Vec<Vec<f32>> = Path::Slerp.interpolate(&a, &b, 3)?.to_vec2()?;
    let apart = f64::from((way[1][0] - 2.0 * 0.8f32.sqrt()).abs());
    assert!(apart <= rounding(SINGLE, 10, 2.0), "{way:?}");
    // Parallel ends define no great circle, so the interpolation is linear.
    let way: Vec<Vec<f32>> = Path::Slerp.interpolate(&a, &(&a * 3.0)?, 3)?.to_vec2()?;
    assert_eq!(way[1], [4.0, 0.0, 0.0]);
    // Opposite ends neither, despite rounding of the angle.
    for (a, b) in [(-2.787f32, 0.0023f32), (0.1, -0.7), (3.3, -1e-3)] {
        let (a, b) = (Tensor::new(&[a], CPU)?, Tensor::new(&[b], CPU)?);
        let way = vec1(&Path::Slerp.interpolate(&a, &b, 5)?)?;
        assert!(way.iter().all(|z| z.abs() < 4.0), "{way:?}");
    }
    Ok(())
}

#[test]
fn perturbations_have_the_requested_distances() -> Result {
    let latent = Tensor::new(&[1f32, -2.0, 0.5], CPU)?;
    let around = perturbations(&latent, &[0.0, 0.5, 2.0], 4, &mut Generator::new(1))?;
    assert_eq!(around.dims(), [12, 3]);
    let steps: Vec<Vec<f32>> = around.broadcast_sub(&latent)?.to_vec2()?;
    for direction in steps.chunks(3) {
        for (step, radius) in direction.iter().zip([0.0, 0.5, 2.0]) {
            let length = step.iter().map(|x| x * x).sum::<f32>().sqrt();
            // Rounding error of adding and subtracting a latent with values up to 2.
            assert!(f64::from((length - radius).abs()) <= rounding(SINGLE, 10, 4.0));
        }
        // Both radii have the same direction.
        let apart = f64::from((direction[2][0] - 4.0 * direction[1][0]).abs());
        assert!(apart <= rounding(SINGLE, 10, 4.0));
    }
    Ok(())
}

#[test]
fn a_fitted_normal_has_the_moments_of_the_latents_and_the_analytic_kl() -> Result {
    // Mean (1, −2), standard deviations 2 and 1/2, correlation 0.6.
    const COUNT: usize = 20_000;
    let noise = Generator::new(1).standard_normal((COUNT, 2), DType::F32, CPU)?;
    let turn = Tensor::new(&[[2f32, 0.3], [0.0, 0.4]], CPU)?;
    let latents = noise
        .matmul(&turn)?
        .broadcast_add(&Tensor::new(&[1f32, -2.0], CPU)?)?;
    let fitted = FittedNormal::of(&latents)?;
    // The largest standard deviation is 2.
    let close = |found: f64, expected: f64| (found - expected).abs() < monte_carlo(2.0, COUNT);
    assert!(close(fitted.mean[0], 1.0) && close(fitted.mean[1], -2.0));
    let deviations = fitted.standard_deviations();
    assert!(close(deviations[0], 2.0) && close(deviations[1], 0.5));
    assert!(
        fitted
            .largest_correlation()
            .is_some_and(|found| close(found, 0.6))
    );
    // ½ (tr S + |m|² − d − ln det S)
    let expected = 0.5 * (4.25 + 5.0 - 2.0 - (4.0 * 0.25 * (1.0 - 0.36f64)).ln());
    let kl = fitted.kl_from_standard_normal();
    assert!(kl.is_some_and(|kl| close(kl / expected, 1.0)));

    let standard = FittedNormal::of(&noise)?;
    // 2 n KL has a χ² distribution with five degrees of freedom; the limit is four standard deviations above its mean.
    let bound = (5.0 + 4.0 * 10f64.sqrt()) / (2.0 * COUNT as f64);
    let kl = standard.kl_from_standard_normal();
    assert!(kl.is_some_and(|kl| kl < bound));
    let same = FittedNormal::of(&Tensor::ones((3, 2), DType::F32, CPU)?)?;
    assert_eq!(same.largest_correlation(), None);
    assert_eq!(same.kl_from_standard_normal(), None);
    let few = FittedNormal::of(&noise.narrow(0, 0, 2)?)?;
    assert_eq!(few.kl_from_standard_normal(), None);
    assert!(FittedNormal::of(&Tensor::ones((1, 2), DType::F32, CPU)?).is_err());
    Ok(())
}

#[test]
fn principal_components_are_the_directions_of_largest_variance() -> Result {
    // Variances 9, 4 and 0.01 along three orthogonal directions other than the axes.
    const COUNT: usize = 5000;
    let noise = Generator::new(1).standard_normal((COUNT, 3), DType::F32, CPU)?;
    let scaled = noise.broadcast_mul(&Tensor::new(&[3f32, 2.0, 0.1], CPU)?)?;
    let r = std::f32::consts::FRAC_1_SQRT_2;
    let turn = Tensor::new(&[[r, r, 0.0], [0.0, 0.0, 1.0], [r, -r, 0.0]], CPU)?;
    let latents = (scaled.matmul(&turn)? + 5.0)?;
    let components = PrincipalComponents::of(&latents, 2)?;
    let expected = [9.0 / 13.01, 4.0 / 13.01];
    for (share, expected) in components.explained.iter().zip(expected) {
        assert!(
            // The relative standard error of the variance of n draws is √(2/n).
            (share - expected).abs() < monte_carlo(2f64.sqrt() * expected, COUNT),
            "{:?}",
            components.explained
        );
    }
    let found: Vec<Vec<f32>> = components.project(&latents)?.to_vec2()?;
    let truth: Vec<Vec<f32>> = scaled.to_vec2()?;
    for (found, truth) in found.iter().zip(truth) {
        // The standard error of the angle between components with variances 9 and 4 is √(9 · 4) / (9 − 4) / √n.
        for (axis, other) in [(0, 1), (1, 0)] {
            let bound = monte_carlo(6.0 / 5.0 * f64::from(truth[other].abs()) + 3.0, COUNT);
            assert!(f64::from((found[axis] - truth[axis]).abs()) < bound);
        }
    }
    assert!(PrincipalComponents::of(&latents, 4).is_err());
    let mut values = vec![0f32; 12];
    let same = Tensor::new(values.clone(), CPU)?.reshape((4, 3))?;
    assert_eq!(PrincipalComponents::of(&same, 2)?.explained, [0.0, 0.0]);
    values[5] = f32::NAN;
    let broken = Tensor::new(values, CPU)?.reshape((4, 3))?;
    assert!(PrincipalComponents::of(&broken, 2).is_err());
    Ok(())
}

#[test]
fn knn_classification_takes_the_most_frequent_label() -> Result {
    let latents = Tensor::new(
        &[[0f32, 0.0], [0.1, 0.0], [5.0, 5.0], [5.1, 5.0], [5.0, 5.2]],
        CPU,
    )?;
    let labels = [3, 3, 8, 8, 1];
    let queries = Tensor::new(&[[0.2f32, 0.1], [5.0, 4.9]], CPU)?;
    assert_eq!(nearest_labels(&queries, &latents, &labels, 3)?, [3, 8]);
    assert_eq!(nearest_labels(&queries, &latents, &labels, 1)?, [3, 8]);
    // Ties go to the smallest label.
    assert_eq!(
        nearest_labels(&queries, &latents, &[9, 4, 8, 8, 1], 2)?,
        [4, 8]
    );
    let near = nearest(&queries, &latents, 2)?;
    assert_eq!(
        near[0].iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        [1, 0]
    );
    // Coordinates are at most 5.
    let apart = f64::from((near[0][1].1 - 0.05f32.sqrt()).abs());
    assert!(apart <= rounding(SINGLE, 8, 5.0));
    assert_eq!(
        nearest(&queries, &latents, 9)?[1].len(),
        5,
        "there are only so many latents"
    );
    assert!(nearest_labels(&queries, &latents, &labels[1..], 3).is_err());
    Ok(())
}

#[test]
fn grids_cover_the_plane_row_by_row() -> Result {
    let grid = Grid::symmetric(2.0, 3);
    assert_eq!(grid.first, [-2.0, 0.0, 2.0]);
    let cells = grid.latents(CPU)?.to_vec2::<f32>()?;
    assert_eq!(cells[0], [-2.0, -2.0]);
    assert_eq!(cells[2], [2.0, -2.0]);
    assert_eq!(cells[8], [2.0, 2.0]);

    let quantiles = Grid::quantiles(4).first;
    // The tabulated quantiles have 16 digits.
    let bound = rounding(DOUBLE, 8, 2.0);
    assert!((quantiles[0] - -1.150_349_380_376_008).abs() < bound);
    assert!((quantiles[0] + quantiles[3]).abs() < bound && quantiles[1] < quantiles[2]);

    let latents = Tensor::new(&[[-1f32, 7.0], [3.0, 5.0], [0.0, 6.0]], CPU)?;
    let covering = Grid::covering(&latents, 3)?;
    assert_eq!(
        (covering.first, covering.second),
        (vec![-1.0, 1.0, 3.0], vec![5.0, 6.0, 7.0])
    );
    assert!(Grid::covering(&Tensor::zeros((2, 3), DType::F32, CPU)?, 3).is_err());
    assert!(Grid::covering(&Tensor::zeros((0, 2), DType::F32, CPU)?, 3).is_err());
    assert_eq!(Grid::symmetric(2.0, 1).first, [0.0]);
    Ok(())
}

#[test]
fn exemplars_have_high_scores_and_are_far_apart() -> Result {
    // Two classes of a hundred points on a line; the left three quarters of each have low scores. Class 1 is empty.
    let points: Vec<f32> = (0..200).map(|i| i as f32).collect();
    let labels: Vec<u8> = (0..200).map(|i| if i < 100 { 0 } else { 2 }).collect();
    let scores: Vec<f32> = (0..200)
        .map(|i| if i % 100 < 75 { 0.5 } else { 0.6 })
        .collect();
    let latents = Tensor::from_vec(points, (200, 1), CPU)?;
    let found = exemplars(&latents, &labels, &scores, 3, 3)?;
    // The candidates are 75..100: first their middle, then their two ends.
    assert_eq!(found[0], [87, 99, 75]);
    assert_eq!(found[1], [0usize; 0]);
    assert_eq!(found[2], [187, 199, 175]);

    // A small class returns all its members once, even if they coincide.
    let same = Tensor::zeros((4, 2), DType::F32, CPU)?;
    let mut all = exemplars(&same, &[0; 4], &[0.0; 4], 1, 9)?.concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    assert!(exemplars(&same, &[0; 3], &[0.0; 4], 1, 1).is_err());
    assert!(exemplars(&same, &[0; 4], &[0.0; 3], 1, 1).is_err());
    Ok(())
}

#[test]
fn knn_agreement_is_the_fraction_of_neighbours_with_the_label() -> Result {
    // Twenty images that are bright on the left (label 1) and twenty that are bright on the right (label 2).
    let noise = Generator::new(1)
        .uniform((40, PIXELS), DType::F32, CPU)?
        .affine(0.1, 0.0)?;
    // The left ones are much brighter, so Euclidean distance would favour one class; cosine similarity does not.
    let ink = |image: usize, pixel: usize| match (image < 20, pixel < 3) {
        (true, true) => 20.0f32,
        (false, false) => 1.0,
        _ => 0.0,
    };
    let ink: Vec<f32> = (0..40)
        .flat_map(|image| (0..PIXELS).map(move |pixel| ink(image, pixel)))
        .collect();
    let images = (noise + Tensor::from_vec(ink, (40, PIXELS), CPU)?)?;
    let image_labels = [[1u8; 20], [2; 20]].concat();
    let decoded = [
        [0.1f32, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.1],
    ];
    let decoded = Tensor::new(&decoded, CPU)?;
    assert_eq!(
        knn_agreement(&decoded, &[1, 2, 1], &images, &image_labels)?,
        [1.0, 1.0, 0.0]
    );
    assert!(knn_agreement(&decoded, &[1, 2], &images, &image_labels).is_err());
    assert!(knn_agreement(&decoded, &[1, 2, 1], &images.narrow(0, 0, 0)?, &[]).is_err());
    Ok(())
}

#[test]
fn nearest_latents_are_exact_far_from_the_origin() -> Result {
    // Steps of 2⁻⁷ around 1000, whose square has a spacing of 2⁻⁴ in 32-bit floats.
    let step = 1.0 / 128.0;
    let points: Vec<f32> = (0..50)
        .flat_map(|i| [1000.0 + f32::from(i as u8) * step, -1000.0])
        .collect();
    let points = Tensor::from_vec(points, (50, 2), CPU)?;
    for (query, found) in nearest(&points, &points, 3)?.iter().enumerate() {
        let mut expected: Vec<(usize, f32)> = (0..50)
            .map(|other| (other, query.abs_diff(other) as f32 * step))
            .collect();
        expected.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        assert_eq!(found, &expected[..3], "{query}");
    }
    Ok(())
}

/// Points of `[n, 2]`, by a rule without symmetries.
fn points(count: usize) -> Vec<[f64; 2]> {
    let point = |i: usize| [(0.7 * i as f64).sin() * i as f64, (i as f64).sqrt()];
    (0..count).map(point).collect()
}

fn tensor(points: &[[f64; 2]]) -> Result<Tensor> {
    let values: Vec<f64> = points.iter().flatten().copied().collect();
    Ok(Tensor::from_vec(values, (points.len(), 2), CPU)?)
}

#[test]
fn an_alignment_undoes_every_similarity_transformation() -> Result {
    let target = points(40);
    for (angle, reflection, scale) in [(0.3, 1.0, 1.0), (2.0, -1.0, 0.2), (-1.1, 1.0, 7.0)] {
        let (sin, cos) = f64::sin_cos(angle);
        let moved: Vec<[f64; 2]> = target
            .iter()
            .map(|[x, y]| {
                let y = reflection * y;
                [
                    scale * (cos * x - sin * y) + 3.0,
                    scale * (sin * x + cos * y) - 5.0,
                ]
            })
            .collect();
        let found = Procrustes::align(&tensor(&moved)?, &tensor(&target)?)?;
        // Sums of 40 products of numbers below 300, and a decomposition of a 2×2 matrix.
        let bound = rounding(DOUBLE, 40, 300.0);
        assert!(found.disparity < bound, "{}", found.disparity);
        for (found, expected) in found.aligned.to_vec2::<f64>()?.iter().zip(&target) {
            assert!(
                (found[0] - expected[0]).abs() < bound && (found[1] - expected[1]).abs() < bound
            );
        }
        assert_eq!(
            neighbour_overlap(&tensor(&moved)?, &tensor(&target)?, 5)?,
            1.0
        );
    }
    Ok(())
}

#[test]
fn an_alignment_is_the_best_and_its_disparity_is_the_same_in_both_directions() -> Result {
    let (a, mut b) = (points(30), points(30));
    for (i, point) in b.iter_mut().enumerate() {
        point[0] += (13.0 * i as f64).cos() * 4.0;
    }
    let (a, b) = (tensor(&a)?, tensor(&b)?);
    let found = Procrustes::align(&a, &b)?;
    let back = Procrustes::align(&b, &a)?;
    assert!((found.disparity - back.disparity).abs() < rounding(DOUBLE, 30, 1.0));
    let remaining = |aligned: &Tensor| -> Result<f64> {
        let variance = b
            .broadcast_sub(&b.mean_keepdim(0)?)?
            .sqr()?
            .sum_all()?
            .to_scalar::<f64>()?;
        Ok((aligned - &b)?.sqr()?.sum_all()?.to_scalar::<f64>()? / variance)
    };
    let best = remaining(&found.aligned)?;
    assert!((best - found.disparity).abs() < rounding(DOUBLE, 60, 1.0));
    assert!(
        best > 0.01,
        "the points differ by more than a similarity transformation"
    );
    // No small rotation, scale or shift of the aligned latents is closer.
    let mean = found.aligned.mean_keepdim(0)?;
    let around = found.aligned.broadcast_sub(&mean)?;
    for change in [-0.01f64, 0.01] {
        let (sin, cos) = change.sin_cos();
        let rotation = Tensor::new(&[[cos, sin], [-sin, cos]], CPU)?;
        let others = [
            around.matmul(&rotation)?.broadcast_add(&mean)?,
            (&around * (1.0 + change))?.broadcast_add(&mean)?,
            (&found.aligned + change)?,
        ];
        for other in others {
            assert!(remaining(&other)? > best);
        }
    }
    Ok(())
}

#[test]
fn unrelated_latents_share_few_neighbours_and_impossible_alignments_are_refused() -> Result {
    let mut generator = Generator::new(3);
    let (first, second) = (
        generator.standard_normal((400, 2), DType::F64, CPU)?,
        generator.standard_normal((400, 2), DType::F64, CPU)?,
    );
    // 4,000 pairs of neighbours, each shared with probability 10/399.
    let expected = 10.0 / 399.0;
    let error = (expected * (1.0 - expected) / 4000f64).sqrt();
    let overlap = neighbour_overlap(&first, &second, 10)?;
    assert!((overlap - expected).abs() < 5.0 * error, "{overlap}");
    // 1 less the squared correlation, which is about 1/400 a dimension.
    assert!(Procrustes::align(&first, &second)?.disparity > 0.9);

    assert!(neighbour_overlap(&first, &second, 400).is_err());
    assert!(neighbour_overlap(&first, &second.narrow(0, 0, 10)?, 5).is_err());
    assert!(Procrustes::align(&first, &second.narrow(0, 0, 10)?).is_err());
    assert!(Procrustes::align(&first.ones_like()?, &second).is_err());
    Ok(())
}
