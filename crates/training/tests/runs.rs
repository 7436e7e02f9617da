//! Runs: reproducibility, interruption and resuming, saved files, divergence, and the training loop.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use candle_core::{Device, Tensor, Var};
use candle_nn::VarBuilder;
use latent_checkpoints::{load_foreign, save};
use latent_datasets::{Batch, Batching, Dataset, Shape, Splits, synthetic};
use latent_distributions::{Distribution, Generator};
use latent_kernels::{Adam, Moments, adam_update, average_update, squared_norm};
use latent_models::{Loss, LossContext, Parameters, Trainable, Vae, VaeConfig};
use latent_tolerance::{DOUBLE, SINGLE, rounding};
use latent_training::{
    EVALUATION_BATCH, EpochReport, Error, Experiment, GeneralisationGap, Metrics, Observer,
    Optimiser, Outcome, Run, Schedule, Silent, StepReport, Trainer, TrainingConfig, classify,
    encode, evaluate, import, load_model, log_likelihoods, marginal_log_likelihoods,
    mean_and_standard_error, part_of_each, train, train_classifier, upgrade,
};

/// The labels 0 to 9.
const ALL: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

fn experiment(settings: &[&str]) -> Experiment {
    let text = "name = 'small'\n[model]\nkind = 'vae'\nhidden = [16]\nlatent_size = 2\n\
                [training]\nepochs = 3\nbatch_size = 32\n[data]\nsource = 'synthetic'\nbinarise = true\n";
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    Experiment::parse(text, "small", &settings).unwrap()
}

/// 200 images in batches of 32: seven steps an epoch, the last one short.
fn digits() -> Splits {
    synthetic(1, 200, 50)
}

fn train_in(
    directory: &Path,
    experiment: &Experiment,
    observer: &mut impl Observer,
) -> Result<Outcome, Error> {
    let run = Run::create(directory, experiment, &digits(), None, false)?;
    train(&run, &digits(), &Device::Cpu, observer)
}

/// The model file and the metrics without timings, which must be reproducible.
fn model_and_metrics(directory: &Path) -> (Vec<u8>, String) {
    let metrics = Run::open(directory).unwrap().metrics().unwrap();
    let timeless: Vec<_> = metrics
        .into_iter()
        .map(|record| (record.epoch, record.train, record.validation, record.test))
        .collect();
    (
        fs::read(directory.join("model.safetensors")).unwrap(),
        format!("{timeless:?}"),
    )
}

/// Replaces the first occurrence of `from` by `to`, of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .position(|part| part == from.as_bytes())
        .unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}

/// Stops training after a number of steps.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        self.0 -= 1;
        if self.0 == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn epoch(&mut self, _: &EpochReport) {}
}

#[test]
fn training_is_reproducible_and_depends_on_the_seed() {
    let directory = tempfile::tempdir().unwrap();
    let model = |name: &str, settings: &[&str]| {
        let path = directory.path().join(name);
        let outcome = train_in(&path, &experiment(settings), &mut Silent).unwrap();
        assert!(matches!(outcome, Outcome::Finished(record) if record.epoch == 3));
        model_and_metrics(&path)
    };
    let first = model("a", &[]);
    assert_eq!(first, model("b", &[]));
    assert_ne!(first.0, model("c", &["seed=2"]).0);
}

#[test]
fn interrupted_and_uninterrupted_runs_give_the_same_files() {
    let everything = [
        "training.max_grad_norm=50",
        "training.ema_decay=0.9",
        "training.schedule.kind=cosine",
    ];
    interrupt(&experiment(&[]));
    interrupt(&experiment(&everything));
    interrupt(&experiment(&[
        "training.validation_images=30",
        "training.patience=2",
    ]));
    interrupt(&experiment(&[
        "training.optimiser.kind=sgd",
        "training.optimiser.momentum=0.9",
        "training.learning_rate=1e-5",
    ]));
}

#[test]
fn an_extended_run_ends_as_one_that_had_all_epochs_from_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let long = experiment(&["training.epochs=4"]);
    train_in(&path("long"), &long, &mut Silent).unwrap();
    let short = experiment(&["training.epochs=2"]);
    train_in(&path("short"), &short, &mut Silent).unwrap();
    let before = model_and_metrics(&path("short"));

    let run = Run::open(&path("short")).unwrap();
    let error = run.set_epochs(1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::EpochsDone {
                done: 2,
                epochs: 1,
                ..
            }
        ),
        "{error}"
    );
    run.set_epochs(4).unwrap();
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
    let extended = model_and_metrics(&path("short"));
    assert_ne!(extended, before);
    assert_eq!(extended, model_and_metrics(&path("long")));
}

/// An experiment for each kind of model, and one for each bound.
fn kinds() -> Vec<Experiment> {
    let text = |model: &str| {
        format!(
            "name = 'small'\n[model]\n{model}\n[training]\nepochs = 2\nbatch_size = 32\n\
             [data]\nsource = 'synthetic'\nbinarise = {}\n",
            !model.contains("flow")
        )
    };
    [
        "kind = 'conditional-vae'\nhidden = [16]\nlatent_size = 3",
        "kind = 'convolutional-vae'\nchannels = [4, 6]",
        "kind = 'conditional-convolutional-vae'\nchannels = [4, 6]",
        "kind = 'vae'\nhidden = [16]\n[model.objective]\nbound = 'importance-weighted'\nsamples = 4\n\
         initial = { samples = 1, epochs = 0.5 }",
        "kind = 'vae'\nhidden = [16]\n[model.objective]\nbound = 'monte-carlo-elbo'\nwarm_up_epochs = 1.5",
        "kind = 'flow'\ncouplings = 2\nhidden = [16]\nnormalisation = 'act-norm'",
        "kind = 'conditional-flow'\ncouplings = 2\nhidden = [16]\nbase = 'logistic'\n\
         transform = { kind = 'mixture', components = 2 }",
        "kind = 'flow'\ncouplings = 2\nhidden = [16]\nscaling = true\n\
         transform = { kind = 'additive' }\npreprocessing = { kind = 'unit' }",
        "kind = 'vae'\nhidden = [16]\nactivation = 'silu'\nlatent_size = 3\n\
         likelihood = 'discretised-logistic'\n\
         prior = { kind = 'flow', couplings = 2, hidden = [8], activation = 'gelu' }",
        "kind = 'conditional-convolutional-vae'\nchannels = [4]\n\
         prior = { kind = 'flow', couplings = 2, hidden = [8] }",
    ]
    .map(|model| Experiment::parse(&text(model), "small", &[]).unwrap())
    .to_vec()
}

