//! Value types of command-line arguments, and functions that print lists and paths.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use latent_figures::Encoding;
use latent_training::{DataRecord, Model};

use crate::Error;

/// The largest distance of a latent from the prior's mean: far beyond the data, and small enough that decoded values stay
/// finite in 32 bits.
pub(crate) const FURTHEST: f64 = 1e6;

/// Encoding of images.
#[derive(Args)]
pub(crate) struct EncodingArgument {
    /// How the latent of an image is chosen
    #[arg(long, value_enum, default_value_t = Latent::Mean)]
    latent: Latent,
}

#[derive(Clone, Copy, ValueEnum)]
enum Latent {
    /// Mean of q(z|x)
    Mean,
    /// Sample from q(z|x); `latent plot latents` and `latent evaluate` with the same seed use the same samples
    Sample,
}

impl EncodingArgument {
    pub(crate) fn encoding(&self) -> Encoding {
        match self.latent {
            Latent::Mean => Encoding::Mean,
            Latent::Sample => Encoding::Sample,
        }
    }
}

/// Temperature of samples from the prior.
#[derive(Args)]
pub(crate) struct TemperatureArgument {
    /// Factor of the standard deviation of the prior: below 1, samples are more typical and less diverse
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

/// A seed: any integer that TOML supports.
pub(crate) fn seed() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(..=i64::MAX as u64)
}

/// A class, by its name or number.
#[derive(Clone)]
pub(crate) struct Class(String);

impl Class {
    /// Parses a class, without surrounding spaces. Which classes there are is known only with the model.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("a class is needed, by its name or number".to_owned()),
            name => Ok(Self(name.to_owned())),
        }
    }

    /// The label of the class for a model.
    pub(crate) fn label(&self, model: &Model) -> Result<u8, Error> {
        Ok(model.metadata.data.label_of(&self.0)?)
    }
}

/// Three classes of the training images, as a value of `--labels`: by name, where the name is read back as this class.
pub(crate) fn three_classes(data: &DataRecord) -> String {
    let known = &data.classes_present;
    let usual = [3, 1, 4];
    let chosen = if usual.iter().all(|label| known.contains(label)) {
        &usual[..]
    } else {
        &known[..known.len().min(3)]
    };
    let word = |&label: &u8| {
        let name = data.class_name(label);
        let is_one_word = !name.contains(',') && name.trim() == name;
        let is_read_back = is_one_word && data.label_of(&name).is_ok_and(|read| read == label);
        if is_read_back {
            name
        } else {
            label.to_string()
        }
    };
    chosen.iter().map(word).collect::<Vec<_>>().join(",")
}

/// The labels of classes for a model.
pub(crate) fn labels_of(classes: &[Class], model: &Model) -> Result<Vec<u8>, Error> {
    classes.iter().map(|class| class.label(model)).collect()
}

/// A number of images or epochs.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a whole number of 1 or more is needed".to_owned()),
    }
}

/// A value parser that ignores surrounding spaces, as in the list `3, 1, 4`.
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

/// Classes as text, separated by commas.
pub(crate) fn list(classes: &[impl ToString]) -> String {
    let classes: Vec<_> = classes.iter().map(ToString::to_string).collect();
    classes.join(", ")
}

/// Paths as text.
pub(crate) fn paths(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}
