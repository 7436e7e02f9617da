//! Priors of VAEs.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::sync::Arc;

use candle_core::{DType, Tensor, Var};
use candle_nn::VarBuilder;
use latent_distributions::{Distribution, Generator, Normal, StandardNormal};
use latent_models::{
    Activation, Bound, Error, FlowPrior, GradientEstimator, Labels, LatentModel, LossContext,
    Objective, Parameters, PixelLikelihood, Prior, Trainable, Vae, VaeConfig,
};
use latent_tolerance::{DOUBLE, monte_carlo, rounding, scaled};

use crate::{CPU, PIXELS, Result, images, labels, step};

fn config(bound: Bound) -> VaeConfig {
    VaeConfig {
        hidden: vec![8],
        activation: Activation::Tanh,
        latent_size: 2,
        objective: Objective {
            bound,
            ..Objective::default()
        },
        prior: Prior::Flow(FlowPrior {
            couplings: 4,
            hidden: vec![6],
            activation: Activation::Silu,
        }),
        ..VaeConfig::default()
    }
}

/// 64-bit variables of a VAE with [`config`], whose flow prior is far from the identity.
fn variables() -> Result<HashMap<String, Tensor>> {
    let parameters = Parameters::seeded(4, CPU);
    Vae::new(PIXELS, &config(Bound::Elbo), &parameters.builder())?;
    let mut generator = Generator::new(3);
    let mut variables = HashMap::new();
    for (name, variable) in parameters.variables() {
        let value = if name.starts_with("prior") {
            // The initial outputs of the networks are close to 0.
            (generator.standard_normal(variable.shape(), DType::F64, CPU)? * 0.4)?
        } else {
            variable.as_detached_tensor().to_dtype(DType::F64)?
        };
        variables.insert(name, value);
    }
    Ok(variables)
}

fn vae_of(variables: HashMap<String, Tensor>, config: &VaeConfig) -> Result<Vae> {
    let builder = VarBuilder::from_tensors(variables, DType::F64, CPU);
    Vae::new(PIXELS, config, &builder)
}

/// The midpoints of the cells of a square grid over [−reach, reach]², `[cells, 2]`, and the area of a cell.
fn grid(reach: f64, steps: usize) -> Result<(Tensor, f64)> {
    let width = 2.0 * reach / steps as f64;
    let middle = move |i: usize| -reach + (i as f64 + 0.5) * width;
    let cells = (0..steps).flat_map(|i| (0..steps).flat_map(move |j| [middle(i), middle(j)]));
    let cells = Tensor::from_vec(cells.collect::<Vec<f64>>(), (steps * steps, 2), CPU)?;
    Ok((cells, width * width))
}

/// Thousands of draws of z from the prior.
fn draws_from_prior(vae: &Vae) -> Result<Tensor> {
    let base = vae.sample_prior(5000, &mut Generator::new(1))?;
    vae.prior().forward(&base, &())
}

/// A grid 1.5 times as large as the range of thousands of draws from the prior.
fn grid_of_prior(vae: &Vae, steps: usize) -> Result<(Tensor, f64)> {
    let draws = draws_from_prior(vae)?;
    grid(1.5 * draws.abs()?.max_all()?.to_scalar::<f64>()?, steps)
}

#[test]
fn the_density_of_a_flow_prior_integrates_to_one() -> Result {
    let vae = vae_of(variables()?, &config(Bound::Elbo))?;
    let draws = draws_from_prior(&vae)?;
    // It differs from the standard normal distribution.
    let normal = StandardNormal::new(2, DType::F64, CPU).log_prob(&draws)?;
    let kl = (vae.prior().log_prob(&draws, &())? - normal)?.mean_all()?;
    assert!(kl.to_scalar::<f64>()? > 0.1, "{kl}");

    let (cells, area) = grid_of_prior(&vae, 1000)?;
    let total = vae.prior().log_prob(&cells, &())?.exp()?.sum_all()?;
    let total = total.to_scalar::<f64>()? * area;
    // Outside of the grid, less than one of thousands of draws is expected.
    assert!((total - 1.0).abs() < 1e-3, "{total}");
    Ok(())
}

