use clap::Args;

use crate::arguments::{DrawArguments, ModelArgument};
use crate::figures::{self, Draw};
use crate::{Context, Error};

/// Draw new images: a latent from the prior, then its image
#[derive(Args)]
pub(crate) struct Sample {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// What to show of p(x|z)
    #[arg(long, value_enum, default_value_t)]
    draw: Draw,
    #[command(flatten)]
    output: DrawArguments,
}

impl Sample {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let model = self.model.load(context)?;
        let picture = figures::samples(
            &model,
            self.count.into(),
            self.draw,
            self.output.seed(&model),
        )?;
        self.output.save(&picture, &model, "samples", context)
    }
}
