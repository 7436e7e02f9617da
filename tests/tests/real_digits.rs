//! Laws that only real digits can hold; each says in plain words if it finds none.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use candle_core::Device;
use candle_nn::VarBuilder;
use latent_datasets::{Dataset, synthetic};
use latent_models::{Classifier, ClassifierConfig, ModelConfig, Parameters, VaeConfig};
use latent_tests::announce;
use latent_training::{Silent, Trainer, TrainingConfig};

const CPU: &Device = &Device::Cpu;

/// The share of `test` that a plain network, 784-256-10, reads rightly after training on `train`.
fn accuracy(train: &Dataset, test: &Dataset) -> f64 {
    let config = TrainingConfig {
        epochs: 3,
        batch_size: 128,
        ..TrainingConfig::default()
    };
    let build = |builder: &VarBuilder| Classifier::new(784, &ClassifierConfig::default(), builder);
    let mut trainer = Trainer::new(&config, false, 1, Parameters::seeded(1, CPU), build).unwrap();
    let mut accuracy = 0.0;
    while let Some(epoch) = trainer.epoch(train, test, &mut Silent).unwrap() {
        accuracy = epoch.test["accuracy"];
    }
    accuracy
}

#[test]
fn who_learned_from_synthetic_digits_alone_reads_real_ones() {
    let Some(mnist) = latent_tests::mnist("synthetic digits against real ones") else {
        return;
    };
    let accuracy = accuracy(&synthetic(0, 60_000, 0).train, &mnist.test);
    announce(&format!(
        "a classifier trained on synthetic digits alone reads {:.2} % of MNIST's test images",
        100.0 * accuracy
    ));
    assert!(accuracy >= 0.9, "{accuracy}");
}

#[test]
fn a_vae_learns_real_digits() {
    let Some(mnist) = latent_tests::mnist("one epoch of vae-2d on real digits") else {
        return;
    };
    let model = ModelConfig::Vae(VaeConfig {
        hidden: vec![512],
        ..VaeConfig::default()
    });
    let config = TrainingConfig {
        epochs: 1,
        ..TrainingConfig::default()
    };
    let build = |builder: &VarBuilder| model.build((28, 28), builder);
    let mut trainer = Trainer::new(&config, false, 1, Parameters::seeded(1, CPU), build).unwrap();
    let epoch = trainer
        .epoch(&mnist.train, &mnist.test, &mut Silent)
        .unwrap()
        .unwrap();
    let elbo = epoch.test["elbo"];
    announce(&format!(
        "vae-2d after one epoch: {elbo:.2} nats per test image"
    ));
    // Seeds give −167 ± 1; without a gradient to the encoder it stays below −200.
    assert!(elbo > -172.0, "{elbo}");
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
