use clap::{Args, ValueEnum};
use latent_datasets::Dataset;
use latent_figures::{LatentsOptions, latents};
use latent_training::ModelData;

use crate::arguments::{DataArguments, DrawArguments, EncodingArgument, ModelArgument, Shown};
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
    #[command(flatten)]
    images: ImageArguments,
    #[command(flatten)]
    latent: EncodingArgument,
    /// Projection of latents with more than two dimensions
    #[arg(long, value_enum, default_value_t = Projection::Auto)]
    projection: Projection,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

/// The images of a scatter plot.
#[derive(Args)]
pub(super) struct ImageArguments {
    /// Number of images
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(2..))]
    count: u32,
    /// Split of the images: a random subset of the training images, or the first test images
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
}

impl ImageArguments {
    /// The images of the split, and options with their number.
    pub(super) fn options(
        &self,
        data: &ModelData,
        output: &DrawArguments,
    ) -> (Dataset, LatentsOptions) {
        let (images, split) = match self.split {
            Split::Train => (data.train(), latent_figures::Split::Training),
            Split::Test => (data.test(), latent_figures::Split::Test),
        };
        let options = LatentsOptions {
            count: self.count as usize,
            seed: output.given_seed(),
            split,
            ..LatentsOptions::default()
        };
        (images, options)
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Split {
    Train,
    Test,
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
        let (images, options) = self.images.options(&data, &self.output);
        let options = LatentsOptions {
            encoding: self.latent.encoding(),
            projection: match self.projection {
                Projection::Auto => latent_figures::Projection::Auto,
                Projection::Pca => latent_figures::Projection::Pca,
                Projection::Tsne => latent_figures::Projection::TSne,
            },
            ..options
        };
        let figure = latents(&model, &images, &options)?;
        Ok(self.output.drawn(figure, &model, "latents"))
    }
}
