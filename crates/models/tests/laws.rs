//! What every model and every walk through a latent space promises.

use std::f64::consts::TAU;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use latent_distributions::{Distribution, Generator, Normal, Reparametrised, StandardNormal};
use latent_models::latent_space::{
    FittedNormal, Grid, Path, PrincipalComponents, legibility, nearest, nearest_labels, neighbours,
    representatives,
};
use latent_models::{
    Activation, Beginning, Bound, Classifier, ClassifierConfig, Condition, Conditional,
    ConvolutionalConfig, Error, Flow, FlowConfig, Halves, Labels, LatentModel, ModelConfig,
    Normalisation, Objective, Parameters, Preprocessing, Prior, Step, Trainable, Transform, Vae,
    VaeConfig, Variables,
};

type Result<T = ()> = std::result::Result<T, Error>;

const CPU: &Device = &Device::Cpu;

/// The size of the images, and how many pixels that is.
const IMAGE: (usize, usize) = (2, 4);
const PIXELS: usize = 8;

/// One of each model, small, by name, and VAEs trained by each bound.
fn models() -> Vec<(String, ModelConfig)> {
    let vae = |hidden: &[usize], activation, latent_size| VaeConfig {
        hidden: hidden.to_vec(),
        activation,
        latent_size,
        objective: Objective::default(),
    };
    let by = |bound, samples, beta| {
        ModelConfig::Vae(VaeConfig {
            objective: Objective {
                bound,
                samples,
                beta,
                ..Objective::default()
            },
            ..vae(&[8], Activation::Tanh, 2)
        })
    };
    let convolutional = ConvolutionalConfig {
        channels: vec![3],
        features: 6,
        ..ConvolutionalConfig::default()
    };
    vec![
        ("vae", ModelConfig::Vae(vae(&[8], Activation::Relu, 2))),
        (
            "deep vae",
            ModelConfig::Vae(vae(&[7, 5], Activation::Tanh, 3)),
        ),
        (
            "linear vae",
            ModelConfig::Vae(vae(&[], Activation::Identity, 1)),
        ),
        ("vae by 3 draws", by(Bound::Elbo, 3, 0.5)),
        (
            "vae by a sampled divergence",
            by(Bound::SampledElbo, 1, 1.0),
        ),
        ("iwae", by(Bound::ImportanceWeighted, 3, 1.0)),
        ("weighted iwae", by(Bound::ImportanceWeighted, 3, 0.5)),
        (
            "conditional vae",
            ModelConfig::ConditionalVae(vae(&[7, 5], Activation::Tanh, 3)),
        ),
        (
            "conditional linear vae",
            ModelConfig::ConditionalVae(vae(&[], Activation::Identity, 1)),
        ),
        (
            "convolutional vae",
            ModelConfig::ConvolutionalVae(convolutional.clone()),
        ),
        (
            "conditional convolutional vae",
            ModelConfig::ConditionalConvolutionalVae(convolutional),
        ),
    ]
    .into_iter()
    .map(|(name, config)| (name.to_owned(), config))
    .chain(flows().into_iter().flat_map(|(name, config)| {
        let told = format!("conditional {name}");
        [
            (name.to_owned(), ModelConfig::Flow(config.clone())),
            (told, ModelConfig::ConditionalFlow(config)),
        ]
    }))
    .collect()
}

fn images(count: usize) -> Result<Tensor> {
    Ok(Generator::new(3).uniform((count, PIXELS), DType::F32, CPU)?)
}

fn labels(count: usize) -> Result<Tensor> {
    let labels: Vec<u32> = (0..count).map(|i| (i % 10) as u32).collect();
    Ok(Tensor::new(labels, CPU)?)
}

fn step(seed: u64) -> Step {
    Step::measuring(Generator::new(seed))
}

fn vec1(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}

#[test]
fn every_parameter_receives_a_gradient() -> Result {
    for (name, config) in models() {
        let parameters = Parameters::seeded(1, CPU);
        let model = config.build(IMAGE, &parameters.builder())?;
        let loss = model.loss(&images(4)?, &labels(4)?, &mut step(2))?;
        let gradients = loss.objective.mean_all()?.backward()?;
        assert!(!parameters.variables().is_empty());
        for (parameter, variable) in parameters.variables() {
            let gradient = gradients
                .get(&variable)
                .unwrap_or_else(|| panic!("{name}: {parameter} receives none"));
            let size = gradient.abs()?.sum_all()?.to_scalar::<f32>()?;
            assert!(
                size > 0.0 && size.is_finite(),
                "{name}: the gradient of {parameter} is {size}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_gradient_of_every_objective_is_that_of_finite_differences() -> Result {
    // Models are built from any VarBuilder: here from 64-bit variables that finite differences need.
    for (name, config) in models() {
        // Not where an activation has a corner, which a difference may step over.
        if name == "vae" || name.contains("convolutional") {
            continue;
        }
        let map = candle_nn::VarMap::new();
        let model = config.build(IMAGE, &VarBuilder::from_varmap(&map, DType::F64, CPU))?;
        let images = images(3)?.to_dtype(DType::F64)?;
        let labels = labels(3)?;
        let variables = map.all_vars();
        let objective = || {
            model
                .loss(&images, &labels, &mut step(5))
                .map(|loss| loss.objective)
                .map_err(|error| candle_core::Error::Msg(error.to_string()))
        };
        let error =
            latent_kernels::gradient_error(objective, &variables.iter().collect::<Vec<&Var>>())?;
        assert!(error < 1e-7, "{name}: {error}");
    }
    Ok(())
}

#[test]
fn a_gpu_gives_what_the_cpu_gives() -> Result {
    let found = [Device::cuda_if_available, Device::metal_if_available]
        .into_iter()
        .filter_map(|device| device(0).ok())
        .find(|device| !device.is_cpu());
    let Some(gpu) = found else {
        eprintln!("not tested: this build or this machine has no GPU");
        return Ok(());
    };
    let close = |what: &str, there: &Tensor, here: &Tensor| -> Result {
        assert!(!there.device().is_cpu(), "{what} is on the CPU");
        let (there, here) = (vec1(&there.to_device(CPU)?)?, vec1(here)?);
        assert_eq!(there.len(), here.len(), "{what}");
        for (a, b) in there.iter().zip(&here) {
            assert!(
                (a - b).abs() < 1e-4 * (1.0 + b.abs()),
                "{what}: {a} is not {b}"
            );
        }
        Ok(())
    };
    for (name, config) in models() {
        let on = |device: &Device| -> Result<_> {
            let parameters = Parameters::seeded(1, device);
            let model = config.build(IMAGE, &parameters.builder())?;
            let images = images(4)?.to_device(device)?;
            let told = labels(4)?.to_device(device)?;
            let loss = model.loss(&images, &told, &mut step(2))?.objective;
            let gradients = latent_kernels::backward(&loss.mean_all()?)?;
            let told = Labels::new(&[3, 1], DType::F32, device)?;
            let latents = model.encode(&images.narrow(0, 0, 2)?, &told)?;
            let drawn = model.decode(&latents, &told)?;
            Ok((loss, gradients, parameters.variables(), latents, drawn))
        };
        let (here, there) = (on(CPU)?, on(&gpu)?);
        close(&format!("{name}: the loss"), &there.0, &here.0)?;
        for ((parameter, on_gpu), (_, on_cpu)) in there.2.iter().zip(&here.2) {
            let what = format!("{name}: the gradient of {parameter}");
            let (Some(on_gpu), Some(on_cpu)) = (there.1.get(on_gpu), here.1.get(on_cpu)) else {
                panic!("{what} is missing");
            };
            close(&what, on_gpu, on_cpu)?;
        }
        close(&format!("{name}: the latents"), &there.3, &here.3)?;
        close(&format!("{name}: the image"), &there.4, &here.4)?;
    }
    Ok(())
}

#[test]
fn losses_are_one_number_an_image_and_a_batch_is_its_images() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, &Parameters::seeded(1, CPU).builder())?;
        let images = images(5)?;
        let numbers = [0, 1, 2, 3, 4];
        let told = Labels::new(&numbers, DType::F32, CPU)?;
        let latents = model.encode(&images, &told)?;
        assert_eq!(latents.dims(), [5, model.latent_size()], "{name}");
        let decoded = model.decode(&latents, &told)?;
        assert_eq!(decoded.dims(), [5, PIXELS]);
        assert!(vec1(&decoded)?.iter().all(|p| (0.0..=1.0).contains(p)));
        let pixels = model.decode_sample(&latents, &told, &mut Generator::new(1))?;
        let is_exact = matches!(
            config,
            ModelConfig::Flow(_) | ModelConfig::ConditionalFlow(_)
        );
        if is_exact {
            assert_eq!(vec1(&pixels)?, vec1(&decoded)?);
        } else {
            assert!(vec1(&pixels)?.iter().all(|&p| p == 0.0 || p == 1.0));
        }
        for i in 0..5 {
            let one = images.narrow(0, i, 1)?;
            let told = Labels::new(&numbers[i..=i], DType::F32, CPU)?;
            let alone = vec1(&model.decode(&model.encode(&one, &told)?, &told)?)?;
            let together = vec1(&decoded.get(i)?)?;
            assert!(
                alone
                    .iter()
                    .zip(&together)
                    .all(|(a, b)| (a - b).abs() < 1e-6),
                "{name}"
            );
        }
        let loss = model.loss(&images, &labels(5)?, &mut step(2))?;
        assert_eq!(loss.objective.dims(), [5]);
        assert!(loss.parts.iter().all(|(_, part)| part.dims() == [5]));
    }
    Ok(())
}

