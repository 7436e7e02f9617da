use std::time::Instant;

use candle_core::utils::barrier_pool;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use latent_datasets::Dataset;
use latent_distributions::Generator;
use latent_models::{Condition, LatentModel, ModelConfig, Parameters};
use serde::{Deserialize, Serialize};

use crate::{Error, Trainer, TrainingConfig};

/// The speed of training and sampling of a model on this computer, in images per second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// The number of compute threads.
    pub threads: usize,
    /// The number of images in a batch.
    pub batch_size: usize,
    /// The number of timed training steps.
    pub steps: usize,
    /// Training images per second; a step includes batch, noise, loss, gradients and update.
    pub images_per_second: f64,
    /// Samples per second; a sample is drawn from the prior and decoded.
    pub samples_per_second: f64,
}

impl Throughput {
    /// Measures a new model: `steps`/10 warm-up training steps, `steps` timed ones, then `steps`/10 timed batches of
    /// samples.
    ///
    /// # Errors
    /// There are no images, or the model cannot be built for their shape.
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
