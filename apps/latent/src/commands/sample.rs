use clap::{Args, ValueEnum};
use latent_figures::{MAX_IMAGES, Pixels, SampleOptions, samples};

use crate::arguments::{
    Class, DrawArguments, ModelArgument, Shown, TemperatureArgument, labels_of,
};
use crate::{Context, Error};

/// Sample new images: latents from the prior, decoded
#[derive(Args)]
#[command(after_help = "Example:\n  latent sample cvae-conv --labels 4,2 -n 3")]
pub(crate) struct Sample {
    #[command(flatten)]
    model: ModelArgument,
    /// Requested classes by name or number, separated by commas, for a conditional model [default: every class]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = Class::parse)]
    labels: Option<Vec<Class>>,
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
    /// Number of upper levels of a hierarchical model that the images of a row share; the levels below are drawn for each image
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    shared_levels: usize,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    output: DrawArguments,
}

/// The digits of a number.
#[derive(Clone)]
struct Digits(Vec<Class>);

fn digits(text: &str) -> Result<Digits, String> {
    let digit = |digit: char| {
        let digit = Some(digit).filter(char::is_ascii_digit)?;
        Class::parse(&digit.to_string()).ok()
    };
    let digits: Option<Vec<Class>> = text.trim().chars().map(digit).collect();
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
        let labels = match &self.number {
            Some(Digits(digits)) => Some(digits),
            None => self.labels.as_ref(),
        };
        let options = SampleOptions {
            labels: labels.map(|labels| labels_of(labels, &model)).transpose()?,
            count: self.count.map(usize::from),
            pixels: match self.pixels {
                PixelChoice::Mean => Pixels::Mean,
                PixelChoice::Sample => Pixels::Sample,
            },
            temperature: self.how_far.temperature,
            shared_levels: self.shared_levels,
            seed: self.output.given_seed(),
        };
        let figure = samples(&model, &options)?;
        Ok(self.output.drawn(figure, &model, "samples"))
    }
}
