use clap::Args;

use crate::arguments::{DrawArguments, ModelArgument, Shown, TemperatureArgument, digit};
use crate::figures::{self, Draw, MOST_IMAGES};
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MOST_IMAGES as i64))]
    count: Option<u16>,
    /// What to show of p(x|z)
    #[arg(long, value_enum, default_value_t)]
    draw: Draw,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    output: DrawArguments,
}

impl Sample {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let (digits, count) = match &self.digits {
            Some(digits) => {
                model.model.conditional()?;
                (Some(digits.clone()), 1)
            }
            None => figures::usual_samples(&model),
        };
        let picture = figures::samples(
            &model,
            digits.as_deref(),
            self.count.map_or(count, usize::from),
            self.draw,
            self.how_far.temperature,
            self.output.seed(&model),
            context,
        )?;
        Ok(self.output.drawn(picture, &model, "samples"))
    }
}