#[test]
fn every_kind_of_model_is_reproducible_when_interrupted_saved_and_loaded() {
    for experiment in kinds() {
        let directory = tempfile::tempdir().unwrap();
        let [whole, parts] = ["whole", "parts"].map(|name| directory.path().join(name));
        let outcome = train_in(&whole, &experiment, &mut Silent).unwrap();
        let Outcome::Finished(last) = outcome else {
            panic!("{outcome:?}");
        };
        // Interrupted within the first and the second epoch, during the warm-up of the KL weight if there is one.
        let run = Run::create(&parts, &experiment, &digits(), None, false).unwrap();
        for steps in [3, 6, 100] {
            train(&run, &digits(), &Device::Cpu, &mut StopAfter(steps)).unwrap();
        }
        assert!(
            model_and_metrics(&whole) == model_and_metrics(&parts),
            "{experiment:?}"
        );

        let model = load_model(&whole, &Device::Cpu).unwrap();
        let batching = Batching {
            size: EVALUATION_BATCH,
            binarise: experiment.data.binarise,
            seed: experiment.seed,
        };
        let test = &digits().test;
        let measured = evaluate(&model.model, test, &batching, &Device::Cpu).unwrap();
        assert_eq!(measured, last.test, "{experiment:?}");

        // The estimate of log p(x) depends only on the seed, and is above the bound.
        let likelihoods =
            || log_likelihoods(&model.model, test, 20, &batching, &Device::Cpu, |_| {}).unwrap();
        let (mean, error) = mean_and_standard_error(&likelihoods());
        assert!(error.is_some_and(|error| error > 0.0), "{experiment:?}");
        match last.test.get("bits_per_dimension") {
            None => assert!(mean > last.test["elbo"], "{experiment:?}"),
            // More draws of the dequantisation noise raise the estimate, within its error.
            Some(bits) => {
                let nats = -bits * std::f64::consts::LN_2 * 784.0;
                assert!(mean > nats - 1.0, "{experiment:?}: {mean} {nats}");
            }
        }
        assert_eq!(likelihoods(), likelihoods());
    }
}

#[test]
fn kl_warm_up_affects_training_but_not_evaluation() {
    let experiment = &kinds()[4];
    let directory = tempfile::tempdir().unwrap();
    train_in(directory.path(), experiment, &mut Silent).unwrap();
    let records = Run::open(directory.path()).unwrap().metrics().unwrap();
    let gap = |metrics: &Metrics| metrics["loss"] + metrics["elbo"];
    // During the warm-up, the training loss omits on average more than half of the KL divergence.
    assert!(
        gap(&records[0].train) < -0.5 * records[0].train["kl"],
        "{records:?}"
    );
    for record in &records {
        // The loss and the ELBO are sums of the same two terms.
        let bound = rounding(SINGLE, 4, record.test["loss"]);
        assert!(gap(&record.test).abs() <= bound, "{record:?}");
    }
}

#[test]
fn evaluation_uses_the_number_of_draws_of_the_epoch() {
    let experiment = experiment(&[
        "model.objective.bound='importance-weighted'",
        "model.objective.samples=8",
        "model.objective.initial={ samples = 1, epochs = 1 }",
        "training.epochs=2",
    ]);
    let directory = tempfile::tempdir().unwrap();
    train_in(directory.path(), &experiment, &mut Silent).unwrap();
    let records = Run::open(directory.path()).unwrap().metrics().unwrap();
    // With one draw, the importance-weighted bound is the ELBO; with more draws it is higher.
    let gap = |metrics: &Metrics| metrics["importance_weighted_bound"] - metrics["elbo"];
    for split in [&records[0].train, &records[0].test] {
        // The same three terms, added in another order.
        assert!(
            gap(split).abs() <= rounding(SINGLE, 4, split["elbo"]),
            "{split:?}"
        );
    }
    for split in [&records[1].train, &records[1].test] {
        assert!(gap(split) > 0.1, "{split:?}");
    }
}

#[test]
fn the_epoch_with_the_lowest_validation_loss_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    // The learning rate is so large that the loss rises in some epochs.
    let experiment = experiment(&[
        "training.validation_images=30",
        "training.patience=2",
        "training.epochs=40",
        "training.learning_rate=0.03",
        "data.binarise=false",
    ]);
    let outcome = train_in(directory.path(), &experiment, &mut Silent).unwrap();
    let Outcome::Finished(kept) = outcome else {
        panic!("{outcome:?}");
    };
    let records = Run::open(directory.path()).unwrap().metrics().unwrap();
    let losses: Vec<f64> = records
        .iter()
        .map(|record| record.validation.as_ref().unwrap()["loss"])
        .collect();
    let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[kept.epoch - 1], lowest);
    // Early stopping: two epochs (the patience) after the best, before the last of 40 epochs.
    assert_eq!(records.len(), kept.epoch + 2);
    assert!(records.len() < 40, "{losses:?}");

    let model = load_model(directory.path(), &Device::Cpu).unwrap();
    assert_eq!(model.metadata.epoch, kept.epoch);
    assert_eq!(model.metadata.data.images, 170);
    let batching = Batching {
        size: EVALUATION_BATCH,
        binarise: false,
        seed: 1,
    };
    let held_out = digits().held_out(30).validation.unwrap();
    assert_eq!(held_out, digits().train.without_first(170));
    let measured = evaluate(&model.model, &held_out, &batching, &Device::Cpu).unwrap();
    assert_eq!(measured["loss"], lowest);
    // Interrupted after the best epoch, the run gives the same files.
    let parts = directory.path().join("parts");
    let run = Run::create(&parts, &experiment, &digits(), None, false).unwrap();
    let steps = 170_usize.div_ceil(32);
    let until = StopAfter(steps * kept.epoch + 3);
    train(&run, &digits(), &Device::Cpu, &mut { until }).unwrap();
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
    assert_eq!(
        model_and_metrics(&parts),
        model_and_metrics(directory.path())
    );
    // Training a complete run again does not change it.
    let before = model_and_metrics(directory.path());
    let run = Run::open(directory.path()).unwrap();
    let again = train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
    assert_eq!(again, Outcome::Finished(kept));
    assert_eq!(model_and_metrics(directory.path()), before);
}

#[test]
fn the_marginal_log_likelihood_is_the_mean_over_labels() {
    let directory = tempfile::tempdir().unwrap();
    train_in(directory.path(), &kinds()[6], &mut Silent).unwrap();
    let model = load_model(directory.path(), &Device::Cpu).unwrap().model;
    let batching = Batching {
        size: 20,
        binarise: false,
        seed: 3,
    };
    let test = digits().test;
    let name = "log_density";
    let part = |test: &Dataset| {
        let part = part_of_each(&model, test, name, &batching, &Device::Cpu).unwrap();
        part.unwrap()
    };
    let given: Vec<Vec<f32>> = (0..10)
        .map(|label| {
            let labels = vec![label; test.len()];
            part(
                &Dataset::new(test.shape(), test.classes(), test.images().to_vec(), labels)
                    .unwrap(),
            )
        })
        .collect();
    let conditional = model.conditional().unwrap();
    let mixture =
        marginal_log_likelihoods(conditional, &test, &ALL, &batching, &Device::Cpu, |_| {});
    let mixture = mixture.unwrap();
    for (index, mixture) in mixture.unwrap().into_iter().enumerate() {
        let densities = given.iter().map(|of| f64::from(of[index]));
        let largest = densities.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = densities.map(|density| (density - largest).exp()).sum();
        let expected = largest + (sum / 10.0).ln();
        assert!(
            // The densities are equal; only the mean is rounded.
            (f64::from(mixture) - expected).abs() <= rounding(SINGLE, 1, expected),
            "{mixture} {expected}"
        );
    }
    // The mean over images is the metric of the evaluation.
    let metrics = evaluate(&model, &test, &batching, &Device::Cpu).unwrap();
    let (mean, _) = mean_and_standard_error(&part(&test));
    assert!((metrics[name] - mean).abs() <= rounding(DOUBLE, test.len(), mean));
    let none = part_of_each(&model, &test, "elbo", &batching, &Device::Cpu).unwrap();
    assert_eq!(none, None);
}

