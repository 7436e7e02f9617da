use clap::Args;
use latent_figures::{PerturbationOptions, perturbations};

use crate::arguments::{DataArguments, DrawArguments, FURTHEST, ModelArgument, Shown};
use crate::{Context, Error};

/// Images decoded at growing distances from the latent of a training image
///
/// Each row is a random direction, each column a distance.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot perturbations runs/cvae-mlp --index 3")]
pub(crate) struct Perturbations {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of the training image, from 0
    #[arg(long, value_name = "I", default_value_t = 0)]
    index: usize,
    /// Distances, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0], value_parser = radius)]
    radii: Vec<f64>,
    /// Number of directions
    #[arg(short = 'n', long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=50))]
    count: u16,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

fn radius(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(radius) if (0.0..=FURTHEST).contains(&radius) => Ok(radius),
        _ => Err(format!(
            "a distance from 0 to {FURTHEST} is needed, such as 0.5"
        )),
    }
}

impl Perturbations {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?.splits.train;
        let options = PerturbationOptions {
            index: self.index,
            radii: self.radii.clone(),
            directions: self.count.into(),
            seed: self.output.given_seed(),
            ..PerturbationOptions::default()
        };
        let figure = perturbations(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "perturbations"))
    }
}
