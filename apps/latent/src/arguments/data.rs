//! The options that select a data set.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::TypedValueParser;
use clap::{Args, value_parser};
use latent_datasets::{ImageOptions, Loaded, Size, Source, Splits};
use latent_training::{DataConfig, DataDifference, Model, ModelData, Run};

use super::values::list;
use crate::paths::path;
use crate::shell::CommandLine;
use crate::{Context, Error};

/// The options that select a data set.
#[derive(Args)]
pub(crate) struct DataArguments {
    #[arg(
        long,
        help_heading = "Data",
        value_name = "PATH|SOURCE",
        value_parser = choice(),
        default_value = "auto",
        help = "Your images: a folder of pictures (its subfolders are classes), a .npz or .npy file, IDX files, Parquet \
        files, or CIFAR-10's; or a source: MNIST if found, otherwise synthetic digits (auto), mnist, synthetic. For a \
        trained model, auto is its training data",
        long_help = "Your images: a folder of pictures (its subfolders are classes; `train` and `test` are used if \
        there), a .npz or .npy file, IDX files as MNIST's, Parquet files as the hub's, or CIFAR-10's binary files.\n\n\
        Or a source: auto (MNIST if found, otherwise synthetic digits; for a trained model its training data), mnist, \
        synthetic; and with --data-dir idx, pictures, arrays, parquet, cifar10. A path that is called like a source \
        is written ./mnist"
    )]
    data: Choice,
    #[arg(
        long,
        help_heading = "Data",
        value_name = "DIRECTORY",
        value_parser = path(),
        help = "Directory of the data of a source \
        [default: $LATENT_DATA_DIR, then latent/mnist in the user's data directory]"
    )]
    data_dir: Option<PathBuf>,
    /// Scale images until they cover this size, and cut out the middle
    #[arg(long, help_heading = "Data", value_name = "HEIGHTxWIDTH", value_parser = value_parser!(Size))]
    size: Option<Size>,
    /// Convert colours to grey
    #[arg(long, help_heading = "Data", visible_alias = "gray")]
    grey: bool,
    /// Replace each pixel by 255 minus it: for dark strokes on a bright background
    #[arg(long, help_heading = "Data")]
    invert: bool,
}

/// The value of `--data`.
#[derive(Clone)]
enum Choice {
    Source(Source),
    Path(PathBuf),
}

/// The name of a source, otherwise a path.
fn choice() -> impl TypedValueParser<Value = Choice> {
    path().map(|path| {
        let is_named = |source: &Source| path.as_os_str() == source.name();
        match Source::ALL.into_iter().find(is_named) {
            Some(source) => Choice::Source(source),
            None => Choice::Path(path),
        }
    })
}

/// A data set to load.
struct Selection {
    source: Source,
    path: Option<PathBuf>,
}

impl DataArguments {
    /// Whether the arguments select a data set.
    pub(crate) fn is_given(&self) -> bool {
        self.data_dir.is_some() || !matches!(self.data, Choice::Source(Source::Auto))
    }

    /// The data set that the arguments select, if they select one; `auto` is the source of a directory alone.
    ///
    /// # Errors
    /// There is no data set at a path, or two paths are given.
    fn selection(&self, auto: Source) -> Result<Option<Selection>, Error> {
        let (source, path) = match (&self.data, &self.data_dir) {
            (Choice::Path(path), Some(directory)) => {
                return Err(Error::TwoPaths {
                    data: path.clone(),
                    directory: directory.clone(),
                });
            }
            (Choice::Path(path), None) => (Source::of_path(path)?, Some(path)),
            (Choice::Source(Source::Auto), None) => return Ok(None),
            // A given directory has priority over the synthetic digits.
            (Choice::Source(Source::Auto), directory) if auto == Source::Synthetic => {
                (Source::Auto, directory.as_ref())
            }
            (Choice::Source(Source::Auto), directory) => (auto, directory.as_ref()),
            (Choice::Source(source), directory) => (*source, directory.as_ref()),
        };
        let path = path.cloned();
        Ok(Some(Selection { source, path }))
    }

    /// How images are prepared: `stored`, changed by the options that are given.
    fn images(&self, stored: &ImageOptions) -> ImageOptions {
        ImageOptions {
            size: self.size.or(stored.size),
            grey: self.grey || stored.grey,
            invert: self.invert || stored.invert,
        }
    }

    /// The given options with their values; no value for a flag.
    fn options(&self) -> Vec<(&'static str, Option<OsString>)> {
        let data = match &self.data {
            Choice::Source(Source::Auto) => None,
            Choice::Source(source) => Some(source.name().into()),
            Choice::Path(path) => Some(path.as_os_str().to_owned()),
        };
        let directory = self
            .data_dir
            .as_ref()
            .map(|path| path.as_os_str().to_owned());
        let size = self.size.map(|size| size.to_string().into());
        let values = [("data", data), ("data-dir", directory), ("size", size)];
        let values = values.into_iter().filter(|(_, value)| value.is_some());
        let flags = [("grey", self.grey), ("invert", self.invert)];
        let flags = flags.into_iter().filter(|(_, is_given)| *is_given);
        values.chain(flags.map(|(flag, _)| (flag, None))).collect()
    }

