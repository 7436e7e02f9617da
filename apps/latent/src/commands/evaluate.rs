use clap::Args;
use latent_training::{evaluate, log_likelihoods, mean_and_standard_error};
use serde_json::{Map, Value, json};

use crate::arguments::{DataArguments, ModelArgument, batching, seed, table};
use crate::progress::{Counting, thousands};
use crate::{Context, Error};

/// Measure a model on the test images, in nats per image
///
/// The bound is estimated with as many draws of z for each image as the model is trained by, from the given
/// seed. For a model that was
/// trained without --limit these are the figures that training ended with.
#[derive(Args)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    model: ModelArgument,
    #[command(flatten)]
    data: DataArguments,
    /// Estimate the log-likelihood too, by K importance-weighted draws of z for each image
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
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let model = self.model.load(context)?;
        let splits = self.data.load_for(&model, context)?;
        let test = splits
            .test
            .truncated(self.limit.unwrap_or(u64::MAX) as usize);
        let seed = self.seed.unwrap_or(model.metadata.experiment.seed);
        let batching = batching(&model, seed);
        let mut metrics = evaluate(&model.model, &test, &batching, &context.device)?;
        if let Some(samples) = self.importance_samples {
            let progress = Counting::new(test.len(), "images", context);
            let values = log_likelihoods(
                &model.model,
                &test,
                samples as usize,
                &batching,
                &context.device,
                |done| progress.reached(done),
            )?;
            let (mean, error) = mean_and_standard_error(&values);
            metrics.insert("log_likelihood".to_owned(), mean);
            metrics.insert("log_likelihood_standard_error".to_owned(), error);
        }

        if let Some((name, &value)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite {
                name: name.clone(),
                value,
            });
        }
        let mut object: Map<String, Value> = Map::new();
        object.insert(
            "model".to_owned(),
            json!(self.model.path().display().to_string()),
        );
        object.insert("data".to_owned(), json!(splits.name));
        object.insert("split".to_owned(), json!("test"));
        object.insert("images".to_owned(), json!(test.len()));
        object.insert("seed".to_owned(), json!(seed));
        if let Some(samples) = self.importance_samples {
            object.insert("importance_samples".to_owned(), json!(samples));
        }
        let figures: Vec<(&str, Value)> = metrics
            .iter()
            .map(|(name, value)| (name.as_str(), json!(value)))
            .collect();
        object.extend(
            figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let words = format!(
            "{} test images of {}, nats per image:\n{}",
            thousands(test.len() as f64),
            splits.name,
            table(&figures)
        );
        context.result(&words, &Value::Object(object))
    }
}
