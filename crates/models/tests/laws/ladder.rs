//! The ladder VAE.

use std::collections::HashMap;

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use latent_distributions::Generator;
use latent_models::{
    Activation, Bound, ConvolutionalConfig, ConvolutionalVaeConfig, Error, FlowPrior,
    GradientEstimator, LadderVae, LadderVaeConfig, LatentModel, LossContext, Objective, Parameters,
    Prior, Trainable, Vae,
};
use latent_tolerance::{monte_carlo, scaled};

use crate::{CPU, IMAGE, PIXELS, Result, images, labels, lost_in_64_bits, step};

/// A model of two levels for images of 2×4 pixels: one latent at the top and two below.
pub(crate) fn ladder() -> LadderVaeConfig {
    LadderVaeConfig {
        networks: ConvolutionalConfig {
            channels: vec![3],
            blocks: 1,
            features: 5,
            mirrored: true,
            activation: Activation::Silu,
            latent_size: 1,
        },
        latent_channels: 1,
        ..LadderVaeConfig::default()
    }
}

/// The model of three levels without residual blocks.
pub(crate) fn ladder_without_blocks() -> LadderVaeConfig {
    let mut config = ladder();
    config.networks.channels = vec![3, 2];
    config.networks.blocks = 0;
    config
}

/// The model of three levels, with a flow prior.
pub(crate) fn ladder_with_flow() -> LadderVaeConfig {
    let mut config = ladder();
    config.networks.channels = vec![2, 3];
    config.networks.mirrored = false;
    config.networks.latent_size = 3;
    config.latent_channels = 2;
    config.prior = Prior::Flow(FlowPrior {
        couplings: 2,
        hidden: vec![4],
        activation: Activation::Silu,
    });
    config
}

/// 64-bit variables, normally distributed with a standard deviation of 0.4, so that no posterior is close to the prior.
fn variables(config: &LadderVaeConfig) -> Result<HashMap<String, Tensor>> {
    let parameters = Parameters::seeded(4, CPU);
    LadderVae::new(IMAGE, config, &parameters.builder())?;
    let mut generator = Generator::new(3);
    let mut variables = HashMap::new();
    for (name, variable) in parameters.variables() {
        let value = generator.standard_normal(variable.shape(), DType::F64, CPU)?;
        variables.insert(name, (value * 0.4)?);
    }
    Ok(variables)
}

fn model_of(variables: HashMap<String, Tensor>, config: &LadderVaeConfig) -> Result<LadderVae> {
    let builder = VarBuilder::from_tensors(variables, DType::F64, CPU);
    LadderVae::new(IMAGE, config, &builder)
}

fn binary(count: usize) -> Result<Tensor> {
    Ok(images(count)?.ge(0.5)?.to_dtype(DType::F64)?)
}

fn mean(values: &Tensor) -> Result<f64> {
    Ok(values.mean_all()?.to_scalar()?)
}