#[test]
fn an_interrupted_classifier_training_is_an_error() {
    // With two steps an epoch: stopped in the first epoch and in the second.
    for (steps, expected) in [(1, 1), (3, 2)] {
        let observer = &mut StopAfter(steps);
        let stopped = train_classifier(&digits(), &ALL, 1, &Device::Cpu, observer);
        match stopped.map(|trained| trained.test_accuracy) {
            Err(Error::Stopped { epoch, epochs: 10 }) => assert_eq!(epoch, expected),
            other => panic!("{other:?}"),
        }
    }
    let whole = train_classifier(&digits(), &ALL, 1, &Device::Cpu, &mut Silent).unwrap();
    // Chance is 10 %.
    assert!(whole.test_accuracy > 0.3, "{}", whole.test_accuracy);
}

#[test]
fn sampled_latents_are_those_of_the_evaluation() {
    let builder = Parameters::seeded(1, &Device::Cpu).builder();
    let model = Vae::new(784, &VaeConfig::default(), &builder).unwrap();
    let test = digits().test;
    let batching = Batching {
        size: 20,
        binarise: true,
        seed: 7,
    };
    let latents = encode(&model, &test, &batching, true, &Device::Cpu).unwrap();
    let (mut sum, mut first) = (0.0, 0);
    for batch in test.in_order(&batching, &Device::Cpu) {
        let images = batch.unwrap().images;
        let count = images.dim(0).unwrap();
        let latents = latents.narrow(0, first, count).unwrap();
        let likelihood = model.likelihood(&latents, &()).unwrap();
        let nats = likelihood.log_prob(&images).unwrap().sum_all().unwrap();
        sum += f64::from(nats.to_scalar::<f32>().unwrap());
        first += count;
    }
    let measured = evaluate(&model, &test, &batching, &Device::Cpu).unwrap();
    let reconstruction = -sum / test.len() as f64;
    // The sum of a batch is rounded.
    let bound = rounding(SINGLE, batching.size, reconstruction);
    assert!((measured["reconstruction"] - reconstruction).abs() <= bound);
}

fn interrupt(experiment: &Experiment) {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    train_in(&whole, experiment, &mut Silent).unwrap();

    // Interrupted at the first step, within an epoch, at the last step, and several times.
    for stops in [vec![1], vec![4], vec![7], vec![8], vec![3, 3, 9]] {
        let path = directory.path().join(format!("{stops:?}"));
        let run = Run::create(&path, experiment, &digits(), None, false).unwrap();
        for &steps in &stops {
            let outcome = train(&run, &digits(), &Device::Cpu, &mut StopAfter(steps)).unwrap();
            assert!(matches!(outcome, Outcome::Interrupted { .. }), "{stops:?}");
        }
        // The run is locked until it is dropped.
        let another = Run::open(&path).unwrap();
        let refused = train(&another, &digits(), &Device::Cpu, &mut Silent);
        assert!(matches!(refused, Err(Error::RunInUse { .. })));
        drop(run);
        // Saving after every step does not change the result.
        let another = another.save_every(Duration::ZERO);
        let outcome = train(&another, &digits(), &Device::Cpu, &mut Silent).unwrap();
        assert!(matches!(outcome, Outcome::Finished(_)));
        assert_eq!(
            model_and_metrics(&path),
            model_and_metrics(&whole),
            "{stops:?}"
        );
    }
}

#[test]
fn saved_weights_are_those_of_the_last_complete_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let weights = |name: &str, every: Duration| {
        let path = directory.path().join(name);
        let run = Run::create(&path, &experiment(&[]), &digits(), None, false).unwrap();
        // Three steps into the second epoch, of seven steps each.
        train(
            &run.save_every(every),
            &digits(),
            &Device::Cpu,
            &mut StopAfter(10),
        )
        .unwrap();
        model_and_metrics(&path)
    };
    let usual = weights("usual", Duration::from_mins(1));
    assert_eq!(weights("often", Duration::ZERO), usual);
}

#[test]
fn training_a_finished_run_again_does_not_change_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let first = train_in(&path, &experiment(&[]), &mut Silent).unwrap();
    let files = model_and_metrics(&path);
    let again = train(
        &Run::open(&path).unwrap(),
        &digits(),
        &Device::Cpu,
        &mut Silent,
    )
    .unwrap();
    assert_eq!(first, again);
    assert_eq!(files, model_and_metrics(&path));
}

#[test]
fn a_run_is_not_overwritten_by_default_and_not_resumed_on_other_data() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train_in(&path, &experiment(&[]), &mut Silent).unwrap();
    let files = model_and_metrics(&path);
    let error = train_in(&path, &experiment(&["seed=2"]), &mut Silent).unwrap_err();
    assert!(matches!(error, Error::RunExists { .. }), "{error}");
    let error = train(
        &Run::open(&path).unwrap(),
        &synthetic(2, 200, 50),
        &Device::Cpu,
        &mut Silent,
    )
    .unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
    assert_eq!(files, model_and_metrics(&path));

    // The weights of the previous run are kept until the new run has saved an epoch.
    let wild = experiment(&["seed=2", "training.learning_rate=1e30"]);
    let again = |experiment: &Experiment| {
        let run = Run::create(&path, experiment, &digits(), None, true).unwrap();
        assert!(!path.join("model.safetensors").exists());
        assert_eq!(run.metrics().unwrap(), []);
        train(&run, &digits(), &Device::Cpu, &mut Silent)
    };
    let replaced = path.join("replaced");
    for _ in 0..2 {
        let error = again(&wild).unwrap_err().to_string();
        assert!(
            error.contains("replaced contains the previous run"),
            "{error}"
        );
        assert_eq!(files, model_and_metrics(&replaced));
    }
    again(&experiment(&["seed=2"])).unwrap();
    assert!(!replaced.exists());
    assert_ne!(files, model_and_metrics(&path));
}

