//! The experiments that the program knows by name.

use std::fmt::Write;
use std::path::Path;

use latent_datasets::Source;
use latent_training::{Experiment, ModelMetadata, nearest};

use crate::Error;

macro_rules! files {
    ($($name:literal),*) => {
        &[$((
            $name,
            include_str!(concat!("../../../assets/experiments/", $name, ".toml")),
        )),*]
    };
}

/// Each file of `assets/experiments`, by the name of the experiment in it.
const EXPERIMENTS: &[(&str, &str)] = files!(
    "vae-2d",
    "aevb",
    "vae-mlp",
    "cvae-mlp",
    "vae-conv",
    "cvae-conv",
    "iwae-1",
    "iwae-50",
    "cvae-mlp-50",
    "vae-best",
    "nice",
    "realnvp-5",
    "realnvp-10",
    "cond-realnvp-5",
    "cond-realnvp-10",
    "flow-best",
    "cond-flow-best"
);

/// All experiments, in the order in which they are shown.
pub(crate) fn all() -> Result<Vec<Experiment>, Error> {
    EXPERIMENTS
        .iter()
        .map(|(name, text)| Ok(Experiment::parse(text, name, &[])?))
        .collect()
}

/// The experiment of a name, or in a TOML file, with settings.
pub(crate) fn find(name: &str, settings: &[String]) -> Result<Experiment, Error> {
    if let Some((name, text)) = EXPERIMENTS.iter().find(|(known, _)| *known == name) {
        return Ok(Experiment::parse(text, name, settings)?);
    }
    let path = Path::new(name);
    if path
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("toml"))
    {
        let names = EXPERIMENTS.iter().map(|(name, _)| *name);
        return Err(Error::NoExperiment {
            name: name.to_owned(),
            nearest: nearest(name, names),
        });
    }
    let bytes = latent_checkpoints::read(path).map_err(latent_training::Error::from)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::NotText(path.to_owned()))?;
    Ok(Experiment::parse(&text, name, settings)?)
}

/// The command that trains such a model.
pub(crate) fn command(metadata: &ModelMetadata) -> Result<String, Error> {
    let mut experiment = metadata.experiment.clone();
    let (seed, source) = (experiment.seed, experiment.data.source);
    let known = all()?
        .into_iter()
        .find(|known| known.name == experiment.name);
    let Some(known) = known else {
        return Ok("latent train EXPERIMENT.toml".to_owned());
    };
    experiment.seed = known.seed;
    experiment.data.source = known.data.source;
    // Words change nothing of what is trained.
    experiment.description.clone_from(&known.description);
    experiment.tasks.clone_from(&known.tasks);
    let what = if experiment == known {
        known.name
    } else {
        "EXPERIMENT.toml".to_owned()
    };
    let mut command = format!("latent train {what}");
    if source == Source::Mnist {
        command += " --data mnist";
    }
    if seed != known.seed {
        _ = write!(command, " --seed {seed}");
    }
    Ok(command)
}
