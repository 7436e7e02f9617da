use clap::Args;
use latent_figures::{AnalogyOptions, analogies};

use crate::arguments::{DataArguments, DrawArguments, InputArguments, ModelArgument, Shown};
use crate::{Context, Error};

/// Style transfer: test images decoded with the same latent and every label, by a conditional model
///
/// The latent of an image given its label is decoded with every class of the training images.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot analogies cvae-conv --indices 0,1,2")]
pub(crate) struct Analogies {
    #[command(flatten)]
    model: ModelArgument,
    /// Numbers of the test images, from 0, separated by commas [default: the first ten]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = index)]
    indices: Vec<usize>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    output: DrawArguments,
}

fn index(text: &str) -> Result<usize, String> {
    let index = text.trim().parse();
    index.map_err(|_| "the number of a test image is needed, counted from 0".to_owned())
}

impl Analogies {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        // Before data are loaded in vain.
        model.model.conditional()?;
        let data = self.input.load_for(&model, &self.data, context)?;
        // An image that is named by its number is counted among all.
        let (data, indices) = match &self.indices[..] {
            [] => (data.test(), None),
            named => (data.splits.test, Some(named.to_vec())),
        };
        let options = AnalogyOptions {
            indices,
            seed: self.output.given_seed(),
            split: self.input.split(),
            ..AnalogyOptions::default()
        };
        let figure = analogies(&model, &data, &options)?;
        Ok(self.output.drawn(figure, &model, "analogies"))
    }
}