#[test]
fn the_log_likelihood_under_a_flow_prior_is_the_integral_over_latents() -> Result {
    let mut variables = variables()?;
    let config = config(Bound::Elbo);
    let vae = vae_of(variables.clone(), &config)?;
    let image = images(1)?.to_dtype(DType::F64)?.round()?;
    let (cells, area) = grid_of_prior(&vae, 500)?;
    let images = image.broadcast_as((cells.dim(0)?, PIXELS))?.contiguous()?;
    let likelihood = vae.likelihood(&cells, &())?.log_prob(&images)?;
    let joint_under =
        |log_prior: Tensor| -> Result<Tensor> { Ok((&likelihood + log_prior)?.exp()?) };
    let log_integral =
        |joint: &Tensor| -> Result<f64> { Ok((joint.sum_all()?.to_scalar::<f64>()? * area).ln()) };
    let joint = joint_under(vae.prior().log_prob(&cells, &())?)?;
    let exact = log_integral(&joint)?;

    // An approximate posterior with the mean and twice the variance of the true one, so that the importance weights have a
    // finite variance.
    let share = joint.broadcast_div(&joint.sum_all()?)?.unsqueeze(1)?;
    let mean = cells.broadcast_mul(&share)?.sum(0)?;
    let squares = cells.broadcast_sub(&mean)?.sqr()?;
    let variance = squares.broadcast_mul(&share)?.sum(0)?;
    for (head, bias) in [("mean", mean), ("log_variance", (variance * 2.0)?.log()?)] {
        let weight = format!("{head}.weight");
        let zeros = variables[&weight].zeros_like()?;
        variables.extend([(weight, zeros), (format!("{head}.bias"), bias)]);
    }
    let vae = vae_of(variables, &config)?;

    // The standard error of the logarithm of a mean is the relative standard error of the mean.
    let draws = scaled(200_000, 20_000);
    let posterior = vae.posterior(&image, &())?;
    let latents = posterior.sample(&[draws], &mut Generator::new(2))?;
    let weights = (vae.likelihood(&latents, &())?.log_prob(&image)?
        + vae.prior().log_prob(&latents, &())?
        - posterior.log_prob(&latents)?)?;
    let weights = weights.exp()?.flatten_all()?;
    let mean = weights.mean_all()?.to_scalar::<f64>()?;
    let variance = (weights.affine(1.0, -mean)?.sqr()?.mean_all()?).to_scalar::<f64>()?;
    // The probability outside of the grid.
    let bound = monte_carlo(variance.sqrt() / mean, draws) + 1e-3;
    let estimate = vae.log_likelihood(&image, &(), draws, &mut Generator::new(2))?;
    let estimate = estimate.to_vec1::<f64>()?[0];
    assert!(
        (estimate - exact).abs() < bound,
        "{estimate} is not {exact}"
    );
    // The integral under the standard normal prior differs.
    let standard_normal = StandardNormal::new(2, DType::F64, CPU).log_prob(&cells)?;
    let other = log_integral(&joint_under(standard_normal)?)?;
    assert!(
        (other - exact).abs() > 2.0 * bound,
        "{other} {exact}: {bound} is too large to tell"
    );
    Ok(())
}

/// The negative bound of some images, `[n]`.
fn objective(vae: &Vae) -> Result<Vec<f64>> {
    let images = images(4)?.to_dtype(DType::F64)?;
    let loss = vae.loss(&images, &labels(4)?, &mut step(1))?;
    Ok(loss.objective.to_vec1()?)
}

/// A normal likelihood with the decoder's output as its mean and this standard deviation.
#[derive(Debug)]
struct Gaussian(f64);

impl PixelLikelihood for Gaussian {
    fn given(&self, output: &Tensor) -> Result<Arc<dyn Distribution>> {
        let log_scale = (output.zeros_like()? + self.0.ln())?;
        Ok(Arc::new(Normal::new(output.clone(), log_scale)?))
    }

    fn location(&self, output: &Tensor) -> Result<Tensor> {
        Ok(output.clone())
    }
}

/// x = a z + c + s ε with z = e^l u + t in each of two dimensions, and the exact posterior as encoder.
struct LinearGaussian {
    variables: HashMap<String, Var>,
    /// The mean and the variance of p(x).
    mean: [f64; 2],
    variance: [f64; 2],
}

