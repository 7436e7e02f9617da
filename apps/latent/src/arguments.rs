//! Words that several commands share, and what they stand for.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use latent_datasets::{Batching, Dataset, Loaded, Source, Splits, has_idx_files};
use latent_hub::{Fetched, Hub, HubFile, Progress};
use latent_models::{AnyModel, LatentModel};
use latent_training::{DataRecord, EVALUATION_BATCH, Model, Run, load_model};
use latent_visualisation::{ConfusionMatrix, Picture};
use serde_json::{Map, Value, json};

use crate::paths::{path, picture_path};
use crate::progress::Counting;
use crate::{Context, Error, pretrained};

/// How far from the prior's mean a latent can be asked for: far beyond any image, and no more than what
/// comes of it can be written as a 32-bit number.
pub(crate) const FURTHEST: f64 = 1e6;

/// How far from the prior's mean images are drawn.
#[derive(Args)]
pub(crate) struct TemperatureArgument {
    /// What latents are multiplied by: below 1, images are more alike and more typical
    #[arg(long, value_name = "T", default_value_t = 1.0, value_parser = temperature)]
    pub(crate) temperature: f64,
}

fn temperature(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=FURTHEST).contains(&number) => Ok(number),
        _ => Err(format!(
            "a temperature is a number from 0 to {FURTHEST}, such as 0.8"
        )),
    }
}

/// Where the images come from.
#[derive(Args)]
pub(crate) struct DataArguments {
    /// The images: MNIST if it is on this computer and else the built-in digits (auto), MNIST, any
    /// other data set in MNIST's or EMNIST's four files (idx), or the built-in digits (synthetic). For a trained
    /// model, auto is the data that it was trained on
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SourceName::Auto)]
    data: SourceName,
    #[arg(
        long,
        value_name = "DIRECTORY",
        value_parser = path(),
        help = "The directory of MNIST's four files \
        [default: $LATENT_DATA_DIR, then latent/mnist in the user's data directory]"
    )]
    data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SourceName {
    Auto,
    Mnist,
    Idx,
    Synthetic,
}

impl DataArguments {
    /// What `--data` names; `None` for auto.
    pub(crate) fn source(&self) -> Option<Source> {
        match self.data {
            SourceName::Auto => None,
            SourceName::Mnist => Some(Source::Mnist),
            SourceName::Idx => Some(Source::Idx),
            SourceName::Synthetic => Some(Source::Synthetic),
        }
    }

    /// What `--data-dir` names.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// The options that were given, and their values.
    pub(crate) fn options(&self) -> Vec<(&'static str, OsString)> {
        let source = self.source().map(|source| source.to_string().into());
        let directory = self.directory().map(|path| path.as_os_str().to_owned());
        [("data", source), ("data-dir", directory)]
            .into_iter()
            .filter_map(|(option, value)| Some((option, value?)))
            .collect()
    }

    /// Loads what `--data` names, or `auto` where it names nothing, and says what it took.
    pub(crate) fn load(&self, auto: Source, context: &Context) -> Result<Loaded, Error> {
        // Who names a directory wants what is in it.
        let auto = if self.data_dir.is_some() && auto == Source::Synthetic {
            Source::Auto
        } else {
            auto
        };
        context.load(self.source().unwrap_or(auto), self.data_dir.as_deref())
    }

    /// Loads what the arguments name, and else the data that were trained on: of a run, from the directory
    /// that it stores.
    fn load_own(
        &self,
        source: Source,
        run: Option<&Run>,
        context: &Context,
    ) -> Result<Loaded, Error> {
        let is_own = self.source().is_none_or(|asked| asked == source);
        let run = run.filter(|_| self.data_dir.is_none() && is_own);
        let data = run.map(Run::data).transpose()?.flatten();
        let (Some(run), Some(stored)) = (run, data.and_then(|data| data.directory)) else {
            return self.load(source, context);
        };
        let places = [&stored.resolved, &stored.given];
        if let Some(place) = places.into_iter().find(|place| has_idx_files(place)) {
            return context.load(source, Some(place));
        }
        let moved = || Error::DataMoved {
            run: run.directory().to_owned(),
            directory: stored.resolved.clone(),
        };
        if source != Source::Mnist {
            return Err(moved());
        }
        // Its checksums tell MNIST, wherever it is.
        context.load(source, None).map_err(|error| match error {
            Error::Data(latent_datasets::Error::NotFound { .. }) => moved(),
            error => error,
        })
    }

