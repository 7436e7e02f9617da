use clap::Args;
use latent_figures::{PrototypeOptions, prototypes};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Class prototypes: a row of decoded images for each class
///
/// A latent is a candidate for a class if the test images nearest to its decoded image have that label. Of the
/// candidates, those far from each other are drawn, so that a row shows different forms.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot prototypes runs/vae-2d --per-class 5")]
pub(crate) struct Prototypes {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of images of each class
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    per_class: u16,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Prototypes {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.test();
        let options = PrototypeOptions {
            per_class: self.per_class.into(),
            seed: self.output.given_seed(),
            ..PrototypeOptions::default()
        };
        let figure = prototypes(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "prototypes"))
    }
}
