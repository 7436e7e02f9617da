use clap::Args;
use latent_figures::prior;

use super::latents::ImageArguments;
use crate::arguments::{Class, DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Prior and aggregate posterior of a VAE with two latent dimensions
///
/// The points are samples of q(z|x), one for each image. The lines enclose the smallest regions with 50 %, 90 % and 99 % of
/// the prior's probability. A prior that matches the data has about as many points in each.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot prior runs/vae-2d")]
pub(crate) struct Prior {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    images: ImageArguments,
    /// Class of the images by name or number, for a conditional model [default: the first class of the training images]
    #[arg(long, value_name = "Y", value_parser = Class::parse)]
    label: Option<Class>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Prior {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let (images, options) = self.images.options(&data, &self.output);
        let label = self.label.as_ref().map(|class| class.label(&model));
        let figure = prior(&model, &images, label.transpose()?, &options)?;
        Ok(self.output.drawn(figure, &model, "prior"))
    }
}
