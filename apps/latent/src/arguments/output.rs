//! The file of a figure, and the result of a command.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::Args;
use latent_training::{DataRecord, Model};
use latent_visualisation::{ConfusionMatrix, Picture};
use serde_json::{Map, Value, json};

use super::values::{paths, seed};
use crate::paths::picture_path;
use crate::{Context, Error};

/// File of a figure and seed of its random numbers.
#[derive(Args)]
pub(crate) struct DrawArguments {
    /// File to write: .png, .svg, or .npy for the numbers [default: a PNG in the run's figures/, or in the
    /// current directory for a model without a run]
    #[arg(short, long, value_name = "FILE", value_parser = picture_path())]
    output: Option<PathBuf>,
    /// Seed of all random numbers [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
}

impl DrawArguments {
    pub(crate) fn seed(&self, model: &Model) -> u64 {
        self.seed.unwrap_or(model.metadata.experiment.seed)
    }

    /// The seed given on the command line.
    pub(crate) fn given_seed(&self) -> Option<u64> {
        self.seed
    }

    /// A result with a figure; `name` is the stem of its default file name.
    pub(crate) fn drawn(
        &self,
        picture: impl Picture + 'static,
        model: &Model,
        name: &str,
    ) -> Shown {
        Shown::drawn(picture, self.path(model, name))
    }

    /// The file of a figure.
    fn path(&self, model: &Model, name: &str) -> PathBuf {
        let given = self.output.clone();
        given.unwrap_or_else(|| default_path(model, name))
    }

    /// A result with a confusion matrix.
    pub(crate) fn verdict(&self, verdict: Verdict, model: &Model) -> Shown {
        let Verdict {
            matrix,
            title,
            words,
            name,
            mut object,
        } = verdict;
        object["accuracy"] = json!(matrix.accuracy());
        object["classes"] = json!(matrix.classes());
        object["confusion"] = json!(matrix.counts());
        let mut shown = self.drawn(matrix.title(title), model, name);
        shown.words = words;
        shown.object = object;
        shown
    }
}

/// `figures/NAME.png` of the run, or `MODEL-NAME.png` in the current directory for a model without a run.
fn default_path(model: &Model, name: &str) -> PathBuf {
    if let Some(run) = &model.run {
        return run.figure_path(&format!("{name}.png"));
    }
    let stem = model
        .path
        .file_stem()
        .and_then(OsStr::to_str)
        .unwrap_or("model");
    PathBuf::from(format!("{stem}-{name}.png"))
}

/// The result of a command, before it is saved and printed.
pub(crate) struct Shown {
    /// The figure.
    pub(crate) picture: Option<Box<dyn Picture>>,
    /// The file of the figure.
    pub(crate) path: Option<PathBuf>,
    /// The text output, printed above the file names.
    pub(crate) words: String,
    /// The JSON output, without the file names.
    pub(crate) object: Value,
}

impl Shown {
    /// A result that is only a figure.
    pub(crate) fn drawn(picture: impl Picture + 'static, path: PathBuf) -> Self {
        Self {
            picture: Some(Box::new(picture)),
            path: Some(path),
            words: String::new(),
            object: json!({}),
        }
    }

    /// A result without a figure.
    pub(crate) fn measured(words: String, object: Value) -> Self {
        Self {
            picture: None,
            path: None,
            words,
            object,
        }
    }

    /// The same result with this text and this JSON output.
    pub(crate) fn with_output(self, words: String, object: Value) -> Self {
        Self {
            words,
            object,
            ..self
        }
    }

    /// Adds fields to the JSON output.
    pub(crate) fn add(&mut self, facts: Map<String, Value>) {
        if let Value::Object(object) = &mut self.object {
            object.extend(facts);
        }
    }

    /// Saves the figure, and prints the text or the JSON object with the file names.
    pub(crate) fn print(self, context: &Context) -> Result<(), Error> {
        let Self {
            picture,
            path,
            words,
            mut object,
        } = self;
        let mut lines: Vec<String> = Some(words)
            .filter(|words| !words.is_empty())
            .into_iter()
            .collect();
        if let Some(picture) = picture {
            let files = path.map_or(Ok(Vec::new()), |path| picture.save(&path))?;
            let files = paths(&files);
            object["files"] = json!(files);
            lines.extend(files);
        }
        context.result(&lines.join("\n"), &object)
    }
}

/// The confusion matrix of the classes of the training images and of any others that occur.
pub(crate) fn confusion_matrix(
    trained: &DataRecord,
    shown: &[u8],
    taken_for: &[u8],
) -> Result<ConfusionMatrix, Error> {
    let mut classes = [&trained.classes_present[..], shown, taken_for].concat();
    classes.sort_unstable();
    classes.dedup();
    let matrix = ConfusionMatrix::of_classes(classes, shown, taken_for)?;
    Ok(matrix.class_names(&trained.class_names))
}

/// A classification result: the confusion matrix and its description.
pub(crate) struct Verdict<'a> {
    pub(crate) matrix: ConfusionMatrix,
    /// The title of the figure.
    pub(crate) title: String,
    /// The text output.
    pub(crate) words: String,
    /// The stem of the default file name.
    pub(crate) name: &'a str,
    /// The JSON output, without accuracy, counts and files.
    pub(crate) object: Value,
}
