//! Variational autoencoders.

use candle_core::Tensor;
use latent_distributions::{Distribution, Generator};
use latent_models::{
    Activation, LatentModel, Likelihood, ModelConfig, Parameters, PixelDistribution, Trainable,
    Vae, VaeConfig,
};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, labels, lost, step, vec1};

#[test]
fn errors_for_invalid_configurations_name_the_field() {
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
            .build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())
            .err()
            .unwrap();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn the_posterior_has_the_mean_and_log_variance_of_the_heads() -> Result {
    let config = VaeConfig {
        hidden: vec![],
        activation: Activation::Identity,
        latent_size: 2,
        ..VaeConfig::default()
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
    // A variance of 4 has a standard deviation of 2.
    assert!(
        vec1(&posterior.scale()?)?
            .iter()
            .all(|scale| f64::from((scale - 2.0).abs()) <= lost(2.0))
    );
    Ok(())
}

#[test]
fn bits_per_dimension_are_the_negative_elbo_and_samples_are_levels() -> Result {
    let config = VaeConfig {
        hidden: vec![8],
        likelihood: Likelihood::DiscretisedLogistic,
        ..VaeConfig::default()
    };
    let parameters = Parameters::seeded(1, CPU);
    let vae = Vae::new(PIXELS, &config, &parameters.builder())?;
    let names: Vec<String> = parameters
        .variables()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"likelihood.log_scale".to_owned()),
        "{names:?}"
    );
    let loss = vae.loss(&images(3)?, &labels(3)?, &mut step(1))?;
    let part = |name: &str| -> Result<Vec<f32>> {
        let part = loss.parts.iter().find(|(found, _)| *found == name);
        vec1(&part.unwrap().1)
    };
    for (bits, elbo) in part("bits_per_dimension")?.into_iter().zip(part("elbo")?) {
        let expected = -elbo / (PIXELS as f32 * 2f32.ln());
        assert!(f64::from((bits - expected).abs()) <= lost(f64::from(expected)));
    }
    let latents = vae.sample_prior(20, &mut Generator::new(1))?;
    let sample = vec1(&vae.decode_sample(&latents, &(), &mut Generator::new(2))?)?;
    assert!(
        sample
            .iter()
            .all(|x| (x * 255.0 - (x * 255.0).round()).abs() < 1e-3)
    );
    assert!(sample.iter().any(|&x| x > 0.0 && x < 1.0));
    // A latent is decoded to the location.
    let PixelDistribution::DiscretisedLogistic(likelihood) = vae.likelihood(&latents, &())? else {
        panic!("another likelihood");
    };
    assert_eq!(vec1(likelihood.loc())?, vec1(&vae.decode(&latents, &())?)?);
    assert_eq!(likelihood.log_prob(&images(20)?)?.dims(), [20]);
    Ok(())
}