#[test]
fn a_missing_file_of_a_run_is_named_and_the_others_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train_in(&path, &experiment(&["training.epochs=2"]), &mut Silent).unwrap();
    let whole = model_and_metrics(&path);
    let resume = || {
        let run = Run::open(&path).unwrap();
        train(&run, &digits(), &Device::Cpu, &mut Silent)
    };
    let [state, model] = ["state.safetensors", "model.safetensors"].map(|name| path.join(name));

    let kept = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    let error = resume().unwrap_err();
    assert!(matches!(error, Error::NoState { .. }), "{error}");
    fs::write(&state, &kept[..kept.len() / 2]).unwrap();
    let error = resume().unwrap_err();
    assert!(matches!(error, Error::State { .. }), "{error}");
    assert_eq!(whole, model_and_metrics(&path));
    fs::write(&state, &kept).unwrap();
    resume().unwrap();

    // A finished run needs a valid model file.
    let kept = fs::read(&model).unwrap();
    fs::write(&model, &kept[..kept.len() / 2]).unwrap();
    resume().unwrap_err();
    fs::remove_file(&model).unwrap();
    let error = resume().unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }), "{error}");
}

#[test]
fn a_non_finite_loss_stops_training_and_keeps_the_last_finite_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("at once");
    let wild = experiment(&["training.learning_rate=1e30"]);
    let error = train_in(&path, &wild, &mut Silent).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotFinite {
                epoch: 1,
                step: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("there are no weights"),
        "{error}"
    );
    assert!(!path.join("model.safetensors").exists());

    // After two normal epochs the learning rate makes the loss infinite: the weights of epoch 2 are kept.
    let path = directory.path().join("later");
    let good = experiment(&["training.epochs=2"]);
    train_in(&path, &good, &mut Silent).unwrap();
    let kept = fs::read(path.join("model.safetensors")).unwrap();
    let text = fs::read_to_string(path.join("experiment.toml")).unwrap();
    let text = text
        .replace("epochs = 2", "epochs = 3")
        .replace("learning_rate = 0.001", "learning_rate = 1e30");
    fs::write(path.join("experiment.toml"), text).unwrap();
    let error = train(
        &Run::open(&path).unwrap(),
        &digits(),
        &Device::Cpu,
        &mut Silent,
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("epoch 3") && error.contains("after epoch 2"),
        "{error}"
    );
    assert_eq!(fs::read(path.join("model.safetensors")).unwrap(), kept);
}

#[test]
fn a_loaded_model_has_the_same_metrics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let Outcome::Finished(record) = train_in(&path, &experiment(&[]), &mut Silent).unwrap() else {
        panic!("nothing interrupted it");
    };
    let model = load_model(&path, &Device::Cpu).unwrap();
    assert_eq!(model.metadata.metrics["test"], record.test);
    let batching = Batching {
        size: 500,
        binarise: true,
        seed: 1,
    };
    let measured = evaluate(&model.model, &digits().test, &batching, &Device::Cpu).unwrap();
    assert_eq!(measured, record.test);
    // A model file outside a run directory has no run.
    let copy = directory.path().join("copy.safetensors");
    fs::copy(path.join("model.safetensors"), &copy).unwrap();
    assert!(load_model(&copy, &Device::Cpu).unwrap().run.is_none());
}

#[test]
fn format_1_files_of_convolutional_models_are_upgraded_to_pytorch_layout() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let text = "name = 'small'\n[model]\nkind = 'convolutional-vae'\nchannels = [3, 4]\n\
                [training]\nepochs = 1\nbatch_size = 100\n[data]\nsource = 'synthetic'\n";
    let experiment = Experiment::parse(text, "small", &[]).unwrap();
    train_in(&path, &experiment, &mut Silent).unwrap();
    let measured = |path: &Path| {
        let model = load_model(path, &Device::Cpu).unwrap();
        let batching = Batching {
            size: EVALUATION_BATCH,
            binarise: false,
            seed: 1,
        };
        let metrics = evaluate(&model.model, &digits().test, &batching, &Device::Cpu).unwrap();
        (metrics, model.metadata)
    };
    let (metrics, metadata) = measured(&path);
    assert_eq!(metrics, metadata.metrics["test"]);

    // Format 1 stored the tensors in the layout of the memory.
    let file = path.join("model.safetensors");
    let tensors = load_foreign(&file, &Device::Cpu).unwrap().tensors;
    let in_memory = experiment
        .model
        .in_own_order(Shape::grey(28, 28), tensors)
        .unwrap();
    save(&file, "model", &in_memory, &metadata).unwrap();
    assert_ne!(measured(&path).0, metrics);
    let bytes = fs::read(&file).unwrap();
    let before = replaced(&bytes, "\\\"format\\\":3", "\\\"format\\\":1");
    fs::write(&file, before).unwrap();
    let upgraded = directory.path().join("upgraded.safetensors");
    upgrade(&file, &upgraded).unwrap();
    assert_eq!(measured(&upgraded).0, metrics);
    // `import` also converts the layout of a format 1 file.
    let imported = directory.path().join("imported.safetensors");
    import(&file, &metadata.experiment, &digits(), &imported).unwrap();
    assert_eq!(measured(&imported).0, metrics);
}

#[test]
fn imported_weights_must_match_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train_in(&path, &experiment(&[]), &mut Silent).unwrap();
    let trained = load_model(&path, &Device::Cpu).unwrap();
    // A file without metadata, as other programs write it.
    let tensors = load_foreign(&trained.path, &Device::Cpu).unwrap().tensors;
    let weights = directory.path().join("weights.safetensors");
    fs::write(&weights, safetensors::serialize(&tensors, None).unwrap()).unwrap();
    let out = directory.path().join("imported.safetensors");
    import(&weights, &trained.metadata.experiment, &digits(), &out).unwrap();
    let imported = load_model(&out, &Device::Cpu).unwrap();
    let batching = Batching {
        size: EVALUATION_BATCH,
        binarise: true,
        seed: 1,
    };
    let measured = |model| evaluate(model, &digits().test, &batching, &Device::Cpu).unwrap();
    assert_eq!(measured(&imported.model), measured(&trained.model));
    assert_eq!(imported.metadata.data, trained.metadata.data);

    let other = experiment(&["model.hidden=[17]"]);
    let message = import(&weights, &other, &digits(), &out)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("encoder.0.weight is [16, 784], expected [17, 784]"),
        "{message}"
    );
    let own = path.join("experiment.toml");
    let message = import(&own, &other, &digits(), &out)
        .unwrap_err()
        .to_string();
    assert!(message.contains("not a safetensors file"), "{message}");
    // A failed import does not change an existing file.
    assert!(load_model(&out, &Device::Cpu).is_ok());
}

