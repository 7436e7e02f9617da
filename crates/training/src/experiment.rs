use latent_datasets::{Source, Splits};
use latent_kernels::Adam;
use latent_models::{ImageSize, ModelConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::suggestion::nearest;
use crate::{Error, Schedule};

/// What is trained, on what, and how: all that a run needs to be done again.
///
/// ```
/// use latent_training::Experiment;
///
/// let text = r#"
///     name = "vae-2d"
///     [model]
///     kind = "vae"
///     hidden = [512]
///     latent_size = 2
///     [training]
///     epochs = 10
/// "#;
/// let experiment = Experiment::parse(text, "vae-2d.toml", &["training.epochs=3".to_owned()])?;
/// assert_eq!(experiment.training.epochs, 3);
///
/// let error = Experiment::parse(text, "vae-2d.toml", &["training.epoch=3".to_owned()]).unwrap_err();
/// assert!(error.to_string().ends_with("did you mean `training.epochs`?"));
/// # Ok::<(), latent_training::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// What it is called; a run's directory is named after it.
    pub name: String,
    /// One sentence for the list of experiments.
    #[serde(default)]
    pub description: String,
    /// The assignments' tasks that it is for: names of recipes.
    #[serde(default)]
    pub tasks: Vec<String>,
    /// What all randomness comes from.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// What it is trained on.
    #[serde(default)]
    pub data: DataConfig,
    /// What is trained.
    pub model: ModelConfig,
    /// How it is trained.
    #[serde(default)]
    pub training: TrainingConfig,
}

/// The data of an [`Experiment`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataConfig {
    /// Where the images come from.
    pub source: Source,
    /// Whether pixels are drawn as 0 or 1 in every epoch anew.
    pub binarise: bool,
    /// Use only so many images of each split, the first ones.
    pub limit: Option<usize>,
}

/// How an [`Experiment`] is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingConfig {
    /// How many times every image is seen.
    pub epochs: usize,
    /// Images in a batch.
    pub batch_size: usize,
    /// Adam's α.
    pub learning_rate: f64,
    /// Adam's β₁.
    pub beta1: f64,
    /// Adam's β₂.
    pub beta2: f64,
    /// Adam's ε.
    pub epsilon: f64,
    /// The length that the gradient of all variables together is shortened to if it is longer: Pascanu
    /// et al. 2013, algorithm 1.
    pub gradient_clip: Option<f64>,
    /// Decay, a step, of the running average of the weights that is measured and saved in their
    /// place: Polyak & Juditsky 1992. It starts lower, so that the beginning is soon forgotten.
    pub weight_average: Option<f64>,
    /// What the learning rate is multiplied by in the course of the training.
    pub schedule: Schedule,
    /// The share of the weights that goes in a step of size 1: Loshchilov & Hutter 2019. Biases and
    /// scales stay.
    pub weight_decay: f64,
    /// How many training images, the last ones, are held out to choose by: the weights are kept of the
    /// epoch after which the loss of these is lowest. (A sixth of all, where that is fewer.) Where the number
    /// of draws changes in the course of the training, the search starts anew: only losses of one bound
    /// are compared.
    pub validation: usize,
    /// Epochs without a lower loss of the validation images after which training ends, counted anew where
    /// the search for the best epoch starts anew.
    pub patience: Option<usize>,
}

impl Default for TrainingConfig {
    /// Ten epochs in batches of 128, with Adam as published.
    fn default() -> Self {
        let Adam {
            learning_rate,
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = Adam::default();
        Self {
            epochs: 10,
            batch_size: 128,
            learning_rate,
            beta1,
            beta2,
            epsilon,
            gradient_clip: None,
            weight_average: None,
            schedule: Schedule::default(),
            weight_decay,
            validation: 0,
            patience: None,
        }
    }
}

fn default_seed() -> u64 {
    1
}

/// Keys that need not have a value, and so are missing from an experiment written back.
const OPTIONAL_KEYS: [&str; 4] = [
    "data.limit",
    "training.gradient_clip",
    "training.weight_average",
    "training.patience",
];

impl Experiment {
    /// Reads an experiment from TOML and then sets `key=value` pairs in it, such as
    /// `training.epochs=3` or `model.activation=tanh`. `origin` is what errors call the text.
    ///
    /// # Errors
    /// The text or a pair is not valid TOML, a key does not exist (the error names the nearest that
    /// does), or [`Self::check`] finds a value impossible.
    pub fn parse(text: &str, origin: &str, settings: &[String]) -> Result<Self, Error> {
        let toml_error = |origin: &str, reason: toml::de::Error| Error::Toml {
            origin: origin.to_owned(),
            reason: shortened(reason.to_string().trim_end()),
        };
        let mut table: Table = text.parse().map_err(|reason| toml_error(origin, reason))?;
        // The text as it stands is read first: its errors have line numbers, and are not the
        // fault of a setting.
        let parsed = toml::from_str::<Self>(text).map_err(|reason| toml_error(origin, reason))?;
        parsed.refuse_unknown(&table, origin)?;

        for setting in settings {
            let origin = setting.clone();
            let Some((key, value)) = setting.split_once('=') else {
                return Err(Error::Toml {
                    origin,
                    reason: "expected key=value, such as training.epochs=3".to_owned(),
                });
            };
            set(&mut table, key.trim(), parse_value(value.trim())).map_err(|reason| {
                Error::Toml {
                    origin: origin.clone(),
                    reason,
                }
            })?;
            let changed: Self = table
                .clone()
                .try_into()
                .map_err(|reason| toml_error(&origin, reason))?;
            changed.refuse_unknown(&table, &origin)?;
        }
        let experiment: Self = table
            .try_into()
            .map_err(|reason| toml_error(origin, reason))?;
        experiment.check(origin)?;
        Ok(experiment)
    }

