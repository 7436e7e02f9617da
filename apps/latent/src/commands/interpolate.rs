use clap::{Args, ValueEnum};
use latent_figures::{InterpolationOptions, Pairs, interpolations};
use serde_json::json;

use crate::arguments::{Class, DataArguments, DrawArguments, InputArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Interpolate between test images in the latent space
#[derive(Args)]
#[command(after_help = "Example:\n  latent interpolate runs/aevb --indices 3,8 --steps 11")]
pub(crate) struct Interpolate {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of pairs of test images: (0, 1), (2, 3) and so on
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pairs: u16,
    /// Numbers of two test images, instead of pairs
    #[arg(long, value_name = "I,J", value_parser = pair, conflicts_with = "pairs")]
    indices: Option<(usize, usize)>,
    /// Two classes by name or number, whose first test images are used instead of pairs
    #[arg(long, value_name = "A,B", value_parser = labels, conflicts_with_all = ["pairs", "indices"])]
    labels: Option<(Class, Class)>,
    /// Number of images of a path, including both ends
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(2..=200))]
    steps: u16,
    /// Interpolation method
    #[arg(long, value_enum, default_value_t = Method::Linear)]
    method: Method,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Method {
    /// (1 − λ) a + λ b
    Linear,
    /// (1 − sin(λπ/2)) a + sin(λπ/2) b
    Sinusoidal,
    /// cos(λπ/2) a + sin(λπ/2) b
    Arc,
    /// Spherical linear interpolation
    Slerp,
}

fn pair(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.trim().parse::<usize>().ok();
    text.split_once(',')
        .and_then(|(first, second)| Some((number(first)?, number(second)?)))
        .ok_or_else(|| "two numbers of test images are needed, such as 0,1".to_owned())
}

fn labels(text: &str) -> Result<(Class, Class), String> {
    match text.split_once(',') {
        Some((first, second)) if !second.contains(',') => {
            Ok((Class::parse(first)?, Class::parse(second)?))
        }
        _ => Err("two labels are needed, such as 3,8".to_owned()),
    }
}

impl Interpolate {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.input.load_for(&model, &self.data, context)?;
        // An image that is named by its number is counted among all.
        let data = match self.indices {
            Some(_) => data.splits.test,
            None => data.test(),
        };
        let options = InterpolationOptions {
            pairs: match (self.indices, &self.labels) {
                (Some(pair), _) => Pairs::Indices(vec![pair]),
                (None, Some((start, end))) => {
                    Pairs::Labels(start.label(&model)?, end.label(&model)?)
                }
                (None, None) => Pairs::First(self.pairs.into()),
            },
            steps: self.steps.into(),
            path: match self.method {
                Method::Linear => latent_figures::Path::Linear,
                Method::Sinusoidal => latent_figures::Path::Sinusoidal,
                Method::Arc => latent_figures::Path::Arc,
                Method::Slerp => latent_figures::Path::Slerp,
            },
            seed: self.output.given_seed(),
            split: self.input.split(),
            ..InterpolationOptions::default()
        };
        let figure = interpolations(&model, &data, &options)?;
        let norms = figure.latent_norms()?;
        let mut shown = self.output.drawn(figure, &model, "interpolations");
        // The mean over the paths at each step.
        let (steps, paths) = (options.steps, norms.len() / options.steps);
        let mean = |step: usize| norms.iter().skip(step).step_by(steps).sum::<f64>() / paths as f64;
        shown.object = json!({
            "latent_norms": norms.chunks(steps).collect::<Vec<_>>(),
            "mean_latent_norms": (0..steps).map(mean).collect::<Vec<_>>(),
        });
        Ok(shown)
    }
}
