//! Laws that only real digits can hold; each says in plain words if it finds none.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use candle_core::Device;
use candle_nn::VarBuilder;
use latent_datasets::{Splits, synthetic};
use latent_models::{
    BaseDistribution, Bound, Classifier, ClassifierConfig, ConvolutionalVaeConfig, Flow,
    FlowConfig, ModelConfig, Normalisation, Objective, Parameters, Shape, Transform, VaeConfig,
};
use latent_tests::announce;
use latent_tolerance::scaled;
use latent_training::{Silent, Trainer, TrainingConfig};

const CPU: &Device = &Device::Cpu;

/// The share of `test` that a plain network, 784-256-10, reads rightly after training on `train`.
fn accuracy(digits: &Splits) -> f64 {
    let config = TrainingConfig {
        epochs: 3,
        batch_size: 128,
        ..TrainingConfig::default()
    };
    let build = |builder: &VarBuilder| Classifier::new(784, &ClassifierConfig::default(), builder);
    let mut trainer = Trainer::new(&config, false, 1, Parameters::seeded(1, CPU), build).unwrap();
    let mut accuracy = 0.0;
    while let Some(epoch) = trainer.epoch(digits, &mut Silent).unwrap() {
        accuracy = epoch.test["accuracy"];
    }
    accuracy
}

#[test]
fn who_learned_from_synthetic_digits_alone_reads_real_ones() {
    let Some(mnist) = latent_tests::mnist("synthetic digits against real ones") else {
        return;
    };
    let accuracy = accuracy(&Splits {
        test: mnist.test,
        ..synthetic(0, 60_000, 0)
    });
    announce(&format!(
        "a classifier trained on synthetic digits alone reads {:.2} % of MNIST's test images",
        100.0 * accuracy
    ));
    assert!(accuracy >= 0.9, "{accuracy}");
}

/// The test ELBO of a model after one epoch of training on the first `images` digits.
fn elbo_after_one_epoch(
    mnist: &Splits,
    model: &ModelConfig,
    images: usize,
    batch_size: usize,
) -> f64 {
    let config = TrainingConfig {
        epochs: 1,
        batch_size,
        ..TrainingConfig::default()
    };
    let build = |builder: &VarBuilder| model.build(Shape::grey(28, 28), 10, builder);
    let mut trainer = Trainer::new(&config, false, 1, Parameters::seeded(1, CPU), build).unwrap();
    let few = Splits {
        train: mnist.train.clone().truncated(images),
        ..mnist.clone()
    };
    let epoch = trainer.epoch(&few, &mut Silent).unwrap().unwrap();
    epoch.test["elbo"]
}

/// Bounds that seeds keep by three nats or more, and that a model which ignores the latents cannot: the best that
/// labels alone can do is about −165.
fn learn_real_digits(
    mnist: &Splits,
    models: &[(&str, ModelConfig, usize, f64)],
    batch_size: usize,
) {
    for (name, model, images, bound) in models {
        let elbo = elbo_after_one_epoch(mnist, model, *images, batch_size);
        announce(&format!(
            "{name} after one epoch on {images} digits: {elbo:.2} nats per test image"
        ));
        assert!(elbo > *bound, "{name}: {elbo}");
    }
}

#[test]
fn models_learn_real_digits() {
    let Some(mnist) = latent_tests::mnist("one epoch of each kind of VAE on real digits") else {
        return;
    };
    let mlp = |hidden: &[usize]| VaeConfig {
        hidden: hidden.to_vec(),
        ..VaeConfig::default()
    };
    let by_many_draws = Objective {
        bound: Bound::ImportanceWeighted,
        samples: 5,
        ..Objective::default()
    };
    let weighted = ModelConfig::Vae(VaeConfig {
        objective: by_many_draws,
        ..mlp(&[512])
    });
    let plain = ModelConfig::Vae(mlp(&[512]));
    let conditional = ModelConfig::ConditionalVae(mlp(&[512, 256]));
    let models = [
        ("vae", plain, 60_000, -172.0),
        ("importance-weighted vae", weighted, 20_000, -195.0),
        ("conditional vae", conditional, 60_000, -147.0),
    ];
    learn_real_digits(&mnist, &models, 128);
}

