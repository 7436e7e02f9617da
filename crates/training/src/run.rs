use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use latent_checkpoints::{Checkpoint, Expected, remove_leftovers, write_atomically};
use latent_datasets::Splits;
use latent_models::{AnyModel, Parameters, Trainable, shapes};
use serde::{Deserialize, Serialize};

use crate::saving::{Pausing, Saves};
use crate::trainer::Position;
use crate::{
    DataDirectory, DataRecord, EpochReport, Error, Experiment, Metrics, Observer, RunData, Trainer,
    nearest,
};

const EXPERIMENT: &str = "experiment.toml";
const DATA: &str = "data.json";
const METRICS: &str = "metrics.jsonl";
const MODEL: &str = "model.safetensors";
const STATE: &str = "state.safetensors";
const FIGURES: &str = "figures";
/// The run that another one is to replace, until that one has weights of its own.
const REPLACED: &str = "replaced";
/// Locked by whoever trains the run; the file itself says nothing.
const LOCK: &str = ".lock";

/// What `model.safetensors` and `state.safetensors` say they are.
pub(crate) const MODEL_KIND: &str = "model";
const STATE_KIND: &str = "training state";

/// The format since which a model's file has its variables as PyTorch's layers do: before, as they are in
/// memory.
pub(crate) const PYTORCH_FORMAT: u64 = 2;

/// The version of this workspace, which a file says it was written by.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    /// Locked as long as it is open.
    lock: Option<Arc<File>>,
}

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Means over the training images as they were met, nats per image.
    pub train: Metrics,
    /// Means over the validation images at the end of the epoch, nats per image, if any were held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
    /// Means over the test images at the end of the epoch, nats per image.
    pub test: Metrics,
    /// Images trained on per second: the one figure that another run may have differently.
    pub images_per_second: f64,
}

impl From<EpochReport> for EpochRecord {
    fn from(report: EpochReport) -> Self {
        Self {
            epoch: report.epoch,
            train: report.train,
            validation: report.validation,
            test: report.test,
            images_per_second: report.images_per_second,
        }
    }
}

/// What `model.safetensors` says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelMetadata {
    /// The version of this workspace that trained it.
    pub version: String,
    /// The experiment, everything resolved.
    pub experiment: Experiment,
    /// The data it was trained on.
    pub data: DataRecord,
    /// Epochs of training behind it.
    pub epoch: usize,
    /// Its metrics on training, validation and test images, nats per image.
    pub metrics: BTreeMap<String, Metrics>,
}

/// What `state.safetensors` says about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StateMetadata {
    version: String,
    experiment: Experiment,
    data: DataRecord,
    position: Position,
}

