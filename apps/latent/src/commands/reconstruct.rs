use clap::Args;
use latent_figures::{ReconstructionOptions, reconstructions};

use crate::arguments::{
    DataArguments, DrawArguments, EncodingArgument, InputArguments, ModelArgument, Shown,
};
use crate::{Context, Error};

/// Test images above their reconstructions
#[derive(Args)]
#[command(after_help = "Example:\n  latent reconstruct runs/vae-2d")]
pub(crate) struct Reconstruct {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of images
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=50))]
    count: u16,
    #[command(flatten)]
    latent: EncodingArgument,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Reconstruct {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.input.load_for(&model, &self.data, context)?.test();
        let options = ReconstructionOptions {
            count: self.count.into(),
            encoding: self.latent.encoding(),
            seed: self.output.given_seed(),
            split: self.input.split(),
            ..ReconstructionOptions::default()
        };
        let figure = reconstructions(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "reconstructions"))
    }
}