#[test]
fn invalid_model_paths_and_files_have_specific_errors() {
    let directory = tempfile::tempdir().unwrap();
    let message = |path: &Path| load_model(path, &Device::Cpu).err().unwrap().to_string();
    assert!(
        message(&directory.path().join("nothing"))
            .contains("neither a run directory nor a .safetensors file")
    );
    assert!(message(directory.path()).contains("not a run directory"));

    let path = directory.path().join("run");
    let run = Run::create(&path, &experiment(&[]), &digits(), None, false).unwrap();
    assert!(message(&path).contains("the first complete epoch"));
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
    assert!(
        message(&path.join("state.safetensors"))
            .contains("contains a training state, expected a model")
    );

    // The metadata describe a larger model than the tensors: the error comes before any allocation.
    let bytes = fs::read(run.model_path()).unwrap();
    fs::write(
        run.model_path(),
        replaced(&bytes, "hidden\\\":[16]", "hidden\\\":[99]"),
    )
    .unwrap();
    let message = message(&path);
    assert!(
        message.contains("encoder.0.weight is [16, 784], expected [99, 784]"),
        "{message}"
    );
}

#[test]
fn a_short_training_on_synthetic_digits_improves_the_elbo() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [
        "training.epochs=5",
        "model.hidden=[64]",
        "data.binarise=false",
    ];
    let digits = synthetic(1, 2000, 500);
    let path = directory.path().join("run");
    let run = Run::create(&path, &experiment(&settings), &digits, None, false).unwrap();
    train(&run, &digits, &Device::Cpu, &mut Silent).unwrap();
    let records = run.metrics().unwrap();
    let elbos: Vec<f64> = records.iter().map(|record| record.test["elbo"]).collect();
    // The best constant image has about −210 nats; with a wrong gradient the ELBO stays below that.
    assert!(elbos[4] > -200.0 && elbos[4] > elbos[0], "{elbos:?}");
    assert!(records[4].test["kl"] > 1.0, "the latents are used");
}

#[test]
fn errors_in_metrics_name_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train_in(&path, &experiment(&[]), &mut Silent).unwrap();
    let text = fs::read_to_string(path.join("metrics.jsonl")).unwrap();
    fs::write(
        path.join("metrics.jsonl"),
        text.replace("{\"epoch\":2", "{\"epok\":2"),
    )
    .unwrap();
    let error = Run::open(&path).unwrap().metrics().unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl: line 2"), "{error}");
}

/// A bias of −∞ before a ReLU leaves the loss finite, since max(−∞, 0) = 0.
#[test]
fn non_finite_weights_are_an_error_even_if_the_loss_is_finite() {
    let device = Device::Cpu;
    let config = VaeConfig {
        hidden: vec![4],
        ..VaeConfig::default()
    };
    let parameters = Parameters::seeded(1, &device);
    let training = TrainingConfig {
        epochs: 2,
        batch_size: 50,
        ..TrainingConfig::default()
    };
    let build = |builder: &VarBuilder| Vae::new(784, &config, builder);
    let mut trainer = Trainer::new(&training, false, 1, parameters.clone(), build).unwrap();
    let digits = digits();
    trainer.epoch(&digits, &mut Silent).unwrap();
    let (name, bias) = parameters
        .variables()
        .into_iter()
        .find(|(name, _)| name == "encoder.0.bias")
        .unwrap();
    bias.set(&Tensor::full(f32::NEG_INFINITY, bias.shape(), &device).unwrap())
        .unwrap();
    let error = trainer.epoch(&digits, &mut Silent).unwrap_err().to_string();
    assert!(error.contains(&name), "{error}");
}

#[test]
fn a_variable_without_a_gradient_is_an_error() {
    struct Cut(Tensor);
    impl Trainable for Cut {
        fn loss(
            &self,
            images: &Tensor,
            _: &Tensor,
            _: &mut LossContext,
        ) -> Result<Loss, latent_models::Error> {
            let objective = images.sum(1)?.broadcast_mul(&self.0.detach())?;
            Ok(Loss {
                objective,
                parts: Vec::new(),
            })
        }
    }
    let build = |builder: &VarBuilder| Ok(Cut(builder.get(1, "scale")?));
    let parameters = Parameters::seeded(1, &Device::Cpu);
    let mut trainer =
        Trainer::new(&TrainingConfig::default(), false, 1, parameters, build).unwrap();
    let digits = digits();
    let error = trainer.epoch(&digits, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("no gradient reaches scale"), "{error}");
}

/// Compares the training loop with an independent implementation: random streams, order of the images, and Adam
/// with constants other than its defaults.
#[test]
fn the_training_loop_matches_an_independent_implementation() {
    let plain = TrainingConfig {
        epochs: 2,
        batch_size: 64,
        learning_rate: 3e-3,
        beta1: 0.8,
        beta2: 0.95,
        epsilon: 1e-5,
        ..TrainingConfig::default()
    };
    follow_by_hand(&plain);
    follow_by_hand(&TrainingConfig {
        // Between the largest and the smallest gradient norm, so that some gradients are clipped and some are not.
        max_grad_norm: Some(40.0),
        ema_decay: Some(0.5),
        schedule: Schedule::Cosine { min_lr: 3e-4 },
        weight_decay: 0.5,
        ..plain
    });
}

#[test]
fn sgd_is_momentum_and_decoupled_weight_decay() {
    let device = Device::Cpu;
    let config = VaeConfig {
        hidden: vec![6],
        ..VaeConfig::default()
    };
    let training = TrainingConfig {
        epochs: 1,
        batch_size: 64,
        learning_rate: 1e-4,
        optimiser: Optimiser::Sgd { momentum: 0.9 },
        weight_decay: 10.0,
        ..TrainingConfig::default()
    };
    let digits = digits();
    let parameters = Parameters::seeded(5, &device);
    let build = |builder: &VarBuilder| Vae::new(784, &config, builder);
    let mut trainer = Trainer::new(&training, false, 9, parameters.clone(), build).unwrap();
    while trainer.epoch(&digits, &mut Silent).unwrap().is_some() {}

    let by_hand = Parameters::seeded(5, &device);
    let model = Vae::new(784, &config, &by_hand.builder()).unwrap();
    let variables = by_hand.variables();
    let start = by_hand.copied().unwrap().variables();
    let zeros = |(_, variable): &(String, Var)| variable.zeros_like().unwrap();
    let mut velocities: Vec<Tensor> = variables.iter().map(zeros).collect();
    let batching = Batching {
        size: 64,
        binarise: false,
        seed: 9,
    };
    for (step, batch) in (0..).zip(digits.train.shuffled(&batching, 1, &device)) {
        let Batch { images, labels } = batch.unwrap();
        let mut context = LossContext::training(Generator::stream(9, "noise", 1, step), 0.0);
        let loss = model.loss(&images, &labels, &mut context).unwrap();
        let gradients = loss.objective.mean_all().unwrap().backward().unwrap();
        for ((_, variable), velocity) in variables.iter().zip(&mut velocities) {
            *velocity = ((&*velocity * 0.9).unwrap() + gradients.get(variable).unwrap()).unwrap();
            let decay = if variable.rank() > 1 { 10.0 } else { 0.0 };
            let kept = (variable.as_detached_tensor() * (1.0 - 1e-4 * decay)).unwrap();
            variable
                .set(&(kept - (&*velocity * 1e-4).unwrap()).unwrap())
                .unwrap();
        }
    }
    let trained = parameters.variables();
    for (((name, found), (_, expected)), (_, before)) in trained.iter().zip(&variables).zip(start) {
        let apart = |a: &Tensor, b: &Tensor| {
            let largest = (a - b).unwrap().abs().unwrap().max_all().unwrap();
            f64::from(largest.to_scalar::<f32>().unwrap())
        };
        // Rounding errors of 400 operations on weights below 1.
        let bound = rounding(SINGLE, 400, 1.0);
        let error = apart(found, expected);
        assert!(error < bound, "{name}: {error}");
        assert!(apart(found, &before) > 10.0 * bound, "{name} does not move");
    }
}

