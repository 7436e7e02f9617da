mod observer;
mod position;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use latent_datasets::{Batch, Batching, Dataset, Splits};
use latent_distributions::Generator;
use latent_kernels::{average_update, backward, squared_norm};
use latent_models::{LossContext, Parameters, Trainable};

use crate::evaluation::{EVALUATION_BATCH, evaluate_after};
use crate::optimiser::State;
use crate::prefetch::prefetched;
use crate::{Error, TrainingConfig};

pub use observer::{EpochReport, Observer, Silent, StepReport};
use position::Best;
pub(crate) use position::Position;

/// The training loop: trains a model one epoch at a time and evaluates it after each.
pub struct Trainer<M> {
    config: TrainingConfig,
    binarise: bool,
    seed: u64,
    device: Device,
    parameters: Parameters,
    /// The model on trainable variables, for gradients.
    model: M,
    /// The model on detached tensors, for evaluation. They share the storage of the variables or of their moving
    /// averages.
    evaluated: M,
    variables: Vec<(String, Var)>,
    /// The exponential moving averages of the variables, with `ema_decay`.
    averages: Option<Parameters>,
    /// The evaluated weights of the best epoch, with validation images.
    best: Option<Parameters>,
    optimiser: State,
    pub(crate) position: Position,
    /// The number of images of the current epoch that this process has trained on, and the duration.
    pace: (usize, Duration),
}

impl<M: Trainable> Trainer<M> {
    /// Creates a trainer for a new model on `parameters`.
    ///
    /// `binarise` samples the pixels of every batch as 0 or 1. `seed` determines the order of the images
    /// and all noise. `build` is called twice, for training and for evaluation.
    ///
    /// # Errors
    /// The model cannot be built.
    pub fn new(
        config: &TrainingConfig,
        binarise: bool,
        seed: u64,
        parameters: Parameters,
        build: impl Fn(&VarBuilder) -> Result<M, latent_models::Error>,
    ) -> Result<Self, Error> {
        let builder = parameters.builder();
        let device = builder.device().clone();
        let model = build(&builder)?;
        let averages = config.ema_decay.map(|_| parameters.copied());
        let averages = averages.transpose()?;
        let evaluated = build(&averages.as_ref().unwrap_or(&parameters).detached_builder())?;
        let best = (config.validation_images > 0).then(|| parameters.copied());
        let best = best.transpose()?;
        let variables = parameters.variables();
        let optimiser = State::new(config.optimiser, &variables)?;
        Ok(Self {
            config: config.clone(),
            binarise,
            seed,
            device,
            parameters,
            model,
            evaluated,
            variables,
            averages,
            best,
            optimiser,
            position: Position::default(),
            pace: (0, Duration::ZERO),
        })
    }

    /// The model with its current evaluated weights, without gradients.
    pub fn evaluated(&self) -> &M {
        &self.evaluated
    }

    /// The weights to save: the variables or their moving averages ([`TrainingConfig::ema_decay`]), of the
    /// last epoch or, with [`TrainingConfig::validation_images`], of the best.
    pub fn parameters(&self) -> &Parameters {
        let best = self.best.as_ref().filter(|_| self.position.best.is_some());
        best.unwrap_or(self.measured())
    }

    /// The variables or their moving averages.
    fn measured(&self) -> &Parameters {
        self.averages.as_ref().unwrap_or(&self.parameters)
    }

    /// The epoch of the weights [`Self::parameters`], counted from 1; 0 if no epoch is complete.
    pub fn kept_epoch(&self) -> usize {
        let best = self.position.best.as_ref();
        best.map_or(self.position.epochs, |best| best.epoch)
    }

    /// Whether training is complete: all epochs are done, or [`TrainingConfig::patience`] is exhausted.
    pub fn is_complete(&self) -> bool {
        let Position { epochs, best, .. } = &self.position;
        let has_tired = |best: &Best| {
            let patience = self.config.patience;
            patience.is_some_and(|patience| epochs - best.epoch >= patience)
        };
        *epochs >= self.config.epochs || best.as_ref().is_some_and(has_tired)
    }

    /// The number of complete epochs.
    pub fn epochs_done(&self) -> usize {
        self.position.epochs
    }

    /// Whether an observer stopped training within an epoch.
    pub fn is_interrupted(&self) -> bool {
        self.position.step > 0
    }

