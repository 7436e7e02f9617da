//! Variational autoencoders.

use candle_core::Tensor;
use latent_models::{Activation, ModelConfig, Objective, Parameters, Vae, VaeConfig};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, lost, vec1};

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
            .build(IMAGE, CLASSES, &Parameters::seeded(1, CPU).builder())
            .err()
            .unwrap();
        assert!(error.to_string().contains(field), "{error}");
    }
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
            .all(|scale| f64::from((scale - 2.0).abs()) <= lost(2.0))
    );
    Ok(())
}
