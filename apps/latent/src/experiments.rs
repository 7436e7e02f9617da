//! Experiments by name or file.

use std::fmt::Write;
use std::path::Path;

use latent_datasets::Source;
use latent_pretrained::{EXPERIMENTS, experiment};
use latent_training::{Experiment, ModelMetadata};

use crate::Error;
use crate::suggestion::nearest;

/// The experiment with this name or in this TOML file, with settings.
pub(crate) fn find(name: &str, settings: &[String]) -> Result<Experiment, Error> {
    use latent_pretrained::Error::UnknownExperiment;
    match experiment(name, settings) {
        Err(UnknownExperiment(_)) => {}
        found => return Ok(found?),
    }
    Ok(Experiment::parse(&text_of(name)?, name, settings)?)
}

/// The text of an experiment's file.
fn text_of(name: &str) -> Result<String, Error> {
    let path = Path::new(name);
    if path
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("toml"))
    {
        return Err(Error::NoExperiment {
            name: name.to_owned(),
            nearest: nearest(name, EXPERIMENTS),
        });
    }
    let bytes = latent_checkpoints::read(path).map_err(latent_training::Error::from)?;
    String::from_utf8(bytes).map_err(|_| Error::NotText(path.to_owned()))
}

/// Whether the experiment with this name or in this file, or a setting, gives a value for a key.
pub(crate) fn gives(name: &str, settings: &[String], key: &str) -> Result<bool, Error> {
    let is_set = |setting: &String| {
        setting
            .split_once('=')
            .is_some_and(|(set, _)| set.trim() == key)
    };
    if settings.iter().any(is_set) {
        return Ok(true);
    }
    let text = match latent_pretrained::experiment_text(name) {
        Some(text) => text.to_owned(),
        None => text_of(name)?,
    };
    Ok(Experiment::gives(&text, key))
}

/// The command that trains a model like this one.
pub(crate) fn command(metadata: &ModelMetadata) -> String {
    let mut experiment = metadata.experiment.clone();
    let (seed, source) = (experiment.seed, experiment.data.source);
    let Ok(known) = latent_pretrained::experiment(&experiment.name, &[]) else {
        return "latent train EXPERIMENT.toml".to_owned();
    };
    experiment.seed = known.seed;
    experiment.data.source = known.data.source;
    // A description does not change the training.
    experiment.description.clone_from(&known.description);
    let what = if experiment == known {
        &known.name
    } else {
        "EXPERIMENT.toml"
    };
    let mut command = format!("latent train {what}");
    if source == Source::Mnist {
        command += " --data mnist";
    }
    if seed != known.seed {
        _ = write!(command, " --seed {seed}");
    }
    command
}
