use std::path::PathBuf;

use clap::Args;
use latent_figures::{setting_curves, training_curves};
use latent_training::SameData;
use serde_json::json;

use crate::arguments::Shown;
use crate::comparison::{note, open, open_all};
use crate::paths::{path, picture_path};
use crate::{Error, suggestion};

/// Metrics over the epochs of a run, or of several runs over a setting
#[derive(Args)]
#[command(after_help = "Example:\n  latent plot curves runs/vae-2d")]
pub(crate) struct Curves {
    /// Run directory; with --against, several
    #[arg(value_name = "RUN", required = true, value_parser = path())]
    runs: Vec<PathBuf>,
    #[arg(
        long,
        value_name = "KEY",
        help = "Plot the metrics of each run's selected epoch (lowest validation loss, or the last) over this \
        number of its experiment, such as model.latent_size"
    )]
    against: Option<String>,
    /// File to write: .png, .svg, or .npy for the numbers [default: figures/curves.png in the run,
    /// or with --against the last part of the key, with .png]
    #[arg(short, long, value_name = "FILE", value_parser = picture_path())]
    output: Option<PathBuf>,
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
            .output
            .clone()
            .unwrap_or_else(|| run.figure_path("curves.png"));
        Ok(Shown::drawn(training_curves(&records)?, path))
    }

    fn draw_against(&self, key: &str) -> Result<Shown, Error> {
        let mut ends = Vec::new();
        let runs = open_all(&self.runs)?;
        for run in &runs {
            let numbers = run.experiment()?.numbers()?;
            let Some((_, value)) = numbers.iter().find(|(name, _)| name == key) else {
                let names = || numbers.iter().map(|(name, _)| name);
                let is_last_part = |name: &&String| name.rsplit('.').next() == Some(key);
                let nearest = names().find(is_last_part).cloned();
                return Err(Error::NoSetting {
                    run: run.directory().to_owned(),
                    key: key.to_owned(),
                    nearest: nearest.or_else(|| suggestion::nearest(key, names())),
                });
            };
            ends.push((*value, run.kept_record()?));
        }
        let name = key.rsplit('.').next().unwrap_or(key);
        let path = self
            .output
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("{name}.png")));
        let label = name.replace('_', " ");
        let same = SameData::of(&runs)?;
        let mut shown = Shown::drawn(setting_curves(&label, &ends)?, path);
        shown.words = note(same).map(str::to_owned).unwrap_or_default();
        shown.object = json!(same);
        Ok(shown)
    }
}
