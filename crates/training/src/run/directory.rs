use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candle_core::Device;
use latent_checkpoints::{remove_leftovers, write_atomically};
use latent_datasets::Splits;

use super::files::{file_error, read_text};
use super::lock::Lock;
use super::records::{EpochRecord, MODEL_KIND, ModelMetadata};
use crate::{DataDirectory, DataRecord, Error, Experiment, RunData};

const EXPERIMENT: &str = "experiment.toml";
const DATA: &str = "data.json";
const METRICS: &str = "metrics.jsonl";
const MODEL: &str = "model.safetensors";
const STATE: &str = "state.safetensors";
const FIGURES: &str = "figures";
/// The directory of the previous run, until the new run has saved an epoch.
const REPLACED: &str = "replaced";

/// A run directory: the configuration, metrics and weights of one training.
///
/// | file | contents |
/// |---|---|
/// | `experiment.toml` | the [`Experiment`], including default values |
/// | `data.json` | the [`RunData`] |
/// | `metrics.jsonl` | an [`EpochRecord`] for each epoch |
/// | `model.safetensors` | the weights of the last epoch or, with validation images, of the best |
/// | `state.safetensors` | the training state, for resuming |
/// | `figures/` | figures |
#[derive(Clone, Debug)]
pub struct Run {
    directory: PathBuf,
    save_every: Duration,
    lock: Option<Lock>,
}

impl Run {
    /// Creates the directory of a new run with its experiment and data record.
    ///
    /// `data_directory` is the directory of the data files, if there are any. With `overwrite`, an existing
    /// run with weights is moved to `replaced/` and deleted when the new run has saved an epoch.
    ///
    /// # Errors
    /// [`Error::RunExists`] if the directory contains a run and `overwrite` is not set; [`Error::RunInUse`]
    /// if another process trains that run; [`Error::NotADirectory`]; [`Error::File`] if the directory cannot
    /// be created.
    pub fn create(
        directory: &Path,
        experiment: &Experiment,
        splits: &Splits,
        data_directory: Option<&Path>,
        overwrite: bool,
    ) -> Result<Self, Error> {
        let mut run = Self::of(directory);
        let text = experiment.to_toml()?;
        let data = RunData {
            record: DataRecord::of(&experiment.prepared(splits.clone())),
            directory: data_directory.and_then(DataDirectory::new),
        };
        if directory.exists() && !directory.is_dir() {
            return Err(Error::NotADirectory {
                path: directory.to_owned(),
            });
        }
        fs::create_dir_all(directory).map_err(|reason| file_error(directory, reason))?;
        run.lock = Some(run.locked()?);
        let files = [STATE, MODEL, METRICS, EXPERIMENT];
        if files.iter().any(|name| run.path(name).exists()) {
            if !overwrite {
                return Err(Error::RunExists {
                    directory: directory.to_owned(),
                });
            }
            run.set_aside()?;
        }
        // The experiment is written last: a directory is a run if it has this file.
        run.write_data(&data)?;
        write_atomically(&run.path(EXPERIMENT), text.as_bytes())?;
        Ok(run)
    }