    /// Whether this can be trained.
    ///
    /// # Errors
    /// [`Error::Value`] names the key with the impossible value.
    pub fn check(&self, origin: &str) -> Result<(), Error> {
        let rules = [
            (
                self.name.trim().is_empty(),
                "name",
                self.name.clone(),
                "give the experiment a name",
            ),
            (
                self.name
                    .contains(|c: char| c == '/' || c == '\\' || c.is_control())
                    || self.name == "."
                    || self.name == "..",
                "name",
                self.name.clone(),
                "a directory is named after it, so it can be neither `.` nor `..` nor hold a slash or a control character",
            ),
            (
                self.data.limit == Some(0),
                "data.limit",
                "0".to_owned(),
                WHOLE,
            ),
            (
                self.data.binarise && self.model.is_exact(),
                "data.binarise",
                "true".to_owned(),
                "a flow is a density of grey pixels: set it to false",
            ),
        ];
        if let Some((key, value, remedy)) = broken(rules).or_else(|| self.training.fault()) {
            let (origin, key) = (origin.to_owned(), key.to_owned());
            return Err(Error::Value {
                origin,
                key,
                value,
                remedy,
            });
        }
        // What the images are like is not known yet; so many are enough for every model.
        self.check_for(origin, (2, 2))
    }

    /// Whether the model can exist for images of this size.
    ///
    /// # Errors
    /// [`Error::Value`] names the key with the impossible value.
    pub fn check_for(&self, origin: &str, image: ImageSize) -> Result<(), Error> {
        self.model.check(image).map_err(|error| match error {
            latent_models::Error::Config { key, value, remedy } => Error::Value {
                origin: origin.to_owned(),
                // The size of the images is the data's, and no key of an experiment.
                key: if key.starts_with("image") || key == "pixels" {
                    key.to_owned()
                } else {
                    format!("model.{key}")
                },
                value,
                remedy,
            },
            other => other.into(),
        })
    }

    /// Whether there are images to train on, to choose by where that is asked for, and to judge by.
    ///
    /// # Errors
    /// [`Error::NoImages`] names the split that would have none.
    pub fn check_splits(&self, splits: &Splits) -> Result<(), Error> {
        // At least one is left to train on, and one to choose by.
        let least = if self.training.validation > 0 { 2 } else { 1 };
        for (split, images, least) in [
            ("train", splits.train.len(), 1),
            ("validation", splits.train.len(), least),
            ("test", splits.test.len(), 1),
        ] {
            if images < least {
                return Err(Error::NoImages { split });
            }
        }
        Ok(())
    }

    /// The experiment as TOML, every value written out.
    ///
    /// # Errors
    /// A number is too large for TOML, whose integers have 63 bits.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|reason| Error::Toml {
            origin: self.name.clone(),
            reason: reason.to_string(),
        })
    }

    /// All numbers in it by their keys, such as `training.epochs`.
    ///
    /// # Errors
    /// As [`Self::to_toml`].
    pub fn numbers(&self) -> Result<Vec<(String, f64)>, Error> {
        let table = self.to_table()?;
        let number = |key: String| {
            let value = lookup(&table, &key)?;
            let number = value.as_float().or(value.as_integer().map(|n| n as f64))?;
            Some((key, number))
        };
        Ok(keys(&table, "").into_iter().filter_map(number).collect())
    }

    /// All values in it by their keys, as TOML writes them, such as `training.epochs` and `10`.
    ///
    /// # Errors
    /// As [`Self::to_toml`].
    pub fn settings(&self) -> Result<Vec<(String, String)>, Error> {
        let table = self.to_table()?;
        let setting = |key: String| {
            let value = lookup(&table, &key)?.to_string();
            Some((key, value))
        };
        Ok(keys(&table, "").into_iter().filter_map(setting).collect())
    }

    fn to_table(&self) -> Result<Table, Error> {
        self.to_toml()?
            .parse()
            .map_err(|reason: toml::de::Error| Error::Toml {
                origin: self.name.clone(),
                reason: reason.to_string(),
            })
    }

    /// Finds keys that were read past: those that are not there when the experiment is written back.
    fn refuse_unknown(&self, table: &Table, origin: &str) -> Result<(), Error> {
        let written = self.to_table()?;
        let mut known = keys(&written, "");
        known.extend(OPTIONAL_KEYS.map(str::to_owned));
        let is_known = |key: &String| {
            known.contains(key)
                || known
                    .iter()
                    .any(|name| name.starts_with(&format!("{key}.")))
        };
        let Some(key) = keys(table, "").into_iter().find(|key| !is_known(key)) else {
            return Ok(());
        };
        let nearest = nearest(&key, &known);
        let key = shortened(&key);
        Err(Error::UnknownKey {
            origin: origin.to_owned(),
            key,
            nearest,
        })
    }
}