#[test]
fn the_elbo_is_its_parts_and_lies_below_the_exact_log_likelihood() -> Result {
    let config = VaeConfig {
        hidden: vec![8],
        activation: Activation::Tanh,
        latent_size: 1,
        objective: Objective::default(),
    };
    let vae = Vae::new(PIXELS, &config, &Parameters::seeded(4, CPU).builder())?;
    let image = images(1)?.ge(0.5)?.to_dtype(DType::F32)?;

    // log p(x) = log ∫ p(x|z) p(z) dz by the midpoint rule over ±9.
    let cells = 20_000;
    let width = 18.0 / f64::from(cells);
    let z: Vec<f32> = (0..cells)
        .map(|i| ((f64::from(i) + 0.5) * width - 9.0) as f32)
        .collect();
    let latents = Tensor::new(z.as_slice(), CPU)?.unsqueeze(1)?;
    let likelihoods = vec1(&vae.likelihood(&latents, &())?.log_prob(&image)?)?;
    let integral: f64 = z
        .iter()
        .zip(likelihoods)
        .map(|(&z, l)| (f64::from(l) - 0.5 * f64::from(z * z)).exp() / TAU.sqrt() * width)
        .sum();
    let exact = integral.ln();

    let copies = image.broadcast_as((4000, PIXELS))?.contiguous()?;
    let loss = vae.loss(&copies, &labels(4000)?, &mut step(2))?;
    let mean =
        |tensor: &Tensor| -> Result<f64> { Ok(f64::from(tensor.mean_all()?.to_scalar::<f32>()?)) };
    let part = |name| mean(&loss.parts.iter().find(|(part, _)| *part == name).unwrap().1);
    let elbo = part("elbo")?;
    assert!((elbo + part("reconstruction")? + part("kl")?).abs() < 1e-4);
    assert!((elbo + mean(&loss.objective)?).abs() < 1e-6);
    // The gap is KL(q(z|x) ‖ p(z|x)): positive, and here of an untrained posterior.
    assert!(
        elbo < exact && exact - elbo < 1.0,
        "{elbo} is no lower bound of {exact}"
    );

    // And the gap is exactly that divergence: importance weighting with many draws closes it.
    let posterior = vae.posterior(&image, &())?;
    let draws = posterior
        .sample(&[4000], &mut Generator::new(7))?
        .squeeze(1)?;
    let joint = (vae.likelihood(&draws, &())?.log_prob(&image)?
        + StandardNormal::new(1, DType::F32, CPU).log_prob(&draws)?)?;
    let weights = vec1(&(joint - posterior.log_prob(&draws)?)?)?;
    let estimate = (weights.iter().map(|&w| f64::from(w).exp()).sum::<f64>() / 4000.0).ln();
    assert!((estimate - exact).abs() < 0.01, "{estimate} is not {exact}");
    Ok(())
}

/// The bounds of a linear-Gaussian VAE at one image: x = a z + c + s ε with z and ε standard normal, and
/// a posterior that is not the true one. Returns the mean and the standard error of minus the loss.
fn linear_gaussian_bound(bound: Bound, samples: usize) -> Result<(f64, f64)> {
    const REPEATS: usize = 20_000;
    let row = |values: [f64; 2]| -> Result<Tensor> {
        Ok(Tensor::new(&values, CPU)?
            .broadcast_as((REPEATS, 2))?
            .contiguous()?)
    };
    let x = row(X)?;
    let posterior = Normal::new(
        Tensor::full(M, (REPEATS, 1), CPU)?,
        Tensor::full(-0.5, (REPEATS, 1), CPU)?,
    )?;
    let latents = posterior.rsample(&[samples], &mut Generator::new(11))?;
    let loc = latents
        .broadcast_mul(&Tensor::new(&A, CPU)?)?
        .broadcast_add(&Tensor::new(&C, CPU)?)?;
    let log_scale = Tensor::full(S.ln(), loc.shape(), CPU)?;
    let likelihood = Normal::new(loc, log_scale)?.log_prob(&x)?;
    let objective = Objective {
        bound,
        samples,
        ..Objective::default()
    };
    let prior = StandardNormal::new(1, DType::F64, CPU);
    let loss = objective.loss(&likelihood, &latents, &posterior, &prior, f64::INFINITY)?;
    let values: Vec<f64> = loss.objective.neg()?.to_vec1()?;
    let mean = values.iter().sum::<f64>() / REPEATS as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / REPEATS as f64;
    Ok((mean, (variance / REPEATS as f64).sqrt()))
}

/// The posterior's mean; the true one's is about 1.
const M: f64 = 0.3;
const A: [f64; 2] = [0.8, -0.5];
const C: [f64; 2] = [0.1, 0.2];
const S: f64 = 0.7;
const X: [f64; 2] = [1.3, -0.6];

