use candle_core::DType;
use clap::{Args, ValueEnum};
use latent_distributions::Generator;
use latent_training::{Model, classify, knn_classify, thousands};
use serde_json::json;

use crate::arguments::{
    DataArguments, DrawArguments, InputArguments, ModelArgument, Shown, Verdict, confusion_matrix,
    positive, refuse_unlabelled,
};
use crate::progress::Counting;
use crate::{Context, Error};

/// Classify the test images, and draw the confusion matrix
///
/// `bayes` compares the likelihoods of an image under every class of a conditional model. `knn` takes the most frequent
/// label of the training images with the nearest latents. The encoder of a conditional model gets the label of each image,
/// so k-NN then measures how much label information is left in the latents.
#[derive(Args)]
#[command(after_help = "Example:\n  latent classify cvae-conv --limit 1000")]
pub(crate) struct Classify {
    #[command(flatten)]
    model: ModelArgument,
    /// Classification method [default: bayes for a conditional model, otherwise knn]
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Samples for the likelihood of an image under a label: of z, or for a flow of the dequantisation noise
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    importance_samples: u32,
    /// Use the first N test images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    output: DrawArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Method {
    /// Bayes' rule: generative classification
    Bayes,
    /// k-nearest neighbours of the latents, k = 15
    Knn,
}

/// k of the k-nearest-neighbour classification.
const NEIGHBOURS: usize = 15;

impl Classify {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        if self.input.is_given() {
            return self.pictures(&model, context);
        }
        let data = self.data.load_for(&model, context)?;
        let test = data.test().truncated(self.limit.unwrap_or(usize::MAX));
        refuse_unlabelled(&test)?;
        let seed = self.output.seed(&model);
        let (batching, device) = (model.batching(seed), &context.device);
        let known = &model.metadata.data.classes_present;
        let conditional = model.model.conditional();
        let usual = match conditional {
            Ok(_) => Method::Bayes,
            Err(_) => Method::Knn,
        };
        let (predicted, method) = if self.method.unwrap_or(usual) == Method::Bayes {
            let draws = self.importance_samples as usize;
            let bar = Counting::new(test.len(), "images", context);
            let done = |done| bar.reached(done);
            let method = format!("Bayes' rule with {draws} samples for each label");
            (
                classify(conditional?, &test, known, draws, &batching, device, done)?,
                method,
            )
        } else {
            let method = format!("{NEIGHBOURS}-NN of latents");
            let (network, train) = (&model.model, data.train());
            (
                knn_classify(network, &train, &test, NEIGHBOURS, &batching, device)?,
                method,
            )
        };
        let matrix = confusion_matrix(&model.metadata.data, test.labels(), &predicted)?;
        let title = format!("accuracy {:.2} % by {method}", 100.0 * matrix.accuracy());
        let count = thousands(test.len());
        let verdict = Verdict {
            words: format!("{count} test images of {}: {title}", data.name()),
            matrix,
            title,
            name: match self.method {
                Some(Method::Knn) => "confusion-knn",
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

    /// Classifies the pictures of the user.
    fn pictures(&self, model: &Model, context: &Context) -> Result<Shown, Error> {
        let images = &self.input.images(model, context)?;
        let device = &context.device;
        let batching = model.batching(self.output.seed(model));
        let known = &model.metadata.data.classes_present;
        let usual = match model.model.conditional() {
            Ok(_) => Method::Bayes,
            Err(_) => Method::Knn,
        };
        let name = |label: u8| model.metadata.data.class_name(label);
        let mut found = Vec::new();
        if self.method.unwrap_or(usual) == Method::Bayes {
            let conditional = model.model.conditional()?;
            let draws = self.importance_samples as usize;
            let all: Vec<usize> = (0..images.len()).collect();
            let batch = images.chosen(&all, &batching, device)?;
            let mut generator = Generator::stream(batching.seed, "likelihood", 0, 0);
            let posterior =
                conditional.class_log_posterior(&batch.images, known, draws, &mut generator)?;
            for posterior in posterior.to_dtype(DType::F32)?.to_vec2::<f32>()? {
                let best = posterior
                    .iter()
                    .zip(known)
                    .max_by(|a, b| a.0.total_cmp(b.0));
                found.push(best.map(|(log, &label)| (name(label), Some(f64::from(*log).exp()))));
            }
        } else {
            let train = self.data.load_for(model, context)?.train();
            let labels = knn_classify(&model.model, &train, images, NEIGHBOURS, &batching, device)?;
            found.extend(labels.into_iter().map(|label| Some((name(label), None))));
        }
        let found = images.names().iter().zip(found.into_iter().flatten());
        let (mut lines, mut objects) = (Vec::new(), Vec::new());
        for (picture, (label, probability)) in found {
            let share = probability.map_or_else(String::new, |p| format!(" ({:.1} %)", 100.0 * p));
            lines.push(format!("{picture}: {label}{share}"));
            objects.push(json!({ "picture": picture, "label": label, "probability": probability }));
        }
        let object =
            json!({ "model": self.model.path().display().to_string(), "pictures": objects });
        Ok(Shown::measured(lines.join("\n"), object))
    }
}
