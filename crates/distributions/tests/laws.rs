//! Properties of every distribution, compared with integrals, Monte Carlo and finite differences.

use std::f64::consts::{PI, SQRT_2};

use candle_core::{DType, Device, Tensor, Var};
use latent_distributions::{
    Bernoulli, DiscretisedLogistic, Distribution, Error, Generator, KlDivergence, Logistic, Normal,
    Reparametrised, StandardNormal,
};
use latent_kernels::gradient_error;
use latent_tolerance::{DOUBLE, central_difference, monte_carlo, rounding};

type Result<T = ()> = std::result::Result<T, Error>;

const CPU: &Device = &Device::Cpu;

fn tensor(values: &[f64], shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_slice(values, shape, CPU)?)
}

fn normal(loc: &[f64], log_scale: &[f64]) -> Result<Normal> {
    Normal::new(
        tensor(loc, &[loc.len()])?,
        tensor(log_scale, &[log_scale.len()])?,
    )
}

fn scalar(value: &Tensor) -> Result<f64> {
    Ok(value.to_dtype(DType::F64)?.to_scalar()?)
}

/// The mean of the values, and a bound on its distance from the expectation.
fn mean_and_bound(values: &Tensor) -> Result<(f64, f64)> {
    let values = values.flatten_all()?.to_vec1::<f64>()?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Ok((mean, monte_carlo(variance.sqrt(), values.len())))
}

#[test]
fn normal_log_prob_is_the_textbook_formula_summed_over_the_event_only() -> Result {
    let (loc, log_scale) = ([[0.3, -1.0], [2.0, 0.0]], [[0.5, -2.0], [0.0, 1.0]]);
    let x = [[0.1, -1.1], [-3.0, 4.0]];
    let normal = Normal::new(Tensor::new(&loc, CPU)?, Tensor::new(&log_scale, CPU)?)?;
    let log_prob = normal.log_prob(&Tensor::new(&x, CPU)?)?.to_vec1::<f64>()?;
    for batch in 0..2 {
        let density: f64 = (0..2)
            .map(|i| {
                let sigma = f64::exp(log_scale[batch][i]);
                let z = (x[batch][i] - loc[batch][i]) / sigma;
                (-0.5 * z * z).exp() / (sigma * (2.0 * PI).sqrt())
            })
            .product();
        // Two components of ten operations each; the largest term is ½ (5 / 1)².
        let bound = rounding(DOUBLE, 20, 12.5);
        assert!((log_prob[batch] - density.ln()).abs() < bound);
    }
    Ok(())
}

#[test]
fn the_standard_normal_equals_a_normal_with_zero_parameters() -> Result {
    let x = Generator::new(1).standard_normal((5, 3), DType::F64, CPU)?;
    let standard = StandardNormal::new(3, DType::F64, CPU).log_prob(&x)?;
    let zeros = Tensor::zeros((5, 3), DType::F64, CPU)?;
    let general = Normal::new(zeros.clone(), zeros)?.log_prob(&x)?;
    // Both sum the same terms, in a different order.
    let largest = standard.abs()?.max_all()?.to_scalar::<f64>()?;
    let far = (standard - general)?.abs()?.max_all()?.to_scalar::<f64>()?;
    assert!(far <= rounding(DOUBLE, 9, largest), "{far}");
    Ok(())
}

#[test]
fn normal_densities_integrate_to_one() -> Result {
    for (loc, log_scale) in [(0.0, 0.0), (1.5, -1.0), (-2.0, 0.7)] {
        // A midpoint rule over ±9 standard deviations in two dimensions.
        let (cells, sigma) = (400, f64::exp(log_scale));
        let width = 18.0 * sigma / cells as f64;
        let axis: Vec<f64> = (0..cells)
            .map(|i| loc - 9.0 * sigma + (i as f64 + 0.5) * width)
            .collect();
        let points: Vec<f64> = axis
            .iter()
            .flat_map(|a| axis.iter().flat_map(|b| [*a, *b]))
            .collect();
        let points = tensor(&points, &[cells * cells, 2])?;
        let integral = scalar(
            &normal(&[loc; 2], &[log_scale; 2])?
                .log_prob(&points)?
                .exp()?
                .sum_all()?,
        )?;
        // The midpoint rule is exact for a normal density on so fine a grid, and the mass beyond
        // nine deviations is negligible. The mean of log p, the exponent of a term, is about −3,
        // which sets the size of the rounding error.
        let bound = rounding(DOUBLE, cells * cells, 3.0);
        assert!((integral * width * width - 1.0).abs() < bound);
    }
    Ok(())
}