fn linear_gaussian() -> Result<LinearGaussian> {
    const A: [f64; 2] = [0.8, -1.3];
    const C: [f64; 2] = [0.2, -0.4];
    const T: [f64; 2] = [0.3, 1.1];
    /// The output of the coupling networks, of which 2 tanh(·/2) is l.
    const RAW: [f64; 2] = [0.7, -0.5];
    let both = |f: &dyn Fn(usize) -> f64| [f(0), f(1)];
    let diagonal = |[a, b]: [f64; 2]| Tensor::new(&[[a, 0.0], [0.0, b]], CPU);
    let vector = |values: [f64; 2]| Tensor::new(&values, CPU);
    let of_prior = both(&|i| (4.0 * (RAW[i] / 2.0).tanh()).exp());
    let of_noise = NOISE * NOISE;
    let precision = both(&|i| 1.0 / of_prior[i] + A[i] * A[i] / of_noise);
    let variables = [
        ("decoder.0.weight", diagonal(A)?),
        ("decoder.0.bias", vector(C)?),
        (
            "mean.weight",
            diagonal(both(&|i| A[i] / of_noise / precision[i]))?,
        ),
        (
            "mean.bias",
            vector(both(&|i| {
                (T[i] / of_prior[i] - A[i] * C[i] / of_noise) / precision[i]
            }))?,
        ),
        ("log_variance.weight", diagonal([0.0, 0.0])?),
        ("log_variance.bias", vector(both(&|i| -precision[i].ln()))?),
    ];
    let named = |(name, value): (&str, Tensor)| (name.to_owned(), value);
    let mut variables = variables.map(named).to_vec();
    // The first coupling transforms the second dimension.
    for (name, dimension) in [("prior.0.0", 1), ("prior.1.0", 0)] {
        let zeros = Tensor::zeros((2, 1), DType::F64, CPU)?;
        let constant = vector([RAW[dimension], T[dimension]])?;
        let [weight, bias] = ["weight", "bias"].map(|end| format!("{name}.{end}"));
        variables.extend([(weight, zeros), (bias, constant)]);
    }
    let variables = variables.into_iter();
    let variables = variables.map(|(name, value)| Ok((name, Var::from_tensor(&value)?)));
    Ok(LinearGaussian {
        variables: variables.collect::<Result<_>>()?,
        mean: both(&|i| A[i] * T[i] + C[i]),
        variance: both(&|i| A[i] * A[i] * of_prior[i] + of_noise),
    })
}

/// The standard deviation of the pixels in [`linear_gaussian`].
const NOISE: f64 = 0.6;

fn linear_gaussian_vae(
    variables: &HashMap<String, Var>,
    bound: Bound,
    gradient: GradientEstimator,
) -> Result<Vae> {
    let mut config = config(bound);
    config.hidden.clear();
    config.objective.gradient = gradient;
    config.objective.samples = if bound == Bound::ImportanceWeighted {
        3
    } else {
        1
    };
    config.prior = Prior::Flow(FlowPrior {
        couplings: 2,
        hidden: Vec::new(),
        ..FlowPrior::default()
    });
    let tensors = variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.as_tensor().clone()));
    let builder = VarBuilder::from_tensors(tensors.collect(), DType::F64, CPU);
    Ok(Vae::new(2, &config, &builder)?.with_pixel_likelihood(Gaussian(NOISE)))
}

#[test]
fn the_bound_under_an_affine_flow_prior_and_the_exact_posterior_is_the_log_likelihood() -> Result {
    let LinearGaussian {
        variables,
        mean,
        variance,
    } = linear_gaussian()?;
    let pixels = [[0.3, -1.0], [-2.0, 0.5], [1.5, 2.5]];
    let images = Tensor::new(&pixels, CPU)?;
    for bound in [Bound::MonteCarloElbo, Bound::ImportanceWeighted] {
        let vae = linear_gaussian_vae(&variables, bound, GradientEstimator::Total)?;
        let loss = vae.loss(&images, &labels(3)?, &mut step(1))?;
        for (x, loss) in pixels.iter().zip(loss.objective.to_vec1::<f64>()?) {
            let log_density = |i: usize| {
                let square = (x[i] - mean[i]).powi(2) / variance[i];
                -0.5 * (square + (TAU * variance[i]).ln())
            };
            let exact = log_density(0) + log_density(1);
            assert!(
                (loss + exact).abs() <= rounding(DOUBLE, 100, 10.0),
                "{bound:?}: {loss} is not {}",
                -exact
            );
        }
    }
    Ok(())
}

