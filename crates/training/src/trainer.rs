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

/// Trains a model, epoch by epoch.
pub struct Trainer<M> {
    config: TrainingConfig,
    binarise: bool,
    seed: u64,
    device: Device,
    parameters: Parameters,
    /// The model on its variables, for gradients.
    model: M,
    /// The same on detached tensors that share their storage, or that of the averages, for evaluation.
    evaluated: M,
    variables: Vec<(String, Var)>,
    /// The running averages of the variables, if there are any.
    averages: Option<Parameters>,
    /// What was measured after the best epoch, if one is chosen.
    best: Option<Parameters>,
    optimiser: State,
    pub(crate) position: Position,
    /// Images of the epoch that were trained on here, and the time that it took.
    pace: (usize, Duration),
}

impl<M: Trainable> Trainer<M> {
    /// Builds the model with `parameters`, ready for its first step.
    ///
    /// `binarise` draws the pixels of every batch as 0 or 1; `seed` is what the order of the images
    /// and all noise come from. `build` is called twice, once for training and once for evaluation.
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

    /// The model as it stands, without a graph: for evaluation.
    pub fn evaluated(&self) -> &M {
        &self.evaluated
    }

    /// What training is for: the variables that are trained, or their running averages
    /// ([`TrainingConfig::ema_decay`]), as they are or as they were after the best epoch
    /// ([`TrainingConfig::validation_images`]).
    pub fn parameters(&self) -> &Parameters {
        let best = self.best.as_ref().filter(|_| self.position.best.is_some());
        best.unwrap_or(self.measured())
    }

    /// The variables that are trained, or their running averages.
    fn measured(&self) -> &Parameters {
        self.averages.as_ref().unwrap_or(&self.parameters)
    }

    /// The epoch, counted from 1, whose weights [`Self::parameters`] are; 0 before the first is complete.
    pub fn kept_epoch(&self) -> usize {
        let best = self.position.best.as_ref();
        best.map_or(self.position.epochs, |best| best.epoch)
    }

    /// Whether there is nothing more to do: all epochs are done, or so many that no epoch since the best
    /// one could better.
    pub fn is_complete(&self) -> bool {
        let Position { epochs, best, .. } = &self.position;
        let has_tired = |best: &Best| {
            let patience = self.config.patience;
            patience.is_some_and(|patience| epochs - best.epoch >= patience)
        };
        *epochs >= self.config.epochs || best.as_ref().is_some_and(has_tired)
    }

    /// Epochs that are complete.
    pub fn epochs_done(&self) -> usize {
        self.position.epochs
    }

    /// Whether training stands within an epoch, where an observer ended it.
    pub fn is_interrupted(&self) -> bool {
        self.position.step > 0
    }

    /// Trains to the end of the current epoch and measures the model on the validation images, if any,
    /// and the test images.
    ///
    /// `None` means that there is nothing more to do, or that the observer ended the epoch early
    /// ([`Self::is_interrupted`]); the next call goes on from there.
    ///
    /// Training has diverged if, with L₀ the loss of the first batch before the first update, both the mean
    /// training loss over an epoch and the loss of the test images after it are above L₀ + max(|L₀|, D), D
    /// being one nat for each pixel. An untrained model is at L₀, so nothing that learns is that high at
    /// both for an epoch. A few bad steps are: but the test images are evaluated after them. While the
    /// divergence warms up, the test loss may be high, since it has the full weight of the divergence: but
    /// the training loss has the weight of the moment. More draws only lower both.
    ///
    /// # Errors
    /// [`Error::Diverged`] by that rule; [`Error::NotFinite`] as soon as a loss is, or at the end a figure, a variable or a moment;
    /// [`Error::NoGradient`] where one does not reach a variable.
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
        // As the epoch's own steps began: its figures of all splits are of the same bound, and a
        // measurement takes no longer than they do.
        let before = (epoch - 1) as f64;
        let measure = |images| evaluate_after(before, &self.evaluated, images, &batching, &device);
        let mut report = EpochReport {
            epoch,
            train: self.position.totals.means(),
            validation: validation.map(measure).transpose()?,
            test: measure(test)?,
            // A clock may be too coarse for a short epoch.
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

    /// The rule of [`Self::epoch`]. A training from before the first loss was recorded has none to be
    /// compared with.
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

    /// Keeps what was measured if no epoch before was better. By another number of draws a loss is of
    /// another bound, and says nothing of which epoch is better: the search starts anew.
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

    /// How many images a second `steps` steps of training take in, on batches of `dataset`, epoch after
    /// epoch, without the evaluation that ends one: for benchmarks. The variables move as in training.
    ///
    /// # Errors
    /// As [`Self::epoch`].
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

    /// Gives variables that begin as suits the data their values.
    fn initialise(
        &mut self,
        train: &Dataset,
        batching: &Batching,
        device: &Device,
    ) -> Result<(), Error> {
        /// As many as serve for a mean and a standard deviation.
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
        // The evaluated model's variables are the averages where there are any: both begin alike.
        let averages = self.averages.iter().flat_map(Parameters::variables);
        for ((_, average), (_, variable)) in averages.zip(&self.variables) {
            variable.set(&average.as_detached_tensor())?;
        }
        Ok(())
    }

    /// One update of all variables, in an epoch of so many steps; returns the mean loss before it.
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

    /// The gradient of each variable, in their order, shortened where that is asked for.
    fn gradients(&self, gradients: &GradStore) -> Result<Vec<Tensor>, Error> {
        let gradient = |(name, variable): &(String, Var)| {
            // Some of candle's operations cut the graph in silence.
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

    /// A weight that is infinite need not show in the loss: max(−∞, 0) is 0 in a ReLU. What is about to
    /// be saved is looked at itself.
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

    /// Variables, and what the optimiser remembers of them, by name.
    pub(crate) fn state(&self) -> BTreeMap<String, Tensor> {
        self.state_variables()
            .into_iter()
            .map(|(name, variable)| (name, variable.as_detached_tensor()))
            .collect()
    }

    /// Takes up training where `tensors` and `position` stand.
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

/// What is left where training fails, of a trainer, which has no files.
const KEPT: &str = "the variables are those that gave it";

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
