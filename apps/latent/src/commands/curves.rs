use std::path::{Path, PathBuf};

use clap::Args;
use latent_training::Run;

use crate::arguments::Shown;
use crate::paths::{path, picture_path};
use crate::{Error, figures};

/// Draw the loss and its parts over the epochs of a run, or how several runs ended
#[derive(Args)]
pub(crate) struct Curves {
    /// A run directory; with --against, several
    #[arg(value_name = "RUN", required = true, value_parser = path())]
    runs: Vec<PathBuf>,
    #[arg(
        long,
        value_name = "KEY",
        help = "Draw the last figures of several runs over a number of their experiments, such as \
        model.latent_size"
    )]
    against: Option<String>,
    /// The file to write: .png, .svg, or .npy for the numbers [default: figures/curves.png in the run,
    /// or with --against the key's last word in front of .png]
    #[arg(long, value_name = "FILE", value_parser = picture_path())]
    out: Option<PathBuf>,
}

impl Curves {
    pub(crate) fn show(&self) -> Result<Shown, Error> {
        if let Some(key) = &self.against {
            return self.draw_against(key);
        }
        let [directory] = &self.runs[..] else {
            return Err(Error::SeveralRuns(self.runs.len()));
        };
        let run = open(directory)?;
        let records = run.metrics()?;
        if records.is_empty() {
            return Err(Error::NoMetrics(directory.clone()));
        }
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| run.figure_path("curves.png"));
        Ok(Shown::drawn(figures::curves(&records)?, path))
    }

    fn draw_against(&self, key: &str) -> Result<Shown, Error> {
        let mut ends = Vec::new();
        for directory in &self.runs {
            let run = open(directory)?;
            let numbers = run.experiment()?.numbers()?;
            let Some((_, value)) = numbers.iter().find(|(name, _)| name == key) else {
                let names = numbers.iter().map(|(name, _)| name);
                return Err(Error::NoSetting {
                    run: directory.clone(),
                    key: key.to_owned(),
                    nearest: latent_training::nearest(key, names),
                });
            };
            let last = run.metrics()?.pop();
            ends.push((
                *value,
                last.ok_or_else(|| Error::NoMetrics(directory.clone()))?,
            ));
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = key.rsplit('.').next().unwrap_or(key);
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("{name}.png")));
        let label = name.replace('_', " ");
        Ok(Shown::drawn(figures::curves_against(&label, &ends)?, path))
    }
}

fn open(directory: &Path) -> Result<Run, Error> {
    Run::open(directory).map_err(|_| Error::CurvesNeedARun(directory.to_owned()))
}