    /// Trains to the end of the current epoch, then evaluates the model on the test images and, if there
    /// are any, the validation images.
    ///
    /// The result is `None` if training is complete or the observer stopped it within the epoch
    /// ([`Self::is_interrupted`]); in the second case the next call continues.
    ///
    /// # Divergence
    /// Let L₀ be the mean loss of the first batch before the first update, and D the number of pixels.
    /// Training has diverged if both the mean training loss of an epoch and the test loss after it exceed
    /// L₀ + max(|L₀|, D) nats.
    ///
    /// One loss alone is not enough: a few bad steps raise only the training loss, and during the warm-up
    /// of the KL weight the test loss, which has the full weight, may be high.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::NotFinite`] if the loss of a step or, at the end, a metric, a variable
    /// or optimiser state is infinite or NaN; [`Error::NoGradient`]; [`Error::NoImages`].
    pub fn epoch(
        &mut self,
        splits: &Splits,
        observer: &mut impl Observer,
    ) -> Result<Option<EpochReport>, Error> {
        if self.is_complete() {
            return Ok(None);
        }
        let Splits { train, test, .. } = splits;
        let validation = splits.validation.as_ref();
        let chosen_by = self.best.is_some().then_some(("validation", validation));
        let needed = [("train", Some(train)), ("test", Some(test))];
        for (split, dataset) in needed.into_iter().chain(chosen_by) {
            if dataset.is_none_or(Dataset::is_empty) {
                return Err(Error::NoImages { split });
            }
        }
        let epoch = self.position.epochs + 1;
        let batching = Batching {
            size: self.config.batch_size,
            binarise: self.binarise,
            seed: self.seed,
        };
        let device = self.device.clone();
        if self.position.updates == 0 {
            self.initialise(train, &batching, &device)?;
        }
        let batches = train
            .shuffled(&batching, epoch as u64, &device)
            .from_step(self.position.step);
        let steps = batches.steps();

        let start = Instant::now();
        let mut images = 0;
        let end = prefetched(batches, |batch| {
            let batch = batch?;
            let loss = self.step(&batch.images, &batch.labels, epoch, steps)?;
            images += batch.labels.elem_count();
            let report = StepReport {
                epoch,
                step: self.position.step,
                steps,
                batch_size: self.config.batch_size,
                loss,
            };
            Ok::<_, Error>(observer.step(&report))
        })?;
        self.pace.0 += images;
        self.pace.1 += start.elapsed();
        if end.is_break() {
            self.refuse_ruined(steps)?;
            return Ok(None);
        }
        let (images, duration) = std::mem::take(&mut self.pace);

        let batching = Batching {
            size: EVALUATION_BATCH,
            ..batching
        };
        self.refuse_ruined(steps)?;
        // Evaluated with the number of draws at the start of the epoch, so that the metrics of all splits are
        // of the same bound.
        let before = (epoch - 1) as f64;
        let measure = |images| evaluate_after(before, &self.evaluated, images, &batching, &device);
        let mut report = EpochReport {
            epoch,
            train: self.position.totals.means(),
            validation: validation.map(measure).transpose()?,
            test: measure(test)?,
            // The duration of a short epoch may be below the resolution of the clock.
            images_per_second: images as f64 / duration.as_secs_f64().max(1e-9),
            is_last: false,
        };
        let splits = [("training", &report.train), ("test", &report.test)];
        let validation = report.validation.as_ref();
        for (split, metrics) in splits
            .into_iter()
            .chain(validation.map(|metrics| ("validation", metrics)))
        {
            for (name, &value) in metrics {
                refuse_infinite(
                    value,
                    || format!("{name} on the {split} images"),
                    epoch,
                    steps,
                )?;
            }
        }
        self.refuse_diverged(&report, train.pixels())?;
        self.position = Position {
            epochs: epoch,
            updates: self.position.updates,
            initial_loss: self.position.initial_loss,
            best: self.position.best.take(),
            ..Position::default()
        };
        if let Some(metrics) = validation.filter(|_| self.best.is_some()) {
            self.choose(epoch, metrics["loss"])?;
        }
        report.is_last = self.is_complete();
        observer.epoch(&report);
        Ok(Some(report))
    }

