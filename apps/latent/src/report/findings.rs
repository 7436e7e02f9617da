//! What commands found, for answers to quote: a figure that was not measured is an error, and never a gap.

use std::collections::BTreeMap;

use latent_training::{EpochRecord, ModelMetadata};
use serde_json::Value;

use crate::Error;
use crate::progress::thousands;

/// What was found so far.
#[derive(Default)]
pub(crate) struct Findings {
    /// What commands printed for programs, by the command in the outline.
    shown: BTreeMap<String, Shown>,
    /// Runs by their names.
    runs: BTreeMap<String, TrainedRun>,
}

struct Shown {
    /// As it was typed.
    typed: String,
    object: Value,
}

/// A run that a report is about.
pub(crate) struct TrainedRun {
    /// The directory as it is typed.
    pub(crate) path: String,
    pub(crate) metadata: ModelMetadata,
    /// Every epoch.
    pub(crate) records: Vec<EpochRecord>,
}

/// A measured figure, which knows where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    /// Two standard errors, where there is one.
    pub(crate) error: Option<f64>,
    /// Where anybody finds the same number.
    source: String,
}

impl Findings {
    pub(crate) fn add(&mut self, command: &str, typed: String, object: Value) {
        let shown = Shown { typed, object };
        self.shown.insert(command.to_owned(), shown);
    }

    pub(crate) fn add_run(&mut self, name: &str, run: TrainedRun) {
        self.runs.insert(name.to_owned(), run);
    }

    /// The data that the runs were trained on.
    pub(crate) fn data(&self) -> Option<&str> {
        let run = self.runs.values().next()?;
        Some(&run.metadata.data.name)
    }

    pub(crate) fn run(&self, name: &str) -> Result<&TrainedRun, Error> {
        self.runs
            .get(name)
            .ok_or_else(|| Error::NotMeasured(format!("the run {name}")))
    }

    /// A figure that a command printed.
    pub(crate) fn figure(&self, command: &str, key: &str) -> Result<Figure, Error> {
        self.maybe(command, key)
            .ok_or_else(|| Error::NotMeasured(format!("{key} of {command}")))
    }

    /// The same, if the command printed one: not every model has every figure.
    pub(crate) fn maybe(&self, command: &str, key: &str) -> Option<Figure> {
        let Shown { typed, object } = self.shown.get(command)?;
        let error = object[format!("{key}_standard_error")].as_f64();
        Some(Figure {
            value: object[key].as_f64()?,
            error: error.map(|error| 2.0 * error),
            source: format!("{key} of {typed}"),
        })
    }

    /// The figures of a list that a command printed.
    pub(crate) fn figures(&self, command: &str, key: &str) -> Result<Vec<Figure>, Error> {
        let missing = || Error::NotMeasured(format!("{key} of {command}"));
        let Shown { typed, object } = self.shown.get(command).ok_or_else(missing)?;
        let list = object[key].as_array().ok_or_else(missing)?;
        let figure = |(index, value): (usize, &Value)| {
            Ok(Figure {
                value: value.as_f64().ok_or_else(missing)?,
                error: None,
                source: format!("{key}[{index}] of {typed}"),
            })
        };
        list.iter().enumerate().map(figure).collect()
    }

    /// What a classification was right in, with two standard errors of a share of so many images.
    pub(crate) fn share(&self, command: &str, key: &str) -> Result<Figure, Error> {
        let share = self.figure(command, key)?;
        let images = self.figure(command, "images")?.value;
        let error = 2.0 * (share.value * (1.0 - share.value) / images).sqrt();
        Ok(Figure {
            // A share of one image is 0 or 1, and says nothing of how it varies.
            error: (images > 1.0).then_some(error),
            ..share
        })
    }

