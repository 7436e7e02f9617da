use std::collections::BTreeMap;

use clap::Args;
use latent_datasets::{Batching, Dataset};
use latent_training::{
    Model, evaluate, log_likelihoods, mean_and_standard_error, mixture_log_likelihoods,
    part_of_each,
};
use serde_json::{Map, Value, json};

use crate::arguments::{DataArguments, ModelArgument, Shown, batching, seed};
use crate::progress::{Counting, thousands};
use crate::table::{ERROR, table, with_errors};
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
        let test = data
            .test()
            .truncated(self.limit.unwrap_or(u64::MAX) as usize);
        let seed = self.seed.unwrap_or(model.metadata.experiment.seed);
        let batching = batching(&model, seed);
        let measured = measure(&model, &test, self.importance_samples, &batching, context)?;
        let mut object: Map<String, Value> = Map::new();
        object.insert(
            "model".to_owned(),
            json!(self.model.path().display().to_string()),
        );
        object.extend(data.facts(&test));
        object.insert("seed".to_owned(), json!(seed));
        if let Some(samples) = self.importance_samples {
            object.insert("importance_samples".to_owned(), json!(samples));
        }
        let figures: Map<String, Value> = measured
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let rows: Vec<(&str, Value)> = figures
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let words = format!(
            "{} test images of {}, nats per image (± two standard errors):\n{}",
            thousands(test.len() as f64),
            data.name(),
            table(&with_errors(&rows))
        );
        object.extend(figures);
        Ok(Shown::measured(words, Value::Object(object)))
    }
}

/// Figures by name, and their standard errors where these are defined.
pub(super) type Measured = BTreeMap<String, Option<f64>>;

/// All that is measured of a model on images: what it is trained by, with the standard errors of what is
/// exact, and if asked for, the estimated log-likelihood.
pub(super) fn measure(
    model: &Model,
    images: &Dataset,
    importance_samples: Option<u32>,
    batching: &Batching,
    context: &Context,
) -> Result<Measured, Error> {
    let classes = &model.metadata.data.classes;
    let (model, device) = (&model.model, &context.device);
    let means = evaluate(model, images, batching, device)?;
    let mut metrics: Measured = means
        .into_iter()
        .map(|(name, mean)| (name, Some(mean)))
        .collect();
    let add = |metrics: &mut Measured, name: &str, values: &[f32]| {
        let (mean, error) = mean_and_standard_error(values);
        metrics.insert(name.to_owned(), Some(mean));
        metrics.insert(format!("{name}{ERROR}"), error);
    };
    let of_each = |name| part_of_each(model, images, name, batching, device);
    if let Some(bounds) = of_each("elbo")? {
        let error = mean_and_standard_error(&bounds).1;
        metrics.insert(format!("elbo{ERROR}"), error);
    }
    let exact = of_each("log_likelihood")?;
    if let Some(values) = &exact {
        let error = mean_and_standard_error(values).1;
        metrics.insert(format!("log_likelihood{ERROR}"), error);
        if let Ok(model) = model.conditional() {
            let progress = Counting::new(images.len(), "images under each label", context);
            let mixture =
                mixture_log_likelihoods(model, images, classes, batching, device, |done| {
                    progress.reached(done);
                })?;
            add(
                &mut metrics,
                "mixture_log_likelihood",
                &mixture.unwrap_or_default(),
            );
        }
    }
    if let Some(samples) = importance_samples {
        let progress = Counting::new(images.len(), "images", context);
        let values = log_likelihoods(model, images, samples as usize, batching, device, |done| {
            progress.reached(done);
        })?;
        // The density of a flow's own numbers is another thing than the probability of levels.
        let name = match exact {
            Some(_) => "log_probability",
            None => "log_likelihood",
        };
        add(&mut metrics, name, &values);
    }
    let mut defined = metrics
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)));
    if let Some((name, value)) = defined.find(|(_, value)| !value.is_finite()) {
        return Err(Error::NotFinite {
            name: name.clone(),
            value,
        });
    }
    Ok(metrics)
}
