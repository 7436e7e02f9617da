//! Runs beside each other: what tells them apart, how they ended, and how they went.

use std::path::{Path, PathBuf};

use latent_training::{DataRecord, EpochRecord, Run};
use latent_visualisation::Curves;
use serde_json::{Map, Value, json};

use crate::progress::thousands;
use crate::report::number;
use crate::{Error, figures};

/// Several runs.
pub(crate) struct Comparison {
    runs: Vec<Compared>,
    same: SameData,
}

struct Compared {
    directory: PathBuf,
    /// Values of the experiment that not all runs share, by their keys; `None` where this one has none.
    settings: Vec<(String, Option<String>)>,
    data: DataRecord,
    records: Vec<EpochRecord>,
    kept: EpochRecord,
}

/// Whether runs were trained and tested on the same images.
pub(crate) struct SameData {
    train: bool,
    test: bool,
}

impl SameData {
    /// Of runs with weights.
    pub(crate) fn of(directories: &[PathBuf]) -> Result<Self, Error> {
        let data = directories.iter().map(|directory| {
            let metadata = open(directory)?.model_metadata()?;
            Ok(metadata.data)
        });
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

    /// What is said to people.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match (self.train, self.test) {
            (true, true) => None,
            (false, true) => Some("note: these runs were trained on different images"),
            (true, false) => Some(
                "note: the test figures of these runs are of different images, and cannot be compared",
            ),
            (false, false) => Some(
                "note: these runs were trained on different images, and their test figures are of different \
                 images, and cannot be compared",
            ),
        }
    }

    /// What is said to programs.
    pub(crate) fn facts(&self) -> Map<String, Value> {
        let facts = [
            ("same_training_images", self.train),
            ("same_test_images", self.test),
        ];
        let facts = facts.map(|(name, is_same)| (name.to_owned(), json!(is_same)));
        facts.into_iter().collect()
    }
}

/// The metrics of the epoch whose weights a run keeps.
pub(crate) fn kept_record(run: &Run) -> Result<EpochRecord, Error> {
    if run.model_path().exists() {
        Ok(run.kept_record()?)
    } else {
        Err(Error::NoMetrics(run.directory().to_owned()))
    }
}

