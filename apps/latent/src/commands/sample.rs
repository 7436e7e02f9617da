use clap::{Args, ValueEnum};
use latent_figures::{MAX_IMAGES, Pixels, SampleOptions, samples};

use crate::arguments::{DrawArguments, ModelArgument, Shown, TemperatureArgument, label};
use crate::{Context, Error};

/// Sample new images: latents from the prior, decoded
#[derive(Args)]
#[command(after_help = "Example:\n  latent sample cvae-conv --labels 4,2 -n 3")]
pub(crate) struct Sample {
    #[command(flatten)]
    model: ModelArgument,
    /// Requested labels, separated by commas, for a conditional model [default: every class]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = label)]
    labels: Option<Vec<u8>>,
    /// A number, such as 42: one image for each of its digits, in place of --labels
    #[arg(long, value_name = "DIGITS", value_parser = digits, conflicts_with = "labels")]
    number: Option<Digits>,
    /// Number of images; of each label, for a conditional model [default: 25 images, 1 of each requested label, or 10 of
    /// every class]
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_IMAGES as i64))]
    count: Option<u16>,
    /// Pixels of an image, given its latent
    #[arg(long, value_enum, default_value_t)]
    pixels: PixelChoice,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    output: DrawArguments,
}

/// The digits of a number.
#[derive(Clone)]
struct Digits(Vec<u8>);

fn digits(text: &str) -> Result<Digits, String> {
    let digit = |digit: char| digit.to_digit(10).map(|digit| digit as u8);
    let digits: Option<Vec<u8>> = text.trim().chars().map(digit).collect();
    match digits {
        Some(digits) if !digits.is_empty() => Ok(Digits(digits)),
        _ => Err("a number consists of the digits 0 to 9, such as 42".to_owned()),
    }
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum PixelChoice {
    /// Mean of p(x|z)
    #[default]
    Mean,
    /// Sample from p(x|z)
    Sample,
}

impl Sample {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let options = SampleOptions {
            labels: match &self.number {
                Some(Digits(digits)) => Some(digits.clone()),
                None => self.labels.clone(),
            },
            count: self.count.map(usize::from),
            pixels: match self.pixels {
                PixelChoice::Mean => Pixels::Mean,
                PixelChoice::Sample => Pixels::Sample,
            },
            temperature: self.how_far.temperature,
            seed: self.output.given_seed(),
        };
        let figure = samples(&model, &options)?;
        Ok(self.output.drawn(figure, &model, "samples"))
    }
}