/// A key, its impossible value, and what to do about it.
type Fault = (&'static str, String, &'static str);

const WHOLE: &str = "it must be 1 or more";

/// The first rule that is broken, of rules that say so themselves.
fn broken<const N: usize>(rules: [(bool, &'static str, String, &'static str); N]) -> Option<Fault> {
    let (_, key, value, remedy) = rules.into_iter().find(|(is_broken, ..)| *is_broken)?;
    Some((key, value, remedy))
}

impl TrainingConfig {
    fn fault(&self) -> Option<Fault> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let number = "it must be a positive number";
        let share = "it must be at least 0 and less than 1";
        let rules = [
            (
                self.epochs == 0,
                "training.epochs",
                self.epochs.to_string(),
                WHOLE,
            ),
            (
                self.batch_size == 0,
                "training.batch_size",
                self.batch_size.to_string(),
                WHOLE,
            ),
            (
                !positive(self.learning_rate),
                "training.learning_rate",
                self.learning_rate.to_string(),
                number,
            ),
            (
                !decay(self.beta1),
                "training.beta1",
                self.beta1.to_string(),
                share,
            ),
            (
                !decay(self.beta2),
                "training.beta2",
                self.beta2.to_string(),
                share,
            ),
            (
                !positive(self.epsilon),
                "training.epsilon",
                self.epsilon.to_string(),
                number,
            ),
            (
                self.gradient_clip.is_some_and(|length| !positive(length)),
                "training.gradient_clip",
                self.gradient_clip.unwrap_or_default().to_string(),
                number,
            ),
            (
                self.weight_average.is_some_and(|value| !decay(value)),
                "training.weight_average",
                self.weight_average.unwrap_or_default().to_string(),
                share,
            ),
            (
                !(self.weight_decay.is_finite() && self.weight_decay >= 0.0),
                "training.weight_decay",
                self.weight_decay.to_string(),
                "it must be 0 or a positive number",
            ),
            (
                self.learning_rate * self.weight_decay >= 1.0,
                "training.weight_decay",
                self.weight_decay.to_string(),
                "times `training.learning_rate` it must be less than 1, or nothing is left of the weights",
            ),
            (
                self.patience == Some(0),
                "training.patience",
                "0".to_owned(),
                WHOLE,
            ),
            (
                self.patience.is_some() && self.validation == 0,
                "training.validation",
                "0".to_owned(),
                "with `training.patience` some images have to be held out, such as 10000",
            ),
        ];
        broken(rules).or_else(|| self.schedule.fault())
    }

    /// The constants of Adam's update when so many epochs are done, with fractions.
    pub fn adam(&self, epochs: f64) -> Adam {
        Adam {
            learning_rate: self.learning_rate * self.schedule.factor(epochs, self.epochs),
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
        }
    }
}

/// What an error shows of a text that may be a whole file.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 1000;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// All keys that have a value, written with dots.
fn keys(table: &Table, prefix: &str) -> Vec<String> {
    let entry = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) if !inner.is_empty() => keys(inner, &format!("{prefix}{key}.")),
        _ => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(entry).collect()
}

/// A bare word is a string: nobody wants to write `model.activation='"tanh"'` in a shell.
fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The value of a key with dots.
fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
    }
}

/// Sets a key. A part that becomes of another kind begins with what is usual for that kind: what the old
/// one had besides means nothing to it. (Models share most of their keys.)
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    if let Some(part) = key.strip_suffix(".kind")
        && part != "model"
        && lookup(table, key).is_some_and(|kind| *kind != value)
    {
        insert(table, part, Value::Table(Table::new()))?;
    }
    insert(table, key, value)
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => match table
            .entry(head)
            .or_insert_with(|| Value::Table(Table::new()))
        {
            Value::Table(inner) => insert(inner, rest, value),
            _ => Err(format!("`{head}` is a value and has no key `{rest}`")),
        },
    }
}
