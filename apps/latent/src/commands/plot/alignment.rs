use std::path::PathBuf;

use clap::Args;
use latent_figures::alignment;
use serde_json::json;

use super::latents::ImageArguments;
use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::paths::path;
use crate::{Context, Error};

/// Latents of a model, aligned with those of another model on the same images
///
/// The alignment is the translation, scale, rotation and reflection with the smallest squared error (Procrustes). The
/// disparity is the share of variance that it leaves, from 0 to 1. The neighbour overlap is the share of the ten nearest
/// neighbours of an image that are the same in both latent spaces.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot alignment runs/seed-2 runs/seed-1")]
pub(crate) struct Alignment {
    #[command(flatten)]
    model: ModelArgument,
    /// Model of the latent space to align with
    #[arg(value_name = "TARGET", value_parser = path())]
    target: PathBuf,
    #[command(flatten)]
    images: ImageArguments,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Alignment {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let target = ModelArgument::from(self.target.clone()).load(context)?;
        let data = self.data.load_for(&model, context)?;
        let (images, options) = self.images.options(&data, &self.output);
        let figure = alignment(&model, &target, &images, &options)?;
        let words = format!(
            "disparity after alignment                  {:.3}\n\
             shared nearest neighbours (10 of each image) {:.3}, by chance {:.3}",
            figure.disparity, figure.neighbour_overlap, figure.overlap_by_chance
        );
        let object = json!({
            "model": self.model.path().display().to_string(),
            "target": self.target.display().to_string(),
            "images": figure.images,
            "disparity": figure.disparity,
            "neighbour_overlap": figure.neighbour_overlap,
            "overlap_by_chance": figure.overlap_by_chance,
        });
        let shown = self.output.drawn(figure, &model, "alignment");
        Ok(shown.with_output(words, object))
    }
}
