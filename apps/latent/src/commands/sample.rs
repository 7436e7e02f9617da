use clap::{Args, ValueEnum};
use latent_figures::{MAX_IMAGES, Pixels, SampleOptions, samples};

use crate::arguments::{DrawArguments, ModelArgument, Shown, TemperatureArgument, digit};
use crate::{Context, Error};

/// Draw new images: a latent from the prior, then its image
#[derive(Args)]
pub(crate) struct Sample {
    #[command(flatten)]
    model: ModelArgument,
    /// The digits to draw, with commas between them, by a conditional model [default: all ten]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = digit())]
    digits: Option<Vec<u8>>,
    /// How many images; of each digit, if digits are named or the model is conditional [default: 25,
    /// 1 of each digit that is named, or 10 of each of all ten]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_IMAGES as i64))]
    count: Option<u16>,
    /// What to show of p(x|z)
    #[arg(long, value_enum, default_value_t)]
    draw: Draw,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Draw {
    /// Its mean: the probability of ink at each pixel
    #[default]
    Mean,
    /// A draw of the pixels, each black or white
    Pixels,
}

impl Sample {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let options = SampleOptions {
            labels: self.digits.clone(),
            count: self.count.map(usize::from),
            pixels: match self.draw {
                Draw::Mean => Pixels::Mean,
                Draw::Pixels => Pixels::Sample,
            },
            temperature: self.how_far.temperature,
            seed: self.output.given_seed(),
        };
        let figure = samples(&model, &options)?;
        Ok(self.output.drawn(figure, &model, "samples"))
    }
}
