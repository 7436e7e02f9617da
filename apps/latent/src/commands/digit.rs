use clap::Args;
use latent_figures::{SampleOptions, samples};

use crate::arguments::{DrawArguments, ModelArgument, Shown, digit};
use crate::{Context, Error};

/// Draw one image of a digit: a number in, an image out
#[derive(Args)]
pub(crate) struct Digit {
    #[command(flatten)]
    model: ModelArgument,
    /// The digit
    #[arg(value_name = "DIGIT", value_parser = digit())]
    told: u8,
    #[command(flatten)]
    output: DrawArguments,
}

impl Digit {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let options = SampleOptions {
            labels: Some(vec![self.told]),
            seed: self.output.given_seed(),
            ..SampleOptions::default()
        };
        let figure = samples(&model, &options)?;
        let name = format!("digit-{}", self.told);
        Ok(self.output.drawn(figure, &model, &name))
    }
}
