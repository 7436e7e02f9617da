use std::path::PathBuf;

use candle_core::DType;
use clap::Args;
use latent_training::encode;
use latent_visualisation::npy_file;
use serde_json::json;

use crate::arguments::{
    EncodingArgument, ImagesArguments, ModelArgument, Shown, with_extension, write_table,
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
    images: ImagesArguments,
    #[command(flatten)]
    latent: EncodingArgument,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = "latents.npy", value_parser = with_extension("npy"))]
    output: PathBuf,
}

impl Encode {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let selected = self.images.load(&model, context)?;
        let (images, batching) = (&selected.images, &selected.batching);
        let sampled = self.latent.encoding() == latent_figures::Encoding::Sample;
        let latents = encode(&model.model, images, batching, sampled, &context.device)?;
        let shape = latents.dims().to_vec();
        let values = latents
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        latent_checkpoints::write_atomically(&self.output, &npy_file(&shape, &values))?;

        let table = self.output.with_extension("csv");
        let row = |index| [selected.name(index), selected.class(index)];
        write_table(&table, &["image", "label"], (0..images.len()).map(row))?;
        let files = [&self.output, &table].map(|path| path.display().to_string());
        Ok(Shown::measured(
            files.join("\n"),
            json!({
                "model": self.model.path().display().to_string(),
                "data": selected.data.name(),
                "split": selected.split.to_string(),
                "images": images.len(),
                "shape": shape,
                "files": files,
            }),
        ))
    }
}
