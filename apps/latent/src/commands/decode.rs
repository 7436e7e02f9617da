use std::path::PathBuf;

use candle_core::Tensor;
use clap::Args;
use latent_datasets::numbers_from_file;
use latent_figures::decoded;

use crate::arguments::{Class, DrawArguments, ModelArgument, Shown, labels_of};
use crate::paths::path;
use crate::{Context, Error};

/// Draw the images of latents in a NumPy file, such as those of `latent encode`
#[derive(Args)]
#[command(after_help = "Example:\n  latent decode vae-2d latents.npy --output decoded.png")]
pub(crate) struct Decode {
    #[command(flatten)]
    model: ModelArgument,
    /// Latents: numbers [n, latent size] in a .npy file
    #[arg(value_name = "LATENTS", value_parser = path())]
    latents: PathBuf,
    /// Labels of the latents, for a conditional model: one for all, or one for each
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = Class::parse)]
    labels: Vec<Class>,
    #[command(flatten)]
    output: DrawArguments,
}

impl Decode {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let (shape, numbers) = numbers_from_file(&self.latents)?;
        let latents = Tensor::from_vec(numbers, shape, &context.device)?;
        let labels = labels_of(&self.labels, &model)?;
        let figure = decoded(&model, &latents, &labels)?;
        Ok(self.output.drawn(figure, &model, "decoded"))
    }
}
