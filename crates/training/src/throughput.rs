use std::time::Instant;

use candle_core::utils::barrier_pool;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_models::{Condition, LatentModel, ModelConfig, Parameters};
use serde::Serialize;

use crate::{Error, Trainer, TrainingConfig};

/// How many images per second a model trains on and samples on this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// Threads of the pool that computes.
    pub threads: usize,
    /// Images in a batch.
    pub batch_size: usize,
    /// Training steps that were timed.
    pub steps: usize,
    /// Images per second of whole training steps: batch, noise, loss, gradients and update.
    pub images_per_second: f64,
    /// Samples per second from the prior, decoded.
    pub samples_per_second: f64,
}

impl Throughput {
    /// Trains a new model for `steps` steps, after a tenth as many that are not timed, and then samples as many batches
    /// as were not timed.
    ///
    /// # Errors
    /// There are no images, or the model cannot be built for them.
    pub fn measure(
        model: &ModelConfig,
        train: &Dataset,
        batch_size: usize,
        steps: usize,
        device: &Device,
    ) -> Result<Self, Error> {
        let config = TrainingConfig {
            batch_size,
            learning_rate: 1e-4,
            ..TrainingConfig::default()
        };
        let parameters = Parameters::seeded(1, device);
        let build = |builder: &VarBuilder| model.build(train.shape(), train.classes(), builder);
        let mut trainer = Trainer::new(&config, false, 1, parameters, build)?;
        let warm_up_epochs = steps.div_ceil(10);
        trainer.images_per_second(train, warm_up_epochs)?;
        let images_per_second = trainer.images_per_second(train, steps)?;

        let model = trainer.evaluated();
        let labels: Vec<u32> = (0..batch_size)
            .map(|index| (index % train.classes()) as u32)
            .collect();
        let labels = Tensor::new(labels, device)?;
        let condition = Condition::from_labels(&labels, model.classes(), DType::F32)?;
        let mut generator = Generator::new(1);
        let start = Instant::now();
        for _ in 0..warm_up_epochs {
            let latents = model.sample_prior(batch_size, &mut generator)?;
            model.decode(&latents, &condition)?;
        }
        let samples_per_second =
            (batch_size * warm_up_epochs) as f64 / start.elapsed().as_secs_f64();
        Ok(Self {
            threads: barrier_pool().n_workers() + 1,
            batch_size,
            steps,
            images_per_second,
            samples_per_second,
        })
    }
}
