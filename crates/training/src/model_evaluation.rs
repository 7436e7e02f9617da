use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use candle_core::Device;
use latent_datasets::{Batching, Dataset};
use serde_json::{Map, Value, json};

use crate::{
    Error, Metrics, Model, evaluate, log_likelihoods, marginal_log_likelihoods,
    mean_and_standard_error, part_of_each,
};

/// What the name of a metric's standard error ends with, where both are in one map.
const STANDARD_ERROR: &str = "_standard_error";

/// The metrics of a model on a data set, nats per image, and the standard errors of those that are means of a known
/// value for each image.
///
/// As text ([`Display`]), a line for each metric, with twice its standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Means over the images.
    pub metrics: Metrics,
    /// Standard errors of the means; `None` over fewer than two images.
    pub standard_errors: BTreeMap<String, Option<f64>>,
}

/// The part of an evaluation that is under way, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationStage {
    /// The likelihood of each image under every label.
    MarginalLogLikelihood,
    /// The importance-weighted log-likelihood of each image.
    LogLikelihood,
}

impl Evaluation {
    /// Evaluates a model on all images of a data set:
    ///
    /// - the loss and its parts ([`evaluate`]), with the standard errors of the ELBO and of an exact log-likelihood;
    /// - `marginal_log_density`, log p(x) over labels ([`marginal_log_likelihoods`]), of a conditional model with an
    ///   exact log-likelihood;
    /// - with `importance_samples`, `log_likelihood` by so many draws for each image ([`log_likelihoods`]); of a model
    ///   with an exact density of its preprocessed pixels, `log_likelihood`, that of the 256-level pixels.
    ///
    /// `progress` is called with the number of images that are done.
    ///
    /// # Errors
    /// There are no images, the model does not fit them, or [`Error::NotFiniteMetric`].
    pub fn of(
        model: &Model,
        images: &Dataset,
        importance_samples: Option<usize>,
        batching: &Batching,
        device: &Device,
        mut progress: impl FnMut(EvaluationStage, usize),
    ) -> Result<Self, Error> {
        let any = &model.model;
        let mut evaluation = Self::from(&evaluate(any, images, batching, device)?);
        let exact = part_of_each(any, images, "log_density", batching, device)?;
        let bounds = part_of_each(any, images, "elbo", batching, device)?;
        for (name, values) in [("elbo", &bounds), ("log_density", &exact)] {
            if let Some(values) = values {
                let error = mean_and_standard_error(values).1;
                evaluation.standard_errors.insert(name.to_owned(), error);
            }
        }
        if exact.is_some()
            && let Ok(conditional) = any.conditional()
        {
            let classes = &model.metadata.data.classes_present;
            let done = |done| progress(EvaluationStage::MarginalLogLikelihood, done);
            let values =
                marginal_log_likelihoods(conditional, images, classes, batching, device, done)?;
            evaluation.add("marginal_log_density", &values.unwrap_or_default());
        }
        if let Some(samples) = importance_samples {
            let done = |done| progress(EvaluationStage::LogLikelihood, done);
            let values = log_likelihoods(any, images, samples, batching, device, done)?;
            evaluation.add("log_likelihood", &values);
        }
        evaluation.refuse_not_finite()?;
        Ok(evaluation)
    }

    fn add(&mut self, name: &str, values: &[f32]) {
        let (mean, error) = mean_and_standard_error(values);
        self.metrics.insert(name.to_owned(), mean);
        self.standard_errors.insert(name.to_owned(), error);
    }

    fn refuse_not_finite(&self) -> Result<(), Error> {
        let errors = self.standard_errors.iter();
        let errors = errors.filter_map(|(name, error)| Some((name, (*error)?)));
        let metrics = self.metrics.iter().map(|(name, value)| (name, *value));
        match metrics.chain(errors).find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((name, value)) => Err(Error::NotFiniteMetric {
                name: name.clone(),
                value,
            }),
        }
    }

    /// The metrics, and the standard errors under names that end with `_standard_error`, in one map, as a model's file
    /// stores them; without standard errors that are not defined.
    pub fn to_metrics(&self) -> Metrics {
        let errors = self.standard_errors.iter();
        let errors =
            errors.filter_map(|(name, error)| Some((format!("{name}{STANDARD_ERROR}"), (*error)?)));
        self.metrics.clone().into_iter().chain(errors).collect()
    }

    /// The same map as JSON, in which a standard error that is not defined is null.
    pub fn to_json(&self) -> Map<String, Value> {
        let errors = self.standard_errors.iter();
        let errors = errors.map(|(name, error)| (format!("{name}{STANDARD_ERROR}"), json!(error)));
        let metrics = self.metrics.iter();
        let metrics = metrics.map(|(name, value)| (name.clone(), json!(value)));
        metrics.chain(errors).collect()
    }
}

/// Metrics as a model's file stores them: a name that ends with `_standard_error` is that of a standard error.
impl From<&Metrics> for Evaluation {
    fn from(all: &Metrics) -> Self {
        let mut evaluation = Self::default();
        for (name, &value) in all {
            match name.strip_suffix(STANDARD_ERROR) {
                Some(metric) => {
                    let errors = &mut evaluation.standard_errors;
                    errors.insert(metric.to_owned(), Some(value));
                }
                None => {
                    evaluation.metrics.insert(name.clone(), value);
                }
            }
        }
        evaluation
    }
}

impl Display for Evaluation {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let width = self.metrics.keys().map(String::len).max().unwrap_or(0);
        for (index, (name, value)) in self.metrics.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "  {name:width$}  {value:>9.2}")?;
            match self.standard_errors.get(name) {
                Some(Some(error)) => write!(formatter, " ± {:.2}", 2.0 * error)?,
                Some(None) => {
                    formatter.write_str(" (standard error not defined for one image)")?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_a_line_for_each_metric_with_twice_its_standard_error() {
        let stored = Metrics::from([
            ("elbo".to_owned(), -100.256),
            ("elbo_standard_error".to_owned(), 0.5),
            ("kl".to_owned(), 7.0),
        ]);
        let mut evaluation = Evaluation::from(&stored);
        assert_eq!(
            evaluation.to_string(),
            "  elbo    -100.26 ± 1.00\n  kl         7.00"
        );
        assert_eq!(evaluation.to_metrics(), stored);
        evaluation.standard_errors.insert("kl".to_owned(), None);
        assert_eq!(
            evaluation.to_string(),
            "  elbo    -100.26 ± 1.00\n  kl         7.00 (standard error not defined for one image)"
        );
        // What is not defined is null for programs, and in no file.
        assert_eq!(evaluation.to_json()["kl_standard_error"], Value::Null);
        assert_eq!(evaluation.to_json()["elbo_standard_error"], json!(0.5));
        assert_eq!(evaluation.to_metrics(), stored);
        assert_eq!(Evaluation::default().to_string(), "");
    }

    #[test]
    fn a_metric_that_is_not_finite_is_refused() {
        for name in ["kl", "kl_standard_error"] {
            for value in [f64::NAN, f64::INFINITY] {
                let metrics = Metrics::from([("elbo".to_owned(), -1.0), (name.to_owned(), value)]);
                let refused = Evaluation::from(&metrics).refuse_not_finite();
                assert!(matches!(refused, Err(Error::NotFiniteMetric { .. })));
            }
        }
    }
}