fn logistic(loc: &[f64], log_scale: &[f64]) -> Result<Logistic> {
    Logistic::new(
        tensor(loc, &[loc.len()])?,
        tensor(log_scale, &[log_scale.len()])?,
    )
}

#[test]
fn logistic_densities_integrate_to_one() -> Result {
    for (loc, log_scale) in [(0.0, 0.0), (1.5, -1.0), (-2.0, 0.7)] {
        let (cells, scale) = (4000, f64::exp(log_scale));
        let width = 80.0 * scale / f64::from(cells);
        let points: Vec<f64> = (0..cells)
            .map(|i| loc - 40.0 * scale + (f64::from(i) + 0.5) * width)
            .collect();
        let points = tensor(&points, &[points.len(), 1])?;
        let density = logistic(&[loc], &[log_scale])?.log_prob(&points)?.exp()?;
        // As above; the mass beyond 40 scales is e⁻⁴⁰.
        let bound = rounding(DOUBLE, 4000, 3.0);
        assert!((scalar(&density.sum_all()?)? * width - 1.0).abs() < bound);
    }
    Ok(())
}

#[test]
fn bernoulli_probabilities_sum_to_one() -> Result {
    let bernoulli = Bernoulli::new(tensor(&[-3.0, 0.0, 0.4, 5.0], &[4])?);
    let outcomes: Vec<f64> = (0..16)
        .flat_map(|bits| (0..4).map(move |i| f64::from(bits >> i & 1)))
        .collect();
    let total = scalar(
        &bernoulli
            .log_prob(&tensor(&outcomes, &[16, 4])?)?
            .exp()?
            .sum_all()?,
    )?;
    // Sixteen terms, each the exponential of four logarithms of up to five.
    assert!((total - 1.0).abs() < rounding(DOUBLE, 16 + 4, 5.0));
    Ok(())
}

#[test]
fn kl_agrees_with_monte_carlo() -> Result {
    let draws = 40_000;
    let p = normal(&[0.5, -1.0, 0.0], &[0.3, -0.7, 0.0])?;
    let q = normal(&[0.0, -0.5, 1.0], &[0.0, 0.2, -0.4])?;
    let prior = StandardNormal::new(3, DType::F64, CPU);
    let x = p.sample(&[draws], &mut Generator::new(3))?;
    let b = Bernoulli::new(tensor(&[-2.0, 0.3, 1.0], &[3])?);
    let c = Bernoulli::new(tensor(&[-1.0, -0.3, 3.0], &[3])?);
    let y = b.sample(&[draws], &mut Generator::new(4))?;
    let cases = [
        (
            "normal, normal",
            p.kl_divergence(&q)?,
            (p.log_prob(&x)? - q.log_prob(&x)?)?,
        ),
        (
            "normal, standard",
            p.kl_divergence(&prior)?,
            (p.log_prob(&x)? - prior.log_prob(&x)?)?,
        ),
        (
            "bernoulli, bernoulli",
            b.kl_divergence(&c)?,
            (b.log_prob(&y)? - c.log_prob(&y)?)?,
        ),
    ];
    for (name, exact, estimates) in cases {
        let (mean, bound) = mean_and_bound(&estimates)?;
        let exact = scalar(&exact)?;
        assert!(
            (mean - exact).abs() < bound,
            "{name}: {mean} ± {bound}, not {exact}"
        );
        // A wrong term would change the result by more than a tenth.
        assert!(
            bound < 0.1 * exact,
            "{name}: the estimate is too noisy for this test"
        );
    }
    Ok(())
}