#[test]
fn bounds_of_a_linear_gaussian_model_lie_below_its_marginal_and_meet_it_with_many_draws() -> Result
{
    // p(x) = N(c, a aᵀ + s² I): by the matrix determinant lemma and Sherman and Morrison's formula.
    let d = [X[0] - C[0], X[1] - C[1]];
    let squares = |v: [f64; 2]| v[0] * v[0] + v[1] * v[1];
    let along = A[0] * d[0] + A[1] * d[1];
    let s2 = S * S;
    let distance = (squares(d) - along * along / (s2 + squares(A))) / s2;
    let determinant = s2 * (s2 + squares(A));
    let exact = -0.5 * (distance + determinant.ln()) - TAU.ln();

    // The ELBO in closed form: everything in it is a moment of q.
    let (m, v) = (M, (-1f64).exp());
    let reconstruction = -TAU.ln()
        - 2.0 * S.ln()
        - 0.5 / s2 * ((d[0] - A[0] * m).powi(2) + (d[1] - A[1] * m).powi(2) + squares(A) * v);
    let elbo = reconstruction - 0.5 * (m * m + v - 1.0 - v.ln());
    assert!(elbo < exact - 0.02, "{elbo} {exact}");
    for bound in [Bound::Elbo, Bound::SampledElbo] {
        for samples in [1, 10] {
            let (mean, error) = linear_gaussian_bound(bound, samples)?;
            assert!(
                (mean - elbo).abs() < 4.0 * error,
                "{bound:?}: {mean} is not {elbo}"
            );
        }
    }
    // One draw is the ELBO; each further one brings the bound nearer to log p(x).
    let (mut last, error) = linear_gaussian_bound(Bound::ImportanceWeighted, 1)?;
    assert!((last - elbo).abs() < 4.0 * error, "{last} is not {elbo}");
    for samples in [3, 10, 100] {
        let (mean, error) = linear_gaussian_bound(Bound::ImportanceWeighted, samples)?;
        assert!(
            mean > last && mean < exact + 4.0 * error,
            "{samples}: {mean} of {exact}"
        );
        last = mean;
    }
    assert!((last - exact).abs() < 0.02, "{last} is not {exact}");
    Ok(())
}

#[test]
fn training_begins_with_as_many_draws_as_it_is_told_and_ends_with_its_own() -> Result {
    let by = |samples, beginning| -> Result<Vae> {
        let config = VaeConfig {
            hidden: vec![8],
            objective: Objective {
                bound: Bound::ImportanceWeighted,
                samples,
                beginning,
                ..Objective::default()
            },
            ..VaeConfig::default()
        };
        let parameters = Parameters::seeded(4, CPU);
        Vae::new(PIXELS, &config, &parameters.builder())
    };
    let loss = |model: &Vae, epochs| -> Result<Vec<f32>> {
        let mut step = Step::training(Generator::new(2), epochs);
        vec1(&model.loss(&images(3)?, &labels(3)?, &mut step)?.objective)
    };
    let (few, many) = (by(2, None)?, by(6, None)?);
    let beginning = Beginning {
        samples: 2,
        epochs: 1.0,
    };
    let changing = by(6, Some(beginning))?;
    assert_ne!(loss(&few, 0.5)?, loss(&many, 0.5)?);
    assert_eq!(loss(&changing, 0.5)?, loss(&few, 0.5)?);
    assert_eq!(loss(&changing, 1.0)?, loss(&many, 1.0)?);
    let measured = |model: &Vae| {
        vec1(
            &model
                .loss(&images(3)?, &labels(3)?, &mut step(2))?
                .objective,
        )
    };
    assert_eq!(measured(&changing)?, measured(&many)?);
    Ok(())
}

#[test]
fn the_log_likelihood_by_many_draws_is_the_integral_and_its_pieces_do_not_show() -> Result {
    let config = VaeConfig {
        hidden: vec![8],
        activation: Activation::Tanh,
        latent_size: 1,
        objective: Objective::default(),
    };
    let vae = Vae::new(PIXELS, &config, &Parameters::seeded(4, CPU).builder())?;
    let images = images(3)?.ge(0.5)?.to_dtype(DType::F32)?;
    let z: Vec<f32> = (0..2000).map(|i| (i as f32 - 999.5) * 0.01).collect();
    let latents = Tensor::new(z, CPU)?
        .reshape((2000, 1, 1))?
        .broadcast_as((2000, 3, 1))?;
    let prior = StandardNormal::new(1, DType::F32, CPU);
    let joint = (vae.likelihood(&latents, &())?.log_prob(&images)? + prior.log_prob(&latents)?)?;
    let exact = vec1(&(joint.exp()?.sum(0)? * 0.01)?.log()?)?;
    // More draws than are decoded at once.
    let estimate = vae.log_likelihood(&images, &(), 30_000, &mut Generator::new(1))?;
    for (estimate, exact) in vec1(&estimate)?.iter().zip(&exact) {
        assert!((estimate - exact).abs() < 0.01, "{estimate} is not {exact}");
    }
    let none = vae.log_likelihood(&images, &(), 0, &mut Generator::new(1));
    assert!(none.unwrap_err().to_string().contains("0 draws"));
    Ok(())
}

#[test]
fn conditional_models_draw_what_they_are_told_and_others_say_that_they_cannot() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, &Parameters::seeded(1, CPU).builder())?;
        let images = images(2)?;
        if !config.is_conditional() {
            let error = model.conditional().err().unwrap().to_string();
            assert!(error.contains("not conditional"), "{error}");
            continue;
        }
        let model = model.conditional()?;
        let told = |digits: &[u8]| Labels::new(digits, DType::F32, CPU);
        // The label changes both what is encoded and what is decoded.
        let latents = model.encode(&images, &told(&[3, 3])?)?;
        assert_ne!(
            vec1(&latents)?,
            vec1(&model.encode(&images, &told(&[4, 4])?)?)?,
            "{name}"
        );
        let three = vec1(&model.decode(&latents, &told(&[3, 3])?)?)?;
        assert_ne!(
            three,
            vec1(&model.decode(&latents, &told(&[4, 4])?)?)?,
            "{name}"
        );

        let drawn = model.generate(&[7, 0, 7], &mut Generator::new(1))?;
        assert_eq!(drawn.dims(), [3, PIXELS]);
        let latents = model.sample_prior(3, &mut Generator::new(1))?;
        assert_eq!(
            vec1(&drawn)?,
            vec1(&model.decode(&latents, &told(&[7, 0, 7])?)?)?
        );
        assert!(model.generate(&[10], &mut Generator::new(1)).is_err());

        let styled = model.restyle(&images, &told(&[3, 3])?)?;
        assert_eq!(styled.dims(), [2, 10, PIXELS]);
        let own = vec1(&styled.get_on_dim(1, 3)?)?;
        assert!(
            own.iter().zip(&three).all(|(a, b)| (a - b).abs() < 1e-6),
            "{name}"
        );

        // Bayes' rule: probabilities, in proportion to the likelihoods.
        let classes = model.class_log_probabilities(&images, 4, &mut Generator::new(2))?;
        assert_eq!(classes.dims(), [2, 10]);
        let sums = vec1(&classes.exp()?.sum(1)?)?;
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
        let likelihood = |digit| -> Result<Vec<f32>> {
            let told = told(&[digit, digit])?;
            vec1(&model.log_likelihood(&images, &told, 4, &mut Generator::new(2))?)
        };
        let (one, two) = (likelihood(1)?, likelihood(2)?);
        let classes: Vec<Vec<f32>> = classes.to_vec2()?;
        for i in 0..2 {
            let ratio = classes[i][1] - classes[i][2];
            assert!((ratio - (one[i] - two[i])).abs() < 1e-4, "{name}");
        }
    }
    assert!(Labels::from_labels(&Tensor::new(&[10u32], CPU)?, DType::F32).is_err());
    Ok(())
}

