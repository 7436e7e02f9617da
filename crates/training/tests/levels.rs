//! Losses of a short training of every family of models, which must agree on every SIMD level and
//! processor up to rounding.
//!
//! SIMD levels differ in vector width and in fused multiplication, and therefore in rounding. On one
//! level the same seed gives the same bytes, which `runs.rs` tests.

use candle_core::Device;
use latent_datasets::synthetic;
use latent_tolerance::{SINGLE, rounding};
use latent_training::{Experiment, Metrics, Outcome, Run, Silent, train};

/// The number of training steps.
const STEPS: usize = 8;

/// The number of roundings on the longest path through a model, forward and backward: about ten sums over 784
/// pixels.
const OPERATIONS: usize = 10 * 784;

/// Name, model, and mean loss of the training and of the test images, nats per image, to two decimals.
const FAMILIES: [(&str, &str, f64, f64); 9] = [
    (
        "VAE",
        "kind = 'vae'\nhidden = [32]\nlatent_size = 3",
        545.49,
        535.13,
    ),
    (
        "importance-weighted VAE",
        "kind = 'vae'\nhidden = [32]\nlatent_size = 3\n\
         objective = { bound = 'importance-weighted', samples = 5 }",
        543.32,
        532.39,
    ),
    (
        "conditional VAE",
        "kind = 'conditional-vae'\nhidden = [32]\nlatent_size = 3",
        543.55,
        536.41,
    ),
    (
        "convolutional VAE",
        "kind = 'convolutional-vae'\nchannels = [4, 8]\nfeatures = 16\nlatent_size = 3",
        489.77,
        486.95,
    ),
    (
        "conditional convolutional VAE",
        "kind = 'conditional-convolutional-vae'\nchannels = [4, 8]\nfeatures = 16\nlatent_size = 3",
        489.53,
        486.57,
    ),
    (
        "NICE",
        "kind = 'flow'\ncouplings = 2\nhidden = [32]\ntransform = { kind = 'additive' }\n\
         scaling = true\nbase = 'logistic'\npreprocessing = { kind = 'unit' }",
        -944.36,
        -897.03,
    ),
    (
        "RealNVP",
        "kind = 'flow'\ncouplings = 2\nhidden = [32]\ntransform = { kind = 'affine' }",
        10_514.73,
        4557.42,
    ),
    (
        "mixture flow",
        "kind = 'flow'\ncouplings = 2\nhidden = [32]\ntransform = { kind = 'mixture', components = 2 }",
        31_897.86,
        3966.64,
    ),
    (
        "conditional RealNVP",
        "kind = 'conditional-flow'\ncouplings = 2\nhidden = [32]\ntransform = { kind = 'affine' }",
        10_558.85,
        4615.62,
    ),
];

#[test]
fn losses_agree_on_every_simd_level() {
    let folder = tempfile::tempdir().unwrap();
    let splits = synthetic(1, 32 * STEPS, 64);
    let mut failures = Vec::new();
    for (index, (name, model, train_loss, test_loss)) in FAMILIES.into_iter().enumerate() {
        let text = format!(
            "name = 'levels'\n[model]\n{model}\n[training]\nepochs = 1\nbatch_size = 32\n\
             [data]\nsource = 'synthetic'\n"
        );
        let experiment = Experiment::parse(&text, "levels.toml", &[]).unwrap();
        let path = folder.path().join(index.to_string());
        let run = Run::create(&path, &experiment, &splits, None, false).unwrap();
        let outcome = train(&run, &splits, &Device::Cpu, &mut Silent).unwrap();
        let Outcome::Finished(record) = outcome else {
            unreachable!("{name}: the observer does not stop it")
        };
        let loss = |metrics: &Metrics| metrics["loss"];
        for (split, found, expected) in [
            ("training", loss(&record.train), train_loss),
            ("test", loss(&record.test), test_loss),
        ] {
            // Each step adds rounding errors to the weights; the constants above are rounded to 0.005.
            let bound = STEPS as f64 * rounding(SINGLE, OPERATIONS, expected) + 0.005;
            if (found - expected).abs() > bound || found.is_nan() {
                failures.push(format!(
                    "{name}, {split}: {found:?}, not {expected} ± {bound}"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
