use clap::{Args, ValueEnum};
use latent_figures::{Encoding, LatentsOptions, latents};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

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

#[derive(Clone, Copy, ValueEnum)]
enum Latent {
    /// The mean of q(z|x)
    Mean,
    /// A draw from q(z|x), by reparametrisation: the one that `latent evaluate` measures by, with the same seed
    Sample,
}

#[derive(Clone, Copy, ValueEnum)]
enum Projection {
    /// Not at all if they have two dimensions, and else by principal components
    Auto,
    /// The two directions in which they vary most
    Pca,
    /// t-SNE: what is near stays near, while distances between groups say little
    Tsne,
}

impl Scatter {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.test();
        let options = LatentsOptions {
            count: self.count as usize,
            encoding: match self.latent {
                Latent::Mean => Encoding::Mean,
                Latent::Sample => Encoding::Sample,
            },
            projection: match self.projection {
                Projection::Auto => latent_figures::Projection::Auto,
                Projection::Pca => latent_figures::Projection::Pca,
                Projection::Tsne => latent_figures::Projection::TSne,
            },
            seed: self.output.given_seed(),
            ..LatentsOptions::default()
        };
        let figure = latents(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "scatter"))
    }
}