#[test]
fn labels_go_over_into_each_other() -> Result {
    let way = Labels::between([2, 5], 3, DType::F32, CPU)?;
    let rows: Vec<Vec<f32>> = way.one_hot().to_vec2()?;
    assert_eq!(
        [rows[0][2], rows[0][5], rows[1][2], rows[1][5]],
        [1.0, 0.0, 0.5, 0.5]
    );
    assert_eq!([rows[2][2], rows[2][5]], [0.0, 1.0]);
    assert!(rows.iter().all(|row| row.iter().sum::<f32>() == 1.0));
    Ok(())
}

#[test]
fn initial_values_depend_on_the_seed_and_the_name_alone() -> Result {
    let values = |seed| -> Result<Vec<(String, Vec<f32>)>> {
        let parameters = Parameters::seeded(seed, CPU);
        models()[1].1.build(IMAGE, &parameters.builder())?;
        parameters
            .variables()
            .iter()
            .map(|(name, v)| Ok((name.clone(), vec1(v)?)))
            .collect()
    };
    assert_eq!(values(1)?, values(1)?);
    assert_ne!(values(1)?, values(2)?);
    // The decoder alone has the values that it has within the model.
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
fn names_and_layouts_are_pytorch_s() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    models()[1].1.build(IMAGE, &parameters.builder())?;
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
fn a_detached_model_follows_its_variables_and_records_no_graph() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    let config = &models()[0].1;
    let model = config.build(IMAGE, &parameters.builder())?;
    let detached = config.build(IMAGE, &parameters.detached_builder())?;
    let image = images(1)?;
    let told = Labels::new(&[3], DType::F32, CPU)?;
    assert!(model.encode(&image, &told)?.track_op());
    assert!(!detached.encode(&image, &told)?.track_op());
    for (_, variable) in parameters.variables() {
        variable.set(&(variable.as_detached_tensor() * 0.5)?)?;
    }
    assert_eq!(
        vec1(&model.encode(&image, &told)?)?,
        vec1(&detached.encode(&image, &told)?)?
    );
    Ok(())
}

