//! The options that name a data set, and what they stand for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use latent_datasets::{Loaded, Source, Splits, has_idx_files};
use latent_training::{DataDifference, Model, ModelData, Run};

use super::values::list;
use crate::paths::path;
use crate::shell::CommandLine;
use crate::{Context, Error};

/// Where the images come from.
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
                "note: {} was trained on other data than {found}: on {trained}",
                shown_path(model).display()
            ));
        }
        if !data.unseen_classes.is_empty() {
            context.say(&format!(
                "note: images of class {} are left out: the model saw none in training",
                list(&data.unseen_classes)
            ));
        }
        Ok(data)
    }
}

/// How a model is named: by its run, or by its file.
pub(crate) fn shown_path(model: &Model) -> &Path {
    model.run.as_ref().map_or(&model.path, Run::directory)
}

impl CommandLine {
    /// The options that name the same data again, where the command has them.
    #[must_use]
    pub(crate) fn data(self, data: &DataArguments) -> Self {
        let options = data.options();
        options.into_iter().fold(self, |line, (option, value)| {
            line.option_if_known(option, value)
        })
    }

    /// The directory of the data, where one was named and the command takes one: for a model, which says itself
    /// what kind of data it is for.
    #[must_use]
    pub(crate) fn data_directory(self, data: &DataArguments) -> Self {
        match data.directory() {
            Some(directory) => self.option_if_known("data-dir", directory),
            None => self,
        }
    }
}
