use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use candle_core::Device;
use latent_datasets::{Batching, Dataset};
use serde_json::{Map, Value, json};

use crate::{
    Error, Metrics, Model, evaluate, log_likelihoods, marginal_log_likelihoods,
    mean_and_standard_error, part_of_each,
};

/// The suffix of the name of a standard error in a map of metrics.
const STANDARD_ERROR: &str = "_standard_error";

/// The metrics of a model on a data set, with standard errors where the values of single images are known.
///
/// [`Display`] writes one line for each metric, with ± twice its standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// Means over the images, by the name of the metric.
    pub metrics: Metrics,
    /// Standard errors of the means; `None` for fewer than two images.
    pub standard_errors: BTreeMap<String, Option<f64>>,
}

/// A stage of an evaluation, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationStage {
    /// The density of each image under every label.
    MarginalLogLikelihood,
    /// The log-likelihood of each image, with several draws.
    LogLikelihood,
}

impl Evaluation {
    /// Evaluates a model on all images of a data set.
    ///
    /// - The loss and its parts ([`evaluate`]), with the standard errors of `elbo` and `log_density`.
    /// - `marginal_log_density`, log p(x) summed over labels ([`marginal_log_likelihoods`]), for conditional flows.
    /// - With `importance_samples`: `log_likelihood` with that number of draws per image ([`log_likelihoods`]). For a
    ///   flow it is that of the 256-level pixels, whereas `log_density` is that of the preprocessed pixels.
    ///
    /// `progress` is called with the number of completed images.
    ///
    /// # Errors
    /// There are no images, their shape is not the model's, or [`Error::NotFiniteMetric`].
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

    /// Metrics and standard errors in one map, as in the metadata of a model file.
    ///
    /// The names of standard errors end with `_standard_error`; undefined standard errors are omitted.
    pub fn to_metrics(&self) -> Metrics {
        let errors = self.standard_errors.iter();
        let errors =
            errors.filter_map(|(name, error)| Some((format!("{name}{STANDARD_ERROR}"), (*error)?)));
        self.metrics.clone().into_iter().chain(errors).collect()
    }

    /// Metrics and standard errors as JSON; undefined standard errors are null.
    pub fn to_json(&self) -> Map<String, Value> {
        let errors = self.standard_errors.iter();
        let errors = errors.map(|(name, error)| (format!("{name}{STANDARD_ERROR}"), json!(error)));
        let metrics = self.metrics.iter();
        let metrics = metrics.map(|(name, value)| (name.clone(), json!(value)));
        metrics.chain(errors).collect()
    }
}

/// Splits the map of [`Evaluation::to_metrics`] into metrics and standard errors.
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
        // An undefined standard error is null in JSON and omitted from files.
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
