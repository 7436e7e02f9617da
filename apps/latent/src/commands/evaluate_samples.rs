use clap::Args;
use latent_training::SampleAccuracy;
use serde_json::json;

use crate::arguments::{
    DataArguments, DrawArguments, ModelArgument, Shown, TemperatureArgument, Verdict,
    classifier_for, confusion_matrix, positive,
};
use crate::{Context, Error};

/// Accuracy of a classifier on the samples of a conditional model
///
/// An MLP classifier with a hidden layer of 512 is trained on the training images, in about half a minute. The sample
/// accuracy is the share of samples to which it assigns the requested label. Its accuracy on the test images is
/// printed too.
#[derive(Args)]
#[command(after_help = "Example:\n  latent evaluate-samples cvae-conv")]
pub(crate) struct EvaluateSamples {
    #[command(flatten)]
    model: ModelArgument,
    /// Number of samples of each class
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Train and test the classifier on the first N images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl EvaluateSamples {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        model.model.conditional()?;
        let data = self.data.load_for(&model, context)?;
        let classes = &model.metadata.data.classes_present;
        let (seed, device) = (self.output.seed(&model), &context.device);
        let (trained, splits) = classifier_for(&data, classes, self.limit, seed, context)?;
        let (count, temperature) = (self.count as usize, self.how_far.temperature);
        let (network, classifier) = (&model.model, &trained.classifier);
        let samples = SampleAccuracy::of(
            network,
            classifier,
            classes,
            count,
            temperature,
            seed,
            device,
        )?;
        let trained_on = &model.metadata.data;
        let matrix = confusion_matrix(trained_on, &samples.requested, &samples.predicted)?
            .y_label("requested label");
        let title = format!("sample accuracy {:.2} %", 100.0 * samples.accuracy());
        let verdict = Verdict {
            words: format!(
                "{title}; accuracy of the classifier on the test images {:.2} %",
                100.0 * trained.test_accuracy
            ),
            matrix,
            title,
            name: "sample-accuracy",
            object: json!({
                "model": self.model.path().display().to_string(),
                "temperature": temperature,
                "seed": seed,
                "classifier_test_accuracy": trained.test_accuracy,
            }),
        };
        let mut shown = self.output.verdict(verdict, &model);
        shown.add(data.facts(&splits.test));
        // The number of samples, not of data set images.
        shown.object["images"] = json!(samples.requested.len());
        Ok(shown)
    }
}
