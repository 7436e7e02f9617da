use clap::Args;
use latent_figures::{Grid, ManifoldOptions, covering_grid, manifold, quantile_grid};

use crate::arguments::{Class, DataArguments, DrawArguments, FURTHEST, ModelArgument, Shown};
use crate::{Context, Error};

/// Images decoded on a grid over a two-dimensional latent space
///
/// By default, the grid covers the range of the test images' latents.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot manifold runs/vae-2d --quantiles")]
pub(crate) struct Manifold {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of images in each direction
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=60))]
    steps: u16,
    /// Range of both latent dimensions: [-R, R]
    #[arg(long, value_name = "R", value_parser = range, conflicts_with = "quantiles")]
    range: Option<f64>,
    /// Space the grid by quantiles of the prior
    #[arg(long)]
    quantiles: bool,
    /// Class of the images by name or number, for a conditional model [default: the first class of the training images]
    #[arg(long, value_name = "Y", value_parser = Class::parse)]
    label: Option<Class>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

pub(super) fn range(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(range) if range > 0.0 && range <= FURTHEST => Ok(range),
        _ => Err(format!(
            "a positive number of at most {FURTHEST} is needed, such as 2.0"
        )),
    }
}

impl Manifold {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let steps = self.steps.into();
        let grid = match self.range {
            Some(range) => Grid::symmetric(range, steps),
            None if self.quantiles => quantile_grid(&model, steps)?,
            None => {
                let data = self.data.load_for(&model, context)?.test();
                covering_grid(&model, &data, steps, self.output.given_seed())?
            }
        };
        let options = ManifoldOptions {
            label: self
                .label
                .as_ref()
                .map(|class| class.label(&model))
                .transpose()?,
        };
        let figure = manifold(&model, &grid, &options)?;
        Ok(self.output.drawn(figure, &model, "manifold"))
    }
}
