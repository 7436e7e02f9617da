use clap::{Args, ValueEnum};
use latent_figures::{InterpolationOptions, Pairs, interpolations};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Draw the way from one test image to another through the latent space
#[derive(Args)]
pub(crate) struct Interpolate {
    #[command(flatten)]
    model: ModelArgument,
    /// How many pairs of test images: (0, 1), (2, 3) and so on
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pairs: u16,
    /// The two test images to go between, instead of pairs
    #[arg(long, value_name = "I,J", value_parser = pair, conflicts_with = "pairs")]
    between: Option<(usize, usize)>,
    /// The digits to go between, instead of pairs: the first test image of each
    #[arg(long, value_name = "A,B", value_parser = digits, conflicts_with_all = ["pairs", "between"])]
    digits: Option<(u8, u8)>,
    /// How many images a way has, its ends included
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u16).range(2..=200))]
    steps: u16,
    /// How to go
    #[arg(long, value_enum, default_value_t = Path::Linear)]
    path: Path,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Path {
    /// Straight: (1 − λ) a + λ b
    Linear,
    /// cos(λπ/2) a + sin(λπ/2) b
    Sinusoidal,
    /// Along the great circle through both
    Spherical,
}

fn pair(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.trim().parse::<usize>().ok();
    text.split_once(',')
        .and_then(|(first, second)| Some((number(first)?, number(second)?)))
        .ok_or_else(|| "two numbers of test images are needed, such as 0,1".to_owned())
}

fn digits(text: &str) -> Result<(u8, u8), String> {
    match pair(text) {
        Ok((first @ 0..=9, second @ 0..=9)) => Ok((first as u8, second as u8)),
        _ => Err("two digits are needed, such as 3,8".to_owned()),
    }
}

impl Interpolate {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        // An image that is named by its number is counted among all.
        let data = match self.between {
            Some(_) => data.splits.test,
            None => data.test(),
        };
        let options = InterpolationOptions {
            pairs: match (self.between, self.digits) {
                (Some(pair), _) => Pairs::Indices(vec![pair]),
                (None, Some((start, end))) => Pairs::Labels(start, end),
                (None, None) => Pairs::First(self.pairs.into()),
            },
            steps: self.steps.into(),
            path: match self.path {
                Path::Linear => latent_figures::Path::Linear,
                Path::Sinusoidal => latent_figures::Path::Sinusoidal,
                Path::Spherical => latent_figures::Path::Spherical,
            },
            seed: self.output.given_seed(),
            ..InterpolationOptions::default()
        };
        let figure = interpolations(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "interpolations"))
    }
}
