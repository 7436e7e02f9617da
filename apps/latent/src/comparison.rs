//! How a comparison of runs is printed.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use latent_training::{ComparedRun, Comparison, Run, SameData};
use serde_json::{Map, Value, json};

use crate::Error;
use latent_reports::rounded;

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

/// What is said to people of runs on different images.
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

/// For programs.
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

/// A head and a row for each run; metrics with `decimals`, or with all digits.
fn cells(comparison: &Comparison, decimals: Option<usize>) -> Vec<Vec<String>> {
    let metrics = comparison.metric_names();
    let mut head = vec!["run".to_owned(), "epochs".to_owned()];
    if let Some(run) = comparison.runs.first() {
        head.extend(run.settings.iter().map(|(key, _)| key.clone()));
    }
    head.extend(metrics.iter().map(|name| format!("test_{name}")));
    let cell = |run: &ComparedRun, name: &str| {
        let value = *run.kept.test.get(name)?;
        Some(decimals.map_or_else(|| value.to_string(), |decimals| rounded(value, decimals)))
    };
    let row = |run: &ComparedRun| {
        let mut row = vec![
            run.directory.display().to_string(),
            run.records.len().to_string(),
        ];
        let settings = run.settings.iter();
        row.extend(settings.map(|(_, value)| value.clone().unwrap_or_default()));
        let metrics = metrics.iter();
        row.extend(metrics.map(|name| cell(run, name).unwrap_or_default()));
        row
    };
    let mut rows = vec![head];
    rows.extend(comparison.runs.iter().map(row));
    rows
}

/// For people: a column for each run, since what tells them apart may be much.
pub(crate) fn words(comparison: &Comparison) -> String {
    let runs = cells(comparison, Some(2));
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

/// As CSV (RFC 4180), with all digits.
pub(crate) fn csv(comparison: &Comparison) -> String {
    let line = |row: &Vec<String>| {
        row.iter()
            .map(|cell| csv_cell(cell))
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows = cells(comparison, None);
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn csv_cell(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\"")).into()
    } else {
        cell.into()
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
