use clap::Args;
use latent_datasets::Splits;
use latent_distributions::Generator;
use latent_models::LatentModel;
use latent_training::{Silent, train_judge};
use serde_json::json;

use crate::arguments::{
    DataArguments, DrawArguments, ModelArgument, Shown, TemperatureArgument, Verdict,
    confusion_matrix,
};
use crate::{Context, Error, figures};

/// Let a classifier read the digits that a conditional model draws
///
/// The classifier, a perceptron with a hidden layer of 512, is trained on the data's training images, which takes half a
/// minute; how well it reads the real test images is printed beside.
#[derive(Args)]
pub(crate) struct Judge {
    #[command(flatten)]
    model: ModelArgument,
    /// How many images of each digit the model draws
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Train and test the classifier on the first N images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    how_far: TemperatureArgument,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    output: DrawArguments,
}

impl Judge {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        model.model.conditional()?;
        let data = self.data.load_for(&model, context)?;
        let splits = Splits {
            name: data.name().to_owned(),
            train: data.train(),
            validation: None,
            test: data.test(),
        };
        let splits = splits.truncated(self.limit.unwrap_or(u64::MAX) as usize);
        let classes = &model.metadata.data.classes;
        let known = splits.train.classes();
        if let Some(&class) = classes.iter().find(|class| !known.contains(class)) {
            let images = splits.train.len();
            return Err(Error::ClassNotToJudge { class, images });
        }
        let seed = self.output.seed(&model);
        context.say("training a classifier on the training images");
        let judge = train_judge(&splits, seed, &context.device, &mut Silent)?;

        let (mut told, mut read) = (Vec::new(), Vec::new());
        for &digit in classes {
            let digits = vec![digit; self.count as usize];
            let mut generator = Generator::stream(seed, "judge", 0, u64::from(digit));
            for digits in digits.chunks(1000) {
                let latents = model.model.sample_prior(digits.len(), &mut generator)?;
                let latents = (latents * self.how_far.temperature)?;
                let images = model
                    .model
                    .decode(&latents, &figures::labels(&model, digits, context)?)?;
                let classes = judge.classifier.classify(&images)?.to_vec1::<u32>()?;
                read.extend(classes.iter().map(|&class| class as u8));
                told.extend_from_slice(digits);
            }
        }
        let matrix = confusion_matrix(classes, &told, &read)?;
        let title = format!(
            "{:.2} % of drawn digits read as told",
            100.0 * matrix.accuracy()
        );
        let verdict = Verdict {
            words: format!(
                "{title}; of the real test images the classifier reads {:.2} %",
                100.0 * judge.test_accuracy
            ),
            matrix,
            title,
            name: "judged",
            object: json!({
                "model": self.model.path().display().to_string(),
                "temperature": self.how_far.temperature,
                "seed": seed,
                "classifier_test_accuracy": judge.test_accuracy,
            }),
        };
        let mut shown = self.output.verdict(verdict, &model);
        shown.add(data.facts(&splits.test));
        // The images that are counted are the model's own.
        shown.object["images"] = json!(told.len());
        Ok(shown)
    }
}