#[test]
fn impossible_shapes_are_refused_by_the_name_of_the_field() {
    for (hidden, latent_size, field) in [
        (vec![8], 0, "latent_size"),
        (vec![8, 0], 2, "hidden"),
        (vec![1; 101], 2, "hidden"),
        (vec![8, 1 << 60], 2, "hidden"),
        (vec![8], usize::MAX, "latent_size"),
    ] {
        let config = ModelConfig::Vae(VaeConfig {
            hidden,
            latent_size,
            ..VaeConfig::default()
        });
        let error = config
            .build(IMAGE, &Parameters::seeded(1, CPU).builder())
            .err()
            .unwrap();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn a_classifier_learns_and_counts_what_it_gets_right() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    let config = ClassifierConfig {
        hidden: vec![5],
        classes: 3,
    };
    let classifier = Classifier::new(PIXELS, &config, &parameters.builder())?;
    let images = images(4)?;
    let classes = classifier.classify(&images)?;
    let loss = classifier.loss(&images, &classes, &mut step(0))?;
    assert_eq!(vec1(&loss.parts[1].1)?, [1.0; 4]);
    assert!(
        vec1(&loss.objective)?
            .iter()
            .all(|&nats| nats > 0.0 && nats < 3f32.ln())
    );
    let gradients = loss.objective.mean_all()?.backward()?;
    assert!(
        parameters
            .variables()
            .iter()
            .all(|(_, variable)| gradients.get(variable).is_some())
    );
    Ok(())
}

#[test]
fn a_linear_path_goes_straight_from_end_to_end() -> Result {
    let (a, b) = (
        Tensor::new(&[0f32, 4.0], CPU)?,
        Tensor::new(&[1f32, 0.0], CPU)?,
    );
    let path = Path::Linear.between(&a, &b, 5)?.to_vec2::<f32>()?;
    assert_eq!(
        path,
        [[0.0, 4.0], [0.25, 3.0], [0.5, 2.0], [0.75, 1.0], [1.0, 0.0]]
    );
    assert!(Path::Linear.between(&a, &b, 1).is_err());
    Ok(())
}

#[test]
fn every_path_goes_from_end_to_end_and_those_on_circles_keep_the_length() -> Result {
    let (a, b) = (
        Tensor::new(&[2f32, 0.0, 0.0], CPU)?,
        Tensor::new(&[0f32, 2.0, 0.0], CPU)?,
    );
    for path in [Path::Linear, Path::Sinusoidal, Path::Spherical] {
        let way: Vec<Vec<f32>> = path.between(&a, &b, 11)?.to_vec2()?;
        for (end, expected) in [(&way[0], &a), (&way[10], &b)] {
            let expected: Vec<f32> = expected.to_vec1()?;
            assert!(
                end.iter().zip(&expected).all(|(x, y)| (x - y).abs() < 1e-6),
                "{path:?}"
            );
        }
        let mut lengths = way
            .iter()
            .map(|z| z.iter().map(|x| x * x).sum::<f32>().sqrt());
        let round = lengths.all(|length| (length - 2.0).abs() < 1e-5);
        assert_eq!(round, path != Path::Linear, "{path:?}");
    }
    // Not perpendicular: the great circle still keeps the length, at equal angles.
    let b = Tensor::new(&[1.2f32, 1.6, 0.0], CPU)?;
    let way: Vec<Vec<f32>> = Path::Spherical.between(&a, &b, 3)?.to_vec2()?;
    assert!((way[1][0] - 2.0 * 0.8f32.sqrt()).abs() < 1e-5, "{way:?}");
    // Ends in one direction name no circle, and the way between them is straight.
    let way: Vec<Vec<f32>> = Path::Spherical.between(&a, &(&a * 3.0)?, 3)?.to_vec2()?;
    assert_eq!(way[1], [4.0, 0.0, 0.0]);
    // Nor do opposite ones, whatever rounding makes of their angle.
    for (a, b) in [(-2.787f32, 0.0023f32), (0.1, -0.7), (3.3, -1e-3)] {
        let (a, b) = (Tensor::new(&[a], CPU)?, Tensor::new(&[b], CPU)?);
        let way = vec1(&Path::Spherical.between(&a, &b, 5)?)?;
        assert!(way.iter().all(|z| z.abs() < 4.0), "{way:?}");
    }
    Ok(())
}

#[test]
fn neighbours_lie_as_far_away_as_told() -> Result {
    let latent = Tensor::new(&[1f32, -2.0, 0.5], CPU)?;
    let around = neighbours(&latent, &[0.0, 0.5, 2.0], 4, &mut Generator::new(1))?;
    assert_eq!(around.dims(), [12, 3]);
    let steps: Vec<Vec<f32>> = around.broadcast_sub(&latent)?.to_vec2()?;
    for direction in steps.chunks(3) {
        for (step, radius) in direction.iter().zip([0.0, 0.5, 2.0]) {
            let length = step.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((length - radius).abs() < 1e-5);
        }
        // The same direction, farther out.
        assert!((direction[2][0] - 4.0 * direction[1][0]).abs() < 1e-5);
    }
    Ok(())
}

#[test]
fn the_divergence_of_each_dimension_adds_up_to_that_of_all() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, &Parameters::seeded(1, CPU).builder())?;
        let (images, labels) = (images(4)?, labels(4)?);
        let condition = Labels::from_labels(&labels, DType::F32)?;
        let Some(kl) = model.kl_by_dimension(&images, &condition)? else {
            assert!(config.is_exact(), "{name}");
            continue;
        };
        assert_eq!(kl.dims(), [4, model.latent_size()], "{name}");
        let loss = model.loss(&images, &labels, &mut step(2))?;
        let (_, whole) = &loss.parts[2];
        // Only in closed form are both the same number, and not one an estimate of the other.
        if name.contains("sampled") || name.contains("iwae") {
            continue;
        }
        for (sum, whole) in vec1(&kl.sum(1)?)?.iter().zip(vec1(whole)?) {
            assert!(
                (sum - whole).abs() < 1e-5 * (1.0 + whole),
                "{name}: {sum} {whole}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_fitted_normal_has_the_moments_of_its_latents_and_diverges_by_the_formula() -> Result {
    // Mean (1, −2), deviations 2 and 1/2, correlation 0.6.
    let noise = Generator::new(1).standard_normal((20_000, 2), DType::F32, CPU)?;
    let turn = Tensor::new(&[[2f32, 0.3], [0.0, 0.4]], CPU)?;
    let latents = noise
        .matmul(&turn)?
        .broadcast_add(&Tensor::new(&[1f32, -2.0], CPU)?)?;
    let fitted = FittedNormal::of(&latents)?;
    let close = |found: f64, expected: f64| (found - expected).abs() < 0.03;
    assert!(close(fitted.mean[0], 1.0) && close(fitted.mean[1], -2.0));
    let deviations = fitted.standard_deviations();
    assert!(close(deviations[0], 2.0) && close(deviations[1], 0.5));
    assert!(close(fitted.largest_correlation(), 0.6));
    // ½ (tr S + |m|² − d − ln det S)
    let expected = 0.5 * (4.25 + 5.0 - 2.0 - (4.0 * 0.25 * (1.0 - 0.36f64)).ln());
    assert!(close(fitted.kl_from_standard_normal() / expected, 1.0));

    let standard = FittedNormal::of(&noise)?;
    assert!(standard.kl_from_standard_normal() < 1e-3);
    let same = FittedNormal::of(&Tensor::ones((3, 2), DType::F32, CPU)?)?;
    assert_eq!(same.largest_correlation(), 0.0);
    assert_eq!(same.kl_from_standard_normal(), f64::INFINITY);
    assert!(FittedNormal::of(&Tensor::ones((1, 2), DType::F32, CPU)?).is_err());
    Ok(())
}

#[test]
fn principal_components_are_the_directions_of_most_variance() -> Result {
    // Variances 9, 4 and 0.01 along three perpendicular directions that are no axes.
    let noise = Generator::new(1).standard_normal((5000, 3), DType::F32, CPU)?;
    let scaled = noise.broadcast_mul(&Tensor::new(&[3f32, 2.0, 0.1], CPU)?)?;
    let r = std::f32::consts::FRAC_1_SQRT_2;
    let turn = Tensor::new(&[[r, r, 0.0], [0.0, 0.0, 1.0], [r, -r, 0.0]], CPU)?;
    let latents = (scaled.matmul(&turn)? + 5.0)?;
    let components = PrincipalComponents::of(&latents, 2)?;
    let expected = [9.0 / 13.01, 4.0 / 13.01];
    for (share, expected) in components.explained.iter().zip(expected) {
        assert!(
            (share - expected).abs() < 0.02,
            "{:?}",
            components.explained
        );
    }
    let found: Vec<Vec<f32>> = components.project(&latents)?.to_vec2()?;
    let truth: Vec<Vec<f32>> = scaled.to_vec2()?;
    for (found, truth) in found.iter().zip(truth) {
        assert!((found[0] - truth[0]).abs() < 0.2 && (found[1] - truth[1]).abs() < 0.2);
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
fn the_nearest_latents_tell_the_label() -> Result {
    let latents = Tensor::new(
        &[[0f32, 0.0], [0.1, 0.0], [5.0, 5.0], [5.1, 5.0], [5.0, 5.2]],
        CPU,
    )?;
    let labels = [3, 3, 8, 8, 1];
    let queries = Tensor::new(&[[0.2f32, 0.1], [5.0, 4.9]], CPU)?;
    assert_eq!(nearest_labels(&queries, &latents, &labels, 3)?, [3, 8]);
    assert_eq!(nearest_labels(&queries, &latents, &labels, 1)?, [3, 8]);
    // Of labels that are as frequent, the smallest.
    assert_eq!(
        nearest_labels(&queries, &latents, &[9, 4, 8, 8, 1], 2)?,
        [4, 8]
    );
    let near = nearest(&queries, &latents, 2)?;
    assert_eq!(
        near[0].iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        [1, 0]
    );
    assert!((near[0][1].1 - 0.05f32.sqrt()).abs() < 1e-5);
    assert_eq!(
        nearest(&queries, &latents, 9)?[1].len(),
        5,
        "there are no more"
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
    assert!((quantiles[0] - -1.150_349_380_376_008).abs() < 1e-9);
    assert!((quantiles[0] + quantiles[3]).abs() < 1e-9 && quantiles[1] < quantiles[2]);

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
fn representatives_read_well_and_are_apart() -> Result {
    // Two classes of a hundred on a line, of which the left three quarters read badly; class 1 is
    // empty.
    let points: Vec<f32> = (0..200).map(|i| i as f32).collect();
    let labels: Vec<u8> = (0..200).map(|i| if i < 100 { 0 } else { 2 }).collect();
    let scores: Vec<f32> = (0..200)
        .map(|i| if i % 100 < 75 { 0.5 } else { 0.6 })
        .collect();
    let latents = Tensor::from_vec(points, (200, 1), CPU)?;
    let found = representatives(&latents, &labels, &scores, 3, 3)?;
    // Kept are 75..100: their middle, then their two ends.
    assert_eq!(found[0], [87, 99, 75]);
    assert_eq!(found[1], [0usize; 0]);
    assert_eq!(found[2], [187, 199, 175]);

    // A class with few members gives them all, once, even where they coincide.
    let same = Tensor::zeros((4, 2), DType::F32, CPU)?;
    let mut all = representatives(&same, &[0; 4], &[0.0; 4], 1, 9)?.concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
    assert!(representatives(&same, &[0; 3], &[0.0; 4], 1, 1).is_err());
    assert!(representatives(&same, &[0; 4], &[0.0; 3], 1, 1).is_err());
    Ok(())
}

#[test]
fn legibility_is_the_share_of_neighbours_with_the_label() -> Result {
    // Twenty images with ink on the left, label 1, and twenty with ink on the right, label 2.
    let noise = Generator::new(1)
        .uniform((40, PIXELS), DType::F32, CPU)?
        .affine(0.1, 0.0)?;
    // Strong ink on the left, faint on the right: only by the angle are they equals.
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
        legibility(&decoded, &[1, 2, 1], &images, &image_labels)?,
        [1.0, 1.0, 0.0]
    );
    assert!(legibility(&decoded, &[1, 2], &images, &image_labels).is_err());
    assert!(legibility(&decoded, &[1, 2, 1], &images.narrow(0, 0, 0)?, &[]).is_err());
    Ok(())
}

#[test]
fn the_heads_are_mean_and_log_variance() -> Result {
    let config = VaeConfig {
        hidden: vec![],
        activation: Activation::Identity,
        latent_size: 2,
        objective: Objective::default(),
    };
    let parameters = Parameters::seeded(1, CPU);
    let vae = Vae::new(PIXELS, &config, &parameters.builder())?;
    for (name, variable) in parameters.variables() {
        let value = match name.as_str() {
            "mean.bias" => 3.0,
            "log_variance.bias" => 4f32.ln(),
            _ => 0.0,
        };
        variable.set(&Tensor::full(value, variable.shape(), CPU)?)?;
    }
    let posterior = vae.posterior(&images(1)?, &())?;
    assert_eq!(vec1(posterior.loc())?, [3.0, 3.0]);
    // A variance of 4 is a standard deviation of 2.
    assert!(
        vec1(&posterior.scale()?)?
            .iter()
            .all(|scale| (scale - 2.0).abs() < 1e-6)
    );
    Ok(())
}

#[test]
fn linear_layers_begin_as_pytorch_s_do() -> Result {
    let parameters = Parameters::seeded(1, CPU);
    latent_models::Linear::new(100, 3000, Activation::Identity, &parameters.builder())?;
    for (name, variable) in parameters.variables() {
        let values = vec1(&variable)?;
        let largest = values
            .iter()
            .fold(0f32, |largest, value| largest.max(value.abs()));
        let variance = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        // Uniform in ±1/√100: nearly reached, and of variance 0.1² / 3.
        assert!(largest <= 0.1 && largest > 0.099, "{name}: {largest}");
        assert!((variance * 300.0 - 1.0).abs() < 0.05, "{name}: {variance}");
    }
    Ok(())
}

#[test]
fn every_kind_of_initial_value_has_its_mean_and_deviation() -> Result {
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
        assert!(
            (found - mean).abs() < 0.03 && (spread - deviation).abs() < 0.02,
            "{init:?}: {found} ± {spread}"
        );
    }
    Ok(())
}

#[test]
fn shapes_are_found_without_their_memory() -> Result {
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

/// A small convolutional shape.
fn convolutional() -> ConvolutionalConfig {
    ConvolutionalConfig {
        channels: vec![3, 4],
        features: 6,
        ..ConvolutionalConfig::default()
    }
}

#[test]
fn convolutional_and_conditional_models_train_and_keep_the_size_of_the_image() -> Result {
    let config = convolutional();
    // Odd sizes may halve to even ones.
    for image in [(7, 11), (28, 28), (1, 1)] {
        let pixels = image.0 * image.1;
        let images = Generator::new(3).uniform((4, pixels), DType::F32, CPU)?;
        let labels = Tensor::new(&[0u32, 9, 4, 4], CPU)?;
        let check = |model: &dyn Trainable, parameters: &Parameters| -> Result {
            let loss = model.loss(&images, &labels, &mut step(2))?;
            assert_eq!(loss.objective.dims(), [4]);
            let gradients = loss.objective.mean_all()?.backward()?;
            for (name, variable) in parameters.variables() {
                let gradient = gradients.get(&variable);
                let gradient = gradient.unwrap_or_else(|| panic!("{name} receives none"));
                assert!(
                    gradient.sqr()?.sum_all()?.to_scalar::<f32>()? > 0.0,
                    "{name}"
                );
            }
            Ok(())
        };
        let parameters = Parameters::seeded(1, CPU);
        let vae = Vae::convolutional(image, &config, &parameters.builder())?;
        check(&vae, &parameters)?;
        assert_eq!(
            vae.decode(&vae.encode(&images, &())?, &())?.dims(),
            [4, pixels]
        );

        let parameters = Parameters::seeded(1, CPU);
        let conditional = Vae::conditional_convolutional(image, &config, &parameters.builder())?;
        check(&conditional, &parameters)?;
    }
    Ok(())
}

/// By candle's own layers, which keep channels apart as PyTorch's do.
#[test]
fn a_convolutional_model_is_one_of_pytorch_s_layers_with_its_variables_in_their_order() -> Result {
    let image = (8, 12);
    let config = ModelConfig::ConditionalConvolutionalVae(convolutional());
    let parameters = Parameters::seeded(1, CPU);
    let model = config.build(image, &parameters.builder())?;
    let detached = |(name, variable): (String, Var)| (name, variable.as_detached_tensor());
    let own: Variables = parameters.variables().into_iter().map(detached).collect();
    let v = config.in_pytorch_order(image, own.clone())?;
    let bias = |layer: &str| v[&format!("{layer}.bias")].reshape((1, (), 1, 1));
    let linear = |layer: &str, input: &Tensor| {
        let product = input.matmul(&v[&format!("{layer}.weight")].t()?)?;
        product.broadcast_add(&v[&format!("{layer}.bias")])
    };

    let images = Generator::new(3).uniform((5, 8 * 12), DType::F32, CPU)?;
    let labels = Labels::new(&[3, 1, 4, 1, 5], DType::F32, CPU)?;
    let convolved = |input: &Tensor, layer: &str| {
        let output = input.conv2d(&v[&format!("{layer}.weight")], 1, 2, 1, 1)?;
        output.broadcast_add(&bias(layer)?)
    };
    let hidden = convolved(&images.reshape((5, 1, 8, 12))?, "encoder.0")?;
    let told = linear("encoder.0.labels", labels.one_hot())?.reshape(hidden.dims())?;
    let hidden = convolved(&(hidden + told)?.relu()?, "encoder.2")?.relu()?;
    let features = linear("encoder.5", &hidden.flatten_from(1)?)?.relu()?;
    let latents = linear("mean", &features)?;

    let first = linear("decoder.0", &latents)?;
    let first = (first + linear("decoder.0.labels", labels.one_hot())?)?.relu()?;
    let grown = |input: &Tensor, layer: &str| {
        let weight = &v[&format!("{layer}.weight")];
        let output = input.conv_transpose2d(weight, 1, 1, 2, 1)?;
        output.broadcast_add(&bias(layer)?)
    };
    let hidden = grown(&first.reshape((5, 4, 2, 3))?, "decoder.3")?.relu()?;
    let logits = grown(&hidden, "decoder.5")?.flatten_from(1)?;

    let encoded = model.encode(&images, &labels)?;
    let decoded = model.decode(&encoded, &labels)?;
    for (found, expected) in [
        (encoded, latents),
        (decoded, candle_nn::ops::sigmoid(&logits)?),
    ] {
        for (found, expected) in vec1(&found)?.iter().zip(vec1(&expected)?) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
    for (name, variable) in config.in_own_order(image, v.clone())? {
        assert_eq!(vec1(&variable)?, vec1(&own[&name])?, "{name}");
    }
    Ok(())
}

#[test]
fn impossible_convolutional_shapes_are_refused_by_the_name_of_the_field() {
    let refusal = |config: ConvolutionalConfig| match config.check((7, 11)) {
        Err(Error::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let good = convolutional();
    good.check((7, 11)).unwrap();
    let error = good.check((4, 7)).unwrap_err();
    assert!(error.to_string().contains("image"), "{error}");
    let channels = vec![1; 17];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    // The decoder's first layer, and those of labels, count too.
    assert_eq!(
        refusal(ConvolutionalConfig {
            latent_size: 100_000_000,
            ..good.clone()
        }),
        "latent_size"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels: vec![10_000_000, 1],
            ..good.clone()
        }),
        "channels"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            features: usize::MAX,
            ..good.clone()
        }),
        "features"
    );
    let channels = vec![];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    let channels = vec![3, 0];
    assert_eq!(
        refusal(ConvolutionalConfig {
            channels,
            ..good.clone()
        }),
        "channels"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            features: 0,
            ..good.clone()
        }),
        "features"
    );
    assert_eq!(
        refusal(ConvolutionalConfig {
            latent_size: 0,
            ..good
        }),
        "latent_size"
    );
}

/// Small flows of every kind.
fn flows() -> Vec<(&'static str, FlowConfig)> {
    let small = |config: FlowConfig| FlowConfig {
        couplings: 3,
        hidden: vec![7],
        // Without corners, which finite differences may step over.
        activation: Activation::Tanh,
        ..config
    };
    let real_nvp = FlowConfig {
        preprocessing: Preprocessing::Logit { lambda: 1e-3 },
        ..small(FlowConfig::real_nvp(3))
    };
    vec![
        ("nice", small(FlowConfig::nice())),
        ("real-nvp", real_nvp.clone()),
        (
            "mixture",
            FlowConfig {
                transform: Transform::Mixture { components: 3 },
                normalisation: Normalisation::ActNorm,
                prior: Prior::Logistic,
                ..real_nvp
            },
        ),
    ]
}

/// A small flow in 64 bits, its variables made large enough that it is far from the identity.
fn large<C>(
    build: impl Fn(&VarBuilder) -> std::result::Result<Flow<C>, Error>,
) -> Result<(Flow<C>, Vec<Var>)> {
    let parameters = Parameters::seeded(1, CPU);
    build(&parameters.builder())?;
    let mut variables = Vec::new();
    let mut tensors = std::collections::HashMap::new();
    for (index, (name, variable)) in parameters.variables().into_iter().enumerate() {
        let shape = variable.shape();
        let moved = Generator::new(index as u64).standard_normal(shape, DType::F64, CPU)?;
        let value = (variable.as_detached_tensor().to_dtype(DType::F64)? + (moved * 0.4)?)?;
        let variable = Var::from_tensor(&value)?;
        tensors.insert(name, variable.as_tensor().clone());
        variables.push(variable);
    }
    let builder = VarBuilder::from_tensors(tensors, DType::F64, CPU);
    Ok((build(&builder)?, variables))
}

#[test]
fn a_flow_is_undone_by_its_inverse_and_log_determinants_cancel() -> Result {
    for (name, config) in flows() {
        for (pixels, halves) in [
            (2, Halves::Alternating),
            (5, Halves::Alternating),
            (8, Halves::Blocks),
            (9, Halves::Checkerboard),
        ] {
            let config = FlowConfig {
                halves,
                ..config.clone()
            };
            let (flow, _) = large(|builder| Flow::new(pixels, &config, builder))?;
            let latents = Generator::new(5).standard_normal((4, pixels), DType::F64, CPU)?;
            let (values, there) = flow.forward(&latents, &())?;
            let (back, and_back) = flow.inverse(&values, &())?;
            let far = (back - &latents)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(far < 1e-9, "{name}: {far}");
            let rest = (there + and_back)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(rest < 1e-9, "{name}: {rest}");
        }
    }
    Ok(())
}

#[test]
fn a_flow_s_density_integrates_to_one_and_its_variables_learn() -> Result {
    for (name, config) in flows() {
        let (flow, variables) = large(|builder| Flow::new(2, &config, builder))?;
        let mut generator = Generator::new(3);
        let latents = flow.sample_prior(10_000, &mut generator)?;
        let draws = flow.forward(&latents, &())?.0;
        let (low, high) = (
            draws.min(0)?.to_vec1::<f64>()?,
            draws.max(0)?.to_vec1::<f64>()?,
        );
        let steps = 1000;
        // The middles of cells that reach beyond all draws, and their width.
        let side = |axis: usize| -> (Vec<f64>, f64) {
            let reach = high[axis] - low[axis];
            let width = 1.6 * reach / f64::from(steps);
            let first = low[axis] - 0.3 * reach;
            let middles = (0..steps).map(|i| first + (f64::from(i) + 0.5) * width);
            (middles.collect(), width)
        };
        let ((first, width), (second, height)) = (side(0), side(1));
        let points: Vec<f64> = second
            .iter()
            .flat_map(|&y| first.iter().flat_map(move |&x| [x, y]))
            .collect();
        let points = Tensor::from_vec(points, ((steps * steps) as usize, 2), CPU)?;
        let total = flow.log_prob(&points, &())?.exp()?.sum_all()?;
        let total = total.to_scalar::<f64>()? * width * height;
        assert!((total - 1.0).abs() < 4e-3, "{name}: {total}");

        let few = draws.narrow(0, 0, 3)?;
        let gradients = flow.log_prob(&few, &())?.mean_all()?.backward()?;
        let missing = variables
            .iter()
            .position(|variable| gradients.get(variable).is_none());
        assert_eq!(missing, None, "{name}");
    }
    Ok(())
}

#[test]
fn a_conditional_flow_s_density_is_another_for_another_label() -> Result {
    for (name, config) in flows() {
        let (flow, _) = large(|builder| Flow::conditional(6, &config, builder))?;
        let values = Generator::new(5).standard_normal((4, 6), DType::F64, CPU)?;
        let given = |label| -> Result<Tensor> {
            let labels = Labels::all(label, 4, DType::F64, CPU)?;
            flow.log_prob(&values, &labels)
        };
        let apart = (given(3)? - given(4)?)?
            .abs()?
            .min_all()?
            .to_scalar::<f64>()?;
        // Additive couplings move latents, whose scales and prior then make the difference.
        assert!(apart > 1e-6, "{name}: {apart}");
    }
    Ok(())
}

#[test]
fn a_flow_gives_images_back_and_scores_a_batch_as_its_images() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
        // Levels of 256, black and white among them.
        let images = ((images(4)? * 255.0)?.round()? / 255.0)?;
        let images = Tensor::cat(&[&images, &images.zeros_like()?, &images.ones_like()?], 0)?;
        let back = flow.decode(&flow.encode(&images, &())?, &())?;
        let far = (back - &images)?.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(far < 1e-3, "{name}: {far}");

        let data = flow.forward(&flow.encode(&images, &())?, &())?.0;
        let together = vec1(&flow.log_prob(&data, &())?)?;
        for (index, together) in together.iter().enumerate() {
            let alone = vec1(&flow.log_prob(&data.narrow(0, index, 1)?, &())?)?[0];
            let close = (alone - together).abs() <= 1e-4 * (1.0 + together.abs());
            assert!(close, "{name}: {alone} {together}");
        }
    }
    Ok(())
}

