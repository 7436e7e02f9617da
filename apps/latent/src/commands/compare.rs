use std::path::PathBuf;

use clap::Args;
use latent_figures::comparison_curves;
use latent_training::{Comparison, EpochRecord};
use latent_visualisation::Picture;

use crate::Error;
use crate::arguments::Shown;
use crate::comparison::{csv, object, open_all, words};
use crate::paths::{path, picture_path};

/// Compare runs: what tells them apart, their test figures, and their curves
///
/// The figures are of the epoch whose weights a run keeps: the best by validation images, or the last.
#[derive(Args)]
pub(crate) struct Compare {
    /// Run directories, finished or still in training
    #[arg(value_name = "RUN", required = true, value_parser = path())]
    runs: Vec<PathBuf>,
    /// Print the table as CSV, with all digits, and nothing else; no picture unless --out names one
    #[arg(long)]
    csv: bool,
    /// The file of the curves: .png, .svg, or .npy for the numbers [default: compare.png]
    #[arg(long, value_name = "FILE", value_parser = picture_path())]
    out: Option<PathBuf>,
}

impl Compare {
    pub(crate) fn show(&self) -> Result<Shown, Error> {
        let comparison = Comparison::of(&open_all(&self.runs)?)?;
        let names = comparison.names();
        let names = names.iter().map(String::as_str);
        let records = comparison.runs.iter().map(|run| run.records.as_slice());
        let records: Vec<(&str, &[EpochRecord])> = names.zip(records).collect();
        let (curves, object) = (comparison_curves(&records)?, object(&comparison));
        if self.csv {
            if let Some(path) = &self.out {
                curves.save(path)?;
            }
            return Ok(Shown::measured(csv(&comparison), object));
        }
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("compare.png"));
        let mut shown = Shown::drawn(curves, path);
        shown.words = words(&comparison);
        shown.object = object;
        Ok(shown)
    }
}