#[test]
fn kl_of_normals_agrees_with_integration() -> Result {
    // ∫ p (log p − log q) by the midpoint rule, which is exact to rounding for smooth p.
    let (p, q) = (normal(&[0.5], &[0.3])?, normal(&[-0.4], &[-0.2])?);
    let prior = StandardNormal::new(1, DType::F64, CPU);
    let cells = 4000;
    let width = 30.0 / f64::from(cells);
    let points: Vec<f64> = (0..cells)
        .map(|i| (f64::from(i) + 0.5) * width - 15.0)
        .collect();
    let points = tensor(&points, &[points.len(), 1])?;
    let log_p = p.log_prob(&points)?;
    for (exact, log_q) in [
        (p.kl_divergence(&q)?, q.log_prob(&points)?),
        (p.kl_divergence(&prior)?, prior.log_prob(&points)?),
    ] {
        let integral = scalar(&(log_p.exp()? * (&log_p - log_q)?)?.sum_all()?)? * width;
        // The terms p (log p − log q) and their magnitudes sum to about 1.
        assert!((scalar(&exact)? - integral).abs() < rounding(DOUBLE, 4000, 1.0));
    }
    Ok(())
}

#[test]
fn kl_broadcasts_batches() -> Result {
    let draw = |seed, shape: &[usize]| -> Result<Tensor> {
        Ok(Generator::new(seed).standard_normal(shape, DType::F64, CPU)?)
    };
    let (wide, high) = ([4, 1, 3], [5, 3]);
    let p = Normal::new(draw(1, &wide)?, draw(2, &wide)?)?;
    let q = Normal::new(draw(3, &high)?, draw(4, &high)?)?;
    let (b, c) = (
        Bernoulli::new(draw(5, &wide)?),
        Bernoulli::new(draw(6, &high)?),
    );
    let one = |tensor: &Tensor, index: usize| tensor.reshape(((), 3))?.get(index);
    let (normals, bernoullis) = (p.kl_divergence(&q)?, b.kl_divergence(&c)?);
    assert_eq!(
        (normals.dims(), bernoullis.dims()),
        (&[4, 5][..], &[4, 5][..])
    );
    for i in 0..4 {
        for j in 0..5 {
            let single = |normal: &Normal, index| {
                Normal::new(one(normal.loc(), index)?, one(normal.log_scale(), index)?)
            };
            let expected = single(&p, i)?.kl_divergence(&single(&q, j)?)?;
            let found = normals.get(i)?.get(j)?;
            // Sums of three terms of five operations, with or without fused multiply-add.
            let same = |found: f64, expected: f64| {
                (found - expected).abs() <= rounding(DOUBLE, 15, 1.0 + expected)
            };
            assert!(same(scalar(&found)?, scalar(&expected)?));
            let [own, other] = [one(b.logits(), i)?, one(c.logits(), j)?].map(Bernoulli::new);
            let found = bernoullis.get(i)?.get(j)?;
            assert!(same(scalar(&found)?, scalar(&own.kl_divergence(&other)?)?));
        }
    }
    Ok(())
}

#[test]
fn events_of_different_sizes_are_refused() -> Result {
    let prior = StandardNormal::new(3, DType::F64, CPU);
    let two = normal(&[0.0, 0.0], &[0.0, 0.0])?;
    let message = two.kl_divergence(&prior).unwrap_err().to_string();
    assert!(message.contains('2') && message.contains('3'), "{message}");
    // Broadcasting would accept an event of one component.
    let one = tensor(&[0.0], &[1])?;
    let refused = [
        prior.log_prob(&one),
        two.log_prob(&one),
        two.kl_divergence(&normal(&[0.0], &[0.0])?),
        normal(&[0.0], &[0.0])?.kl_divergence(&two),
        logistic(&[0.0, 0.0], &[0.0, 0.0])?.log_prob(&one),
        Bernoulli::new(tensor(&[0.0, 0.0], &[2])?).log_prob(&one),
        Bernoulli::new(tensor(&[0.0, 0.0], &[2])?).kl_divergence(&Bernoulli::new(one.clone())),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::EventSize { .. })), "{result:?}");
    }
    Ok(())
}

