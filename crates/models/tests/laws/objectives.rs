//! Training bounds of VAEs, and the log-likelihood by importance sampling.

use std::f64::consts::TAU;

use candle_core::{DType, Tensor};
use latent_distributions::{
    Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal,
};
use latent_models::{
    Activation, Bound, Condition, GradientEstimator, InitialSamples, Labels, LatentModel,
    LossContext, Objective, Parameters, Trainable, Vae, VaeConfig,
};

use latent_tolerance::{SINGLE, monte_carlo, rounding, scaled};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, labels, lost, models, step, vec1};

#[test]
fn the_elbo_is_the_sum_of_its_parts_and_below_the_exact_log_likelihood() -> Result {
    let config = VaeConfig {
        hidden: vec![8],
        activation: Activation::Tanh,
        latent_size: 1,
        ..VaeConfig::default()
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
    // Rounding error of means of 4,000 values of up to ten nats.
    let bound = rounding(SINGLE, 4000, 10.0);
    assert!((elbo + part("reconstruction")? + part("kl")?).abs() < bound);
    assert_eq!(elbo, -mean(&loss.objective)?);
    // The gap is KL(q(z|x) ‖ p(z|x)) > 0, here of an untrained posterior.
    assert!(
        elbo < exact && exact - elbo < 1.0,
        "{elbo} is not a lower bound of {exact}"
    );

    // Importance weighting with many draws closes the gap.
    let posterior = vae.posterior(&image, &())?;
    let draws = posterior
        .sample(&[4000], &mut Generator::new(7))?
        .squeeze(1)?;
    let joint = (vae.likelihood(&draws, &())?.log_prob(&image)?
        + StandardNormal::new(1, DType::F32, CPU).log_prob(&draws)?)?;
    let weights = vec1(&(joint - posterior.log_prob(&draws)?)?)?;
    let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w).exp()).collect();
    let mean = weights.iter().sum::<f64>() / 4000.0;
    let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 4000.0;
    let (estimate, bound) = (mean.ln(), monte_carlo(variance.sqrt() / mean, 4000));
    assert!(bound < 0.02, "{bound}: too few draws to tell");
    assert!(
        (estimate - exact).abs() < bound,
        "{estimate} is not {exact}"
    );
    Ok(())
}

/// The bound of a linear-Gaussian VAE for one image: x = a z + c + s ε with z and ε standard normal, and an approximate
/// posterior that differs from the true one. Returns the mean and the standard error of the negative loss.
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
    let kl = match bound {
        Bound::Elbo => posterior.kl_divergence(&prior)?,
        Bound::MonteCarloElbo | Bound::ImportanceWeighted => {
            (posterior.log_prob(&latents)? - prior.log_prob(&latents)?)?
        }
    };
    let loss = objective.loss(&likelihood, &kl, f64::INFINITY)?;
    let values: Vec<f64> = loss.objective.neg()?.to_vec1()?;
    let mean = values.iter().sum::<f64>() / REPEATS as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / REPEATS as f64;
    Ok((mean, (variance / REPEATS as f64).sqrt()))
}

/// The mean of the approximate posterior; that of the true one is about 1.
const M: f64 = 0.3;
const A: [f64; 2] = [0.8, -0.5];
const C: [f64; 2] = [0.1, 0.2];
const S: f64 = 0.7;
const X: [f64; 2] = [1.3, -0.6];

#[test]
fn bounds_of_a_linear_gaussian_model_converge_to_its_marginal_from_below() -> Result {
    // p(x) = N(c, a aᵀ + s² I), by the matrix determinant lemma and the Sherman–Morrison formula.
    let d = [X[0] - C[0], X[1] - C[1]];
    let squares = |v: [f64; 2]| v[0] * v[0] + v[1] * v[1];
    let along = A[0] * d[0] + A[1] * d[1];
    let s2 = S * S;
    let distance = (squares(d) - along * along / (s2 + squares(A))) / s2;
    let determinant = s2 * (s2 + squares(A));
    let exact = -0.5 * (distance + determinant.ln()) - TAU.ln();

    // The ELBO in closed form, from the moments of q.
    let (m, v) = (M, (-1f64).exp());
    let reconstruction = -TAU.ln()
        - 2.0 * S.ln()
        - 0.5 / s2 * ((d[0] - A[0] * m).powi(2) + (d[1] - A[1] * m).powi(2) + squares(A) * v);
    let elbo = reconstruction - 0.5 * (m * m + v - 1.0 - v.ln());
    assert!(elbo < exact - 0.02, "{elbo} {exact}");
    for bound in [Bound::Elbo, Bound::MonteCarloElbo] {
        for samples in [1, 10] {
            let (mean, error) = linear_gaussian_bound(bound, samples)?;
            assert!(
                (mean - elbo).abs() < 4.0 * error,
                "{bound:?}: {mean} is not {elbo}"
            );
        }
    }
    // One draw gives the ELBO; more draws tighten the bound.
    let (mut last, error) = linear_gaussian_bound(Bound::ImportanceWeighted, 1)?;
    assert!((last - elbo).abs() < 4.0 * error, "{last} is not {elbo}");
    for samples in [3, 10, 100] {
        let (mean, error) = linear_gaussian_bound(Bound::ImportanceWeighted, samples)?;
        assert!(
            mean > last && mean < exact + 4.0 * error,
            "{samples}: {mean} of {exact}"
        );
        // The gap is O(1/k) (Burda et al. 2016, theorem 1; Maddison et al. 2017, proposition 1).
        if samples == 100 {
            let bound = 2.0 * (exact - last) * 10.0 / 100.0 + 4.0 * error;
            assert!(exact - mean < bound, "{mean} is not {exact}");
        }
        last = mean;
    }
    Ok(())
}