    /// Loads the data of a run that is to be continued, and lets it store their directory where another
    /// one is named.
    pub(crate) fn load_to_resume(&self, run: &Run, context: &Context) -> Result<Splits, Error> {
        let experiment = run.experiment()?;
        let loaded = self.load_own(experiment.data.source, Some(run), context)?;
        run.check_data(&loaded.splits)?;
        if let (Some(_), Some(directory)) = (&self.data_dir, &loaded.directory) {
            run.move_data(directory)?;
        }
        Ok(experiment.prepared(loaded.splits))
    }

    /// Loads images for a trained model: those that the arguments name, and else the data that it was
    /// trained on.
    ///
    /// # Errors
    /// Nothing is named, and what is found is not what the model was trained on.
    pub(crate) fn load_for(&self, model: &Model, context: &Context) -> Result<ModelData, Error> {
        let (trained, experiment) = (&model.metadata.data, &model.metadata.experiment);
        let loaded = self.load_own(experiment.data.source, model.run.as_ref(), context)?;
        let splits = loaded.splits;
        let size = |height: usize, width: usize| format!("{height} × {width}");
        if (trained.height, trained.width) != (splits.test.height(), splits.test.width()) {
            return Err(Error::ImageSize {
                model: size(trained.height, trained.width),
                data: size(splits.test.height(), splits.test.width()),
            });
        }
        let found = DataRecord::of(&experiment.prepared(splits.clone()));
        let others = (!trained.has_same_images(&found)).then(|| OtherData {
            model: shown_path(model).to_owned(),
            trained: trained.unlike(&found),
            found: found.unlike(trained),
        });
        let is_asked_for = self.source().is_some() || self.data_dir.is_some();
        if let Some(OtherData {
            model,
            trained,
            found,
        }) = &others
        {
            if !is_asked_for {
                return Err(Error::OtherData {
                    model: model.clone(),
                    trained: trained.clone(),
                    found: found.clone(),
                    source_name: loaded.source,
                });
            }
            context.say(&format!(
                "note: {} was trained on other data than {found}: on {trained}",
                model.display()
            ));
        }
        let is_conditional = model.model.conditional().is_ok();
        let classes = is_conditional.then(|| trained.classes.clone());
        if let Some(seen) = &classes {
            let mut left_out = [splits.train.classes(), splits.test.classes()].concat();
            left_out.retain(|class| !seen.contains(class));
            left_out.sort_unstable();
            left_out.dedup();
            if !left_out.is_empty() {
                context.say(&format!(
                    "note: images of class {} are left out: the model saw none in training",
                    list(&left_out)
                ));
            }
        }
        Ok(ModelData {
            splits,
            others,
            classes,
        })
    }
}

/// Classes as a reader writes them.
pub(crate) fn list(classes: &[u8]) -> String {
    let classes: Vec<_> = classes.iter().map(u8::to_string).collect();
    classes.join(", ")
}

/// How a model is named: by its run, or by its file.
fn shown_path(model: &Model) -> &Path {
    model.run.as_ref().map_or(&model.path, Run::directory)
}

/// A model's own data, and others that it is used with, in words.
#[derive(Clone)]
pub(crate) struct OtherData {
    pub(crate) model: PathBuf,
    pub(crate) trained: String,
    pub(crate) found: String,
}

/// The data that a model is used with.
pub(crate) struct ModelData {
    /// All images of the data set.
    pub(crate) splits: Splits,
    /// Where they are not those that the model was trained on.
    pub(crate) others: Option<OtherData>,
    /// The classes that a conditional model saw in training; `None` of any other.
    classes: Option<Vec<u8>>,
}

