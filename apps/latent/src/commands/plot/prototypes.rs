use clap::Args;
use latent_figures::{PrototypeOptions, prototypes};
use serde_json::json;

use crate::arguments::{
    DataArguments, DrawArguments, ModelArgument, Shown, classifier_for, positive,
};
use crate::{Context, Error};

/// Class prototypes: a row of decoded images for each class
///
/// A classifier is trained on the training images, in about half a minute on MNIST. Latents of test images are candidates
/// if the classifier and the nearest test images agree that the decoded image shows their class, and if the prior has
/// mass there. Of the candidates, those far from each other are drawn, so that a row shows different forms. Also prints
/// how many prototypes the classifier recognises.
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot prototypes runs/vae-2d --per-class 5")]
pub(crate) struct Prototypes {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of images of each class
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    per_class: u16,
    /// Train the classifier on the first N images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Prototypes {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let seed = self.output.seed(&model);
        let (trained, _) = classifier_for(&data, &[], self.limit, seed, context)?;
        let options = PrototypeOptions {
            classifier: Some(&trained.classifier),
            per_class: self.per_class.into(),
            seed: self.output.given_seed(),
            ..PrototypeOptions::default()
        };
        let figure = prototypes(&model, &data.test(), &options)?;
        let (recognised, count) = (figure.recognised, figure.labels.len());
        let words = format!("recognised by the classifier: {recognised} of {count}");
        let object = json!({
            "model": self.model.path().display().to_string(),
            "recognised": recognised,
            "prototypes": count,
        });
        let shown = self.output.drawn(figure, &model, "prototypes");
        Ok(shown.with_output(words, object))
    }
}
