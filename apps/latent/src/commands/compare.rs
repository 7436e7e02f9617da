use std::path::PathBuf;

use clap::Args;
use latent_visualisation::Picture;

use crate::Error;
use crate::arguments::Shown;
use crate::comparison::Comparison;
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
        let comparison = Comparison::of(&self.runs)?;
        let (curves, object) = (comparison.curves()?, comparison.object());
        if self.csv {
            if let Some(path) = &self.out {
                curves.save(path)?;
            }
            return Ok(Shown::measured(comparison.csv(), object));
        }
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from("compare.png"));
        let mut shown = Shown::drawn(curves, path);
        shown.words = comparison.words();
        shown.object = object;
        Ok(shown)
    }
}