/// How training ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Training is complete; the record of the epoch whose weights are kept: the best, where one is
    /// chosen by validation images, or the last.
    Finished(EpochRecord),
    /// The observer ended it; the run can be resumed.
    Interrupted {
        /// Epochs that are complete.
        epochs: usize,
    },
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

    /// The run for one process alone, until it ends or lets go of what this returns. Reading needs no
    /// lock: files are replaced as a whole.
    fn locked(&self) -> Result<Arc<File>, Error> {
        if let Some(lock) = &self.lock {
            return Ok(Arc::clone(lock));
        }
        let path = self.path(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|reason| file_error(&path, reason))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::RunInUse {
                    directory: self.directory.clone(),
                });
            }
            // A file system without locks is no reason not to train.
            Err(TryLockError::Error(_)) => {}
            Ok(()) => {
                for name in [STATE, MODEL, METRICS, DATA, EXPERIMENT] {
                    let path = self.path(name);
                    remove_leftovers(&path).map_err(|reason| file_error(&path, reason))?;
                }
            }
        }
        Ok(Arc::new(file))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The weights after the last whole epoch, or the best of them.
    pub fn model_path(&self) -> PathBuf {
        self.path(MODEL)
    }

    /// Where a picture of this name belongs.
    pub fn figure_path(&self, file_name: &str) -> PathBuf {
        self.path(FIGURES).join(file_name)
    }

    /// The experiment, everything resolved.
    pub fn experiment(&self) -> Result<Experiment, Error> {
        let path = self.path(EXPERIMENT);
        let text = read_text(&path)?;
        Experiment::parse(&text, &path.display().to_string(), &[])
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

    fn refuse_other_data(&self, trained: &DataRecord, found: &DataRecord) -> Result<(), Error> {
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
        let (file, _) = model_file(&self.directory)?;
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
        let path = self.path(METRICS);
        let text = if path.exists() {
            read_text(&path)?
        } else {
            String::new()
        };
        let record = |(index, line)| {
            serde_json::from_str(line).map_err(|reason| Error::Metrics {
                path: path.clone(),
                line: index + 1,
                reason,
            })
        };
        text.lines().enumerate().map(record).collect()
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
    fn forget_replaced(&self) -> Result<(), Error> {
        let replaced = self.path(REPLACED);
        if replaced.is_dir() {
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

    fn write_metrics(&self, records: &[EpochRecord]) -> Result<(), Error> {
        let path = self.path(METRICS);
        let mut text = String::new();
        for record in records {
            let line = serde_json::to_string(record).map_err(|reason| Error::Metrics {
                path: path.clone(),
                line: record.epoch,
                reason,
            })?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok(write_atomically(&path, text.as_bytes())?)
    }
}

/// Trains a run from where it stands, the beginning or an interruption, and keeps its files up to
/// date: after every epoch, every so often ([`Run::save_every`]), and when the observer ends it.
///
/// # Errors
/// [`Error::RunInUse`] where another process trains it. Whatever else stops the training; what was
/// saved before stays.
pub fn train(
    run: &Run,
    splits: &Splits,
    device: &Device,
    observer: &mut impl Observer,
) -> Result<Outcome, Error> {
    let _lock = run.locked()?;
    let experiment = run.experiment()?;
    let splits = &experiment.prepared(splits.clone());
    let data = DataRecord::of(splits);
    let image = (splits.train.height(), splits.train.width());
    let mut trainer = Trainer::new(
        &experiment.training,
        experiment.data.binarise,
        experiment.seed,
        Parameters::seeded(experiment.seed, device),
        |builder| experiment.model.build(image, builder),
    )?;
    // A run that was killed between two files may know more metrics than its state does.
    let mut records = run.metrics()?;
    if run.path(STATE).exists() {
        run.restore(&mut trainer, &experiment, &data, device)?;
    } else if records.len() > 1 {
        // After the first epoch a run has a state: it was taken away.
        return Err(Error::NoState {
            directory: run.directory.clone(),
        });
    } else if let Some(begun) = run.data()? {
        run.refuse_other_data(&begun.record, &data)?;
    }
    if trainer.is_complete() {
        // Nothing will be written: what is there must be whole.
        load_model(&run.directory, device)?;
    }
    records.truncate(trainer.epochs_done());

    let mut files = Files {
        run,
        experiment: &experiment,
        data: &data,
        kept_epoch: trainer.kept_epoch(),
        unsaved: None,
    };
    let mut saves = Saves::new(run.save_every);
    while !trainer.is_complete() {
        let mut pausing = Pausing {
            observer: &mut *observer,
            saves: &saves,
            is_over: false,
        };
        let report = trainer.epoch(splits, &mut pausing);
        let is_over = pausing.is_over;
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                // The epochs before are not lost with this one.
                files.save_epochs(&records)?;
                return Err(run.say_what_is_kept(error, files.kept_epoch));
            }
        };
        let is_within_epoch = report.is_none();
        if let Some(report) = report {
            records.push(report.into());
            files.unsaved = Some((trainer.parameters().copied()?, trainer.kept_epoch()));
        }
        if is_within_epoch || trainer.is_complete() || saves.are_cheap() {
            saves.save(|| {
                files.save_epochs(&records)?;
                run.save_state(&trainer, &experiment, &data)
            })?;
        }
        if is_over {
            return Ok(Outcome::Interrupted {
                epochs: trainer.epochs_done(),
            });
        }
    }
    let kept = run.record_of(&records, trainer.kept_epoch())?;
    Ok(Outcome::Finished(kept.clone()))
}

/// The files of a run that tell of whole epochs.
struct Files<'a> {
    run: &'a Run,
    experiment: &'a Experiment,
    data: &'a DataRecord,
    /// The epoch whose weights the model's file holds.
    kept_epoch: usize,
    /// The weights that are to be there, and their epoch: a copy, since training goes on.
    unsaved: Option<(Parameters, usize)>,
}

impl Files<'_> {
    fn save_epochs(&mut self, records: &[EpochRecord]) -> Result<(), Error> {
        if let Some((weights, epoch)) = &self.unsaved {
            self.run.write_metrics(records)?;
            let record = self.run.record_of(records, *epoch)?;
            self.run
                .save_model(weights, self.experiment, self.data, record)?;
            self.run.forget_replaced()?;
            self.kept_epoch = *epoch;
            self.unsaved = None;
        }
        Ok(())
    }
}