#[test]
fn the_log_likelihood_is_the_integral_over_all_levels() -> Result {
    const STEPS: usize = 48;
    const REACH: f64 = 6.0;
    let config = ladder();
    let model = model_of(variables(&config)?, &config)?;
    assert_eq!(model.levels(), [1, 2]);
    let image = binary(1)?;

    // The midpoints of the cells of a grid over [−6, 6]³, outside of which N(0, I) has a probability below 10⁻⁸.
    let width = 2.0 * REACH / STEPS as f64;
    let middle = |i: usize| -REACH + (i as f64 + 0.5) * width;
    let cell = |i: usize| {
        [
            middle(i / STEPS / STEPS),
            middle(i / STEPS % STEPS),
            middle(i % STEPS),
        ]
    };
    let cells: Vec<f64> = (0..STEPS.pow(3)).flat_map(cell).collect();
    let cells = Tensor::from_vec(cells, (STEPS.pow(3), 3), CPU)?;
    let probabilities = model.decode(&cells, &())?;
    let given = probabilities.broadcast_mul(&((&image * 2.0)? - 1.0)?)?;
    let given = given.broadcast_add(&(1.0 - &image)?)?.log()?.sum(1)?;
    let normaliser = 1.5 * std::f64::consts::TAU.ln();
    let prior = ((cells.sqr()?.sum(1)? * -0.5)? - normaliser)?;
    let joint = (given + prior)?.exp()?.sum_all()?;
    let exact = (joint.to_scalar::<f64>()? * width.powi(3)).ln();

    // Repetitions of the estimate give its standard deviation.
    let (repetitions, draws) = (40, scaled(2000, 500));
    let repeated = image.broadcast_as((repetitions, PIXELS))?.contiguous()?;
    let estimates = model.log_likelihood(&repeated, &(), draws, &mut Generator::new(1))?;
    let estimate = mean(&estimates)?;
    let variance = mean(&estimates.affine(1.0, -estimate)?.sqr()?)?;
    let bound = monte_carlo(variance.sqrt(), repetitions);
    assert!(
        (estimate - exact).abs() < bound,
        "{estimate} is not {exact} ± {bound}"
    );
    assert!(bound < 0.02, "{bound} is too large to tell");
    Ok(())
}

/// With latents below the top that the networks ignore and whose posterior is the prior, the model is a convolutional VAE.
#[test]
fn a_ladder_whose_lower_levels_are_ignored_is_a_convolutional_vae() -> Result {
    let config = ladder_with_flow();
    let mut variables = variables(&config)?;
    for (name, value) in &mut variables {
        let is_zero = ["output", "mean", "log_scale"];
        if name.contains("latents") && is_zero.iter().any(|part| name.contains(part)) {
            *value = value.zeros_like()?;
        }
    }
    let ladder = model_of(variables.clone(), &config)?;
    let plain = ConvolutionalVaeConfig {
        networks: config.networks.clone(),
        prior: config.prior.clone(),
        ..ConvolutionalVaeConfig::default()
    };
    let builder = VarBuilder::from_tensors(variables, DType::F64, CPU);
    let plain = Vae::convolutional(IMAGE, &plain, &builder)?;
    let images = binary(4)?;
    let loss = |model: &dyn Trainable| -> Result<Vec<f64>> {
        let loss = model.loss(&images, &labels(4)?, &mut step(1))?;
        Ok(loss.objective.to_vec1()?)
    };
    for (found, expected) in loss(&ladder)?.into_iter().zip(loss(&plain)?) {
        assert!(
            (found - expected).abs() <= lost_in_64_bits(expected),
            "{found} is not {expected}"
        );
    }
    let latents = ladder.encode(&images, &())?;
    let top = plain.encode(&images, &())?;
    assert!(
        (latents.narrow(1, 0, 3)? - top)?
            .abs()?
            .max_all()?
            .to_scalar::<f64>()?
            <= lost_in_64_bits(1.0)
    );
    Ok(())
}

/// One image with an extreme output of a network must not decide the mean over a batch: with exponentials in place of bounded
/// scales, the loss here is not finite.
#[test]
fn the_scales_of_levels_below_the_top_are_bounded() -> Result {
    let config = ladder_with_flow();
    let mut variables = variables(&config)?;
    let mut heads = 0;
    for (name, variable) in &mut variables {
        if name.ends_with("log_scale.bias") || name.ends_with("prior_scale.bias") {
            *variable = variable.ones_like()?.affine(100.0, 0.0)?;
            heads += 1;
        }
    }
    assert_eq!(heads, 2 * (config.networks.channels.len()));
    let model = model_of(variables, &config)?;
    let loss = model.loss(&binary(5)?, &labels(5)?, &mut step(2))?;
    let loss = mean(&loss.objective)?;
    assert!(loss < 1e5, "{loss}");
    Ok(())
}

