use clap::Args;
use latent_figures::{PrototypeOptions, prototypes};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Draw a row for each digit, from latents that the program finds for it
///
/// A latent stands for a digit if, decoded, it reads as that digit: if the real images most like it
/// show the digit. Those far from each other are taken, so that a row shows its different forms.
#[derive(Args)]
pub(crate) struct Gallery {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images of each digit
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    per_digit: u16,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Gallery {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.test();
        let options = PrototypeOptions {
            per_class: self.per_digit.into(),
            seed: self.output.given_seed(),
            ..PrototypeOptions::default()
        };
        let figure = prototypes(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "gallery"))
    }
}
