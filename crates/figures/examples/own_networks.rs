//! An encoder, a decoder and a likelihood of one's own, trained, evaluated and drawn.
#![expect(clippy::print_stdout, reason = "the output of the program")]

use std::error::Error;
use std::sync::Arc;

use candle_core::{Device, Result as TensorResult, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::sigmoid;
use latent_datasets::{Batching, synthetic};
use latent_distributions::{Distribution, Normal};
use latent_models::{
    Activation, Generator, LatentModel, Linear, Network, Objective, Parameters, PixelLikelihood,
    Vae,
};
use latent_training::{Silent, Trainer, TrainingConfig, encode, evaluate};
use latent_visualisation::{ImageGrid, Picture, Scatter};

const HIDDEN: usize = 128;

/// A network with a skip connection: x ↦ W₂ tanh(W₁ x) + W₃ x.
struct Skip {
    first: Linear,
    second: Linear,
    shortcut: Linear,
}

impl Skip {
    fn new(inputs: usize, outputs: usize, builder: &VarBuilder) -> TensorResult<Self> {
        use Activation::{Identity, Tanh};
        Ok(Self {
            first: Linear::new(inputs, HIDDEN, Tanh, &builder.pp("first"))?,
            second: Linear::new(HIDDEN, outputs, Identity, &builder.pp("second"))?,
            shortcut: Linear::new(inputs, outputs, Identity, &builder.pp("shortcut"))?,
        })
    }
}

impl Network for Skip {
    type Condition = ();

    fn forward(&self, input: &Tensor, (): &()) -> TensorResult<Tensor> {
        self.second.forward(&self.first.forward(input)?)? + self.shortcut.forward(input)?
    }
}

/// Pixels are normal around the sigmoid of the decoder's output, with a fixed scale.
#[derive(Debug)]
struct Gaussian {
    log_scale: f64,
}

impl PixelLikelihood for Gaussian {
    fn given(&self, output: &Tensor) -> Result<Arc<dyn Distribution>, latent_models::Error> {
        let loc = self.location(output)?;
        let log_scale = (loc.zeros_like()? + self.log_scale)?;
        Ok(Arc::new(Normal::new(loc, log_scale)?))
    }

    fn location(&self, output: &Tensor) -> Result<Tensor, latent_models::Error> {
        Ok(sigmoid(output)?)
    }
}

/// Trains a VAE of these networks on synthetic digits, and draws samples and latents.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::Cpu;
    let directory = std::env::temp_dir().join("latent-own-networks");
    let data = synthetic(1, 5000, 500);
    let config = TrainingConfig::default();
    let build = |builder: &VarBuilder| -> Result<Vae<Skip, Skip>, latent_models::Error> {
        let encoder = Skip::new(784, HIDDEN, &builder.pp("encoder"))?;
        let decoder = Skip::new(2, 784, &builder.pp("decoder"))?;
        let vae = Vae::from_networks(encoder, HIDDEN, decoder, 2, &Objective::default(), builder)?;
        Ok(vae.with_pixel_likelihood(Gaussian { log_scale: -1.0 }))
    };
    let mut trainer = Trainer::new(&config, false, 1, Parameters::seeded(1, &device), build)?;
    while let Some(epoch) = trainer.epoch(&data, &mut Silent)? {
        println!("epoch {}: {:.1} nats", epoch.epoch, epoch.train["loss"]);
    }

    let model = trainer.evaluated();
    let batching = Batching {
        size: 500,
        binarise: false,
        seed: 1,
    };
    let metrics = evaluate(model, &data.test, &batching, &device)?;
    println!("test: {:.1} nats per image", metrics["loss"]);
    let samples = model.sample(16, &(), &mut Generator::new(1))?;
    let grid = ImageGrid::new(samples.flatten_all()?.to_vec1::<f32>()?, [16, 28, 28])?.columns(4);
    grid.save(&directory.join("samples.png"))?;
    let latents = encode(model, &data.test, &batching, false, &device)?;
    let points = latents.flatten_all()?.to_vec1::<f32>()?;
    Scatter::new(points, data.test.labels())?.save(&directory.join("latents.png"))?;
    Ok(())
}
