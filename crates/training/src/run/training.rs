use candle_core::{Device, Tensor};
use latent_checkpoints::Checkpoint;
use latent_datasets::Splits;
use latent_models::{Parameters, Trainable};
use serde::{Deserialize, Serialize};

use super::directory::Run;
use super::model_file::{load_model, save_model};
use super::records::{EpochRecord, VERSION};
use crate::saving::{Pausing, Saves};
use crate::trainer::Position;
use crate::{DataRecord, Error, Experiment, Observer, Trainer};

const STATE_KIND: &str = "training state";

/// The metadata of `state.safetensors`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StateMetadata {
    version: String,
    experiment: Experiment,
    data: DataRecord,
    position: Position,
}

/// The result of [`train`]: finished or interrupted.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Training is complete. The value is the record of the epoch whose weights are kept: with validation
    /// images the best, otherwise the last.
    Finished(EpochRecord),
    /// The observer stopped the training; the run can be resumed.
    Interrupted {
        /// The number of complete epochs.
        epochs: usize,
    },
}

/// Trains a run, from the start or from its saved state.
///
/// The files of the run are written after every epoch, at intervals within an epoch
/// ([`Run::save_every`]), and when the observer stops the training.
///
/// # Errors
/// [`Error::RunInUse`] if another process trains the run; errors of the data, of [`Trainer::epoch`] and
/// of writing the files. Files that were saved before the error remain.
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
    let (shape, classes) = (splits.train.shape(), splits.train.classes());
    let mut trainer = Trainer::new(
        &experiment.training,
        experiment.data.binarise,
        experiment.seed,
        Parameters::seeded(experiment.seed, device),
        |builder| experiment.model.build(shape, classes, builder),
    )?;
    // If the process was killed between writing two files, the metrics may be ahead of the state.
    let mut records = run.metrics()?;
    if run.state_path().exists() {
        run.restore(&mut trainer, &experiment, &data, device)?;
    } else if records.len() > 1 {
        // A run with several epochs had a state, which was removed.
        return Err(Error::NoState {
            directory: run.directory().to_owned(),
        });
    } else if let Some(begun) = run.data()? {
        run.refuse_other_data(&begun.record, &data)?;
    }
    if trainer.is_complete() {
        // Nothing will be written, so the model file must be valid.
        load_model(run.directory(), device)?;
    }
    records.truncate(trainer.epochs_done());

    let mut files = Files {
        run,
        experiment: &experiment,
        data: &data,
        kept_epoch: trainer.kept_epoch(),
        unsaved: None,
    };
    let mut saves = Saves::new(run.save_interval());
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
                // Save the previous epochs.
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

/// The files of a run with the results of complete epochs.
struct Files<'a> {
    run: &'a Run,
    experiment: &'a Experiment,
    data: &'a DataRecord,
    /// The epoch of the weights in the model file.
    kept_epoch: usize,
    /// A copy of the weights that are not saved yet, and their epoch.
    unsaved: Option<(Parameters, usize)>,
}

impl Files<'_> {
    fn save_epochs(&mut self, records: &[EpochRecord]) -> Result<(), Error> {
        if let Some((weights, epoch)) = &self.unsaved {
            self.run.write_metrics(records)?;
            let record = self.run.record_of(records, *epoch)?;
            let path = self.run.model_path();
            save_model(&path, weights, self.experiment, self.data, record)?;
            self.run.forget_replaced()?;
            self.kept_epoch = *epoch;
            self.unsaved = None;
        }
        Ok(())
    }
}

/// Parts of [`train`].
impl Run {
    fn restore<M: Trainable>(
        &self,
        trainer: &mut Trainer<M>,
        experiment: &Experiment,
        data: &DataRecord,
        device: &Device,
    ) -> Result<(), Error> {
        let path = self.state_path();
        let state: Checkpoint<StateMetadata> = latent_checkpoints::load(&path, STATE_KIND, device)
            .map_err(|reason| Error::State {
                directory: self.directory().to_owned(),
                reason: Box::new(reason),
            })?;
        // A run may be resumed with another number of epochs or another learning rate, but no other change.
        let mut begun = state.metadata.experiment.clone();
        begun.training.epochs = experiment.training.epochs;
        begun.training.learning_rate = experiment.training.learning_rate;
        if begun != *experiment {
            return Err(Error::OtherExperiment {
                path: self.experiment_path(),
            });
        }
        self.refuse_other_data(&state.metadata.data, data)?;
        let steps = data.images.div_ceil(experiment.training.batch_size);
        if !state.metadata.position.is_possible(steps) {
            return Err(Error::ImpossiblePosition {
                path: self.state_path(),
            });
        }
        let shape = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.dims().to_vec());
        state.verify(&trainer.state().iter().map(shape).collect())?;
        trainer.restore(&state.tensors, state.metadata.position)
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
            &self.state_path(),
            STATE_KIND,
            &trainer.state(),
            &metadata,
        )?)
    }

    /// Adds to an error of the trainer, which has no files, which weights are kept.
    fn say_what_is_kept(&self, mut error: Error, kept_epoch: usize) -> Error {
        let words = match (kept_epoch, self.replaced_path()) {
            (0, Some(replaced)) => format!(
                "no epoch was saved; {} contains the previous run",
                replaced.display()
            ),
            (0, None) => "no epoch was saved, so there are no weights".to_owned(),
            (epochs, _) => format!(
                "{} contains the weights after epoch {epochs}",
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
