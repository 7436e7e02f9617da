use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use crate::{DataRecord, EpochRecord, Error, Experiment, Run, thousands};

/// A comparison of runs: the settings in which they differ and the metrics of their kept epochs.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The runs, in the order in which they were given.
    pub runs: Vec<ComparedRun>,
    /// Whether the runs have the same training and test images.
    pub same_data: SameData,
}

/// A run of a [`Comparison`].
#[derive(Clone, Debug)]
pub struct ComparedRun {
    /// The run's directory.
    pub directory: PathBuf,
    /// The settings that differ between the runs, as (key, value); `None` if this run has no such setting.
    ///
    /// All runs have the same keys in the same order. Data that differ are the settings "training images" and
    /// "test images".
    pub settings: Vec<(String, Option<String>)>,
    /// The data of the run.
    pub data: DataRecord,
    /// The metrics of all epochs.
    pub records: Vec<EpochRecord>,
    /// The metrics of the epoch whose weights are kept.
    pub kept: EpochRecord,
}

/// Whether runs have the same training images and the same test images.
///
/// Metrics on different test images are not comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SameData {
    /// Whether the training images are the same.
    #[serde(rename = "same_training_images")]
    pub train: bool,
    /// Whether the test images are the same.
    #[serde(rename = "same_test_images")]
    pub test: bool,
}

impl SameData {
    /// Compares the data of runs by checksum.
    ///
    /// # Errors
    /// [`Error::NoWeights`] if a run has no complete epoch.
    pub fn of(runs: &[Run]) -> Result<Self, Error> {
        let data = runs.iter().map(|run| Ok(run.model_metadata()?.data));
        let data = data.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self::among(&data.iter().collect::<Vec<_>>()))
    }

    fn among(data: &[&DataRecord]) -> Self {
        let is_same = |of: fn(&DataRecord) -> &String| {
            let mut checksums = data.iter().map(|data| of(data));
            let first = checksums.next();
            checksums.all(|other| Some(other) == first)
        };
        Self {
            train: is_same(|data| &data.checksum),
            test: is_same(|data| &data.test_checksum),
        }
    }
}

impl Comparison {
    /// Compares runs by their files; a run may still be training.
    ///
    /// # Errors
    /// [`Error::NoWeights`] if a run has no complete epoch; a file of a run cannot be read.
    pub fn of(runs: &[Run]) -> Result<Self, Error> {
        let mut read = Vec::new();
        for run in runs {
            let data = run.model_metadata()?.data;
            let settings = run.experiment()?.settings()?;
            read.push((settings, data, run.metrics()?, run.kept_record()?));
        }
        let same_data = SameData::among(&read.iter().map(|(_, data, ..)| data).collect::<Vec<_>>());
        for (settings, data, ..) in &mut read {
            settings.extend(data_settings(data, same_data));
        }
        let value = |settings: &[(String, String)], key: &str| {
            let found = settings.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.trim_matches('"').to_owned())
        };
        let mut keys: Vec<String> = Vec::new();
        for (key, _) in read.iter().flat_map(|(settings, ..)| settings) {
            let differs = || {
                read.iter()
                    .any(|(settings, ..)| value(settings, key) != value(&read[0].0, key))
            };
            if !is_label(key) && !keys.contains(key) && differs() {
                keys.push(key.clone());
            }
        }
        let runs = runs.iter().zip(read);
        let runs = runs.map(|(run, (settings, data, records, kept))| ComparedRun {
            directory: run.directory().to_owned(),
            settings: keys
                .iter()
                .map(|key| (key.clone(), value(&settings, key)))
                .collect(),
            data,
            records,
            kept,
        });
        Ok(Self {
            runs: runs.collect(),
            same_data,
        })
    }

    /// Names of the runs for legends and tables: the last path components, or the whole paths if two last
    /// components are equal.
    pub fn names(&self) -> Vec<String> {
        let long = |run: &ComparedRun| run.directory.display().to_string();
        let short = |run: &ComparedRun| {
            let name = run.directory.file_name();
            name.map_or_else(|| long(run), |name| name.to_string_lossy().into_owned())
        };
        let names: Vec<String> = self.runs.iter().map(short).collect();
        let is_unique = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
        if names.iter().all(is_unique) {
            names
        } else {
            self.runs.iter().map(long).collect()
        }
    }

    /// The distinct names of the runs' test metrics, in order of first occurrence.
    pub fn metric_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.runs.iter().flat_map(|run| run.kept.test.keys()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The comparison as a table: a head, and a row for each run with its directory, its number of epochs, the settings that
    /// differ, and the test metrics of the kept epoch, as `number` formats them.
    pub fn table(&self, number: impl Fn(f64) -> String) -> Vec<Vec<String>> {
        let metrics = self.metric_names();
        let mut head = vec!["run".to_owned(), "epochs".to_owned()];
        if let Some(run) = self.runs.first() {
            head.extend(run.settings.iter().map(|(key, _)| key.clone()));
        }
        head.extend(metrics.iter().map(|name| format!("test_{name}")));
        let row = |run: &ComparedRun| {
            let mut row = vec![
                run.directory.display().to_string(),
                run.records.len().to_string(),
            ];
            let settings = run.settings.iter();
            row.extend(settings.map(|(_, value)| value.clone().unwrap_or_default()));
            let cell = |name: &&str| run.kept.test.get(*name).map(|value| number(*value));
            let metrics = metrics.iter();
            row.extend(metrics.map(|name| cell(name).unwrap_or_default()));
            row
        };
        let mut rows = vec![head];
        rows.extend(self.runs.iter().map(row));
        rows
    }

    /// [`table`](Self::table) as CSV (RFC 4180), with all digits and without a last line break.
    pub fn to_csv(&self) -> String {
        let line = |row: &Vec<String>| {
            let cells: Vec<_> = row.iter().map(|cell| csv_cell(cell)).collect();
            cells.join(",")
        };
        let rows = self.table(|value| value.to_string());
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A cell of CSV (RFC 4180).
fn csv_cell(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\"")).into()
    } else {
        cell.into()
    }
}

