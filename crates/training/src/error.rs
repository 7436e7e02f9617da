use std::io;
use std::path::PathBuf;

use crate::DataRecord;

/// An error in an experiment, a run or an evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An experiment is not valid TOML, or a value in it has the wrong type.
    #[error("{origin}: {reason}")]
    Toml {
        /// The experiment's file or setting.
        origin: String,
        /// The TOML parser's message, with the line.
        reason: String,
    },
    /// An experiment has an unknown key.
    #[error("{origin}: there is no key `{key}`")]
    UnknownKey {
        /// The experiment's file or setting.
        origin: String,
        /// The key.
        key: String,
        /// The keys that exist.
        known: Vec<String>,
    },
    /// A value of an experiment is invalid.
    #[error("{origin}: `{key}` is {value}: {remedy}")]
    Value {
        /// The experiment's file or setting.
        origin: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// The valid values.
        remedy: &'static str,
    },
    /// The loss, a metric, a variable or optimiser state became infinite or NaN.
    #[error("{what} is {value} in epoch {epoch}, step {step}, so training stopped; {kept}")]
    NotFinite {
        /// The loss, a metric, or the name of a tensor.
        what: String,
        /// Its value; of a tensor, the sum of absolute values.
        value: f64,
        /// Counted from 1.
        epoch: usize,
        /// Counted from 1.
        step: usize,
        /// The weights that are kept, as text.
        kept: String,
    },
    /// The observer stopped a training whose intermediate state is not usable.
    #[error("training was stopped in epoch {epoch} of {epochs}")]
    Stopped {
        /// The incomplete epoch, counted from 1.
        epoch: usize,
        /// The number of epochs of the training.
        epochs: usize,
    },
    /// The loss rose far above that of the untrained model;
    /// [`Trainer::epoch`](crate::Trainer::epoch) defines the criterion.
    #[error(
        "training diverged: after epoch {epoch} the loss is {loss:.4e} nats per image, and it was \
         {initial:.2} before the first step, so training stopped; {kept}"
    )]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// The mean test loss after the epoch, nats per image.
        loss: f64,
        /// The mean loss of the first batch before the first step, nats per image.
        initial: f64,
        /// The weights that are kept, as text.
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
    /// The training images of a conditional model have no image of a requested class.
    #[error(
        "the model was trained on no image of class {class}, only on classes {}",
        classes(.seen)
    )]
    UnseenClass {
        /// The class.
        class: u8,
        /// The classes of the training images.
        seen: Vec<u8>,
    },
    /// A variable has no gradient: the loss does not depend on it, or an operation in between is not
    /// differentiable.
    #[error(
        "no gradient reaches {name}: an operation between it and the loss has none, or the loss \
         does not depend on it"
    )]
    NoGradient {
        /// The variable.
        name: String,
    },
    /// The directory contains another run.
    #[error("{directory} already contains a run")]
    RunExists {
        /// The directory.
        directory: PathBuf,
    },
    /// Another process trains the run.
    #[error("{directory} is being trained by another process")]
    RunInUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The path of a run is a file.
    #[error("{path} is a file, expected a directory for a run")]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// The directory is not a run directory.
    #[error("{directory} is not a run directory: it has no {missing}")]
    NoRun {
        /// The directory.
        directory: PathBuf,
        /// The missing file.
        missing: &'static str,
    },
    /// A run has no weights: its first epoch is incomplete, or the file was removed.
    #[error("{directory} has no model.safetensors, which the first complete epoch writes")]
    NoWeights {
        /// The run's directory.
        directory: PathBuf,
    },
    /// A run has no training state and cannot be resumed.
    #[error("{directory} has no state.safetensors, so it cannot be resumed")]
    NoState {
        /// The run's directory.
        directory: PathBuf,
    },
    /// The training state of a run is damaged.
    #[error(
        "{directory} cannot be resumed: its state.safetensors is damaged or another kind of file ({reason}); \
         its model.safetensors is not affected"
    )]
    State {
        /// The run's directory.
        directory: PathBuf,
        /// The error of reading the file.
        reason: Box<latent_checkpoints::Error>,
    },
    /// The path is not a model.
    #[error("{path} is neither a run directory nor a .safetensors file")]
    NoModel {
        /// The path.
        path: PathBuf,
    },
    /// The experiment of a run was changed before resuming.
    #[error(
        "{path} was changed after training started: only `training.epochs` and `training.learning_rate` may change"
    )]
    OtherExperiment {
        /// The experiment's file.
        path: PathBuf,
    },
    /// A training state contradicts itself.
    #[error("{path}: epoch, step and number of updates do not match")]
    ImpossiblePosition {
        /// The state's file.
        path: PathBuf,
    },
    /// A run was resumed with other data than it was started with.
    #[error(
        "{directory} was trained on other data: {}, found {}",
        trained.unlike(found),
        found.unlike(trained)
    )]
    OtherData {
        /// The run's directory.
        directory: PathBuf,
        /// The run's data.
        trained: Box<DataRecord>,
        /// The data that were found.
        found: Box<DataRecord>,
    },
    /// Images have another size than the model's.
    #[error("the model is for images of {model} pixels, the data have {data}")]
    ImageSize {
        /// Height and width of the model's images.
        model: String,
        /// Height and width of the images of the data.
        data: String,
    },
    /// `data.json` of a run, its data record, is not valid.
    #[error("{path}: this is not a valid data record ({reason})")]
    DataRecord {
        /// The file.
        path: PathBuf,
        /// The JSON parser's message.
        reason: serde_json::Error,
    },
    /// A split that is needed has no images.
    #[error("there are no images in the {split} split")]
    NoImages {
        /// `train`, `validation` or `test`.
        split: &'static str,
    },
    /// A class that the data do not have.
    #[error("there is no class `{class}`, only `{}`", .classes.join("`, `"))]
    NoClass {
        /// The name or number.
        class: String,
        /// The names of all classes.
        classes: Vec<String>,
    },
    /// A conditional model, or something else that needs labels, for images without labels.
    #[error("the images of {data} have no labels, which {needed_for} needs")]
    NoLabels {
        /// The name of the data set.
        data: String,
        /// What needs them.
        needed_for: String,
    },
    /// The training images of a classifier have no image of a class.
    #[error("the {images} training images contain none of class {class}")]
    NoImagesOfClass {
        /// The class.
        class: u8,
        /// The number of training images.
        images: usize,
    },
    /// A metric of an evaluation is infinite or NaN.
    #[error("{name} is {value}: the model's weights or the images are out of range")]
    NotFiniteMetric {
        /// The metric, or its standard error.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Reading or writing a file of a run failed.
    #[error("{path}: cannot be read or written ({reason})")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// A line of `metrics.jsonl` is not valid.
    #[error("{path}: line {line} is not a valid record of an epoch ({reason})")]
    Metrics {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The JSON parser's message.
        reason: serde_json::Error,
    },
    /// A checkpoint is missing, damaged or does not fit the model.
    #[error(transparent)]
    Checkpoint(#[from] latent_checkpoints::Error),
    /// The data are invalid or cannot be read.
    #[error(transparent)]
    Data(#[from] latent_datasets::Error),
    /// Building or evaluating the model failed.
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Labels as text: "0, 1, 2".
fn classes(labels: &[u8]) -> String {
    let labels: Vec<_> = labels.iter().map(u8::to_string).collect();
    labels.join(", ")
}
