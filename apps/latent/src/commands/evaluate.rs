use clap::Args;
use latent_training::Evaluation;
use serde_json::json;

use crate::arguments::{DataArguments, ModelArgument, Shown, seed};
use crate::progress::{evaluation_bars, thousands};
use crate::{Context, Error};

/// Measure a model on the test images, in nats per image
///
/// The bound is estimated with as many draws of z for each image as the model is trained by, from the given
/// seed. For a model that was
/// trained without --limit these are the figures that training ended with. The standard error of a mean over
/// one image is not defined: null with --json.
#[derive(Args)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    data: DataArguments,
    /// Estimate the log-likelihood too, by K importance-weighted draws of z for each image; of a flow,
    /// the logarithm of the probability of its levels, by K draws of the noise that dequantises them
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    importance_samples: Option<u32>,
    /// Use only the first N images
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// What random draws come from [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
}

impl Evaluate {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let limit = self.limit.unwrap_or(u64::MAX) as usize;
        let test = data.test().truncated(limit);
        let seed = self.seed.unwrap_or(model.metadata.experiment.seed);
        let samples = self.importance_samples.map(|samples| samples as usize);
        let bars = evaluation_bars(test.len(), context);
        let evaluation = Evaluation::of(
            &model,
            &test,
            samples,
            &model.batching(seed),
            &context.device,
            bars,
        )?;
        let words = format!(
            "{} test images of {}, nats per image (± two standard errors):\n{evaluation}",
            thousands(test.len() as f64),
            data.name(),
        );
        let object = json!({ "model": self.model.path().display().to_string(), "seed": seed });
        let mut shown = Shown::measured(words, object);
        if let Some(samples) = samples {
            shown.object["importance_samples"] = json!(samples);
        }
        shown.add(data.facts(&test));
        shown.add(evaluation.to_json());
        Ok(shown)
    }
}