fn follow_by_hand(training: &TrainingConfig) {
    let device = Device::Cpu;
    let config = VaeConfig {
        hidden: vec![6],
        ..VaeConfig::default()
    };
    let digits = digits();

    let parameters = Parameters::seeded(5, &device);
    let build = |builder: &VarBuilder| Vae::new(784, &config, builder);
    let mut trainer = Trainer::new(training, true, 9, parameters.clone(), build).unwrap();
    while trainer.epoch(&digits, &mut Silent).unwrap().is_some() {}

    let by_hand = Parameters::seeded(5, &device);
    let model = Vae::new(784, &config, &by_hand.builder()).unwrap();
    let variables = by_hand.variables();
    let moments: Vec<Moments> = variables
        .iter()
        .map(|(_, variable)| Moments::zeros_like(variable).unwrap())
        .collect();
    let averages = by_hand.copied().unwrap();
    let (mut updates, mut clipped) = (0, 0);
    for epoch in 1..=2 {
        let batching = Batching {
            size: 64,
            binarise: true,
            seed: 9,
        };
        for (step, batch) in (0..).zip(digits.train.shuffled(&batching, epoch, &device)) {
            let batch = batch.unwrap();
            let generator = Generator::stream(9, "noise", epoch, step);
            let loss = model
                .loss(
                    &batch.images,
                    &batch.labels,
                    &mut LossContext::training(generator, 0.0),
                )
                .unwrap();
            let gradients = loss.objective.mean_all().unwrap().backward().unwrap();
            let gradients = variables
                .iter()
                .map(|(_, variable)| gradients.get(variable).unwrap());
            let squares = gradients.clone().map(|g| squared_norm(g).unwrap());
            let shortened = training.max_grad_norm.map_or(1.0, |longest| {
                (longest / squares.sum::<f64>().sqrt()).min(1.0)
            });
            clipped += usize::from(shortened < 1.0);
            let epochs = (epoch - 1) as f64 + f64::from(step as u32) / 4.0;
            let adam = Adam {
                learning_rate: training.schedule.learning_rate(3e-3, epochs, 2),
                beta1: 0.8,
                beta2: 0.95,
                epsilon: 1e-5,
                weight_decay: 0.0,
            };
            updates += 1;
            let decay = training.ema_decay.map_or(0.0, |decay| {
                decay.min((1 + updates) as f64 / (10 + updates) as f64)
            });
            for (((_, variable), (_, average)), (gradient, moments)) in variables
                .iter()
                .zip(averages.variables())
                .zip(gradients.zip(&moments))
            {
                let gradient = (gradient * shortened).unwrap();
                // Biases do not decay.
                let weight_decay = match variable.rank() {
                    1 => 0.0,
                    _ => training.weight_decay,
                };
                let adam = Adam {
                    weight_decay,
                    ..adam
                };
                adam_update(variable, &gradient, moments, &adam, updates).unwrap();
                average_update(&average, variable, decay).unwrap();
            }
        }
    }
    if training.max_grad_norm.is_some() {
        assert!(0 < clipped && clipped < 8, "{clipped} of 8 were clipped");
    }
    let values = |variable: &Tensor| variable.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for ((name, trained), (_, expected)) in parameters.variables().iter().zip(&variables) {
        assert_eq!(values(trained), values(expected), "{name}");
    }
    // The evaluated and saved weights are the moving averages.
    let kept = trainer.parameters().variables();
    for ((name, kept), (_, expected)) in kept.iter().zip(&averages.variables()) {
        for (kept, expected) in values(kept).iter().zip(values(expected)) {
            // Three operations in each of eight updates, on weights below 1.
            let apart = f64::from((kept - expected).abs());
            assert!(apart <= rounding(SINGLE, 3 * 8, 1.0), "{name}");
        }
    }
}

#[test]
fn metrics_do_not_depend_on_the_batch_size() {
    /// A model whose loss is the sum of an image's pixels, which the test can compute directly.
    struct Ink;
    impl Trainable for Ink {
        fn loss(
            &self,
            images: &Tensor,
            _: &Tensor,
            _: &mut LossContext,
        ) -> Result<Loss, latent_models::Error> {
            let objective = images.sum(1)?;
            Ok(Loss {
                parts: vec![("twice", (&objective * 2.0)?)],
                objective,
            })
        }
    }
    let test = digits().test;
    let ink = test
        .images()
        .iter()
        .map(|&pixel| f64::from(pixel))
        .sum::<f64>()
        / 255.0
        / test.len() as f64;
    // Batches of one image, batches with a smaller last one, and a single batch.
    for size in [1, 7, 49, 50, 500] {
        let batching = Batching {
            size,
            binarise: false,
            seed: 1,
        };
        let metrics = evaluate(&Ink, &test, &batching, &Device::Cpu).unwrap();
        // The sum over the pixels of an image is rounded.
        let bound = rounding(SINGLE, 784, ink);
        assert!(
            (metrics["loss"] - ink).abs() <= bound,
            "{size}: {metrics:?}"
        );
        assert!(
            (metrics["twice"] - 2.0 * ink).abs() <= 2.0 * bound,
            "{size}: {metrics:?}"
        );
    }
}

#[test]
fn a_run_is_not_resumed_with_another_experiment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let run = Run::create(&path, &experiment(&[]), &digits(), None, false).unwrap();
    train(&run, &digits(), &Device::Cpu, &mut StopAfter(4)).unwrap();
    let text = fs::read_to_string(path.join("experiment.toml")).unwrap();
    for (from, to) in [
        ("batch_size = 32", "batch_size = 16"),
        ("seed = 1", "seed = 2"),
        ("binarise = true", "binarise = false"),
    ] {
        assert!(text.contains(from));
        fs::write(path.join("experiment.toml"), text.replace(from, to)).unwrap();
        let error = train(&run, &digits(), &Device::Cpu, &mut Silent)
            .unwrap_err()
            .to_string();
        assert!(error.contains("experiment.toml was changed"), "{error}");
    }
    // An inconsistent training state: more steps than updates.
    fs::write(path.join("experiment.toml"), &text).unwrap();
    let bytes = fs::read(path.join("state.safetensors")).unwrap();
    let forged = replaced(&bytes, "\\\"step\\\":4", "\\\"step\\\":5");
    fs::write(path.join("state.safetensors"), forged).unwrap();
    let error = train(&run, &digits(), &Device::Cpu, &mut Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("do not match"), "{error}");
    // The original state can be resumed.
    fs::write(path.join("state.safetensors"), bytes).unwrap();
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
}

