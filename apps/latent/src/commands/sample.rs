use clap::Args;

use crate::arguments::{DrawArguments, FURTHEST, ModelArgument, Shown, digit};
use crate::figures::{self, Draw};
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    count: Option<u16>,
    /// What to show of p(x|z)
    #[arg(long, value_enum, default_value_t)]
    draw: Draw,
    /// What latents are multiplied by: below 1, images are more alike and more typical
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = temperature)]
    temperature: f64,
    #[command(flatten)]
    output: DrawArguments,
}

fn temperature(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=FURTHEST).contains(&number) => Ok(number),
        _ => Err(format!(
            "a temperature is a number from 0 to {FURTHEST}, such as 0.8"
        )),
    }
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
            self.temperature,
            self.output.seed(&model),
            context,
        )?;
        Ok(self.output.drawn(picture, &model, "samples"))
    }
}