#[test]
fn divergences_of_levels_sum_to_the_whole() -> Result {
    for bound in [
        Bound::Elbo,
        Bound::MonteCarloElbo,
        Bound::ImportanceWeighted,
    ] {
        let mut config = ladder_with_flow();
        config.objective.bound = bound;
        config.objective.samples = 3;
        let model = model_of(variables(&config)?, &config)?;
        let loss = model.loss(&binary(5)?, &labels(5)?, &mut step(2))?;
        let part = |name: &str| loss.parts.iter().find(|(found, _)| *found == name);
        let mut sum = Tensor::zeros(5, DType::F64, CPU)?;
        for level in 1..=model.levels().len() {
            let (_, kl) = part(&format!("kl_{level}")).unwrap();
            assert!(mean(&kl.abs()?)? > 0.01, "level {level} is not used");
            sum = (sum + kl)?;
        }
        assert!(part(&format!("kl_{}", model.levels().len() + 1)).is_none());
        let (_, whole) = part("kl").unwrap();
        let apart = (sum - whole)?.abs()?.max_all()?.to_scalar::<f64>()?;
        assert!(apart <= lost_in_64_bits(10.0), "{bound:?}: {apart}");
    }
    Ok(())
}

/// The closed form and the estimate of the divergences have the same expectation.
#[test]
fn divergences_in_closed_form_are_the_expectation_of_their_estimates() -> Result {
    let draws = scaled(20_000, 2000);
    let many = binary(1)?.broadcast_as((draws, PIXELS))?.contiguous()?;
    let elbo = |bound| -> Result<(f64, f64)> {
        let mut config = ladder_with_flow();
        config.objective.bound = bound;
        let model = model_of(variables(&config)?, &config)?;
        let loss = model.loss(&many, &labels(draws)?, &mut step(5))?;
        let centre = mean(&loss.objective)?;
        let variance = mean(&loss.objective.affine(1.0, -centre)?.sqr()?)?;
        Ok((centre, variance))
    };
    let (closed, variance) = elbo(Bound::Elbo)?;
    let (sampled, sampled_variance) = elbo(Bound::MonteCarloElbo)?;
    let bound = monte_carlo((variance + sampled_variance).sqrt(), draws);
    assert!(
        (closed - sampled).abs() < bound,
        "{closed} {sampled} ± {bound}"
    );
    Ok(())
}

/// Kingma et al. 2016, equation 15: a level counts with the larger of its divergence and the free bits.
#[test]
fn free_bits_replace_divergences_below_them_in_training_only() -> Result {
    let loss = |free_bits, is_training| -> Result<(f64, Vec<f64>, f64)> {
        let mut config = ladder_with_flow();
        config.free_bits = free_bits;
        let model = model_of(variables(&config)?, &config)?;
        let mut context = if is_training {
            LossContext::training(Generator::new(2), 0.0)
        } else {
            step(2)
        };
        let loss = model.loss(&binary(6)?, &labels(6)?, &mut context)?;
        let part = |name: &str| -> Result<f64> {
            let (_, part) = loss.parts.iter().find(|(found, _)| *found == name).unwrap();
            mean(part)
        };
        let levels = ["kl_1", "kl_2", "kl_3"].map(part);
        let levels = levels.into_iter().collect::<Result<_>>()?;
        Ok((mean(&loss.objective)?, levels, part("reconstruction")?))
    };
    let (without, levels, reconstruction) = loss(0.0, true)?;
    // Some are below, some above.
    let free = 0.5
        * (levels.iter().copied().fold(f64::INFINITY, f64::min)
            + levels.iter().copied().fold(0.0, f64::max));
    let counted: f64 = levels.iter().map(|&kl| kl.max(free)).sum();
    let (with, ..) = loss(free, true)?;
    assert!((with - (reconstruction + counted)).abs() <= lost_in_64_bits(with));
    assert!(with - without > 0.01);
    let [evaluated, plain] = [loss(free, false)?.0, loss(0.0, false)?.0];
    assert_eq!(evaluated.to_bits(), plain.to_bits());
    Ok(())
}

