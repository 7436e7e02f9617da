use clap::Args;
use latent_training::{Evaluation, thousands};
use serde_json::json;

use crate::arguments::{DataArguments, ModelArgument, Shown, positive, seed};
use crate::progress::evaluation_bars;
use crate::{Context, Error};

/// Evaluate a model on the test images, in nats per image
///
/// The bound uses as many samples of z for each image as in training. With the same seed, the metrics are those at the end
/// of a training without --limit. The standard error for one image is not defined: null with --json.
#[derive(Args)]
#[command(
    after_help = "Example:\n  latent evaluate runs/vae-2d --importance-samples 100 --limit 1000"
)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    data: DataArguments,
    /// Also estimate the log-likelihood by K importance samples of z for each image; for a flow, that of the 256-level
    /// pixels by K samples of the dequantisation noise
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    importance_samples: Option<u32>,
    /// Use the first N images
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// Seed of all random numbers [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
}

impl Evaluate {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        let model = self.model.load(context)?;
        let data = self.data.load_for(&model, context)?;
        let limit = self.limit.unwrap_or(usize::MAX);
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
            thousands(test.len()),
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