#[test]
fn a_uniform_density_has_eight_bits_a_pixel() -> Result {
    // A flow of no effect with a logistic base on logits is a uniform density of pixels.
    let config = FlowConfig {
        couplings: 1,
        hidden: vec![3],
        prior: Prior::Logistic,
        preprocessing: Preprocessing::Logit { lambda: 0.0 },
        ..FlowConfig::real_nvp(1)
    };
    let parameters = Parameters::seeded(1, CPU);
    let build = |builder: &VarBuilder| Flow::new(PIXELS, &config, builder);
    build(&parameters.builder())?;
    for (_, variable) in parameters.variables() {
        variable.set(&variable.zeros_like()?)?;
    }
    let flow = build(&parameters.builder())?;
    let loss = flow.loss(&images(50)?, &labels(50)?, &mut step(1))?;
    let (name, bits) = &loss.parts[1];
    assert_eq!(*name, "bits_per_dimension");
    for bits in vec1(bits)? {
        assert!((bits - 8.0).abs() < 1e-4, "{bits}");
    }
    // And so has a density of 1 over the unit interval itself.
    let config = FlowConfig {
        preprocessing: Preprocessing::Unit,
        ..config
    };
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    let loss = flow.loss(&images(5)?, &labels(5)?, &mut step(1))?;
    let parts: Vec<Vec<f32>> = loss
        .parts
        .iter()
        .map(|(_, part)| vec1(part))
        .collect::<Result<_>>()?;
    for (nats, bits) in parts[0].iter().zip(&parts[1]) {
        let expected = 8.0 - nats / (PIXELS as f32 * std::f32::consts::LN_2);
        assert!((bits - expected).abs() < 1e-4, "{bits} {expected}");
    }
    Ok(())
}

