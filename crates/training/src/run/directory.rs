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
/// The run that another one is to replace, until that one has weights of its own.
const REPLACED: &str = "replaced";

/// The directory of a run.
///
/// It holds `experiment.toml` (everything resolved), `data.json` (what the data are, and where), `metrics.jsonl`
/// (one line an epoch),
/// `model.safetensors` (the weights after the last whole epoch, or the best by validation images),
/// `state.safetensors` (what resuming needs) and `figures/`.
#[derive(Clone, Debug)]
pub struct Run {
    directory: PathBuf,
    save_every: Duration,
    lock: Option<Lock>,
}

impl Run {
    /// Makes the directory of a new run and stores the experiment and its data in it: what the data are, and
    /// the directory of their files, if there are any. A run that is there with weights, and is to be
    /// overwritten, is moved to `replaced/` until the new one has saved an epoch.
    ///
    /// # Errors
    /// [`Error::RunExists`] where there is a run already and `overwrite` is not set; [`Error::RunInUse`]
    /// where it is being trained; [`Error::File`] where the directory cannot be made.
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
        // The experiment comes last: with it the run has begun.
        run.write_data(&data)?;
        write_atomically(&run.path(EXPERIMENT), text.as_bytes())?;
        Ok(run)
    }

    /// Opens the directory of a run that was begun.
    ///
    /// # Errors
    /// [`Error::NoRun`] where there is none.
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
        /// A minute of training lost is no loss.
        const USUAL: Duration = Duration::from_mins(1);
        Self {
            directory: directory.to_owned(),
            save_every: USUAL,
            lock: None,
        }
    }

    /// The same, saved while it is trained not only after each epoch but about every so often, a minute
    /// unless told otherwise; less often where that would cost more than a hundredth of the time. Every
    /// zero seconds is after every step, whatever it costs.
    #[must_use]
    pub fn save_every(self, save_every: Duration) -> Self {
        Self { save_every, ..self }
    }

    /// The run's lock, which is held as long as what this returns lives.
    ///
    /// # Errors
    /// [`Error::RunInUse`] where another process trains the run.
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

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of the weights after the last whole epoch, or the best of them.
    pub fn model_path(&self) -> PathBuf {
        self.path(MODEL)
    }

    /// The file of what resuming needs.
    pub(super) fn state_path(&self) -> PathBuf {
        self.path(STATE)
    }

    /// The file of the experiment.
    pub(super) fn experiment_path(&self) -> PathBuf {
        self.path(EXPERIMENT)
    }

    /// The directory of the run that this one replaces, if that is still there.
    pub(super) fn replaced_path(&self) -> Option<PathBuf> {
        let replaced = self.path(REPLACED);
        replaced.is_dir().then_some(replaced)
    }

    /// How often the run is saved while it is trained.
    pub(super) fn save_interval(&self) -> Duration {
        self.save_every
    }

    /// Where a picture of this name belongs.
    pub fn figure_path(&self, file_name: &str) -> PathBuf {
        self.path(FIGURES).join(file_name)
    }

    /// The experiment, everything resolved.
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

    /// The data; `None` of a run from before they were stored.
    pub fn data(&self) -> Result<Option<RunData>, Error> {
        let path = self.path(DATA);
        if !path.exists() {
            return Ok(None);
        }
        let data = serde_json::from_str(&read_text(&path)?);
        data.map(Some)
            .map_err(|reason| Error::DataRecord { path, reason })
    }

    /// Whether these are the run's data.
    ///
    /// # Errors
    /// [`Error::OtherData`] where they are not.
    pub fn check_data(&self, splits: &Splits) -> Result<(), Error> {
        let Some(data) = self.data()? else {
            return Ok(());
        };
        let found = DataRecord::of(&self.experiment()?.prepared(splits.clone()));
        self.refuse_other_data(&data.record, &found)
    }

    /// Stores another directory of the files, which were moved.
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

    /// What the file of the weights says about itself.
    ///
    /// # Errors
    /// [`Error::NoWeights`] where no epoch was saved.
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

    /// The metrics of the epoch whose weights the run keeps: the best by validation images if some are held
    /// out, and else the last. Wherever a run is represented by one epoch, it is this one.
    ///
    /// # Errors
    /// [`Error::NoWeights`] where no epoch was saved.
    pub fn kept_record(&self) -> Result<EpochRecord, Error> {
        let epoch = self.model_metadata()?.epoch;
        Ok(self.record_of(&self.metrics()?, epoch)?.clone())
    }

    /// The metrics of all epochs so far.
    pub fn metrics(&self) -> Result<Vec<EpochRecord>, Error> {
        EpochRecord::read_all(&self.path(METRICS))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Makes room for another run. Weights are not lost before there are others: they and what belongs to
    /// them are moved; what has none is removed.
    fn set_aside(&self) -> Result<(), Error> {
        // The state goes first: without it, nothing of the old run can be taken for the new.
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

    /// Removes the run that this one replaces.
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

    /// What the metrics say of an epoch.
    pub(super) fn record_of<'a>(
        &self,
        records: &'a [EpochRecord],
        epoch: usize,
    ) -> Result<&'a EpochRecord, Error> {
        let record = records.iter().find(|record| record.epoch == epoch);
        record.ok_or_else(|| Error::NoRun {
            directory: self.directory.clone(),
            missing: "metrics.jsonl with a line for the epoch whose weights are kept",
        })
    }
}
