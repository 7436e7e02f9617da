use std::io;
use std::path::PathBuf;

use crate::DataRecord;

/// What can go wrong with an experiment or a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An experiment is not valid TOML, or a value in it has the wrong type.
    #[error("{origin}: {reason}")]
    Toml {
        /// Where the experiment came from.
        origin: String,
        /// What the TOML reader found, with the line.
        reason: String,
    },
    /// An experiment sets something that does not exist.
    #[error("{origin}: there is no key `{key}`")]
    UnknownKey {
        /// Where the experiment came from.
        origin: String,
        /// The key.
        key: String,
        /// The keys that exist.
        known: Vec<String>,
    },
    /// A value that nothing can be trained with.
    #[error("{origin}: `{key}` is {value}: {remedy}")]
    Value {
        /// Where the experiment came from.
        origin: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What it must be.
        remedy: &'static str,
    },
    /// The loss became infinite or NaN.
    #[error("{what} is {value} in epoch {epoch}, step {step}, so training stopped; {kept}")]
    NotFinite {
        /// The loss, another figure, or a tensor.
        what: String,
        /// Its value, or the sum of its magnitudes.
        value: f64,
        /// Counted from 1.
        epoch: usize,
        /// Counted from 1.
        step: usize,
        /// What is left, in words.
        kept: String,
    },
    /// A training that is of use only as a whole, ended by its observer.
    #[error("training was stopped in epoch {epoch} of {epochs}")]
    Stopped {
        /// The epoch that was not completed, counted from 1.
        epoch: usize,
        /// How many there were to be.
        epochs: usize,
    },
    /// The loss became far worse than that of the untrained model:
    /// [`Trainer::epoch`](crate::Trainer::epoch) states the rule.
    #[error(
        "training diverged: after epoch {epoch} the loss is {loss:.4e} nats per image, and it was \
         {initial:.2} before the first step, so training stopped; {kept}"
    )]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Of the test images after the epoch, nats per image.
        loss: f64,
        /// Of the first batch before the first step, nats per image.
        initial: f64,
        /// What is left, in words.
        kept: String,
    },
    /// Fewer epochs than are complete.
    #[error("{directory} has {done} complete epochs, and {epochs} were requested")]
    EpochsDone {
        /// The directory of the run.
        directory: PathBuf,
        /// The number of complete epochs.
        done: usize,
        /// The requested number of epochs.
        epochs: usize,
    },
    /// A class that a model has no training image of.
    #[error(
        "the model saw no image of class {class} in training, but only of {}",
        classes(.seen)
    )]
    UnseenClass {
        /// The class.
        class: u8,
        /// The classes that were seen.
        seen: Vec<u8>,
    },
    /// A variable that the loss does not depend on, or that an operation without a gradient cut off.
    #[error(
        "no gradient reaches {name}: an operation between it and the loss has none, or the loss \
         does not depend on it"
    )]
    NoGradient {
        /// The variable.
        name: String,
    },
    /// The run's directory is in use by an earlier run.
    #[error("{directory} holds a run already")]
    RunExists {
        /// The directory.
        directory: PathBuf,
    },
    /// Two trainings in one directory.
    #[error("{directory} is being trained by another process")]
    RunInUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A file where a run's directory should be.
    #[error("{path} is a file, and a run needs a directory")]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// Not a directory that `train` made.
    #[error("{directory} is no run directory: it holds no {missing}")]
    NoRun {
        /// The directory.
        directory: PathBuf,
        /// The file that is not there.
        missing: &'static str,
    },
    /// A run without weights: its first epoch was interrupted, or they were taken away.
    #[error("{directory} holds no model.safetensors, which the first complete epoch writes")]
    NoWeights {
        /// The run's directory.
        directory: PathBuf,
    },
    /// A run without what resuming needs.
    #[error("{directory} holds no state.safetensors, without which it cannot go on")]
    NoState {
        /// The run's directory.
        directory: PathBuf,
    },
    /// What resuming needs is damaged.
    #[error(
        "{directory} cannot go on, since its state.safetensors is damaged or another file ({reason}); its \
         model.safetensors is not affected"
    )]
    State {
        /// The run's directory.
        directory: PathBuf,
        /// What is wrong with the file.
        reason: Box<latent_checkpoints::Error>,
    },
    /// Nothing by that name is a model.
    #[error("{path} is neither a run directory nor a .safetensors file")]
    NoModel {
        /// What was named.
        path: PathBuf,
    },
    /// A run to be continued with an experiment that was changed.
    #[error(
        "{path} was changed since the run was begun, in more than `training.epochs` and \
         `training.learning_rate`"
    )]
    OtherExperiment {
        /// The experiment's file.
        path: PathBuf,
    },
    /// A training state that no training leaves behind.
    #[error("{path}: it claims a place in the training that cannot be")]
    ImpossiblePosition {
        /// The state's file.
        path: PathBuf,
    },
    /// A run to be continued on other data than it was begun with.
    #[error(
        "{directory} was trained on {}, and these data are others: {}",
        trained.unlike(found),
        found.unlike(trained)
    )]
    OtherData {
        /// The run's directory.
        directory: PathBuf,
        /// The run's data.
        trained: Box<DataRecord>,
        /// The data at hand.
        found: Box<DataRecord>,
    },
    /// Images of another size than a model's.
    #[error("the model is for images of {model} pixels and the data has {data}")]
    ImageSize {
        /// Height and width of the model's images.
        model: String,
        /// Height and width of the images at hand.
        data: String,
    },
    /// What a run stores of its data cannot be understood.
    #[error("{path}: this is no record of a run's data ({reason})")]
    DataRecord {
        /// The file.
        path: PathBuf,
        /// What the JSON reader found.
        reason: serde_json::Error,
    },
    /// There is nothing to train on or to evaluate.
    #[error("there are no images in the {split} split")]
    NoImages {
        /// `train`, `validation` or `test`.
        split: &'static str,
    },
    /// A class that a classifier cannot learn.
    #[error("the {images} training images hold none of class {class}")]
    NoImagesOfClass {
        /// The class.
        class: u8,
        /// The number of training images.
        images: usize,
    },
    /// A metric of an evaluation that is infinite or NaN.
    #[error("{name} is {value}: the model's weights, or the images, are out of all proportion")]
    NotFiniteMetric {
        /// The metric, or its standard error.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Reading or writing in the run's directory failed.
    #[error("{path}: cannot be read or written ({reason})")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// A line of the metrics cannot be understood.
    #[error("{path}: line {line} is no epoch's metrics ({reason})")]
    Metrics {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the JSON reader found.
        reason: serde_json::Error,
    },
    /// A checkpoint is missing, damaged or another model's.
    #[error(transparent)]
    Checkpoint(#[from] latent_checkpoints::Error),
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] latent_datasets::Error),
    /// The model cannot be built or computed.
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Classes as a reader writes them.
fn classes(labels: &[u8]) -> String {
    let labels: Vec<_> = labels.iter().map(u8::to_string).collect();
    labels.join(", ")
}
