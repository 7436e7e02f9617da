//! Runs beside each other: what tells them apart, how they ended, and how they went.

use std::path::{Path, PathBuf};

use latent_training::{EpochRecord, Run};
use latent_visualisation::Curves;
use serde_json::{Value, json};

use crate::report::number;
use crate::{Error, figures};

/// Several runs.
pub(crate) struct Comparison {
    runs: Vec<Compared>,
}

struct Compared {
    directory: PathBuf,
    /// Values of the experiment that not all runs share, by their keys; `None` where this one has none.
    settings: Vec<(String, Option<String>)>,
    records: Vec<EpochRecord>,
}

impl Compared {
    /// The record of the epoch whose weights the run keeps: the best by validation images, or the last.
    fn kept(&self) -> Option<&EpochRecord> {
        let loss = |record: &EpochRecord| record.validation.as_ref()?.get("loss").copied();
        let chosen = self
            .records
            .iter()
            .filter_map(|record| Some((loss(record)?, record)));
        let best = chosen.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, record)| record).or(self.records.last())
    }
}

impl Comparison {
    /// Reads the experiments and the metrics of runs, which may still be trained.
    pub(crate) fn of(directories: &[PathBuf]) -> Result<Self, Error> {
        let mut read = Vec::new();
        for directory in directories {
            let run = open(directory)?;
            let records = run.metrics()?;
            if records.is_empty() {
                return Err(Error::NoMetrics(directory.clone()));
            }
            read.push((run.experiment()?.settings()?, records));
        }
        let value = |settings: &[(String, String)], key: &str| {
            let found = settings.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.trim_matches('"').to_owned())
        };
        // What they are called and described as is no setting.
        let mut keys: Vec<&String> = Vec::new();
        for (key, _) in read.iter().flat_map(|(settings, _)| settings) {
            let differs = || {
                read.iter()
                    .any(|(settings, _)| value(settings, key) != value(&read[0].0, key))
            };
            let is_word = ["name", "description", "tasks"].contains(&key.as_str());
            if !is_word && !keys.contains(&key) && differs() {
                keys.push(key);
            }
        }
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        let runs = directories
            .iter()
            .zip(read)
            .map(|(directory, (settings, records))| Compared {
                directory: directory.clone(),
                settings: keys
                    .iter()
                    .map(|key| (key.clone(), value(&settings, key)))
                    .collect(),
                records,
            });
        Ok(Self {
            runs: runs.collect(),
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
            let kept = run.kept();
            let settings = run
                .settings
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)));
            json!({
                "run": run.directory.display().to_string(),
                "epochs": run.records.len(),
                "kept_epoch": kept.map(|record| record.epoch),
                "settings": settings.collect::<serde_json::Map<_, _>>(),
                "train": kept.map(|record| &record.train),
                "validation": kept.and_then(|record| record.validation.as_ref()),
                "test": kept.map(|record| &record.test),
            })
        };
        json!({ "runs": self.runs.iter().map(run).collect::<Vec<_>>() })
    }

    /// A head and a row for each run; figures with `decimals`, or as they are.
    fn cells(&self, decimals: Option<usize>) -> Vec<Vec<String>> {
        let mut metrics: Vec<&String> = Vec::new();
        for name in self
            .runs
            .iter()
            .filter_map(Compared::kept)
            .flat_map(|record| record.test.keys())
        {
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
                let value = run.kept()?.test.get(*name)?;
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
        (0..rows).map(line).collect::<Vec<_>>().join("\n")
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

fn open(directory: &Path) -> Result<Run, Error> {
    Run::open(directory).map_err(|_| Error::CurvesNeedARun(directory.to_owned()))
}