#[test]
fn kl_is_positive_and_zero_only_between_equals() -> Result {
    let mut generator = Generator::new(5);
    let parameters = generator.standard_normal((4, 200, 3), DType::F64, CPU)?;
    let part = |i: usize| parameters.get(i);
    let p = Normal::new(part(0)?, part(1)?)?;
    let q = Normal::new(part(2)?, part(3)?)?;
    let (b, c) = (Bernoulli::new(part(0)?), Bernoulli::new(part(1)?));
    let prior = StandardNormal::new(3, DType::F64, CPU);
    for between_different in [
        p.kl_divergence(&q)?,
        p.kl_divergence(&prior)?,
        b.kl_divergence(&c)?,
    ] {
        assert!(
            between_different
                .to_vec1::<f64>()?
                .iter()
                .all(|&kl| kl > 0.0)
        );
    }
    let standard = Normal::new(part(0)?.zeros_like()?, part(0)?.zeros_like()?)?;
    for between_equals in [
        p.kl_divergence(&p)?,
        standard.kl_divergence(&prior)?,
        b.kl_divergence(&b)?,
    ] {
        assert!(
            between_equals
                .to_vec1::<f64>()?
                .iter()
                // No rounding: exp(0) is 1, and equal numbers differ by 0.
                .all(|&kl| kl == 0.0)
        );
    }
    Ok(())
}

#[test]
fn entropy_is_minus_the_mean_log_prob() -> Result {
    let logistic = logistic(&[1.0, -2.0], &[0.5, -1.0])?;
    let (normal, bernoulli) = (
        normal(&[1.0, -2.0], &[0.5, -1.0])?,
        Bernoulli::new(tensor(&[0.2, -1.5], &[2])?),
    );
    let mut generator = Generator::new(6);
    let cases = [
        (
            normal.entropy()?,
            normal.log_prob(&normal.sample(&[40_000], &mut generator)?)?,
        ),
        (
            bernoulli.entropy()?,
            bernoulli.log_prob(&bernoulli.sample(&[40_000], &mut generator)?)?,
        ),
        (
            logistic.entropy()?,
            logistic.log_prob(&logistic.sample(&[40_000], &mut generator)?)?,
        ),
    ];
    for (exact, log_probs) in cases {
        let (mean, bound) = mean_and_bound(&log_probs)?;
        assert!((scalar(&exact)? + mean).abs() < bound);
    }
    Ok(())
}

#[test]
fn every_parameter_receives_the_gradient_of_finite_differences() -> Result {
    let variable = |seed| -> Result<Var> {
        Ok(Var::from_tensor(&Generator::new(seed).standard_normal(
            (2, 3),
            DType::F64,
            CPU,
        )?)?)
    };
    let (loc, log_scale) = (variable(1)?, variable(2)?);
    let (other_loc, other_log_scale, x) = (variable(3)?, variable(4)?, variable(5)?);
    let p = || Normal::new(loc.as_tensor().clone(), log_scale.as_tensor().clone());
    let q = || {
        Normal::new(
            other_loc.as_tensor().clone(),
            other_log_scale.as_tensor().clone(),
        )
    };
    let bernoulli = || Bernoulli::new(loc.as_tensor().clone());
    let logistic = || Logistic::new(loc.as_tensor().clone(), log_scale.as_tensor().clone());
    let candle =
        |result: Result<Tensor>| result.map_err(|error| candle_core::Error::Msg(error.to_string()));
    let prior = StandardNormal::new(3, DType::F64, CPU);

    let normal_pair: &[&Var] = &[&loc, &log_scale, &other_loc, &other_log_scale];
    let errors = [
        gradient_error(
            || candle(p().and_then(|p| p.log_prob(&x))),
            &[&loc, &log_scale, &x],
        )?,
        // The same generator at every evaluation makes the draw a smooth function of both
        // parameters.
        gradient_error(
            || candle(p().and_then(|p| p.rsample(&[4], &mut Generator::new(9)))),
            &[&loc, &log_scale],
        )?,
        gradient_error(
            || candle(p().and_then(|p| p.kl_divergence(&q()?))),
            normal_pair,
        )?,
        gradient_error(
            || candle(p().and_then(|p| p.kl_divergence(&prior))),
            &[&loc, &log_scale],
        )?,
        gradient_error(|| candle(p().and_then(|p| p.entropy())), &[&log_scale])?,
        gradient_error(|| candle(prior.log_prob(&x)), &[&x])?,
        gradient_error(
            || candle(logistic().and_then(|p| p.log_prob(&x))),
            &[&loc, &log_scale, &x],
        )?,
        gradient_error(
            || candle(logistic().and_then(|p| p.rsample(&[4], &mut Generator::new(9)))),
            &[&loc, &log_scale],
        )?,
        gradient_error(
            || candle(logistic().and_then(|p| p.entropy())),
            &[&log_scale],
        )?,
        gradient_error(|| candle(bernoulli().log_prob(&x)), &[&loc, &x])?,
        gradient_error(|| candle(bernoulli().entropy()), &[&loc])?,
        gradient_error(
            || candle(bernoulli().kl_divergence(&Bernoulli::new(x.as_tensor().clone()))),
            &[&loc, &x],
        )?,
    ];
    // The step of `gradient_error`; sums of up to a hundred operations, of magnitude ten.
    let bound = central_difference(1e-5, 100.0, DOUBLE, 100, 10.0);
    assert!(errors.iter().all(|&error| error < bound), "{errors:?}");
    Ok(())
}

