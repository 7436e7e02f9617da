use clap::{Args, ValueEnum};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, require_plane};
use crate::{Context, Error, figures};

/// Draw where the test images lie in a two-dimensional latent space
#[derive(Args)]
pub(crate) struct Scatter {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Which latent stands for an image
    #[arg(long, value_enum, default_value_t = Latent::Mean)]
    latent: Latent,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Latent {
    /// The mean of q(z|x)
    Mean,
    /// A draw from q(z|x), by reparametrisation
    Sample,
}

impl Scatter {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let model = self.model.load(context)?;
        require_plane(&*model.model, "scatter plot")?;
        let data = self.data.load_for(&model, context)?.test;
        let sampled = self.latent == Latent::Sample;
        let picture = figures::scatter(
            &model,
            &data,
            self.count as usize,
            sampled,
            self.output.seed(&model),
            context,
        )?;
        self.output.save(&picture, &model, "scatter", context)
    }
}
