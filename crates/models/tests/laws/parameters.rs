//! Names, layouts and initial values of parameters.

use candle_nn::VarBuilder;
use latent_models::{Activation, Parameters};

use latent_tolerance::{SINGLE, monte_carlo, rounding};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, models, vec1};

#[test]
fn initial_values_depend_only_on_the_seed_and_the_name() -> Result {
    let values = |seed| -> Result<Vec<(String, Vec<f32>)>> {
        let parameters = Parameters::seeded(seed, CPU);
        models()[1].1.build(IMAGE, CLASSES, &parameters.builder())?;
        parameters
            .variables()
            .iter()
            .map(|(name, v)| Ok((name.clone(), vec1(v)?)))
            .collect()
    };
    assert_eq!(values(1)?, values(1)?);
    assert_ne!(values(1)?, values(2)?);
    // A decoder that is built alone has the same values as in the model.
    let parameters = Parameters::seeded(1, CPU);
    latent_models::Mlp::new(
        &[3, 5, 7, PIXELS],
        Activation::Tanh,
        Activation::Identity,
        &parameters.builder().pp("decoder"),
    )?;
    for (name, variable) in parameters.variables() {
        let (_, whole) = values(1)?.into_iter().find(|(n, _)| *n == name).unwrap();
        assert_eq!(vec1(&variable)?, whole, "{name}");
    }
    Ok(())
}

#[test]
fn variables_have_the_names_and_layouts_of_pytorch() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    models()[1].1.build(IMAGE, CLASSES, &parameters.builder())?;
    let shapes: Vec<(String, Vec<usize>)> = parameters
        .variables()
        .iter()
        .map(|(name, v)| (name.clone(), v.dims().to_vec()))
        .collect();
    let expected = [
        ("decoder.0.bias", vec![5]),
        ("decoder.0.weight", vec![5, 3]),
        ("decoder.2.bias", vec![7]),
        ("decoder.2.weight", vec![7, 5]),
        ("decoder.4.bias", vec![8]),
        ("decoder.4.weight", vec![8, 7]),
        ("encoder.0.bias", vec![7]),
        ("encoder.0.weight", vec![7, 8]),
        ("encoder.2.bias", vec![5]),
        ("encoder.2.weight", vec![5, 7]),
        ("log_variance.bias", vec![3]),
        ("log_variance.weight", vec![3, 5]),
        ("mean.bias", vec![3]),
        ("mean.weight", vec![3, 5]),
    ];
    assert_eq!(
        shapes,
        expected.map(|(name, shape)| (name.to_owned(), shape))
    );
    for (name, variable) in parameters
        .variables()
        .iter()
        .filter(|(name, _)| name.starts_with("encoder.0"))
    {
        let bound = 1.0 / (PIXELS as f32).sqrt();
        assert!(vec1(variable)?.iter().all(|v| v.abs() <= bound), "{name}");
    }
    Ok(())
}

#[test]
fn linear_layers_have_the_initial_distribution_of_pytorch() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    latent_models::Linear::new(100, 3000, Activation::Identity, &parameters.builder())?;
    for (name, variable) in parameters.variables() {
        let values = vec1(&variable)?;
        let largest = values
            .iter()
            .fold(0f32, |largest, value| largest.max(value.abs()));
        let variance = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        // Uniform in ±1/√100: the range is nearly reached, and the variance is 0.1²/3.
        assert!(largest <= 0.1 && largest > 0.099, "{name}: {largest}");
        // The relative standard deviation of the square of a uniform variable is √(4/5).
        let bound = monte_carlo(0.8f64.sqrt(), values.len());
        let apart = f64::from((variance * 300.0 - 1.0).abs());
        assert!(apart < bound, "{name}: {variance}");
    }
    Ok(())
}

#[test]
fn every_initialisation_has_its_mean_and_standard_deviation() -> Result {
    use candle_nn::Init;
    use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};

    let kaiming = |dist| Init::Kaiming {
        dist,
        fan: FanInOut::FanIn,
        non_linearity: NonLinearity::ReLU,
    };
    let deviation = (2f64 / 50.0).sqrt();
    for (init, mean, deviation) in [
        (Init::Const(0.3), 0.3, 0.0),
        (
            Init::Randn {
                mean: 0.5,
                stdev: 0.2,
            },
            0.5,
            0.2,
        ),
        (Init::Uniform { lo: -1.0, up: 3.0 }, 1.0, 4.0 / 12f64.sqrt()),
        (kaiming(NormalOrUniform::Normal), 0.0, deviation),
        (kaiming(NormalOrUniform::Uniform), 0.0, deviation),
    ] {
        let values =
            Parameters::seeded(3, CPU)
                .builder()
                .get_with_hints((400, 50), "weight", init)?;
        let values: Vec<f64> = vec1(&values)?.into_iter().map(f64::from).collect();
        let found = values.iter().sum::<f64>() / 20_000.0;
        let spread = (values.iter().map(|v| (v - found).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        // The standard error for a normal distribution; that for a uniform one is smaller. A constant is rounded.
        let rounded = rounding(SINGLE, 1, mean);
        let bounds = [deviation, deviation / 2f64.sqrt()]
            .map(|deviation| monte_carlo(deviation, 20_000) + rounded);
        assert!(
            (found - mean).abs() <= bounds[0] && (spread - deviation).abs() <= bounds[1],
            "{init:?}: {found} ± {spread}"
        );
    }
    Ok(())
}

#[test]
fn shapes_allocates_no_memory_for_variables() -> Result {
    // 784 × 10¹¹ weights would be 300 TB.
    let huge = |builder: &VarBuilder| {
        Ok(latent_models::Linear::new(
            784,
            100_000_000_000,
            Activation::Relu,
            builder,
        )?)
    };
    let shapes = latent_models::shapes(huge)?;
    assert_eq!(shapes["weight"], [100_000_000_000, 784]);
    assert_eq!(shapes.len(), 2);
    Ok(())
}