impl ModelData {
    /// The data set's name.
    pub(crate) fn name(&self) -> &str {
        &self.splits.name
    }

    /// The test images, for a conditional model those of classes that it saw in training.
    pub(crate) fn test(&self) -> Dataset {
        self.usable(&self.splits.test)
    }

    /// The training images, as [`Self::test`].
    pub(crate) fn train(&self) -> Dataset {
        self.usable(&self.splits.train)
    }

    fn usable(&self, images: &Dataset) -> Dataset {
        let images = images.clone();
        match &self.classes {
            Some(classes) => images.of_classes(classes),
            None => images,
        }
    }

    /// What the JSON of a command says of the images that it evaluated, part of the test images: which they
    /// are, and whether the model was trained on this data set.
    pub(crate) fn facts(&self, test: &Dataset) -> Map<String, Value> {
        let facts = [
            ("data", json!(self.splits.name)),
            ("checksum", json!(test.checksum())),
            ("split", json!("test")),
            ("images", json!(test.len())),
            ("trained_on_these_data", json!(self.others.is_none())),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        facts.into_iter().collect()
    }
}

/// A trained model.
#[derive(Args)]
pub(crate) struct ModelArgument {
    #[arg(
        value_parser = path(),
        help = "A run directory, a .safetensors file, a pretrained model (`latent models list`), or \
        hf://owner/repository/file.safetensors on a hub"
    )]
    model: PathBuf,
}

impl ModelArgument {
    pub(crate) fn path(&self) -> &Path {
        &self.model
    }

    pub(crate) fn load(&self, context: &Context) -> Result<Model, Error> {
        let path = &self.model;
        let Some(name) = path.to_str().filter(|_| !path.exists()) else {
            return load_model(path, &context.device)
                .map_err(|error| Error::of_weights(path, error));
        };
        if name.starts_with(HubFile::SCHEME) {
            let path = fetched(&Hub::from_env()?, &name.parse()?, context)?;
            return Ok(load_model(&path, &context.device)?);
        }
        if let Some(model) = pretrained::load(name, context)? {
            return Ok(model);
        }
        load_model(path, &context.device).map_err(|error| match error {
            latent_training::Error::NoModel { path, nearest } => {
                let nearest = nearest.or_else(|| pretrained::nearest(name));
                latent_training::Error::NoModel { path, nearest }.into()
            }
            error => error.into(),
        })
    }
}

/// A file from a hub, with a bar while it arrives.
pub(crate) fn fetched(hub: &Hub, file: &HubFile, context: &Context) -> Result<PathBuf, Error> {
    watched(&file.to_string(), context, |watch| hub.fetch(file, watch))
}

/// What `fetch` fetches, with a bar while it arrives.
pub(crate) fn watched<E: Into<Error>>(
    file: &str,
    context: &Context,
    fetch: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<Fetched, E>,
) -> Result<PathBuf, Error> {
    let mut bar = None;
    let fetched = fetch(&mut |progress| {
        bar.get_or_insert_with(|| Counting::bytes(progress.total, context))
            .reached(progress.received as usize);
    })
    .map_err(E::into)?;
    drop(bar);
    if let Some(reason) = fetched.unchecked {
        context.warn(&format!(
            "{file} is taken from the cache and may be out of date: {reason}"
        ));
    }
    Ok(fetched.path)
}

/// A seed: any number that a TOML file can hold.
pub(crate) fn seed() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(..=i64::MAX as u64)
}

/// One of the digits.
pub(crate) fn digit() -> Trimmed<clap::builder::RangedI64ValueParser<u8>> {
    Trimmed(clap::value_parser!(u8).range(0..=9))
}

/// A value with spaces around it, as those of a list such as `3, 1, 4` have.
#[derive(Clone)]
pub(crate) struct Trimmed<P>(pub(crate) P);

impl<P: TypedValueParser> TypedValueParser for Trimmed<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let value = value.to_str().map_or(value, |text| OsStr::new(text.trim()));
        self.0.parse_ref(command, argument, value)
    }
}