#[test]
fn an_act_norm_begins_with_what_arrives_there() -> Result {
    let (_, config) = flows().remove(1);
    let config = FlowConfig {
        normalisation: Normalisation::ActNorm,
        ..config
    };
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    let images = images(300)?;
    flow.begin(&images, &labels(300)?, &mut Generator::new(1))?;
    let latents = flow.encode_sample(&images, &(), &mut Generator::new(1))?;
    // The last coupling begins as almost the identity.
    let mean = latents.mean(0)?.abs()?.max_all()?.to_scalar::<f32>()?;
    let square = (latents.sqr()?.mean(0)? - 1.0)?
        .abs()?
        .max_all()?
        .to_scalar::<f32>()?;
    assert!(mean < 0.2 && square < 0.4, "{mean} {square}");
    Ok(())
}

#[test]
fn mixtures_begin_with_components_that_are_apart() -> Result {
    let (_, config) = flows().remove(2);
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    // Of two colours.
    let (images, labels) = (images(300)?.round()?, labels(300)?);
    let loss = || -> Result<f32> {
        let loss = flow.loss(&images, &labels, &mut step(1))?;
        Ok(loss.objective.mean_all()?.to_scalar()?)
    };
    flow.begin(&images, &labels, &mut Generator::new(1))?;
    let begun = loss()?;
    let biases = parameters.variables();
    let biases = biases
        .iter()
        .filter(|(name, _)| name.ends_with("mixture.2.bias"));
    let mut couplings = 0;
    for (_, bias) in biases {
        let blocks = vec1(&bias.reshape((11, ()))?.mean(1)?)?;
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, -1.5, 0.0, 1.5];
        assert_eq!(blocks[..8], expected);
        bias.set(&bias.zeros_like()?)?;
        couplings += 1;
    }
    assert_eq!(couplings, 3);
    // What begins so is nearer to them than what begins as the identity.
    let alike = loss()?;
    assert!(begun < alike, "{begun} {alike}");
    Ok(())
}

