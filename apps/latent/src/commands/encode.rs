use std::path::PathBuf;

use candle_core::DType;
use clap::Args;
use latent_training::encode;
use latent_visualisation::npy_file;
use serde_json::json;

use crate::arguments::{
    DataArguments, EncodingArgument, InputArguments, ModelArgument, Selected, Shown, SplitArgument,
    positive, seed, with_extension, write_table,
};
use crate::{Context, Error};

/// Write the latents of images as a NumPy file
///
/// The file has a row for each image, float32 [images, latent size]. A CSV file beside it has the name and the label of
/// each. `latent decode` takes the latents, also changed ones.
#[derive(Args)]
#[command(
    after_help = "Example:\n  latent encode vae-2d --data synthetic --limit 1000 --output latents.npy"
)]
pub(crate) struct Encode {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    split: SplitArgument,
    #[command(flatten)]
    latent: EncodingArgument,
    /// Use the first N images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// Seed of all random numbers [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "latents.npy", value_parser = with_extension("npy"))]
    output: PathBuf,
}

impl Encode {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.input.load_for(&model, &self.data, context)?;
        let Selected { images, split } = self.split.of(&data);
        let images = images.truncated(self.limit.unwrap_or(usize::MAX));
        let batching = model.batching(self.seed.unwrap_or(model.metadata.experiment.seed));
        let sampled = self.latent.encoding() == latent_figures::Encoding::Sample;
        let latents = encode(&model.model, &images, &batching, sampled, &context.device)?;
        let shape = latents.dims().to_vec();
        let values = latents
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        latent_checkpoints::write_atomically(&self.output, &npy_file(&shape, &values))?;

        let table = self.output.with_extension("csv");
        let row = |index| {
            let label = images
                .labels()
                .get(index)
                .map(|&label| data.class_name(label));
            [split.name_of(&images, index), label.unwrap_or_default()]
        };
        write_table(&table, &["image", "label"], (0..images.len()).map(row))?;
        let files = [&self.output, &table].map(|path| path.display().to_string());
        Ok(Shown::measured(
            files.join("\n"),
            json!({
                "model": self.model.path().display().to_string(),
                "data": data.name(),
                "split": split.to_string(),
                "images": images.len(),
                "shape": shape,
                "files": files,
            }),
        ))
    }
}