/// Roeder et al. 2017, section 3: where q(z|x) is the posterior, each draw has a path gradient of 0.
#[test]
fn the_path_gradient_is_zero_at_the_exact_posterior() -> Result {
    let variables = linear_gaussian()?.variables;
    let images = Tensor::new(&[[0.3, -1.0], [-2.0, 0.5]], CPU)?;
    for bound in [Bound::MonteCarloElbo, Bound::ImportanceWeighted] {
        let largest = |gradient| -> Result<f64> {
            let vae = linear_gaussian_vae(&variables, bound, gradient)?;
            let mut context = LossContext::training(Generator::new(2), 0.0);
            let loss = vae.loss(&images, &labels(2)?, &mut context)?;
            let store = loss.objective.sum_all()?.backward()?;
            let mut largest = 0.0f64;
            for name in ["mean.weight", "mean.bias", "log_variance.bias"] {
                let gradient = store.get(&variables[name]);
                if let Some(gradient) = gradient {
                    largest = largest.max(gradient.abs()?.max_all()?.to_scalar()?);
                }
            }
            Ok(largest)
        };
        let path = largest(GradientEstimator::Path)?;
        assert!(path <= rounding(DOUBLE, 100, 10.0), "{bound:?}: {path}");
        let total = largest(GradientEstimator::Total)?;
        assert!(total > 0.01, "{bound:?}: {total}");
    }
    Ok(())
}

#[test]
fn an_identity_flow_prior_gives_the_bound_of_the_standard_normal_prior() -> Result {
    let mut variables = variables()?;
    for (name, value) in &mut variables {
        // The last layer of each coupling network.
        if name.starts_with("prior") && name.contains(".2.") {
            *value = value.zeros_like()?;
        }
    }
    for bound in [Bound::MonteCarloElbo, Bound::ImportanceWeighted] {
        let with_flow = config(bound);
        let plain = VaeConfig {
            prior: Prior::StandardNormal,
            ..with_flow.clone()
        };
        let with_flow = objective(&vae_of(variables.clone(), &with_flow)?)?;
        let plain = objective(&vae_of(variables.clone(), &plain)?)?;
        for (found, expected) in with_flow.into_iter().zip(plain) {
            assert!(
                (found - expected).abs() <= rounding(DOUBLE, 100, expected),
                "{bound:?}"
            );
        }
    }
    Ok(())
}

/// The entropy of q(z|x) is in closed form under the ELBO and estimated under the sampled bound: their expectations are the
/// same.
#[test]
fn the_kl_from_a_flow_prior_has_the_expectation_of_its_estimate() -> Result {
    let draws = scaled(20_000, 2000);
    let image = images(1)?.to_dtype(DType::F64)?;
    let kl = |bound| -> Result<(f64, f64)> {
        let mut config = config(bound);
        config.objective.samples = 1;
        let vae = vae_of(variables()?, &config)?;
        let many = image.broadcast_as((draws, PIXELS))?.contiguous()?;
        let loss = vae.loss(&many, &labels(draws)?, &mut step(5))?;
        let (_, kl) = loss.parts.iter().find(|(name, _)| *name == "kl").unwrap();
        let mean = kl.mean_all()?.to_scalar::<f64>()?;
        let variance = kl.affine(1.0, -mean)?.sqr()?.mean_all()?;
        Ok((mean, variance.to_scalar()?))
    };
    let (by_entropy, variance) = kl(Bound::Elbo)?;
    let (sampled, sampled_variance) = kl(Bound::MonteCarloElbo)?;
    let bound = monte_carlo((variance + sampled_variance).sqrt(), draws);
    assert!(
        (by_entropy - sampled).abs() < bound,
        "{by_entropy} {sampled} ± {bound}"
    );
    let vae = vae_of(variables()?, &config(Bound::Elbo))?;
    assert!(vae.kl_by_dimension(&image, &())?.is_none());
    Ok(())
}