#[test]
fn sample_is_detached_from_the_parameters() -> Result {
    let loc = Var::zeros((2, 3), DType::F64, CPU)?;
    let normal = Normal::new(loc.as_tensor().clone(), loc.as_tensor().clone())?;
    let bernoulli = Bernoulli::new(loc.as_tensor().clone());
    assert!(!normal.sample(&[], &mut Generator::new(0))?.track_op());
    assert!(!bernoulli.sample(&[], &mut Generator::new(0))?.track_op());
    assert!(normal.rsample(&[], &mut Generator::new(0))?.track_op());
    Ok(())
}

#[test]
fn shapes_are_sample_shape_then_batch_then_event() -> Result {
    let zeros = Tensor::zeros((2, 3), DType::F32, CPU)?;
    let normal = Normal::new(zeros.clone(), zeros.clone())?;
    let bernoulli = Bernoulli::new(zeros);
    let mut generator = Generator::new(0);
    for sample_shape in [&[][..], &[1], &[5], &[4, 5]] {
        let expected = [sample_shape, &[2, 3]].concat();
        let z = normal.sample(sample_shape, &mut generator)?;
        assert_eq!(z.dims(), expected);
        assert_eq!(
            bernoulli.sample(sample_shape, &mut generator)?.dims(),
            expected
        );
        assert_eq!(normal.log_prob(&z)?.dims(), &expected[..expected.len() - 1]);
    }
    assert_eq!(
        StandardNormal::new(3, DType::F32, CPU)
            .sample(&[7], &mut generator)?
            .dims(),
        [7, 3]
    );
    Ok(())
}

#[test]
fn parameters_of_different_shapes_are_refused_with_both_shapes() {
    let message = normal(&[0.0, 1.0], &[0.0, 1.0, 2.0])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("[2]") && message.contains("[3]"),
        "{message}"
    );
}

/// The Kolmogorov–Smirnov statistic of a sample.
fn kolmogorov_smirnov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let count = sample.len() as f64;
    sample.iter().enumerate().fold(0.0, |worst, (i, &x)| {
        let expected = cdf(x);
        f64::max(
            worst,
            f64::max(
                expected - i as f64 / count,
                (i + 1) as f64 / count - expected,
            ),
        )
    })
}

