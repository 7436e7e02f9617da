use clap::{Args, ValueEnum};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::projection::Projection;
use crate::{Context, Error, figures};

/// Draw where the test images lie in the latent space
///
/// With `--out NAME.npy`, NAME.npy holds the points that are drawn, NAME.labels.npy their labels, and
/// NAME.latents.npy the latents, of all dimensions.
#[derive(Args)]
pub(crate) struct Scatter {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..))]
    count: u32,
    /// Which latent stands for an image
    #[arg(long, value_enum, default_value_t = Latent::Mean)]
    latent: Latent,
    /// How latents of more than two dimensions come into the plane
    #[arg(long, value_enum, default_value_t = Projection::Auto)]
    projection: Projection,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Latent {
    /// The mean of q(z|x)
    Mean,
    /// A draw from q(z|x), by reparametrisation: the one that `latent evaluate` measures by, with the same seed
    Sample,
}

impl Scatter {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.test();
        let sampled = self.latent == Latent::Sample;
        let picture = figures::scatter(
            &model,
            &data,
            self.count as usize,
            self.projection,
            sampled,
            self.output.seed(&model),
            context,
        )?;
        Ok(self.output.drawn(picture, &model, "scatter"))
    }
}