#[test]
fn the_number_of_draws_changes_after_the_initial_phase() -> Result {
    let by = |samples, initial| -> Result<Vae> {
        let config = VaeConfig {
            hidden: vec![8],
            objective: Objective {
                bound: Bound::ImportanceWeighted,
                samples,
                initial,
                ..Objective::default()
            },
            ..VaeConfig::default()
        };
        let parameters = Parameters::seeded(4, CPU);
        Vae::new(PIXELS, &config, &parameters.builder())
    };
    let loss = |model: &Vae, epochs| -> Result<Vec<f32>> {
        let mut context = LossContext::training(Generator::new(2), epochs);
        vec1(
            &model
                .loss(&images(3)?, &labels(3)?, &mut context)?
                .objective,
        )
    };
    let (few, many) = (by(2, None)?, by(6, None)?);
    let initial = InitialSamples {
        samples: 2,
        epochs: 1.0,
    };
    let changing = by(6, Some(initial))?;
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
fn the_importance_sampled_log_likelihood_agrees_with_the_integral() -> Result {
    let config = VaeConfig {
        hidden: vec![8],
        activation: Activation::Tanh,
        latent_size: 1,
        ..VaeConfig::default()
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
    // More draws than fit in a block.
    let estimate = vae.log_likelihood(&images, &(), 30_000, &mut Generator::new(1))?;
    for (estimate, exact) in vec1(&estimate)?.iter().zip(&exact) {
        // The standard deviation of the weights is less than half of their mean.
        let apart = f64::from((estimate - exact).abs());
        let bound = monte_carlo(0.5, 30_000);
        assert!(apart < bound, "{estimate} is not {exact}");
    }
    let none = vae.log_likelihood(&images, &(), 0, &mut Generator::new(1));
    assert!(
        none.unwrap_err()
            .to_string()
            .contains("number of draws is 0")
    );
    Ok(())
}

#[test]
fn kl_by_dimension_sums_to_the_kl() -> Result {
    for (name, config) in models() {
        let model = config.build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())?;
        let (images, labels) = (images(4)?, labels(4)?);
        let condition = Labels::from_labels(&labels, Some(CLASSES), DType::F32)?;
        let kl = model.kl_by_dimension(&images, &condition)?;
        // A flow has no KL divergence, the dimensions of a flow prior are not independent, and those of the lower levels of a
        // ladder depend on draws of the upper ones.
        let has_none =
            config.is_exact() || name.contains("flow as prior") || name.contains("ladder");
        assert_eq!(kl.is_none(), has_none, "{name}");
        let Some(kl) = kl else { continue };
        assert_eq!(kl.dims(), [4, model.latent_size()], "{name}");
        let loss = model.loss(&images, &labels, &mut step(2))?;
        let (_, whole) = &loss.parts[2];
        // Bounds with a Monte Carlo KL divergence have only an estimate of this sum.
        if name.contains("sampled") || name.contains("iwae") {
            continue;
        }
        for (sum, whole) in vec1(&kl.sum(1)?)?.iter().zip(vec1(whole)?) {
            assert!(
                f64::from((sum - whole).abs()) <= lost(1.0 + f64::from(whole)),
                "{name}: {sum} {whole}"
            );
        }
    }
    Ok(())
}

/// The gradients of a bound's negative with respect to all variables of the encoder and of the decoder, `[encoder, decoder]`.
fn gradients(bound: Bound, gradient: GradientEstimator, seed: u64) -> Result<[Vec<f64>; 2]> {
    let config = VaeConfig {
        hidden: vec![4],
        activation: Activation::Tanh,
        latent_size: 2,
        objective: Objective {
            bound,
            gradient,
            samples: 8,
            ..Objective::default()
        },
        ..VaeConfig::default()
    };
    let parameters = Parameters::seeded(4, CPU);
    let vae = Vae::new(PIXELS, &config, &parameters.builder())?;
    let mut context = LossContext::training(Generator::new(seed), 0.0);
    let loss = vae.loss(&images(1)?, &labels(1)?, &mut context)?;
    let store = loss.objective.sum_all()?.backward()?;
    let mut found = [Vec::new(), Vec::new()];
    for (name, variable) in parameters.variables() {
        let missing = || candle_core::Error::Msg(format!("{name} receives no gradient"));
        let gradient = store.get(&variable).ok_or_else(missing)?;
        let values = vec1(gradient)?.into_iter().map(f64::from);
        found[usize::from(name.starts_with("decoder"))].extend(values);
    }
    Ok(found)
}

#[test]
fn the_path_gradient_has_the_mean_of_the_total_one_and_less_variance_with_many_draws() -> Result {
    let repeats = scaled(2000, 200);
    for bound in [Bound::MonteCarloElbo, Bound::ImportanceWeighted] {
        // Σ (a − b) c with fixed c, which has mean 0, and the variances of both.
        let (mut differences, mut all) = (Vec::new(), [Vec::new(), Vec::new()]);
        for seed in 0..repeats as u64 {
            let total = gradients(bound, GradientEstimator::Total, seed)?;
            let path = gradients(bound, GradientEstimator::Path, seed)?;
            // The decoder's is the same.
            for (total, path) in total[1].iter().zip(&path[1]) {
                assert!(
                    (total - path).abs() <= lost(1.0),
                    "{bound:?}: {total} {path}"
                );
            }
            let weight = |index: usize| (1.0 + index as f64).cos();
            let difference = total[0].iter().zip(&path[0]).enumerate();
            let difference = difference.map(|(index, (a, b))| (a - b) * weight(index));
            differences.push(difference.sum::<f64>());
            for (all, [one, _]) in all.iter_mut().zip([total, path]) {
                all.push(one);
            }
        }
        let count = repeats as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
        assert!(variance > 0.0, "{bound:?}: both gradients are the same");
        let error = monte_carlo(variance.sqrt(), repeats);
        assert!(mean.abs() < error, "{bound:?}: {mean} ± {error}");
        if bound == Bound::ImportanceWeighted {
            let [total, path] = all.map(|gradients| {
                let size = gradients[0].len();
                let variance = |index: usize| {
                    let values = gradients.iter().map(|gradient| gradient[index]);
                    let mean = values.clone().sum::<f64>() / count;
                    values.map(|value| (value - mean).powi(2)).sum::<f64>() / count
                };
                (0..size).map(variance).sum::<f64>()
            });
            assert!(path < 0.7 * total, "{path} is not below {total}");
        }
    }
    Ok(())
}

#[test]
fn the_path_gradient_of_the_closed_form_is_refused() {
    let objective = Objective {
        gradient: GradientEstimator::Path,
        ..Objective::default()
    };
    let error = objective.check().unwrap_err();
    assert!(error.to_string().contains("objective.gradient"), "{error}");
}

/// Burda et al. 2016, theorem 1, for models whose bound is far from the log-likelihood.
#[test]
fn the_importance_weighted_bound_rises_with_the_number_of_draws() -> Result {
    let repetitions = scaled(4000, 1000);
    let image = images(1)?.ge(0.5)?.to_dtype(DType::F32)?;
    let many = image.broadcast_as((repetitions, PIXELS))?.contiguous()?;
    for (name, config) in models() {
        if config.is_exact() {
            continue;
        }
        let model = config.build(IMAGE, CLASSES, &Parameters::seeded(4, CPU).builder())?;
        let labels = Labels::all(3, repetitions, CLASSES, DType::F32, CPU)?;
        // The mean of the estimate, and its variance over the repetitions.
        let bound = |draws| -> Result<(f64, f64)> {
            let mut generator = Generator::new(1);
            let estimates = model.log_likelihood(&many, &labels, draws, &mut generator)?;
            let estimates = estimates.to_dtype(DType::F64)?;
            let mean = estimates.mean_all()?.to_scalar::<f64>()?;
            let variance = estimates.affine(1.0, -mean)?.sqr()?.mean_all()?;
            Ok((mean, variance.to_scalar()?))
        };
        let (mut before, mut variance) = bound(1)?;
        for draws in [4, 16] {
            let (after, smaller) = bound(draws)?;
            let error = monte_carlo((variance + smaller).sqrt(), repetitions);
            assert!(
                after > before - error,
                "{name}: {after} by {draws}, {before} before"
            );
            // The gap closes with the variance of the weights, which is known to differ from 0.
            assert!(smaller < variance, "{name}: {smaller} {variance}");
            (before, variance) = (after, smaller);
        }
    }
    Ok(())
}
