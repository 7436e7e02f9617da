use clap::Args;
use latent_figures::{Grid, coverage};
use serde_json::json;

use super::latents::ImageArguments;
use super::manifold::range;
use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Density of the latents of images on a grid over a two-dimensional latent space
///
/// The grid is that of `latent plot manifold --range R`. Prints the share of its cells with a latent, and the share of
/// latents within it, beside those expected for as many draws from N(0, I).
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot coverage runs/vae-2d --range 2 --steps 31")]
pub(crate) struct Coverage {
    #[command(flatten)]
    model: ModelArgument,
    /// Range of both latent dimensions: [-R, R]
    #[arg(long, value_name = "R", value_parser = range, default_value_t = 2.0)]
    range: f64,
    /// Number of cells in each direction
    #[arg(long, value_name = "N", default_value_t = 31, value_parser = clap::value_parser!(u16).range(2..=60))]
    steps: u16,
    #[command(flatten)]
    images: ImageArguments,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Coverage {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let (images, options) = self.images.options(&data, &self.output);
        let grid = Grid::symmetric(self.range, self.steps.into());
        let figure = coverage(&model, &images, &grid, &options)?;
        let percent = |share: f64| 100.0 * share;
        let words = format!(
            "cells with a latent  {:6.2} %, expected for the prior {:6.2} %\n\
             latents in the grid  {:6.2} %, expected for the prior {:6.2} %",
            percent(figure.covered),
            percent(figure.covered_by_prior),
            percent(figure.inside),
            percent(figure.inside_by_prior)
        );
        let object = json!({
            "model": self.model.path().display().to_string(),
            "images": figure.images,
            "covered": figure.covered,
            "covered_by_prior": figure.covered_by_prior,
            "inside": figure.inside,
            "inside_by_prior": figure.inside_by_prior,
            "counts": figure.counts,
        });
        let shown = self.output.drawn(figure, &model, "coverage");
        Ok(shown.with_output(words, object))
    }
}
