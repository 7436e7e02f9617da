use std::collections::BTreeMap;
use std::path::Path;

use latent_checkpoints::write_atomically;
use serde::{Deserialize, Serialize};

use super::files::read_text;
use crate::{DataRecord, EpochReport, Error, Experiment, Metrics};

/// The kind of checkpoint of `model.safetensors`.
pub(crate) const MODEL_KIND: &str = "model";

/// The version of this workspace, recorded in the files that it writes.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The metrics of an epoch: one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Means over the training images, each before the update of its step, nats per image.
    pub train: Metrics,
    /// Means over the validation images at the end of the epoch, nats per image; `None` without validation images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
    /// Means over the test images at the end of the epoch, nats per image.
    pub test: Metrics,
    /// Training images per second, the only value that is not reproducible.
    pub images_per_second: f64,
}

impl From<EpochReport> for EpochRecord {
    fn from(report: EpochReport) -> Self {
        Self {
            epoch: report.epoch,
            train: report.train,
            validation: report.validation,
            test: report.test,
            images_per_second: report.images_per_second,
        }
    }
}

impl EpochRecord {
    /// Reads the records in the file `path`, one a line; without the file, there are none.
    pub(crate) fn read_all(path: &Path) -> Result<Vec<Self>, Error> {
        let text = if path.exists() {
            read_text(path)?
        } else {
            String::new()
        };
        let record = |(index, line)| {
            serde_json::from_str(line).map_err(|reason| Error::Metrics {
                path: path.to_owned(),
                line: index + 1,
                reason,
            })
        };
        text.lines().enumerate().map(record).collect()
    }

    /// Writes the file `path` atomically, one record a line.
    pub(crate) fn write_all(records: &[Self], path: &Path) -> Result<(), Error> {
        let mut text = String::new();
        for record in records {
            let line = serde_json::to_string(record).map_err(|reason| Error::Metrics {
                path: path.to_owned(),
                line: record.epoch,
                reason,
            })?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok(write_atomically(path, text.as_bytes())?)
    }
}

/// The metadata in the header of a model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The version of this workspace that wrote the file.
    pub version: String,
    /// The experiment, including default values.
    pub experiment: Experiment,
    /// The training data.
    pub data: DataRecord,
    /// The epoch of the weights, counted from 1; 0 if it is unknown (imported weights).
    pub epoch: usize,
    /// The metrics by split (`train`, `validation`, `test`), nats per image.
    pub metrics: BTreeMap<String, Metrics>,
}

impl ModelMetadata {
    /// The metadata for the weights of an epoch.
    pub(crate) fn of_epoch(
        experiment: &Experiment,
        data: &DataRecord,
        record: &EpochRecord,
    ) -> Self {
        let splits = [
            ("train", Some(&record.train)),
            ("validation", record.validation.as_ref()),
            ("test", Some(&record.test)),
        ];
        Self {
            version: VERSION.to_owned(),
            experiment: experiment.clone(),
            data: data.clone(),
            epoch: record.epoch,
            metrics: splits
                .into_iter()
                .filter_map(|(split, metrics)| Some((split.to_owned(), metrics?.clone())))
                .collect(),
        }
    }
}
