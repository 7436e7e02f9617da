use clap::{Args, ValueEnum};
use latent_training::{classify, knn_classify};
use serde_json::json;

use crate::arguments::{
    DataArguments, DrawArguments, ModelArgument, Shown, Verdict, confusion_matrix,
};
use crate::progress::{Counting, thousands};
use crate::{Context, Error};

/// Tell which digits the test images show, and draw the confusion matrix
///
/// A conditional model is asked how likely an image is under each label that it saw in training, and by
/// Bayes' rule that tells how likely each label is. For any other, an image is given the label that is most
/// frequent among the training images with the nearest latents. (That of a conditional model sees the
/// label of each image when it encodes it: what its latents tell of the digit is what they keep all the
/// same.)
#[derive(Args)]
pub(crate) struct Classify {
    #[command(flatten)]
    model: ModelArgument,
    /// How to tell them [default: by Bayes' rule if the model is conditional, and else by latents]
    #[arg(long, value_enum)]
    by: Option<Method>,
    /// Draws for the likelihood of an image under a label, by a conditional model: of z, or of the noise
    /// that dequantises pixels for a flow
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    importance_samples: u32,
    /// Use only the first N test images
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Method {
    /// By Bayes' rule, from the likelihood of an image under each label
    Bayes,
    /// By the labels of the training images with the nearest latents
    Latents,
}

/// How many latents near that of an image tell what it shows.
const NEIGHBOURS: usize = 15;

impl Classify {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let test = data
            .test()
            .truncated(self.limit.unwrap_or(u64::MAX) as usize);
        let seed = self.output.seed(&model);
        let (batching, device) = (model.batching(seed), &context.device);
        let known = &model.metadata.data.classes_present;
        let conditional = model.model.conditional();
        let usual = match conditional {
            Ok(_) => Method::Bayes,
            Err(_) => Method::Latents,
        };
        let (predicted, method) = if self.by.unwrap_or(usual) == Method::Bayes {
            let draws = self.importance_samples as usize;
            let bar = Counting::new(test.len(), "images", context);
            let done = |done| bar.reached(done);
            // What is drawn is z, or the noise that dequantises.
            let method = format!("Bayes' rule, draws a label: {draws}");
            (
                classify(conditional?, &test, known, draws, &batching, device, done)?,
                method,
            )
        } else {
            let method = format!("the {NEIGHBOURS} nearest latents of training images");
            let (network, train) = (&model.model, data.train());
            (
                knn_classify(network, &train, &test, NEIGHBOURS, &batching, device)?,
                method,
            )
        };
        let matrix = confusion_matrix(known, test.labels(), &predicted)?;
        let title = format!("{:.2} % right, by {method}", 100.0 * matrix.accuracy());
        let count = thousands(test.len() as f64);
        let verdict = Verdict {
            words: format!("{count} test images of {}: {title}", data.name()),
            matrix,
            title,
            name: match self.by {
                Some(Method::Latents) => "confusion-latents",
                _ => "confusion",
            },
            object: json!({
                "model": self.model.path().display().to_string(),
                "seed": seed,
                "method": method,
            }),
        };
        let mut shown = self.output.verdict(verdict, &model);
        shown.add(data.facts(&test));
        Ok(shown)
    }
}