/// Roeder et al. 2017: the path gradient is an unbiased estimator, since the expectation of the score is 0.
#[test]
fn the_path_gradient_has_the_mean_of_the_total_one() -> Result {
    let images = scaled(4000, 1000);
    let many = binary(1)?.broadcast_as((images, PIXELS))?.contiguous()?;
    let gradients = |gradient, seed| -> Result<Vec<f64>> {
        let mut config = ladder();
        config.objective = Objective {
            bound: Bound::MonteCarloElbo,
            gradient,
            ..Objective::default()
        };
        let variables: HashMap<String, candle_core::Var> = variables(&config)?
            .into_iter()
            .map(|(name, value)| Ok((name, candle_core::Var::from_tensor(&value)?)))
            .collect::<Result<_>>()?;
        let tensors = variables
            .iter()
            .map(|(name, variable)| (name.clone(), variable.as_tensor().clone()))
            .collect();
        let model = model_of(tensors, &config)?;
        let mut context = LossContext::training(Generator::new(seed), 0.0);
        let loss = model.loss(&many, &labels(images)?, &mut context)?;
        let store = loss.objective.mean_all()?.backward()?;
        let names = [
            "mean.bias",
            "log_variance.bias",
            "decoder.3.latents.0.mean.bias",
        ];
        let mut found = Vec::new();
        for name in names {
            let gradient = store.get(&variables[name]).unwrap();
            found.extend(gradient.flatten_all()?.to_vec1::<f64>()?);
        }
        Ok(found)
    };
    let repetitions = 8;
    let statistics = |gradient| -> Result<Vec<(f64, f64)>> {
        let runs = (0..repetitions).map(|seed| gradients(gradient, seed));
        let runs = runs.collect::<Result<Vec<_>>>()?;
        let of_parameter = |index: usize| {
            let values: Vec<f64> = runs.iter().map(|run| run[index]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values
                .iter()
                .map(|value| (value - mean).powi(2))
                .sum::<f64>();
            (mean, squares / (values.len() - 1) as f64)
        };
        Ok((0..runs[0].len()).map(of_parameter).collect())
    };
    let total = statistics(GradientEstimator::Total)?;
    let path = statistics(GradientEstimator::Path)?;
    for ((total, of_total), (path, of_path)) in total.into_iter().zip(path) {
        let runs = usize::try_from(repetitions).unwrap_or(usize::MAX);
        // Half more, for variances estimated from eight runs.
        let bound = 1.5 * monte_carlo((of_total + of_path).sqrt(), runs);
        assert!((total - path).abs() < bound, "{total} {path} ± {bound}");
        assert!(total.abs() > bound, "{bound} is too large to tell");
    }
    Ok(())
}

#[test]
fn invalid_configurations_name_the_field() {
    let refusal = |change: &dyn Fn(&mut LadderVaeConfig)| {
        let mut config = ladder();
        change(&mut config);
        match config.check(IMAGE, 0) {
            Err(Error::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal(&|config| config.networks.blocks = 16), "blocks");
    assert_eq!(
        refusal(&|config| config.latent_channels = 0),
        "latent_channels"
    );
    assert_eq!(
        refusal(&|config| config.latent_channels = 1 << 28),
        "latent_channels"
    );
    for free_bits in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refusal(&|config| config.free_bits = free_bits), "free_bits");
    }
    let weighted = |config: &mut LadderVaeConfig| {
        config.objective.bound = Bound::ImportanceWeighted;
    };
    let refused = refusal(&|config| {
        weighted(config);
        config.free_bits = 0.5;
    });
    assert_eq!(refused, "free_bits");
    let refused = refusal(&|config| {
        weighted(config);
        config.objective.gradient = GradientEstimator::Path;
    });
    assert_eq!(refused, "objective.gradient");
}