/// Whether a key only labels an experiment and does not affect training.
fn is_label(key: &str) -> bool {
    ["name", "description"].contains(&key)
}

/// The data of a run as settings, for the splits that differ between runs.
fn data_settings(data: &DataRecord, same: SameData) -> Vec<(String, String)> {
    let short = |checksum: &str| checksum.chars().take(12).collect::<String>();
    let mut settings = Vec::new();
    if !same.train {
        let (images, checksum) = (thousands(data.images), short(&data.checksum));
        let words = format!("{}: {images} images, checksum {checksum}…", data.name);
        settings.push(("training images".to_owned(), words));
    }
    if !same.test {
        let words = format!("{}: checksum {}…", data.name, short(&data.test_checksum));
        settings.push(("test images".to_owned(), words));
    }
    settings
}

/// A setting in which two experiments differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingDifference {
    /// The setting's key, such as `training.epochs`.
    pub key: String,
    /// The value in the first experiment, in TOML syntax; `None` if it has no such setting.
    pub first: Option<String>,
    /// The value in the second experiment.
    pub second: Option<String>,
}

impl SettingDifference {
    /// The first setting in which two experiments differ; `None` if there is none. Name and description are
    /// ignored.
    ///
    /// # Errors
    /// Those of [`Experiment::settings`].
    pub fn between(first: &Experiment, second: &Experiment) -> Result<Option<Self>, Error> {
        let (first, second) = (first.settings()?, second.settings()?);
        let value = |settings: &[(String, String)], key: &str| {
            let found = settings.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone())
        };
        let keys = first.iter().chain(&second).map(|(key, _)| key);
        let difference = |key: &String| {
            let (first, second) = (value(&first, key), value(&second, key));
            (first != second).then(|| Self {
                key: key.clone(),
                first,
                second,
            })
        };
        Ok(keys.filter(|key| !is_label(key)).find_map(difference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_a_quote_or_a_line_break_is_quoted() {
        for plain in ["", "runs/vae-2d", "a b", "-1.5"] {
            assert_eq!(csv_cell(plain), plain);
        }
        for (cell, quoted) in [
            ("[64, 32]", "\"[64, 32]\""),
            ("a \"run\"", "\"a \"\"run\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("\r", "\"\r\""),
        ] {
            assert_eq!(csv_cell(cell), quoted);
        }
    }
}