/// What a run does for [`train`].
impl Run {
    /// What the metrics say of an epoch.
    fn record_of<'a>(
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

    fn restore<M: Trainable>(
        &self,
        trainer: &mut Trainer<M>,
        experiment: &Experiment,
        data: &DataRecord,
        device: &Device,
    ) -> Result<(), Error> {
        let path = self.path(STATE);
        let state: Checkpoint<StateMetadata> = latent_checkpoints::load(&path, STATE_KIND, device)
            .map_err(|reason| Error::State {
                directory: self.directory.clone(),
                reason: Box::new(reason),
            })?;
        // More epochs or another step size are a way to go on; anything else is another run.
        let mut begun = state.metadata.experiment.clone();
        begun.training.epochs = experiment.training.epochs;
        begun.training.learning_rate = experiment.training.learning_rate;
        if begun != *experiment {
            return Err(Error::OtherExperiment {
                path: self.path(EXPERIMENT),
            });
        }
        self.refuse_other_data(&state.metadata.data, data)?;
        let steps = data.images.div_ceil(experiment.training.batch_size);
        if !state.metadata.position.is_possible(steps) {
            return Err(Error::ImpossiblePosition {
                path: self.path(STATE),
            });
        }
        let shape = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.dims().to_vec());
        state.verify(&trainer.state().iter().map(shape).collect())?;
        trainer.restore(&state.tensors, state.metadata.position)
    }

    fn save_model(
        &self,
        weights: &Parameters,
        experiment: &Experiment,
        data: &DataRecord,
        record: &EpochRecord,
    ) -> Result<(), Error> {
        let variables = weights.variables();
        let tensors = variables
            .iter()
            .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()));
        let tensors = experiment
            .model
            .in_pytorch_order((data.height, data.width), tensors.collect())?;
        let metadata = ModelMetadata {
            version: VERSION.to_owned(),
            experiment: experiment.clone(),
            data: data.clone(),
            epoch: record.epoch,
            metrics: [
                ("train", Some(&record.train)),
                ("validation", record.validation.as_ref()),
                ("test", Some(&record.test)),
            ]
            .into_iter()
            .filter_map(|(split, metrics)| Some((split.to_owned(), metrics?.clone())))
            .collect(),
        };
        Ok(latent_checkpoints::save(
            &self.model_path(),
            MODEL_KIND,
            &tensors,
            &metadata,
        )?)
    }

    fn save_state<M: Trainable>(
        &self,
        trainer: &Trainer<M>,
        experiment: &Experiment,
        data: &DataRecord,
    ) -> Result<(), Error> {
        let metadata = StateMetadata {
            version: VERSION.to_owned(),
            experiment: experiment.clone(),
            data: data.clone(),
            position: trainer.position.clone(),
        };
        Ok(latent_checkpoints::save(
            &self.path(STATE),
            STATE_KIND,
            &trainer.state(),
            &metadata,
        )?)
    }

    /// A trainer knows nothing of files: which weights outlive a ruined training is added here.
    fn say_what_is_kept(&self, mut error: Error, kept_epoch: usize) -> Error {
        let replaced = self.path(REPLACED);
        let words = match kept_epoch {
            0 if replaced.is_dir() => format!(
                "no epoch was saved, and {} keeps the run that was there before",
                replaced.display()
            ),
            0 => "no epoch was saved, so there are no weights to keep".to_owned(),
            epochs => format!(
                "{} keeps the weights after epoch {epochs}",
                self.model_path().display()
            ),
        };
        match &mut error {
            Error::NotFinite { kept, .. } | Error::Diverged { kept, .. } => *kept = words,
            _ => {}
        }
        error
    }
}

/// A trained model and what its file says about it.
pub struct Model {
    /// The model, for use: it records no graph.
    pub model: AnyModel,
    /// Where it comes from.
    pub metadata: ModelMetadata,
    /// The file it was read from.
    pub path: PathBuf,
    /// The run it belongs to, if it was named by its run.
    pub run: Option<Run>,
}