/// A model whose loss is a given function of the epoch and of training or evaluation. Its only variable has no
/// effect.
struct Scripted {
    nothing: Tensor,
    loss: fn(f64, bool) -> f64,
}

impl Trainable for Scripted {
    fn loss(
        &self,
        images: &Tensor,
        _: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, latent_models::Error> {
        let value = (self.loss)(context.epochs, context.is_training());
        let nothing = (images.sum(1)? * 0.0)?.broadcast_mul(&self.nothing)?;
        Ok(Loss {
            objective: (nothing + value)?,
            parts: Vec::new(),
        })
    }
}

/// The number of epochs (of three) that a training with these losses completes before [`Error::Diverged`].
fn epochs_before_divergence(loss: fn(f64, bool) -> f64) -> usize {
    let build = |builder: &VarBuilder| {
        Ok(Scripted {
            nothing: builder.get(1, "nothing")?,
            loss,
        })
    };
    let config = TrainingConfig {
        epochs: 3,
        batch_size: 32,
        ..TrainingConfig::default()
    };
    let parameters = Parameters::seeded(1, &Device::Cpu);
    let mut trainer = Trainer::new(&config, false, 1, parameters, build).unwrap();
    let digits = digits();
    loop {
        match trainer.epoch(&digits, &mut Silent) {
            Err(Error::Diverged { epoch, initial, .. }) => {
                assert_eq!(epoch, trainer.epochs_done() + 1);
                assert!((initial - loss(0.0, true)).abs() < 1e-3);
                return trainer.epochs_done();
            }
            other => {
                if other.unwrap().is_none() {
                    return trainer.epochs_done();
                }
            }
        }
    }
}

/// Images have 784 pixels: the limit is L₀ + max(|L₀|, 784).
#[test]
fn training_diverges_if_both_losses_exceed_the_limit() {
    // In the first epoch: the first batch gives the limit 1284, and all later losses are above it.
    assert_eq!(
        epochs_before_divergence(|epochs, training| {
            if training && epochs == 0.0 {
                500.0
            } else {
                1e12
            }
        }),
        0
    );
    // In the third epoch.
    assert_eq!(
        epochs_before_divergence(|epochs, _| if epochs < 2.0 { 500.0 } else { 2000.0 }),
        2
    );
    // Below the limit, for a small and for a large initial loss.
    assert_eq!(
        epochs_before_divergence(|epochs, training| {
            if training && epochs == 0.0 {
                500.0
            } else {
                1280.0
            }
        }),
        3
    );
    assert_eq!(
        epochs_before_divergence(|epochs, training| {
            if training && epochs == 0.0 {
                5000.0
            } else {
                9990.0
            }
        }),
        3
    );
    // A negative loss, as of a flow with a positive log-density.
    assert_eq!(
        epochs_before_divergence(|epochs, _| if epochs < 1.0 { -2000.0 } else { 10.0 }),
        1
    );
    // A few steps with a high loss, after which the model recovers.
    assert_eq!(
        epochs_before_divergence(|epochs, training| {
            let is_bad = training && (0.5..0.7).contains(&epochs.fract());
            if is_bad { 1e6 } else { 500.0 }
        }),
        3
    );
    // During the warm-up of the KL weight, the test loss has the full weight.
    assert_eq!(
        epochs_before_divergence(|_, training| if training { 500.0 } else { 1e6 }),
        3
    );
}

#[test]
fn a_diverging_run_stops_and_keeps_the_previous_weights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train_in(&path, &experiment(&["training.epochs=2"]), &mut Silent).unwrap();
    let kept = fs::read(path.join("model.safetensors")).unwrap();
    let edit = |file: &str, from: &str, to: &str| {
        let bytes = fs::read(path.join(file)).unwrap();
        fs::write(path.join(file), replaced(&bytes, from, to)).unwrap();
    };
    edit("experiment.toml", "epochs = 2", "epochs = 9");
    // The initial loss is replaced by one so low that every loss exceeds the limit. A large learning rate
    // would not be a reliable test: its effect depends on rounding.
    let state = fs::read(path.join("state.safetensors")).unwrap();
    let state = String::from_utf8_lossy(&state).into_owned();
    let (_, rest) = state.split_once("\\\"initial_loss\\\":").unwrap();
    let initial = rest.split([',', '}']).next().unwrap();
    let low = format!("-{}", "9".repeat(initial.len() - 1));
    let key = |value: &str| format!("\\\"initial_loss\\\":{value}");
    edit("state.safetensors", &key(initial), &key(&low));

    let run = Run::open(&path).unwrap();
    let error = train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 3, .. }), "{error}");
    assert!(error.to_string().contains("after epoch 2"), "{error}");
    assert_eq!(fs::read(path.join("model.safetensors")).unwrap(), kept);
    assert_eq!(run.metrics().unwrap().len(), 2);
    assert!(load_model(&path, &Device::Cpu).is_ok());
}

/// The learning rate is so small that only the bound changes: with 50 draws it is tighter, so the first epochs have
/// the lowest losses.
#[test]
fn the_best_epoch_is_chosen_among_those_with_the_final_number_of_draws() {
    let directory = tempfile::tempdir().unwrap();
    let experiment = experiment(&[
        "model.objective.bound='importance-weighted'",
        "model.objective.samples=1",
        "model.objective.initial={ samples = 50, epochs = 2 }",
        "training.epochs=4",
        "training.learning_rate=1e-12",
        "training.validation_images=30",
        "data.binarise=false",
    ]);
    let outcome = train_in(directory.path(), &experiment, &mut Silent).unwrap();
    let Outcome::Finished(kept) = outcome else {
        panic!("{outcome:?}");
    };
    let run = Run::open(directory.path()).unwrap();
    let records = run.metrics().unwrap();
    let loss = |epoch: usize| records[epoch - 1].validation.as_ref().unwrap()["loss"];
    assert!(loss(1) < loss(3) - 1.0, "{records:?}");
    assert_eq!(kept.epoch, if loss(4) < loss(3) { 4 } else { 3 });
    assert_eq!(run.kept_record().unwrap(), kept);
    // The metrics of the kept epoch are those of the final bound.
    let model = load_model(directory.path(), &Device::Cpu).unwrap();
    let batching = Batching {
        size: EVALUATION_BATCH,
        binarise: false,
        seed: 1,
    };
    let test = evaluate(&model.model, &digits().test, &batching, &Device::Cpu).unwrap();
    assert_eq!(test, kept.test);
}

