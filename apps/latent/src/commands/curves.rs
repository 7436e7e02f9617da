use std::path::PathBuf;

use clap::Args;
use latent_training::Run;

use crate::arguments::{picture_path, print_saved};
use crate::{Context, Error, figures};

/// Draw the loss and its parts over the epochs of a run
#[derive(Args)]
pub(crate) struct Curves {
    /// A run directory
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The file to write: .png, .svg, or .npy for the numbers [default: figures/curves.png in the run]
    #[arg(long, value_name = "FILE", value_parser = picture_path)]
    out: Option<PathBuf>,
}

impl Curves {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let run = Run::open(&self.run).map_err(|_| Error::CurvesNeedARun(self.run.clone()))?;
        let records = run.metrics()?;
        if records.is_empty() {
            return Err(Error::NoMetrics(self.run.clone()));
        }
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| run.figure_path("curves.png"));
        print_saved(&figures::curves(&records)?, &path, context)
    }
}