/// Loads a model from a run directory or a `.safetensors` file.
///
/// # Errors
/// There is no such model, or its weights are not exactly those that its description asks for.
pub fn load_model(path: &Path, device: &Device) -> Result<Model, Error> {
    let (file, run) = model_file(path)?;
    let model = parse_model(&latent_checkpoints::read(&file)?, &file, device)?;
    Ok(Model { run, ..model })
}

/// The file of a model that is named by its run or by the file itself, and the run.
pub(crate) fn model_file(path: &Path) -> Result<(PathBuf, Option<Run>), Error> {
    let run = if path.is_dir() {
        Some(Run::open(path)?)
    } else {
        None
    };
    let file = run
        .as_ref()
        .map_or_else(|| path.to_owned(), Run::model_path);
    if let Some(run) = &run
        && !file.exists()
    {
        return Err(Error::NoWeights {
            directory: run.directory.clone(),
        });
    }
    if !file.exists() {
        return Err(Error::NoModel {
            path: path.to_owned(),
            nearest: similar_run(path),
        });
    }
    Ok((file, run))
}

/// A model from the bytes of its `.safetensors` file, which errors call `path`: for where there are no
/// files, as in a browser.
///
/// # Errors
/// The bytes are no such file, or the weights are not exactly those that its description asks for.
pub fn parse_model(bytes: &[u8], path: &Path, device: &Device) -> Result<Model, Error> {
    let checkpoint: Checkpoint<ModelMetadata> =
        latent_checkpoints::parse(bytes, path, MODEL_KIND, device)?;
    let metadata = &checkpoint.metadata;
    metadata.experiment.check(&path.display().to_string())?;
    let DataRecord { height, width, .. } = metadata.data;
    if height.checked_mul(width).is_none_or(|pixels| pixels == 0) {
        return Err(latent_datasets::Error::ImageSize { height, width }.into());
    }
    let image = (height, width);
    let expected: Expected = shapes(|builder| metadata.experiment.model.build(image, builder))?;
    checkpoint.verify(&expected)?;

    let tensors = if checkpoint.format < PYTORCH_FORMAT {
        checkpoint.tensors
    } else {
        let config = &metadata.experiment.model;
        config.in_own_order(image, checkpoint.tensors)?
    };
    let builder = VarBuilder::from_tensors(tensors.into_iter().collect(), DType::F32, device);
    let model = checkpoint
        .metadata
        .experiment
        .model
        .build(image, &builder)?;
    Ok(Model {
        model,
        metadata: checkpoint.metadata,
        path: path.to_owned(),
        run: None,
    })
}

/// Makes a model's file, `out`, of weights that another program trained: a safetensors file of exactly the
/// variables that the experiment's model has, by their names and as PyTorch's layers have them. Nothing is
/// known of their training: the file tells of the experiment and of `splits`, and of no epoch.
///
/// # Errors
/// The weights are not those of such a model.
pub fn import(
    weights: &Path,
    experiment: &Experiment,
    splits: &Splits,
    out: &Path,
) -> Result<(), Error> {
    let checkpoint = latent_checkpoints::load_foreign(weights, &Device::Cpu)?;
    let data = DataRecord::of(&experiment.prepared(splits.clone()));
    let image = (data.height, data.width);
    experiment.check_for(&experiment.name, image)?;
    checkpoint.verify(&shapes(|builder| experiment.model.build(image, builder))?)?;
    let tensors = if checkpoint.format < PYTORCH_FORMAT {
        let config = &experiment.model;
        config.in_pytorch_order(image, checkpoint.tensors)?
    } else {
        checkpoint.tensors
    };
    let metadata = ModelMetadata {
        version: VERSION.to_owned(),
        experiment: experiment.clone(),
        data,
        epoch: 0,
        metrics: BTreeMap::new(),
    };
    Ok(latent_checkpoints::save(
        out, MODEL_KIND, &tensors, &metadata,
    )?)
}

fn read_text(path: &Path) -> Result<String, Error> {
    let not_text = |_| file_error(path, io::Error::other("it is no UTF-8 text"));
    String::from_utf8(latent_checkpoints::read(path)?).map_err(not_text)
}

/// A run in `runs/` with a name like the one that was given.
fn similar_run(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let runs = fs::read_dir("runs").ok()?;
    let names: Vec<String> = runs
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    nearest(name, names).map(|name| format!("runs/{name}"))
}

fn file_error(path: &Path, reason: io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        reason,
    }
}
