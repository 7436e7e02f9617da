//! Output of a comparison of runs.

use std::path::{Path, PathBuf};

use latent_reports::rounded;
use latent_training::{ComparedRun, Comparison, Run, SameData};
use serde_json::{Map, Value, json};

use crate::Error;

/// Opens runs with weights.
pub(crate) fn open_all(directories: &[PathBuf]) -> Result<Vec<Run>, Error> {
    let opened = directories.iter().map(|directory| {
        let run = open(directory)?;
        if run.model_path().exists() {
            Ok(run)
        } else {
            Err(Error::NoMetrics(directory.clone()))
        }
    });
    opened.collect()
}

pub(crate) fn open(directory: &Path) -> Result<Run, Error> {
    Run::open(directory).map_err(|_| Error::CurvesNeedARun(directory.to_owned()))
}

/// The note for runs on different images.
pub(crate) fn note(same: SameData) -> Option<&'static str> {
    match (same.train, same.test) {
        (true, true) => None,
        (false, true) => Some("note: these runs were trained on different images"),
        (true, false) => Some(
            "note: the test figures of these runs are of different images, and cannot be compared",
        ),
        (false, false) => Some(
            "note: these runs were trained on different images, and their test figures are of different images, \
             and cannot be compared",
        ),
    }
}

/// The JSON output.
pub(crate) fn object(comparison: &Comparison) -> Value {
    let run = |run: &ComparedRun| {
        let (kept, settings) = (&run.kept, run.settings.iter());
        let settings = settings.map(|(key, value)| (key.clone(), json!(value)));
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
    let mut object = json!(comparison.same_data);
    object["runs"] = comparison.runs.iter().map(run).collect();
    object
}

/// The text output: a column for each run, since many settings may differ.
pub(crate) fn words(comparison: &Comparison) -> String {
    let runs = comparison.table(|value| rounded(value, 2));
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
    lines.extend(note(comparison.same_data).map(str::to_owned));
    lines.join("\n")
}
