use clap::Args;
use latent_figures::{AnalogyOptions, analogies};

use crate::arguments::{DataArguments, DrawArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Draw test images in their own style as every digit that a conditional model saw in training
///
/// The latent of an image and its label stays, and the label is changed: what the latent holds is what
/// the label does not say.
#[derive(Args)]
pub(crate) struct Restyle {
    #[command(flatten)]
    model: ModelArgument,
    /// The test images, counted from 0, with commas between them [default: the first ten]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = index)]
    image: Vec<usize>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

fn index(text: &str) -> Result<usize, String> {
    let index = text.trim().parse();
    index.map_err(|_| "the number of a test image is needed, counted from 0".to_owned())
}

impl Restyle {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        // Before data are loaded in vain.
        model.model.conditional()?;
        let data = self.data.load_for(&model, context)?;
        // An image that is named by its number is counted among all.
        let (data, indices) = match &self.image[..] {
            [] => (data.test(), None),
            named => (data.splits.test, Some(named.to_vec())),
        };
        let options = AnalogyOptions {
            indices,
            seed: self.output.given_seed(),
            ..AnalogyOptions::default()
        };
        let figure = analogies(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "restyled"))
    }
}