#[test]
fn samples_pass_a_kolmogorov_smirnov_test() -> Result {
    const COUNT: usize = 50_000;
    // A correct sampler passes with probability 0.999.
    let bound = 1.95 / (COUNT as f64).sqrt();
    let standard_cdf = |x: f64| 0.5 * libm::erfc(-x / SQRT_2);
    for dtype in [DType::F32, DType::F64] {
        let numbers = |sample: Tensor| -> Result<Vec<f64>> {
            Ok(sample.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
        };
        let mut generator = Generator::new(11);
        let uniform = numbers(generator.uniform(COUNT, dtype, CPU)?)?;
        assert!(uniform.iter().all(|u| (0.0..1.0).contains(u)));
        assert!(kolmogorov_smirnov(uniform, |x| x) < bound);

        let standard =
            numbers(StandardNormal::new(1, dtype, CPU).sample(&[COUNT], &mut generator)?)?;
        assert!(kolmogorov_smirnov(standard, standard_cdf) < bound);

        let parameter = |value: f64| Tensor::new(&[value], CPU)?.to_dtype(dtype);
        let wide = Normal::new(parameter(3.0)?, parameter(2f64.ln())?)?;
        let wide = numbers(wide.sample(&[COUNT], &mut generator)?)?;
        assert!(kolmogorov_smirnov(wide, |x| standard_cdf((x - 3.0) / 2.0)) < bound);

        let wide = Logistic::new(parameter(3.0)?, parameter(2f64.ln())?)?;
        let wide = numbers(wide.sample(&[COUNT], &mut generator)?)?;
        let logistic_cdf = |x: f64| 1.0 / (1.0 + ((3.0 - x) / 2.0).exp());
        assert!(kolmogorov_smirnov(wide, logistic_cdf) < bound);
    }
    Ok(())
}

#[test]
fn bernoulli_draws_have_the_stated_frequency() -> Result {
    let bernoulli = Bernoulli::new(tensor(&[-1000.0, -1.5, 0.0, 2.0, 1000.0], &[5])?);
    let draws = bernoulli.sample(&[50_000], &mut Generator::new(12))?;
    let frequencies = draws.mean(0)?.to_vec1::<f64>()?;
    for (frequency, p) in frequencies.iter().zip(bernoulli.mean()?.to_vec1::<f64>()?) {
        assert!((frequency - p).abs() <= monte_carlo((p * (1.0 - p)).sqrt(), 50_000));
    }
    Ok(())
}

#[test]
fn seeded_draws_never_change() -> Result {
    // Golden values: changing them changes every published result with a seed.
    let mut generator = Generator::stream(42, "noise", 1, 2);
    let normal = generator
        .standard_normal(3, DType::F32, CPU)?
        .to_vec1::<f32>()?;
    let uniform = generator.uniform(3, DType::F32, CPU)?.to_vec1::<f32>()?;
    assert_eq!(normal, [-1.437_738_9, 0.251_387_4, -1.366_169_7]);
    assert_eq!(uniform, [0.312_326_9, 0.019_959_867, 0.175_440_85]);
    assert_eq!(generator.permutation(8), [5, 3, 6, 7, 1, 0, 4, 2]);
    Ok(())
}

#[test]
fn streams_with_different_seed_purpose_epoch_or_step_differ() -> Result {
    let first = |mut generator: Generator| -> Result<Vec<f32>> {
        Ok(generator.uniform(4, DType::F32, CPU)?.to_vec1()?)
    };
    let streams = [
        (1, "a", 0, 0),
        (2, "a", 0, 0),
        (1, "b", 0, 0),
        (1, "a", 1, 0),
        (1, "a", 0, 1),
        (1, "", 0, 0),
    ];
    for (i, a) in streams.iter().enumerate() {
        for b in &streams[i + 1..] {
            assert_ne!(
                first(Generator::stream(a.0, a.1, a.2, a.3))?,
                first(Generator::stream(b.0, b.1, b.2, b.3))?
            );
        }
    }
    Ok(())
}

#[test]
fn a_random_permutation_contains_every_number_once() {
    let mut order = Generator::new(0).permutation(1000);
    assert_ne!(order, (0..1000).collect::<Vec<_>>());
    order.sort_unstable();
    assert_eq!(order, (0..1000).collect::<Vec<_>>());
}

#[test]
fn quantiles_match_tabulated_values() {
    for (p, z) in [
        (0.5, 0.0),
        (0.975, 1.959_963_984_540_054),
        (0.05, -1.644_853_626_951_472_6),
        (1e-10, -6.361_340_902_404_056),
    ] {
        // The tables have 16 digits; erfc is accurate to a few roundings, and its slope at z is
        // about z.
        let bound = rounding(DOUBLE, 8, 1.0 + f64::abs(z));
        assert!((StandardNormal::quantile(p) - z).abs() < bound, "{p}");
    }
    assert_eq!(StandardNormal::quantile(0.0), f64::NEG_INFINITY);
    assert_eq!(StandardNormal::quantile(1.0), f64::INFINITY);
    assert!(StandardNormal::quantile(1.5).is_nan() && StandardNormal::quantile(f64::NAN).is_nan());
}

#[test]
fn probabilities_of_the_levels_of_a_discretised_logistic_sum_to_one() -> Result {
    // Locations inside and far outside the range; scales from much smaller than a level to much
    // larger than the range.
    let levels: Vec<f64> = (0..256).map(|level| f64::from(level) / 255.0).collect();
    for loc in [-30.0, -0.1, 0.0, 0.2501, 0.5, 1.0, 4.0] {
        for log_scale in [-9.0, -5.0, -2.0, 0.0, 3.0] {
            let values = Tensor::new(levels.as_slice(), CPU)?.unsqueeze(1)?;
            let distribution = DiscretisedLogistic::new(
                Tensor::new(&[[loc]], CPU)?,
                Tensor::new(&[log_scale], CPU)?,
            )?;
            let log_probs = distribution.log_prob(&values)?.to_vec1::<f64>()?;
            let total: f64 = log_probs.iter().map(|log| log.exp()).sum();
            // The ends of an interval, of magnitude 1 + |μ|, are rounded and then divided by the
            // scale.
            let size = 1.0 + (1.0 + f64::abs(loc)) / f64::exp(log_scale);
            assert!(
                (total - 1.0).abs() <= rounding(DOUBLE, 3000, size),
                "location {loc}, log-scale {log_scale}: {total}"
            );
            // Each probability is the difference of the logistic distribution function over its
            // interval.
            let cdf = |x: f64| 1.0 / (1.0 + (-(x - loc) / f64::exp(log_scale)).exp());
            for (&level, &log_prob) in levels.iter().zip(&log_probs) {
                let half = 0.5 / 255.0;
                let upper = if level == 1.0 { 1.0 } else { cdf(level + half) };
                let lower = if level == 0.0 { 0.0 } else { cdf(level - half) };
                assert!(
                    (log_prob.exp() - (upper - lower)).abs() <= rounding(DOUBLE, 100, size),
                    "location {loc}, log-scale {log_scale}, level {level}"
                );
                assert!(log_prob.is_finite());
            }
        }
    }
    Ok(())
}

#[test]
fn draws_of_a_discretised_logistic_are_levels_with_their_probabilities() -> Result {
    const DRAWS: usize = 40_000;
    let distribution = DiscretisedLogistic::new(
        Tensor::new(&[[0.3f32, 0.002, 1.4]], CPU)?,
        Tensor::new(&[-3f32, -6.0, -1.0], CPU)?,
    )?;
    let draws = distribution.sample(&[DRAWS], &mut Generator::new(3))?;
    assert_eq!(draws.dims(), [DRAWS, 1, 3]);
    let draws = draws.squeeze(1)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    for component in 0..3 {
        let mut counts = [0usize; 256];
        for draw in &draws {
            let level = draw[component] * 255.0;
            assert!((level - level.round()).abs() < 1e-4, "{level}");
            counts[level.round() as usize] += 1;
        }
        let one = DiscretisedLogistic::new(
            distribution.loc().narrow(1, component, 1)?,
            distribution.log_scale().narrow(0, component, 1)?,
        )?;
        let levels: Vec<f32> = (0..256u16).map(|level| f32::from(level) / 255.0).collect();
        let values = Tensor::from_vec(levels, (256, 1), CPU)?;
        let log_probs = one.log_prob(&values)?.to_vec1::<f32>()?;
        for (level, (&count, log_prob)) in counts.iter().zip(log_probs).enumerate() {
            let expected = f64::from(log_prob.exp());
            let found = count as f64 / DRAWS as f64;
            // Five standard deviations of a share, plus one draw.
            let bound = 5.0 * (expected / DRAWS as f64).sqrt() + 2.0 / DRAWS as f64;
            assert!(
                (found - expected).abs() <= bound,
                "{component}, level {level}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_gradient_of_a_discretised_logistic_is_that_of_finite_differences() -> Result {
    let loc = Var::new(&[[0.1f64, 0.5, 0.9, 0.4]], CPU)?;
    let log_scale = Var::new(&[-3f64, -1.0, -5.0, -2.0], CPU)?;
    // An inner level, both ends, and a level far from the location.
    let value = Tensor::new(&[[26.0 / 255.0, 0.0, 1.0, 250.0 / 255.0]], CPU)?;
    let error = gradient_error(
        || {
            let (loc, log_scale) = (loc.as_tensor().clone(), log_scale.as_tensor().clone());
            let log_prob =
                DiscretisedLogistic::new(loc, log_scale).and_then(|p| p.log_prob(&value));
            log_prob.map_err(|error| candle_core::Error::Msg(error.to_string()))
        },
        &[&loc, &log_scale],
    )?;
    // Scales of e⁻⁵ give third derivatives of up to e¹⁵ / 10.
    let bound = central_difference(1e-5, 15f64.exp() / 10.0, DOUBLE, 100, 100.0);
    assert!(error < bound, "{error}");
    Ok(())
}