/// The latents of a model are u of z = f(u): encoding a mean and decoding it goes through f and back.
#[test]
fn the_latents_of_a_model_are_those_of_the_flow_s_base() -> Result {
    let vae = vae_of(variables()?, &config(Bound::Elbo))?;
    let images = images(5)?.to_dtype(DType::F64)?;
    let means = vae.posterior(&images, &())?.loc().clone();
    let encoded = vae.encode(&images, &())?;
    let apart = |a: &Tensor, b: &Tensor| -> Result<f64> {
        Ok((a - b)?.abs()?.max_all()?.to_scalar::<f64>()?)
    };
    assert!(apart(&encoded, &means)? > 0.01, "the flow is the identity");
    let back = vae.prior().forward(&encoded, &())?;
    assert!(apart(&back, &means)? <= rounding(DOUBLE, 100, 10.0));
    let decoded = vae.decode(&encoded, &())?;
    let expected = vae.likelihood(&means, &())?.location()?;
    assert!(apart(&decoded, &expected)? <= rounding(DOUBLE, 100, 10.0));
    Ok(())
}

#[test]
fn the_flow_prior_of_a_conditional_model_is_a_density_for_each_label() -> Result {
    const CLASSES: usize = 3;
    let parameters = Parameters::seeded(4, CPU);
    Vae::conditional(PIXELS, CLASSES, &config(Bound::Elbo), &parameters.builder())?;
    let mut generator = Generator::new(3);
    let mut variables = HashMap::new();
    for (name, variable) in parameters.variables() {
        let value = generator.standard_normal(variable.shape(), DType::F64, CPU)?;
        variables.insert(name, (value * 0.4)?);
    }
    let builder = VarBuilder::from_tensors(variables, DType::F64, CPU);
    let vae = Vae::conditional(PIXELS, CLASSES, &config(Bound::Elbo), &builder)?;
    let base = vae.sample_prior(5000, &mut generator)?;
    let mut range = 0.0f64;
    for label in 0..CLASSES as u8 {
        let labels = Labels::all(label, 5000, CLASSES, DType::F64, CPU)?;
        let draws = vae.prior().forward(&base, &labels)?;
        range = range.max(draws.abs()?.max_all()?.to_scalar()?);
    }
    let (cells, area) = grid(1.5 * range, 1000)?;
    let mut densities = Vec::new();
    for label in 0..CLASSES as u8 {
        let labels = Labels::all(label, cells.dim(0)?, CLASSES, DType::F64, CPU)?;
        let density = vae.prior().log_prob(&cells, &labels)?.exp()?;
        let total = density.sum_all()?.to_scalar::<f64>()? * area;
        // Outside of the grid, less than one of thousands of draws is expected.
        assert!((total - 1.0).abs() < 1e-3, "{label}: {total}");
        densities.push((density * area)?);
    }
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        let distance = (&densities[one] - &densities[other])?.abs()?.sum_all()?;
        assert!(distance.to_scalar::<f64>()? > 0.01, "{one} and {other}");
    }
    // Draws of several latents an image have the density of each.
    let labels = Labels::new(&[2, 0, 1], CLASSES, DType::F64, CPU)?;
    let draws = generator.standard_normal((4, 3, 2), DType::F64, CPU)?;
    let together = vae.prior().log_prob(&draws, &labels)?;
    assert_eq!(together.dims(), [4, 3]);
    for draw in 0..4 {
        let alone = vae.prior().log_prob(&draws.get(draw)?, &labels)?;
        let apart = (together.get(draw)? - alone)?.abs()?.max_all()?;
        assert!(apart.to_scalar::<f64>()? <= rounding(DOUBLE, 100, 10.0));
    }
    Ok(())
}

#[test]
fn errors_for_invalid_priors_name_the_field() {
    let refusal = |latent_size, couplings, hidden: &[usize]| {
        let config = VaeConfig {
            latent_size,
            prior: Prior::Flow(FlowPrior {
                couplings,
                hidden: hidden.to_vec(),
                ..FlowPrior::default()
            }),
            ..VaeConfig::default()
        };
        match config.check(PIXELS) {
            Err(Error::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal(1, 2, &[4]), "latent_size");
    assert_eq!(refusal(2, 0, &[4]), "prior.couplings");
    assert_eq!(refusal(2, 2, &[0]), "prior.hidden");
    assert_eq!(refusal(2, 2, &[1 << 20; 2]), "prior.hidden");
    assert_eq!(refusal(2, 1 << 30, &[4]), "prior.couplings");
}