    /// Applies the divergence criterion of [`Self::epoch`]. Old training states have no initial loss and are
    /// not checked.
    fn refuse_diverged(&self, report: &EpochReport, pixels: usize) -> Result<(), Error> {
        let Some(initial) = self.position.initial_loss else {
            return Ok(());
        };
        let limit = initial + initial.abs().max(pixels as f64);
        let loss = report.test["loss"];
        if report.train["loss"] <= limit || loss <= limit {
            return Ok(());
        }
        Err(Error::Diverged {
            epoch: report.epoch,
            loss,
            initial,
            kept: KEPT.to_owned(),
        })
    }

    /// Keeps the evaluated weights if no earlier epoch with the same number of draws has a validation loss at
    /// least as low. Losses with different numbers of draws are not comparable.
    fn choose(&mut self, epoch: usize, loss: f64) -> Result<(), Error> {
        let samples = |epoch: usize| self.model.samples_after((epoch - 1) as f64);
        let is_better = |best: &Best| best.loss <= loss && samples(best.epoch) == samples(epoch);
        if self.position.best.as_ref().is_some_and(is_better) {
            return Ok(());
        }
        self.position.best = Some(Best { epoch, loss });
        let measured = self.measured().variables();
        let kept = self.best.iter().flat_map(Parameters::variables);
        for ((_, kept), (_, measured)) in kept.zip(measured) {
            kept.set(&measured.as_detached_tensor())?;
        }
        Ok(())
    }