/// Where a picture goes and what its random draws come from.
#[derive(Args)]
pub(crate) struct DrawArguments {
    /// The file to write: .png, .svg, or .npy for the numbers behind the picture [default: a PNG in
    /// the run's figures/, or here of a model that is no run]
    #[arg(long, value_name = "FILE", value_parser = picture_path())]
    out: Option<PathBuf>,
    /// What random draws come from [default: the experiment's seed]
    #[arg(long, value_parser = seed())]
    seed: Option<u64>,
}

impl DrawArguments {
    pub(crate) fn seed(&self, model: &Model) -> u64 {
        self.seed.unwrap_or(model.metadata.experiment.seed)
    }

    /// A picture of this name, to be saved where it goes.
    pub(crate) fn drawn(
        &self,
        picture: impl Picture + 'static,
        model: &Model,
        name: &str,
    ) -> Shown {
        Shown::drawn(picture, self.path(model, name))
    }

    /// Where a picture of this name goes.
    fn path(&self, model: &Model, name: &str) -> PathBuf {
        let given = self.out.clone();
        given.unwrap_or_else(|| default_path(model, name))
    }
}

/// What a command found, before anything of it is saved or printed.
pub(crate) struct Shown {
    /// A picture of it.
    pub(crate) picture: Option<Box<dyn Picture>>,
    /// Where the picture goes, if anywhere.
    pub(crate) path: Option<PathBuf>,
    /// What is printed for people, above the names of the files.
    pub(crate) words: String,
    /// What is printed for programs, besides the names of the files.
    pub(crate) object: Value,
}

impl Shown {
    /// A picture and nothing besides.
    pub(crate) fn drawn(picture: impl Picture + 'static, path: PathBuf) -> Self {
        Self {
            picture: Some(Box::new(picture)),
            path: Some(path),
            words: String::new(),
            object: json!({}),
        }
    }

    /// Figures and no picture.
    pub(crate) fn measured(words: String, object: Value) -> Self {
        Self {
            picture: None,
            path: None,
            words,
            object,
        }
    }

    /// Adds to what is printed for programs.
    pub(crate) fn add(&mut self, facts: Map<String, Value>) {
        if let Value::Object(object) = &mut self.object {
            object.extend(facts);
        }
    }

    /// Saves the picture, and prints the words or the object with the names of the files.
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

/// The confusion matrix of the classes that a model saw in training and of any others that occur.
pub(crate) fn confusion_matrix(
    seen: &[u8],
    shown: &[u8],
    taken_for: &[u8],
) -> Result<ConfusionMatrix, Error> {
    let mut classes = [seen, shown, taken_for].concat();
    classes.sort_unstable();
    classes.dedup();
    Ok(ConfusionMatrix::of_classes(classes, shown, taken_for)?)
}

/// What was found of digits that were taken for others: the picture, and what is said of it.
pub(crate) struct Verdict<'a> {
    pub(crate) matrix: ConfusionMatrix,
    /// The picture's title.
    pub(crate) title: String,
    /// What is printed above the picture's file.
    pub(crate) words: String,
    /// The name of the picture.
    pub(crate) name: &'a str,
    /// What the JSON holds besides the accuracy, the counts and the files.
    pub(crate) object: Value,
}

impl DrawArguments {
    /// The confusion matrix, to be saved where it goes, and what it says.
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

/// Paths as text, for people and JSON.
pub(crate) fn paths(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}

/// `figures/NAME.png` of the run, or beside where one stands for a model without a run.
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

/// How a model is measured and its data encoded: as it was trained.
pub(crate) fn batching(model: &Model, seed: u64) -> Batching {
    Batching {
        size: EVALUATION_BATCH,
        binarise: model.metadata.experiment.data.binarise,
        seed,
    }
}

/// Refuses a picture of the latent plane for a model that has none.
pub(crate) fn require_plane(model: &AnyModel, picture: &'static str) -> Result<(), Error> {
    match model.latent_size() {
        2 => Ok(()),
        dimensions => Err(Error::NotAPlane {
            picture,
            dimensions,
        }),
    }
}