    /// Loads the data set that the arguments select, otherwise that of `config`, and prints its origin.
    pub(crate) fn load(&self, config: &DataConfig, context: &Context) -> Result<Loaded, Error> {
        let images = self.images(&config.images);
        let Selection { source, path } = self.selection(config.source)?.unwrap_or(Selection {
            source: config.source,
            path: None,
        });
        context.load(source, path.as_deref(), &images)
    }

    /// Loads the data set for an experiment, and stores in it what was loaded.
    pub(crate) fn load_for_experiment(
        &self,
        config: &mut DataConfig,
        context: &Context,
    ) -> Result<Loaded, Error> {
        config.images = self.images(&config.images);
        let loaded = self.load(config, context)?;
        config.source = loaded.source;
        Ok(loaded)
    }

    /// Loads the data set that the arguments select, otherwise the training data; for a run, from its stored path.
    fn load_own(
        &self,
        config: &DataConfig,
        run: Option<&Run>,
        context: &Context,
    ) -> Result<Loaded, Error> {
        let source = config.source;
        let is_own = match self.selection(source)? {
            None => true,
            Some(selection) => selection.path.is_none() && selection.source == source,
        };
        let data = match run.filter(|_| is_own) {
            Some(run) => run.data()?.and_then(|data| Some((run, data.directory?))),
            None => None,
        };
        let Some((run, stored)) = data else {
            return self.load(config, context);
        };
        let images = self.images(&config.images);
        let places = [&stored.resolved, &stored.given];
        if let Some(place) = places.into_iter().find(|place| source.is_at(place)) {
            return context.load(source, Some(place), &images);
        }
        let moved = || Error::DataMoved {
            run: run.directory().to_owned(),
            path: stored.resolved.clone(),
        };
        if source != Source::Mnist {
            return Err(moved());
        }
        // MNIST is verified by its checksums, so any copy will do.
        context
            .load(source, None, &images)
            .map_err(|error| match error {
                Error::Data(latent_datasets::Error::NotFound { .. }) => moved(),
                error => error,
            })
    }

    /// Loads the data of a run to be resumed, and stores a path given on the command line in the run.
    pub(crate) fn load_to_resume(&self, run: &Run, context: &Context) -> Result<Splits, Error> {
        let experiment = run.experiment()?;
        let loaded = self.load_own(&experiment.data, Some(run), context)?;
        run.check_data(&loaded.splits)?;
        let is_moved = self.data_dir.is_some() || matches!(self.data, Choice::Path(_));
        if let (true, Some(path)) = (is_moved, &loaded.path) {
            run.move_data(path)?;
        }
        Ok(experiment.prepared(loaded.splits))
    }

    /// Loads the data set for a trained model: the one that the arguments select, otherwise its training data.
    ///
    /// # Errors
    /// The arguments select no data set, and the data found are not the training data.
    pub(crate) fn load_for(&self, model: &Model, context: &Context) -> Result<ModelData, Error> {
        let config = &model.metadata.experiment.data;
        let loaded = self.load_own(config, model.run.as_ref(), context)?;
        let data = ModelData::new(model, loaded.splits)?;
        if let Some(DataDifference { trained, found }) = &data.difference {
            if !self.is_given() {
                return Err(Error::OtherData {
                    model: shown_path(model).to_owned(),
                    trained: trained.clone(),
                    found: found.clone(),
                    source_name: loaded.source,
                });
            }
            context.say(&format!(
                "note: {} was trained on other data ({trained}) than these ({found})",
                shown_path(model).display()
            ));
        }
        if !data.unseen_classes.is_empty() {
            let names: Vec<String> = data
                .unseen_classes
                .iter()
                .map(|&class| data.class_name(class))
                .collect();
            context.say(&format!(
                "note: images of {} {} are left out: the model saw none in training",
                if names.len() == 1 { "class" } else { "classes" },
                list(&names)
            ));
        }
        Ok(data)
    }
}

/// The path of a model for messages: its run or its file.
pub(crate) fn shown_path(model: &Model) -> &Path {
    model.run.as_ref().map_or(&model.path, Run::directory)
}

impl CommandLine {
    /// Adds the options that select the same data, if the command has them.
    #[must_use]
    pub(crate) fn data(self, data: &DataArguments) -> Self {
        let options = data.options();
        options
            .into_iter()
            .fold(self, |line, (option, value)| match value {
                Some(value) => line.option_if_known(option, value),
                None => line.flag_if_known(option),
            })
    }
}