    /// Trains for `steps` steps without evaluation and returns the number of images per second, for benchmarks.
    ///
    /// # Errors
    /// [`Error::NoImages`]; [`Error::NotFinite`]; [`Error::NoGradient`].
    pub fn images_per_second(&mut self, dataset: &Dataset, steps: usize) -> Result<f64, Error> {
        if dataset.is_empty() {
            return Err(Error::NoImages { split: "train" });
        }
        let batching = Batching {
            size: self.config.batch_size,
            binarise: self.binarise,
            seed: self.seed,
        };
        let device = self.device.clone();
        let start = Instant::now();
        let (mut done, mut images, mut epoch) = (0, 0, 0);
        while done < steps {
            epoch += 1;
            let batches = dataset.shuffled(&batching, epoch, &device);
            let steps_of_epoch = batches.steps();
            _ = prefetched(batches, |batch| {
                let batch = batch?;
                self.step(&batch.images, &batch.labels, epoch as usize, steps_of_epoch)?;
                done += 1;
                images += batch.labels.elem_count();
                Ok::<_, Error>(if done < steps {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            self.position.step = 0;
        }
        Ok(images as f64 / start.elapsed().as_secs_f64().max(1e-9))
    }

    /// Data-dependent initialisation from one large batch.
    fn initialise(
        &mut self,
        train: &Dataset,
        batching: &Batching,
        device: &Device,
    ) -> Result<(), Error> {
        /// Enough images for accurate means and standard deviations.
        const IMAGES: usize = 5000;
        let batching = Batching {
            size: IMAGES,
            ..*batching
        };
        let Some(batch) = train.shuffled(&batching, 0, device).next() else {
            return Ok(());
        };
        let Batch { images, labels } = batch?;
        let mut generator = Generator::stream(self.seed, "begin", 0, 0);
        self.evaluated
            .initialise(&images, &labels, &mut generator)?;
        // With moving averages, `evaluated` has initialised the averages: copy them to the trained variables.
        let averages = self.averages.iter().flat_map(Parameters::variables);
        for ((_, average), (_, variable)) in averages.zip(&self.variables) {
            variable.set(&average.as_detached_tensor())?;
        }
        Ok(())
    }

    /// Updates all variables once and returns the mean loss before the update. `steps` is the number of steps of
    /// the epoch.
    fn step(
        &mut self,
        images: &Tensor,
        labels: &Tensor,
        epoch: usize,
        steps: usize,
    ) -> Result<f64, Error> {
        let position = &mut self.position;
        let generator = Generator::stream(self.seed, "noise", epoch as u64, position.step as u64);
        let epochs = (epoch - 1) as f64 + position.step as f64 / steps as f64;
        let mut context = LossContext::training(generator, epochs);
        let loss = self.model.loss(images, labels, &mut context)?;
        let mean = position.totals.add(&loss)?;
        refuse_infinite(mean, || "the loss".to_owned(), epoch, position.step + 1)?;
        if position.updates == 0 {
            position.initial_loss = Some(mean);
        }

        let gradients = backward(&loss.objective.mean_all()?)?;
        let gradients = self.gradients(&gradients)?;
        let position = &mut self.position;
        position.step += 1;
        position.updates += 1;
        let adam = self.config.adam(epochs);
        for ((name, variable), gradient) in self.variables.iter().zip(&gradients) {
            let update = position.updates;
            self.optimiser
                .update(name, variable, gradient, &adam, update)?;
        }
        if let (Some(averages), Some(decay)) = (&self.averages, self.config.ema_decay) {
            let updates = position.updates as f64;
            let decay = decay.min((1.0 + updates) / (10.0 + updates));
            for ((_, average), (_, variable)) in averages.variables().iter().zip(&self.variables) {
                average_update(average, &variable.as_detached_tensor(), decay)?;
            }
        }
        Ok(mean)
    }

    /// The gradient of each variable, in the order of the variables, rescaled to `max_grad_norm` if it is longer.
    fn gradients(&self, gradients: &GradStore) -> Result<Vec<Tensor>, Error> {
        let gradient = |(name, variable): &(String, Var)| {
            // Some operations of candle have no gradient and stop backpropagation without an error.
            let gradient = gradients.get(variable).cloned();
            gradient.ok_or_else(|| Error::NoGradient { name: name.clone() })
        };
        let all: Vec<Tensor> = self
            .variables
            .iter()
            .map(gradient)
            .collect::<Result<_, _>>()?;
        let Some(longest) = self.config.max_grad_norm else {
            return Ok(all);
        };
        let squares = all.iter().map(squared_norm).sum::<Result<f64, _>>()?;
        let length = squares.sqrt();
        if length <= longest {
            return Ok(all);
        }
        let shorten = |gradient: Tensor| Ok((gradient * (longest / length))?);
        all.into_iter().map(shorten).collect()
    }

    /// Checks the tensors before they are saved. A finite loss does not imply finite weights: in a ReLU,
    /// max(−∞, 0) = 0.
    fn refuse_ruined(&self, steps: usize) -> Result<(), Error> {
        let Position { epochs, step, .. } = self.position;
        for (name, variable) in self.state_variables() {
            let sum = variable
                .as_detached_tensor()
                .abs()?
                .sum_all()?
                .to_device(&Device::Cpu)?;
            let sum = sum.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            refuse_infinite(
                sum,
                || format!("{name}, or its sum,"),
                epochs + 1,
                step.min(steps),
            )?;
        }
        Ok(())
    }

    /// Variables, optimiser state, moving averages and best weights, by name.
    pub(crate) fn state(&self) -> BTreeMap<String, Tensor> {
        self.state_variables()
            .into_iter()
            .map(|(name, variable)| (name, variable.as_detached_tensor()))
            .collect()
    }

    /// Restores a state that was saved during training.
    pub(crate) fn restore(
        &mut self,
        tensors: &BTreeMap<String, Tensor>,
        position: Position,
    ) -> Result<(), Error> {
        for (name, variable) in self.state_variables() {
            variable.set(&tensors[&name])?;
        }
        self.position = position;
        Ok(())
    }

    fn state_variables(&self) -> Vec<(String, Var)> {
        let averages = self.averages.iter().flat_map(Parameters::variables);
        let averages = averages.map(|(name, average)| (format!("average.{name}"), average));
        let best = self.best.iter().flat_map(Parameters::variables);
        let best = best.map(|(name, best)| (format!("best.{name}"), best));
        self.variables
            .iter()
            .flat_map(|(name, variable)| {
                let own = (format!("model.{name}"), variable.clone());
                std::iter::once(own).chain(self.optimiser.of(name))
            })
            .chain(averages)
            .chain(best)
            .collect()
    }
}

/// The description of the kept weights in errors of a trainer, which has no files.
const KEPT: &str = "the variables keep their last values";

fn refuse_infinite(
    value: f64,
    what: impl FnOnce() -> String,
    epoch: usize,
    step: usize,
) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::NotFinite {
        what: what(),
        value,
        epoch,
        step,
        kept: KEPT.to_owned(),
    })
}
