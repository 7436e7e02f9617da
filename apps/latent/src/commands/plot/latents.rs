use clap::{Args, ValueEnum};
use latent_figures::{Encoding, LatentsOptions, latents};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Scatter plot of the latents of images
///
/// With `-o NAME.npy`, NAME.npy holds the points of the plot, NAME.labels.npy their labels, and
/// NAME.latents.npy the latents in all dimensions.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot latents runs/vae-2d --latent sample")]
pub(crate) struct Latents {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of images
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..))]
    count: u32,
    /// Split of the images: a random subset of the training images, or the first test images
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Latent of an image
    #[arg(long, value_enum, default_value_t = Latent::Mean)]
    latent: Latent,
    /// Projection of latents with more than two dimensions
    #[arg(long, value_enum, default_value_t = Projection::Auto)]
    projection: Projection,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Split {
    Train,
    Test,
}

#[derive(Clone, Copy, ValueEnum)]
enum Latent {
    /// Mean of q(z|x)
    Mean,
    /// Sample from q(z|x); with the same seed, the one that `latent evaluate` uses
    Sample,
}

#[derive(Clone, Copy, ValueEnum)]
enum Projection {
    /// None for two dimensions, otherwise PCA
    Auto,
    /// First two principal components
    Pca,
    /// t-SNE: preserves neighbourhoods; distances between clusters have no meaning
    Tsne,
}

impl Latents {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let (data, split) = match self.split {
            Split::Train => (data.train(), latent_figures::Split::Training),
            Split::Test => (data.test(), latent_figures::Split::Test),
        };
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
            split,
        };
        let figure = latents(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "latents"))
    }
}
