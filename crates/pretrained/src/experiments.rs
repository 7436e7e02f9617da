use latent_training::Experiment;

use crate::Error;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The names of all experiments, in display order.
        pub const EXPERIMENTS: &[&str] = &[$($name),*];

        /// The TOML text of each experiment.
        const FILES: &[&str] = &[$(include_str!(concat!("../experiments/", $name, ".toml"))),*];
    };
}

files!(
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
    "vae-flow-prior",
    "cvae-flow-prior",
    "vae-ladder",
    "nice",
    "realnvp-5",
    "realnvp-10",
    "cond-realnvp-5",
    "cond-realnvp-10",
    "flow-best",
    "cond-flow-best",
    "flow-multiscale",
);

/// All experiments, in the order of [`EXPERIMENTS`].
///
/// # Errors
/// None in practice: the tests parse all experiments.
pub fn experiments() -> Result<Vec<Experiment>, Error> {
    EXPERIMENTS
        .iter()
        .map(|name| experiment(name, &[]))
        .collect()
}

/// The experiment with this name, changed by settings such as `training.epochs=5`.
///
/// # Errors
/// [`Error::UnknownExperiment`]; [`Error::Training`] if a setting has an unknown key or an invalid value.
pub fn experiment(name: &str, settings: &[String]) -> Result<Experiment, Error> {
    let text = experiment_text(name).ok_or_else(|| Error::UnknownExperiment(name.to_owned()))?;
    Ok(Experiment::parse(text, name, settings)?)
}

/// The experiment with this name as TOML, without the defaults; `None` if there is none.
pub fn experiment_text(name: &str) -> Option<&'static str> {
    let mut known = EXPERIMENTS.iter().zip(FILES);
    let (_, text) = known.find(|(known, _)| **known == name)?;
    Some(text)
}
