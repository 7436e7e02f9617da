//! Reproducible training and evaluation of latent-variable models: training loop, optimisers,
//! metrics and resumable run directories.
//!
//! [`Trainer`] trains any model that implements [`Trainable`](latent_models::Trainable):
//!
//! ```
//! use candle_core::Device;
//! use latent_datasets::synthetic;
//! use latent_models::{Parameters, Vae, VaeConfig};
//! use latent_training::{Silent, Trainer, TrainingConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let digits = synthetic(1, 256, 64);
//! let vae = VaeConfig { hidden: vec![32], ..VaeConfig::default() };
//! let config = TrainingConfig { epochs: 2, batch_size: 32, ..TrainingConfig::default() };
//!
//! let parameters = Parameters::seeded(7, &Device::Cpu);
//! let mut trainer = Trainer::new(&config, false, 7, parameters, |builder| Vae::new(784, &vae, builder))?;
//! let mut last = None;
//! while let Some(epoch) = trainer.epoch(&digits, &mut Silent)? {
//!     last = Some(epoch.test["elbo"]); // nats per image
//! }
//! assert!(last.is_some_and(|elbo| elbo > -500.0));
//! # Ok(())
//! # }
//! ```
//!
//! # Experiments and runs
//! An [`Experiment`] is a configuration file in TOML: model, data and training. [`Run::create`]
//! creates its run directory, [`train`] trains it, and [`load_model`] loads the trained model.
//!
//! # Reproducibility
//! Each random stream has a key (seed, purpose, epoch, step). The same experiment therefore gives the
//! same bytes, and a run that is interrupted and resumed gives the same bytes as an uninterrupted one.
//!
//! # Evaluation
//! [`Evaluation`] has the metrics of a model with standard errors, [`SampleAccuracy`] the accuracy of
//! a classifier on class-conditional samples, [`GeneralisationGap`] the difference between training
//! and held-out images, and [`Comparison`] the settings and metrics in which runs differ.
//!
//! # Features
//! `x86-v4` (default) compiles kernels for AVX-512; `cuda` and `metal` forward to candle.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, candle-nn, latent-models, serde, toml. Status:
//! part of the `latent` workspace, below 1.0; minor versions may break the interface.

mod comparison;
mod data;
mod data_record;
mod error;
mod evaluation;
mod experiment;
mod gap;
mod model_data;
mod model_evaluation;
mod number;
mod optimiser;
mod prefetch;
mod publication;
mod run;
mod sample_accuracy;
mod saving;
mod schedule;
mod throughput;
mod trainer;
mod upgrade;

pub use comparison::{ComparedRun, Comparison, SameData, SettingDifference};
pub use data::{DataDirectory, RunData};
pub use data_record::DataRecord;
pub use error::Error;
pub use evaluation::{
    EVALUATION_BATCH, Metrics, classify, encode, evaluate, kl_by_dimension, knn_classify,
    log_likelihoods, marginal_log_likelihoods, mean_and_standard_error, part_of_each,
};
pub use experiment::{DataConfig, Experiment, TrainingConfig};
pub use gap::GeneralisationGap;
pub use model_data::{DataDifference, ModelData};
pub use model_evaluation::{Evaluation, EvaluationStage};
pub use number::thousands;
pub use optimiser::Optimiser;
pub use publication::{Publication, publish};
pub use run::{
    EpochRecord, Model, ModelMetadata, Outcome, Run, import, load_model, parse_model, train,
};
pub use sample_accuracy::{SampleAccuracy, TrainedClassifier, train_classifier};
pub use schedule::Schedule;
pub use throughput::Throughput;
pub use trainer::{EpochReport, Observer, Silent, StepReport, Trainer};
pub use upgrade::{is_model_file, upgrade};

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