#[test]
fn a_flow_s_log_likelihood_of_images_is_its_bits_in_nats_and_grows_with_the_draws() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
        let images = images(200)?;
        let loss = flow.loss(&images, &labels(200)?, &mut step(6))?;
        let bits = vec1(&loss.parts[1].1)?;
        let estimate = |samples| -> Result<Vec<f32>> {
            vec1(&flow.log_likelihood(&images, &(), samples, &mut Generator::new(6))?)
        };
        let one = estimate(1)?;
        for (one, bits) in one.iter().zip(bits) {
            let nats = -bits * std::f32::consts::LN_2 * PIXELS as f32;
            assert!((one - nats).abs() < 2e-3, "{name}: {one} {nats}");
        }
        // The mean is taken of densities, not of their logarithms.
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        // (To a flow that begins as a uniform density, noise is all the same.)
        let gain = mean(&estimate(50)?) - mean(&one);
        let least = if name == "real-nvp" { 1e-3 } else { -1e-3 };
        assert!(gain > least, "{name}: {gain}");
        assert!(
            flow.log_likelihood(&images, &(), 0, &mut Generator::new(6))
                .is_err()
        );
    }
    Ok(())
}

#[test]
fn flows_that_cannot_be_are_refused_by_the_field_s_name() {
    let refusal = |config: FlowConfig| match config.check(PIXELS) {
        Err(Error::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let good = FlowConfig::default();
    assert_eq!(
        refusal(FlowConfig {
            couplings: 0,
            ..good.clone()
        }),
        "couplings"
    );
    assert_eq!(
        refusal(FlowConfig {
            hidden: vec![0],
            ..good.clone()
        }),
        "hidden"
    );
    assert_eq!(
        refusal(FlowConfig {
            couplings: 1 << 20,
            ..good.clone()
        }),
        "couplings"
    );
    assert_eq!(
        refusal(FlowConfig {
            hidden: vec![1 << 20; 2],
            ..good.clone()
        }),
        "hidden"
    );
    let halves = Halves::Checkerboard;
    assert_eq!(
        match (FlowConfig {
            halves,
            ..good.clone()
        })
        .check(6)
        {
            Err(Error::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        },
        "halves"
    );
    for components in [0, 33] {
        let transform = Transform::Mixture { components };
        assert_eq!(
            refusal(FlowConfig {
                transform,
                ..good.clone()
            }),
            "transform.components"
        );
    }
    for lambda in [-1e-3, 0.5, f64::NAN] {
        let preprocessing = Preprocessing::Logit { lambda };
        assert_eq!(
            refusal(FlowConfig {
                preprocessing,
                ..good.clone()
            }),
            "preprocessing.lambda"
        );
    }
    let parameters = Parameters::seeded(1, CPU);
    assert!(Flow::new(1, &good, &parameters.builder()).is_err());
}
