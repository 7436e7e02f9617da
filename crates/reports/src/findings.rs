use std::collections::BTreeMap;

use latent_training::{DataRecord, EpochRecord, ModelMetadata};
use serde_json::Value;

use crate::measurement::Measurement;
use crate::{Command, Error};

/// The numbers of a report's commands and runs, for answers. A number that was not measured is an error, not a gap.
#[derive(Default)]
pub struct Findings {
    /// Results by the command of the assignment.
    printed: BTreeMap<Command, Printed>,
    /// Runs by their name.
    runs: BTreeMap<String, TrainedRun>,
}

struct Printed {
    /// The command as users type it.
    text: String,
    value: Value,
}

/// A run of a report.
pub(crate) struct TrainedRun {
    /// The directory as users type it.
    pub(crate) path: String,
    pub(crate) metadata: ModelMetadata,
    /// The records of all epochs.
    pub(crate) records: Vec<EpochRecord>,
}

impl TrainedRun {
    /// The number of classes of the training images.
    pub(crate) fn classes(&self) -> usize {
        self.metadata.data.classes_present.len()
    }

    /// A label that an assignment asks for, or one of the training images in its place if they have no such class.
    pub(crate) fn label(&self, wanted: u8) -> u8 {
        let classes = &self.metadata.data.classes_present;
        if classes.is_empty() || classes.contains(&wanted) {
            return wanted;
        }
        classes[usize::from(wanted) % classes.len()]
    }

    /// Whether the model is given labels.
    pub(crate) fn is_conditional(&self) -> bool {
        self.metadata.experiment.model.is_conditional()
    }

    /// The number of latent dimensions.
    pub(crate) fn latent_size(&self) -> usize {
        let model = &self.metadata.experiment.model;
        model.latent_size(self.metadata.data.shape)
    }
}

impl Findings {
    pub(crate) fn add(&mut self, command: &Command, text: String, value: Value) {
        self.printed
            .insert(command.clone(), Printed { text, value });
    }

    pub(crate) fn add_run(&mut self, name: &str, run: TrainedRun) {
        self.runs.insert(name.to_owned(), run);
    }

    /// The name of the data that the runs were trained on.
    pub(crate) fn data(&self) -> Option<&str> {
        Some(&self.data_record()?.name)
    }

    /// The data that the runs were trained on.
    pub(crate) fn data_record(&self) -> Option<&DataRecord> {
        let run = self.runs.values().next()?;
        Some(&run.metadata.data)
    }

    pub(crate) fn run(&self, name: &str) -> Result<&TrainedRun, Error> {
        let run = self.runs.get(name);
        run.ok_or_else(|| Error::NotMeasured(format!("the run {name}")))
    }

    /// A number that a command printed under this key, with twice the number under `KEY_standard_error` as its error.
    ///
    /// # Errors
    /// [`Error::NotMeasured`] if the command is not of the report, or printed no such number.
    pub fn measurement(&self, command: &Command, key: &str) -> Result<Measurement, Error> {
        self.optional(command, key)
            .ok_or_else(|| Error::NotMeasured(format!("{key} of {command}")))
    }

    /// [`Self::measurement`] of a number that a command may not print, because not every model has it.
    pub fn optional(&self, command: &Command, key: &str) -> Option<Measurement> {
        let Printed { text, value } = self.printed.get(command)?;
        let error = value[format!("{key}_standard_error")].as_f64();
        Some(Measurement::with_error(
            value[key].as_f64()?,
            error.map(|error| 2.0 * error),
            format!("{key} of {text}"),
        ))
    }

    /// The numbers of a list that a command printed under this key.
    ///
    /// # Errors
    /// [`Error::NotMeasured`] if the command is not of the report, or printed no list of numbers there.
    pub fn list(&self, command: &Command, key: &str) -> Result<Vec<Measurement>, Error> {
        let missing = || Error::NotMeasured(format!("{key} of {command}"));
        let Printed { text, value } = self.printed.get(command).ok_or_else(missing)?;
        let list = value[key].as_array().ok_or_else(missing)?;
        let measurement = |(index, value): (usize, &Value)| {
            let value = value.as_f64().ok_or_else(missing)?;
            Ok(Measurement::new(value, format!("{key}[{index}] of {text}")))
        };
        list.iter().enumerate().map(measurement).collect()
    }

    /// A fraction of images that a command printed, with two standard errors of a binomial proportion.
    ///
    /// # Errors
    /// [`Error::NotMeasured`] if the fraction or the number of `images` is missing.
    pub fn fraction(&self, command: &Command, key: &str) -> Result<Measurement, Error> {
        let fraction = self.measurement(command, key)?;
        let images = self.measurement(command, "images")?.value;
        let error = 2.0 * (fraction.value * (1.0 - fraction.value) / images).sqrt();
        Ok(Measurement {
            // One image gives 0 or 1, and no estimate of the variance.
            error: (images > 1.0).then_some(error),
            ..fraction
        })
    }

    /// A metric of the epoch whose weights a run keeps; `split` is train, validation or test.
    ///
    /// # Errors
    /// [`Error::NotMeasured`] if the run is not of the report, or has no such metric.
    pub fn of_run(&self, name: &str, split: &str, key: &str) -> Result<Measurement, Error> {
        let run = self.run(name)?;
        let value = run.metadata.metrics.get(split).and_then(|all| all.get(key));
        let value = value.ok_or_else(|| Error::NotMeasured(format!("{split} {key} of {name}")))?;
        let source = format!("{split}.{key} of {}/metrics.jsonl", run.path);
        Ok(Measurement::new(*value, source))
    }

    /// A metric of the test images, as `evaluate` printed it if that is a command of the report, and else of the epoch
    /// whose weights the run keeps. (They differ in a quick report only, which evaluates fewer images.)
    pub(crate) fn test_metric(&self, run: &str, key: &str) -> Result<Measurement, Error> {
        match self.optional(&Command::new("evaluate").run(run), key) {
            Some(measurement) => Ok(measurement),
            None => self.of_run(run, "test", key),
        }
    }

    /// A command of the assignment as users type it.
    ///
    /// # Errors
    /// [`Error::NotMeasured`] if the command is not of the report.
    pub fn text(&self, command: &Command) -> Result<&str, Error> {
        let printed = self.printed.get(command);
        let text = printed.map(|printed| printed.text.as_str());
        text.ok_or_else(|| Error::NotMeasured(command.to_string()))
    }

    pub(crate) fn value(&self, command: &Command) -> Option<&Value> {
        Some(&self.printed.get(command)?.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_was_not_measured_is_an_error() {
        let mut findings = Findings::default();
        let value = json!({ "elbo": -1.5, "elbo_standard_error": 0.25, "kl": [0.5] });
        let evaluate = |run| Command::new("evaluate").run(run);
        let a = &evaluate("a");
        findings.add(a, "latent evaluate runs/a".to_owned(), value);
        let elbo = findings.measurement(a, "elbo").unwrap();
        assert_eq!(
            elbo.nats().to_string(),
            "<data value=\"-1.5\" title=\"elbo of latent evaluate runs/a\">−1.50</data>&#160;±&#160;0.50"
        );
        assert_eq!(findings.list(a, "kl").unwrap()[0].value, 0.5);
        assert!(findings.measurement(a, "loss").is_err());
        assert!(findings.measurement(&evaluate("b"), "elbo").is_err());
        assert!(findings.list(a, "elbo").is_err());
        assert!(findings.run("a").is_err() && findings.of_run("a", "test", "elbo").is_err());
    }
}