#[test]
fn the_generalisation_gap_uses_equally_many_images_and_the_same_draws() {
    let builder = Parameters::seeded(1, &Device::Cpu).builder();
    let model = Vae::new(784, &VaeConfig::default(), &builder).unwrap();
    let batching = Batching {
        size: EVALUATION_BATCH,
        binarise: true,
        seed: 7,
    };
    let gap = |splits: &Splits| {
        let gap = GeneralisationGap::measure(&model, splits, &batching, &Device::Cpu);
        gap.unwrap().unwrap()
    };
    let figure =
        |images: Dataset| evaluate(&model, &images, &batching, &Device::Cpu).unwrap()["elbo"];
    let splits = digits();
    let found = gap(&splits);
    assert_eq!((found.images, found.split), (50, "test"));
    assert_eq!(found.held_out, figure(splits.test.clone()));
    assert_eq!(found.train, figure(splits.train.clone().evenly_spaced(50)));
    assert!(!found.is_overfitting());
    // With the same images in both splits the gap is 0.
    let same = Splits {
        test: splits.train.clone(),
        ..splits.clone()
    };
    assert_eq!(gap(&same).nats(), 0.0);
    let held_out = gap(&splits.held_out(30));
    assert_eq!((held_out.images, held_out.split), (30, "validation"));

    let known = |train, held_out| GeneralisationGap {
        train,
        held_out,
        split: "test",
        images: 1000,
    };
    assert!(!known(-100.0, -114.9).is_overfitting());
    assert!(known(-100.0, -115.1).is_overfitting());
}

#[test]
fn a_run_stores_the_data_directory_and_the_model_file_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let trained = |name: &str, place: Option<&Path>| {
        let path = directory.path().join(name);
        let run = Run::create(&path, &experiment(&[]), &digits(), place, false).unwrap();
        train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
        run
    };
    let run = trained("here", Some(Path::new("some/digits")));
    let data = run.data().unwrap().unwrap();
    let Splits {
        train: images,
        test,
        ..
    } = digits();
    assert_eq!(data.record.name, "synthetic");
    assert_eq!(data.record.shape, Shape::grey(28, 28));
    assert_eq!(
        (data.record.images, data.record.classes_present),
        (200, ALL.to_vec())
    );
    assert_eq!(data.record.checksum, images.checksum());
    assert_eq!(data.record.test_checksum, test.checksum());
    let place = data.directory.unwrap();
    assert_eq!(place.given, Path::new("some/digits"));
    let here = std::env::current_dir().unwrap();
    assert_eq!(place.resolved, here.join("some").join("digits"));

    // The model file does not depend on the data directory.
    let elsewhere = trained("elsewhere", None);
    assert_eq!(elsewhere.data().unwrap().unwrap().directory, None);
    let bytes = |run: &Run| fs::read(run.model_path()).unwrap();
    assert!(bytes(&run) == bytes(&elsewhere));
    let metadata = run.model_metadata().unwrap();
    assert_eq!(metadata.data, run.data().unwrap().unwrap().record);

    run.move_data(Path::new("others")).unwrap();
    let moved = run.data().unwrap().unwrap();
    assert_eq!(moved.directory.unwrap().given, Path::new("others"));
    assert_eq!(moved.record, metadata.data);
    fs::write(run.directory().join("data.json"), "{}").unwrap();
    let error = run.data().unwrap_err().to_string();
    assert!(error.contains("data.json"), "{error}");
    // A run of an old version has no data.json.
    fs::remove_file(run.directory().join("data.json")).unwrap();
    assert_eq!(run.data().unwrap(), None);
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
}

#[test]
fn a_run_without_a_complete_epoch_is_not_trained_on_other_data() {
    let directory = tempfile::tempdir().unwrap();
    let run = Run::create(directory.path(), &experiment(&[]), &digits(), None, false).unwrap();
    for others in [synthetic(2, 200, 50), synthetic(1, 200, 40)] {
        let error = train(&run, &others, &Device::Cpu, &mut Silent).unwrap_err();
        assert!(matches!(error, Error::OtherData { .. }), "{error}");
        assert!(matches!(
            run.check_data(&others),
            Err(Error::OtherData { .. })
        ));
    }
    run.check_data(&digits()).unwrap();
    train(&run, &digits(), &Device::Cpu, &mut Silent).unwrap();
}

/// Training images of 1, 4 and 7; test images of all classes.
fn three_classes() -> Splits {
    let all = digits();
    Splits {
        train: all.train.of_classes(&[1, 4, 7]),
        ..all
    }
}

#[test]
fn a_conditional_model_uses_only_classes_of_its_training_images() {
    for index in [0, 6] {
        let experiment = &kinds()[index];
        let directory = tempfile::tempdir().unwrap();
        let (path, splits) = (directory.path(), three_classes());
        let run = Run::create(path, experiment, &splits, None, false).unwrap();
        train(&run, &splits, &Device::Cpu, &mut Silent).unwrap();
        let model = load_model(path, &Device::Cpu).unwrap();
        let data = &model.metadata.data;
        assert_eq!(data.classes_present, [1, 4, 7]);
        let test = splits.test.clone().of_classes(&data.classes_present);
        assert_eq!((test.len(), &data.test_checksum), (15, &test.checksum()));
        let batching = Batching {
            size: 20,
            binarise: false,
            seed: 3,
        };
        let model = model.model.conditional().unwrap();
        let found = classify(
            model,
            &splits.test,
            &data.classes_present,
            2,
            &batching,
            &Device::Cpu,
            |_| {},
        );
        let found = found.unwrap();
        assert!(
            found
                .iter()
                .all(|class| data.classes_present.contains(class))
        );

        let mixture = |classes: &[u8]| {
            let mixture =
                marginal_log_likelihoods(model, &test, classes, &batching, &Device::Cpu, |_| {});
            mixture.unwrap()
        };
        let Some(of_seen) = mixture(&data.classes_present) else {
            continue;
        };
        // With a uniform prior, the marginal density is the mean of the densities for single labels.
        let given: Vec<_> = [1, 4, 7].map(|class| mixture(&[class]).unwrap()).into();
        for (place, found) in of_seen.into_iter().enumerate() {
            let densities = given.iter().map(|of| f64::from(of[place]));
            let largest = densities.clone().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = densities.map(|density| (density - largest).exp()).sum();
            let expected = largest + (sum / 3.0).ln();
            // Rounding error of 32-bit floats of magnitude 10⁴.
            assert!((f64::from(found) - expected).abs() < 1e-2);
        }
    }
    // An unconditional model is evaluated on all test images.
    let directory = tempfile::tempdir().unwrap();
    let splits = three_classes();
    let run = Run::create(directory.path(), &experiment(&[]), &splits, None, false).unwrap();
    train(&run, &splits, &Device::Cpu, &mut Silent).unwrap();
    let data = run.model_metadata().unwrap().data;
    assert_eq!(data.test_checksum, splits.test.checksum());
    assert_eq!(data.classes_present, [1, 4, 7]);
}