impl Comparison {
    /// Reads the experiments and the metrics of runs, which may still be trained.
    pub(crate) fn of(directories: &[PathBuf]) -> Result<Self, Error> {
        let mut read = Vec::new();
        for directory in directories {
            let run = open(directory)?;
            let kept = kept_record(&run)?;
            let data = run.model_metadata()?.data;
            read.push((run.experiment()?.settings()?, data, run.metrics()?, kept));
        }
        let same = SameData::among(&read.iter().map(|(_, data, ..)| data).collect::<Vec<_>>());
        for (settings, data, ..) in &mut read {
            settings.extend(data_settings(data, &same));
        }
        let value = |settings: &[(String, String)], key: &str| {
            let found = settings.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.trim_matches('"').to_owned())
        };
        // What they are called and described as is no setting.
        let mut keys: Vec<&String> = Vec::new();
        for (key, _) in read.iter().flat_map(|(settings, ..)| settings) {
            let differs = || {
                read.iter()
                    .any(|(settings, ..)| value(settings, key) != value(&read[0].0, key))
            };
            let is_word = ["name", "description", "tasks"].contains(&key.as_str());
            if !is_word && !keys.contains(&key) && differs() {
                keys.push(key);
            }
        }
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        let runs =
            directories
                .iter()
                .zip(read)
                .map(|(directory, (settings, data, records, kept))| Compared {
                    directory: directory.clone(),
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
            same,
        })
    }

    /// Short names: the last part of each path, where no two are alike.
    fn names(&self) -> Vec<String> {
        let short = |run: &Compared| {
            let name = run.directory.file_name()?;
            Some(name.to_string_lossy().into_owned())
        };
        let long = |run: &Compared| run.directory.display().to_string();
        let names: Vec<String> = self
            .runs
            .iter()
            .map(|run| short(run).unwrap_or_else(|| long(run)))
            .collect();
        let is_alone = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
        if names.iter().all(is_alone) {
            names
        } else {
            self.runs.iter().map(long).collect()
        }
    }

    /// The test figures over the epochs.
    pub(crate) fn curves(&self) -> Result<Curves, Error> {
        let names = self.names();
        let runs: Vec<(&str, &[EpochRecord])> = names
            .iter()
            .zip(&self.runs)
            .map(|(name, run)| (name.as_str(), run.records.as_slice()))
            .collect();
        figures::compared(&runs)
    }

    /// For programs.
    pub(crate) fn object(&self) -> Value {
        let run = |run: &Compared| {
            let kept = &run.kept;
            let settings = run
                .settings
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)));
            json!({
                "run": run.directory.display().to_string(),
                "epochs": run.records.len(),
                "kept_epoch": kept.epoch,
                "settings": settings.collect::<Map<_, _>>(),
                "data": run.data,
                "train": kept.train,
                "validation": kept.validation,
                "test": kept.test,
            })
        };
        let mut object = self.same.facts();
        let runs = self.runs.iter().map(run).collect::<Vec<_>>();
        object.insert("runs".to_owned(), json!(runs));
        Value::Object(object)
    }

    /// A head and a row for each run; figures with `decimals`, or as they are.
    fn cells(&self, decimals: Option<usize>) -> Vec<Vec<String>> {
        let mut metrics: Vec<&String> = Vec::new();
        for name in self.runs.iter().flat_map(|run| run.kept.test.keys()) {
            if !metrics.contains(&name) {
                metrics.push(name);
            }
        }
        let mut head = vec!["run".to_owned(), "epochs".to_owned()];
        if let Some(run) = self.runs.first() {
            head.extend(run.settings.iter().map(|(key, _)| key.clone()));
        }
        head.extend(metrics.iter().map(|name| format!("test_{name}")));
        let mut rows = vec![head];
        for run in &self.runs {
            let mut row = vec![
                run.directory.display().to_string(),
                run.records.len().to_string(),
            ];
            row.extend(
                run.settings
                    .iter()
                    .map(|(_, value)| value.clone().unwrap_or_default()),
            );
            let figure = |name: &&String| {
                let value = run.kept.test.get(*name)?;
                Some(
                    decimals.map_or_else(|| value.to_string(), |decimals| number(*value, decimals)),
                )
            };
            row.extend(metrics.iter().map(|name| figure(name).unwrap_or_default()));
            rows.push(row);
        }
        rows
    }

    /// For people: a column for each run, since what tells them apart may be much.
    pub(crate) fn words(&self) -> String {
        let runs = self.cells(Some(2));
        let width = |run: &Vec<String>| run.iter().map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = runs.iter().map(|run| width(run).unwrap_or(0)).collect();
        let line = |row: usize| {
            let cells = runs.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (run, width))| match column {
                0 => format!("{:width$}", run[row]),
                _ => format!("{:>width$}", run[row]),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let rows = runs.first().map_or(0, Vec::len);
        let mut lines: Vec<String> = (0..rows).map(line).collect();
        lines.extend(self.same.note().map(str::to_owned));
        lines.join("\n")
    }

    /// As RFC 4180 has it, with all digits.
    pub(crate) fn csv(&self) -> String {
        let cell = |cell: &String| {
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",");
        self.cells(None)
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// What tells data apart, where they are not the same, beside the settings of the experiments.
fn data_settings(data: &DataRecord, same: &SameData) -> Vec<(String, String)> {
    let short = |checksum: &str| checksum.chars().take(12).collect::<String>();
    let mut settings = Vec::new();
    if !same.train {
        let (images, checksum) = (thousands(data.images as f64), short(&data.checksum));
        let words = format!("{}: {images} images, checksum {checksum}…", data.name);
        settings.push(("training images".to_owned(), words));
    }
    if !same.test {
        let words = format!("{}: checksum {}…", data.name, short(&data.test_checksum));
        settings.push(("test images".to_owned(), words));
    }
    settings
}

pub(crate) fn open(directory: &Path) -> Result<Run, Error> {
    Run::open(directory).map_err(|_| Error::CurvesNeedARun(directory.to_owned()))
}