    /// Opens the directory of an existing run.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it has no `experiment.toml`.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let run = Self::of(directory);
        if !run.path(EXPERIMENT).is_file() {
            return Err(Error::NoRun {
                directory: directory.to_owned(),
                missing: EXPERIMENT,
            });
        }
        Ok(run)
    }

    fn of(directory: &Path) -> Self {
        /// Losing one minute of training is acceptable.
        const USUAL: Duration = Duration::from_mins(1);
        Self {
            directory: directory.to_owned(),
            save_every: USUAL,
            lock: None,
        }
    }

    /// Sets the interval at which the run is saved within an epoch; the default is one minute.
    ///
    /// The interval is extended if saving would take more than 1 % of the time. An interval of zero saves after
    /// every step, without this limit.
    #[must_use]
    pub fn save_every(self, save_every: Duration) -> Self {
        Self { save_every, ..self }
    }

    /// Locks the run until the result is dropped.
    ///
    /// # Errors
    /// [`Error::RunInUse`] if another process trains the run.
    pub(super) fn locked(&self) -> Result<Lock, Error> {
        if let Some(lock) = &self.lock {
            return Ok(lock.clone());
        }
        Lock::acquire(&self.directory, || {
            for name in [STATE, MODEL, METRICS, DATA, EXPERIMENT] {
                let path = self.path(name);
                remove_leftovers(&path).map_err(|reason| file_error(&path, reason))?;
            }
            Ok(())
        })
    }

    /// The path of the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of the model file.
    pub fn model_path(&self) -> PathBuf {
        self.path(MODEL)
    }

    /// The path of the training state.
    pub(super) fn state_path(&self) -> PathBuf {
        self.path(STATE)
    }

    /// The path of the experiment.
    pub(super) fn experiment_path(&self) -> PathBuf {
        self.path(EXPERIMENT)
    }

    /// The directory of the previous run, if it exists.
    pub(super) fn replaced_path(&self) -> Option<PathBuf> {
        let replaced = self.path(REPLACED);
        replaced.is_dir().then_some(replaced)
    }

    /// The interval at which the run is saved within an epoch.
    pub(super) fn save_interval(&self) -> Duration {
        self.save_every
    }

    /// The path of a figure with this file name.
    pub fn figure_path(&self, file_name: &str) -> PathBuf {
        self.path(FIGURES).join(file_name)
    }

    /// Reads the experiment of the run.
    ///
    /// # Errors
    /// Those of [`Experiment::parse`], or the file cannot be read.
    pub fn experiment(&self) -> Result<Experiment, Error> {
        let path = self.experiment_path();
        let text = read_text(&path)?;
        Experiment::parse(&text, &path.display().to_string(), &[])
    }

    /// Changes the number of epochs, to extend or shorten the training. A learning rate schedule that depends on the number
    /// of epochs continues with the new one.
    ///
    /// # Errors
    /// [`Error::EpochsDone`] if more epochs are complete, [`Error::RunInUse`] if another process trains the run.
    pub fn set_epochs(&self, epochs: usize) -> Result<(), Error> {
        let _lock = self.locked()?;
        let done = self.metrics()?.len();
        if epochs < done {
            return Err(Error::EpochsDone {
                directory: self.directory.clone(),
                done,
                epochs,
            });
        }
        let mut experiment = self.experiment()?;
        experiment.training.epochs = epochs;
        let path = self.experiment_path();
        experiment.check(&path.display().to_string())?;
        Ok(write_atomically(&path, experiment.to_toml()?.as_bytes())?)
    }

    /// Reads the data record and the data directory of the run; `None` for an old run without `data.json`.
    ///
    /// # Errors
    /// [`Error::DataRecord`], or the file cannot be read.
    pub fn data(&self) -> Result<Option<RunData>, Error> {
        let path = self.path(DATA);
        if !path.exists() {
            return Ok(None);
        }
        let data = serde_json::from_str(&read_text(&path)?);
        data.map(Some)
            .map_err(|reason| Error::DataRecord { path, reason })
    }

    /// Checks that `splits` are the data of the run.
    ///
    /// # Errors
    /// [`Error::OtherData`] if the images differ.
    pub fn check_data(&self, splits: &Splits) -> Result<(), Error> {
        let Some(data) = self.data()? else {
            return Ok(());
        };
        let found = DataRecord::of(&self.experiment()?.prepared(splits.clone()));
        self.refuse_other_data(&data.record, &found)
    }

    /// Updates the data directory after the data files were moved.
    pub fn move_data(&self, directory: &Path) -> Result<(), Error> {
        let Some(data) = self.data()? else {
            return Ok(());
        };
        self.write_data(&RunData {
            directory: DataDirectory::new(directory),
            ..data
        })
    }

    fn write_data(&self, data: &RunData) -> Result<(), Error> {
        let path = self.path(DATA);
        let text = serde_json::to_string(data).map_err(|reason| Error::DataRecord {
            path: path.clone(),
            reason,
        })?;
        Ok(write_atomically(&path, (text + "\n").as_bytes())?)
    }

    pub(super) fn refuse_other_data(
        &self,
        trained: &DataRecord,
        found: &DataRecord,
    ) -> Result<(), Error> {
        if trained.has_same_images(found) {
            return Ok(());
        }
        Err(Error::OtherData {
            directory: self.directory.clone(),
            trained: Box::new(trained.clone()),
            found: Box::new(found.clone()),
        })
    }

    /// Reads the metadata of the model file.
    ///
    /// # Errors
    /// [`Error::NoWeights`] if no epoch was saved.
    pub fn model_metadata(&self) -> Result<ModelMetadata, Error> {
        let file = self.model_path();
        if !file.exists() {
            return Err(Error::NoWeights {
                directory: self.directory.clone(),
            });
        }
        let checkpoint = latent_checkpoints::load(&file, MODEL_KIND, &Device::Cpu)?;
        Ok(checkpoint.metadata)
    }

    /// Reads the metrics of the epoch whose weights are kept: with validation images the best, otherwise the last.
    ///
    /// # Errors
    /// [`Error::NoWeights`] if no epoch was saved.
    pub fn kept_record(&self) -> Result<EpochRecord, Error> {
        let epoch = self.model_metadata()?.epoch;
        Ok(self.record_of(&self.metrics()?, epoch)?.clone())
    }

    /// Reads the metrics of all complete epochs.
    ///
    /// # Errors
    /// [`Error::Metrics`], or the file cannot be read.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>, Error> {
        EpochRecord::read_all(&self.path(METRICS))
    }

    /// Whether all epochs of the experiment are complete and the model file exists.
    ///
    /// # Errors
    /// The experiment or the metrics cannot be read.
    pub fn is_complete(&self) -> Result<bool, Error> {
        let epochs = self.experiment()?.training.epochs;
        Ok(self.metrics()?.len() >= epochs && self.model_path().exists())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Moves the files of the existing run to `replaced/`, or deletes them if it has no weights.
    fn set_aside(&self) -> Result<(), Error> {
        // The state comes first, so that after an interruption the new run does not resume from the old state.
        let files = [STATE, MODEL, METRICS, DATA, EXPERIMENT];
        let figures = self.path(FIGURES);
        if self.path(MODEL).exists() {
            self.forget_replaced()?;
            let replaced = self.path(REPLACED);
            fs::create_dir(&replaced).map_err(|reason| file_error(&replaced, reason))?;
            for name in files.into_iter().chain([FIGURES]) {
                let path = self.path(name);
                match fs::rename(&path, replaced.join(name)) {
                    Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                        return Err(file_error(&path, reason));
                    }
                    _ => {}
                }
            }
            return Ok(());
        }
        for name in files {
            self.remove(name)?;
        }
        if figures.is_dir() {
            fs::remove_dir_all(&figures).map_err(|reason| file_error(&figures, reason))?;
        }
        Ok(())
    }

    /// Deletes the previous run.
    pub(super) fn forget_replaced(&self) -> Result<(), Error> {
        if let Some(replaced) = self.replaced_path() {
            fs::remove_dir_all(&replaced).map_err(|reason| file_error(&replaced, reason))?;
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(file_error(&path, reason))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn write_metrics(&self, records: &[EpochRecord]) -> Result<(), Error> {
        EpochRecord::write_all(records, &self.path(METRICS))
    }

    /// The record of an epoch.
    pub(super) fn record_of<'a>(
        &self,
        records: &'a [EpochRecord],
        epoch: usize,
    ) -> Result<&'a EpochRecord, Error> {
        let record = records.iter().find(|record| record.epoch == epoch);
        record.ok_or_else(|| Error::NoRun {
            directory: self.directory.clone(),
            missing: "record in metrics.jsonl of the epoch whose weights are kept",
        })
    }
}
