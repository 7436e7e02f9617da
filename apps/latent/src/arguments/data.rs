//! The options that select a data set.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use latent_datasets::{Loaded, Source, Splits, has_idx_files};
use latent_training::{DataDifference, Model, ModelData, Run};

use super::values::list;
use crate::paths::path;
use crate::shell::CommandLine;
use crate::{Context, Error};

/// The options that select a data set.
#[derive(Args)]
pub(crate) struct DataArguments {
    /// Data set: MNIST if found, otherwise synthetic digits (auto); MNIST (mnist); any data set in MNIST's or EMNIST's
    /// four files (idx); built-in synthetic digits (synthetic). For a trained model, auto is its training data
    #[arg(long, value_enum, value_name = "SOURCE", default_value_t = SourceName::Auto)]
    data: SourceName,
    #[arg(
        long,
        value_name = "DIRECTORY",
        value_parser = path(),
        help = "Directory of the four files \
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
    /// The source given by `--data`; `None` for auto.
    pub(crate) fn source(&self) -> Option<Source> {
        match self.data {
            SourceName::Auto => None,
            SourceName::Mnist => Some(Source::Mnist),
            SourceName::Idx => Some(Source::Idx),
            SourceName::Synthetic => Some(Source::Synthetic),
        }
    }

    /// The directory given by `--data-dir`.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// The given options with their values.
    pub(crate) fn options(&self) -> Vec<(&'static str, OsString)> {
        let source = self.source().map(|source| source.to_string().into());
        let directory = self.directory().map(|path| path.as_os_str().to_owned());
        [("data", source), ("data-dir", directory)]
            .into_iter()
            .filter_map(|(option, value)| Some((option, value?)))
            .collect()
    }

    /// Loads the data set given by `--data`, by default `auto`, and prints its origin.
    pub(crate) fn load(&self, auto: Source, context: &Context) -> Result<Loaded, Error> {
        // A given directory has priority over the synthetic digits.
        let auto = if self.data_dir.is_some() && auto == Source::Synthetic {
            Source::Auto
        } else {
            auto
        };
        context.load(self.source().unwrap_or(auto), self.data_dir.as_deref())
    }

    /// Loads the data set that the arguments select, otherwise the training data; for a run, from its stored directory.
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
        // MNIST is verified by its checksums, so any copy will do.
        context.load(source, None).map_err(|error| match error {
            Error::Data(latent_datasets::Error::NotFound { .. }) => moved(),
            error => error,
        })
    }

    /// Loads the data of a run to be resumed, and stores a directory given on the command line in the run.
    pub(crate) fn load_to_resume(&self, run: &Run, context: &Context) -> Result<Splits, Error> {
        let experiment = run.experiment()?;
        let loaded = self.load_own(experiment.data.source, Some(run), context)?;
        run.check_data(&loaded.splits)?;
        if let (Some(_), Some(directory)) = (&self.data_dir, &loaded.directory) {
            run.move_data(directory)?;
        }
        Ok(experiment.prepared(loaded.splits))
    }

    /// Loads the data set for a trained model: the one that the arguments select, otherwise its training data.
    ///
    /// # Errors
    /// The arguments select no data set, and the data found are not the training data.
    pub(crate) fn load_for(&self, model: &Model, context: &Context) -> Result<ModelData, Error> {
        let source = model.metadata.experiment.data.source;
        let loaded = self.load_own(source, model.run.as_ref(), context)?;
        let data = ModelData::new(model, loaded.splits)?;
        if let Some(DataDifference { trained, found }) = &data.difference {
            let is_asked_for = self.source().is_some() || self.data_dir.is_some();
            if !is_asked_for {
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
            context.say(&format!(
                "note: images of {} {} are left out: the model saw none in training",
                if data.unseen_classes.len() == 1 {
                    "class"
                } else {
                    "classes"
                },
                list(&data.unseen_classes)
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
        options.into_iter().fold(self, |line, (option, value)| {
            line.option_if_known(option, value)
        })
    }

    /// Adds `--data-dir`, if it was given and the command has it: for a model, whose metadata contain the source.
    #[must_use]
    pub(crate) fn data_directory(self, data: &DataArguments) -> Self {
        match data.directory() {
            Some(directory) => self.option_if_known("data-dir", directory),
            None => self,
        }
    }
}