    /// A figure of the epoch whose weights a run keeps: `split` is train, validation or test.
    pub(crate) fn of_run(&self, name: &str, split: &str, key: &str) -> Result<Figure, Error> {
        let run = self.run(name)?;
        let value = run.metadata.metrics.get(split).and_then(|all| all.get(key));
        let value = value.ok_or_else(|| Error::NotMeasured(format!("{split} {key} of {name}")))?;
        Ok(Figure {
            value: *value,
            error: None,
            source: format!("{split}.{key} of {}/metrics.jsonl", run.path),
        })
    }

    /// How a command of the outline was typed.
    pub(crate) fn typed(&self, command: &str) -> Result<&str, Error> {
        let shown = self.shown.get(command);
        shown
            .map(|shown| shown.typed.as_str())
            .ok_or_else(|| Error::NotMeasured(command.to_owned()))
    }

    pub(crate) fn object(&self, command: &str) -> Option<&Value> {
        self.shown.get(command).map(|shown| &shown.object)
    }
}

impl Figure {
    /// A figure that is computed from others, with two standard errors.
    pub(crate) fn computed(value: f64, error: Option<f64>, from: &str) -> Self {
        let source = format!("computed: {from}");
        Self {
            value,
            error,
            source,
        }
    }

    /// A figure, and where anybody finds it.
    pub(crate) fn of(value: f64, source: String) -> Self {
        let error = None;
        Self {
            value,
            error,
            source,
        }
    }

    /// This less another, which was measured independently of it.
    pub(crate) fn less(&self, other: &Self, from: &str) -> Self {
        let error = match (self.error, other.error) {
            (Some(a), Some(b)) => Some(a.hypot(b)),
            _ => None,
        };
        Self::computed(self.value - other.value, error, from)
    }

    /// With so many decimals, and its error behind it.
    pub(crate) fn html(&self, decimals: usize) -> String {
        self.written(decimals, 1.0, "")
    }

    /// As nats, bits or the like: with two decimals.
    pub(crate) fn nats(&self) -> String {
        self.html(2)
    }

    /// A share as per cent.
    pub(crate) fn percent(&self) -> String {
        self.written(2, 100.0, "\u{a0}%")
    }

    /// A whole number.
    pub(crate) fn count(&self) -> String {
        self.element(&thousands(self.value))
    }

    fn written(&self, decimals: usize, scale: f64, unit: &str) -> String {
        let value = self.element(&number(scale * self.value, decimals));
        match self.error {
            Some(error) => format!(
                "{value}\u{a0}±\u{a0}{}{unit}",
                number(scale * error, decimals)
            ),
            None => format!("{value}{unit}"),
        }
    }

    /// The number for people, with the whole one and where it comes from for programs.
    fn element(&self, text: &str) -> String {
        format!(
            "<data value=\"{}\" title=\"{}\">{text}</data>",
            self.value,
            super::document::escape(&self.source)
        )
    }
}

/// A number with a minus sign that is one, and no minus where nothing is left of it.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !is_zero {
        format!("−{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_an_error_and_no_gap() {
        let mut findings = Findings::default();
        let object = serde_json::json!({ "elbo": -1.5, "elbo_standard_error": 0.25, "kl": [0.5] });
        findings.add("evaluate a", "latent evaluate runs/a".to_owned(), object);
        let elbo = findings.figure("evaluate a", "elbo").unwrap();
        assert_eq!(
            elbo.nats(),
            "<data value=\"-1.5\" title=\"elbo of latent evaluate runs/a\">−1.50</data>\u{a0}±\u{a0}0.50"
        );
        assert_eq!(findings.figures("evaluate a", "kl").unwrap()[0].value, 0.5);
        assert!(findings.figure("evaluate a", "loss").is_err());
        assert!(findings.figure("evaluate b", "elbo").is_err());
        assert!(findings.figures("evaluate a", "elbo").is_err());
        assert!(findings.run("a").is_err() && findings.of_run("a", "test", "elbo").is_err());
    }

    #[test]
    fn numbers_have_a_minus_only_where_something_is_left() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-1234.567, 2), "−1234.57");
    }
}