#[test]
fn convolutional_models_learn_real_digits() {
    let Some(mnist) = latent_tests::mnist("one epoch of convolutional VAEs on real digits") else {
        return;
    };
    let config = ConvolutionalVaeConfig::default;
    let plain = ModelConfig::ConvolutionalVae(config());
    let conditional = ModelConfig::ConditionalConvolutionalVae(config());
    let models = [
        ("convolutional vae", plain, 20_000, -190.0),
        ("conditional convolutional vae", conditional, 20_000, -160.0),
    ];
    learn_real_digits(&mnist, &models, 32);
}

#[test]
fn flows_of_many_seeds_train_without_a_number_that_is_none() {
    let seeds = scaled(5, 1);
    let Some(mnist) = latent_tests::mnist("flows of many seeds on real digits") else {
        return;
    };
    let few = mnist.truncated(900).held_out(150);
    let small = |config: FlowConfig| FlowConfig {
        hidden: vec![32, 32],
        ..config
    };
    let mixture = FlowConfig {
        transform: Transform::Mixture { components: 2 },
        normalisation: Normalisation::ActNorm,
        base: BaseDistribution::Logistic,
        ..small(FlowConfig::real_nvp(2))
    };
    let real_nvp = FlowConfig {
        normalisation: Normalisation::ActNorm,
        ..small(FlowConfig::real_nvp(5))
    };
    for (name, config) in [
        ("nice", small(FlowConfig::nice())),
        ("real-nvp", real_nvp),
        ("mixture", mixture),
    ] {
        // Steps that are large for so deep a model.
        let training = TrainingConfig {
            epochs: 1,
            batch_size: 25,
            learning_rate: 3e-3,
            max_grad_norm: Some(1000.0),
            validation_images: 150,
            ..TrainingConfig::default()
        };
        let mut losses = Vec::new();
        for seed in 1..=seeds as u64 {
            let build = |builder: &VarBuilder| Flow::new(Shape::grey(28, 28), &config, builder);
            let parameters = Parameters::seeded(seed, CPU);
            let mut trainer = Trainer::new(&training, false, seed, parameters, build).unwrap();
            // A loss, a weight or a moment that is no number is an error.
            let epoch = trainer.epoch(&few, &mut Silent).unwrap().unwrap();
            let validation = epoch.validation.unwrap()["loss"];
            // The densities of images that it has not seen do not explode.
            let gap = validation - epoch.train["loss"];
            assert!(
                gap < 0.1 * epoch.train["loss"].abs(),
                "{name}, seed {seed}: {gap}"
            );
            losses.push(validation);
        }
        losses.sort_by(f64::total_cmp);
        announce(&format!(
            "{name}, {seeds} seeds, one epoch on 750 digits: {:.0} to {:.0} nats lost",
            losses[0],
            losses[seeds - 1]
        ));
    }
}

#[test]
fn synthetic_digits_are_quick_and_the_same_for_everybody() {
    let start = std::time::Instant::now();
    let digits = synthetic(0, 60_000, 10_000);
    announce(&format!(
        "70,000 synthetic digits in {:.2} s",
        start.elapsed().as_secs_f64()
    ));
    assert_eq!(digits.train.counts_by_class(), [6000; 10]);
    // Golden: this checksum stands in every checkpoint that was trained on them.
    assert_eq!(
        digits.train.checksum(),
        "19bb52f7c324f77d5ed8e16762bd4ac5fd771e17b8ea9f00a246ce17e2b11cf1"
    );
    assert_eq!(
        digits.test.checksum(),
        "134da4c5a98a96aa194eb5a8156383edec41d6316eb1172d3738bfc0013236f2"
    );
    // The test images are others.
    assert!((0..10_000).all(|i| digits.train.image(i) != digits.test.image(i)));
}
