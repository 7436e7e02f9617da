use std::path::PathBuf;

use clap::Args;
use latent_figures::comparison_curves;
use latent_training::{Comparison, EpochRecord};
use latent_visualisation::Picture;

use crate::Error;
use crate::arguments::Shown;
use crate::comparison::{object, open_all, words};
use crate::paths::{path, picture_path};

/// Compare runs: the settings in which they differ, test metrics and loss curves
///
/// The metrics are those of the selected epoch: the lowest validation loss, or the last.
#[derive(Args)]
#[command(after_help = "Example:\n  latent compare runs/realnvp-5 runs/realnvp-10 --csv")]
pub(crate) struct Compare {
    /// Run directories, complete or in training
    #[arg(value_name = "RUN", required = true, value_parser = path())]
    runs: Vec<PathBuf>,
    /// Print only the table, as CSV with full precision; draw no figure unless --output is given
    #[arg(long)]
    csv: bool,
    /// File of the curves: .png, .svg, or .npy for the numbers [default: compare.png]
    #[arg(short, long, value_name = "FILE", value_parser = picture_path())]
    output: Option<PathBuf>,
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
            if let Some(path) = &self.output {
                curves.save(path)?;
            }
            return Ok(Shown::measured(comparison.to_csv(), object));
        }
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| PathBuf::from("compare.png"));
        let mut shown = Shown::drawn(curves, path);
        shown.words = words(&comparison);
        shown.object = object;
        Ok(shown)
    }
}
