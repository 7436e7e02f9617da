mod table;
mod training_config;

use latent_datasets::{Dataset, ImageOptions, Source, Splits};
use latent_models::{Likelihood, ModelConfig, Shape};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::Error;
use table::{keys, lookup, parse_value, set, shortened};
pub use training_config::TrainingConfig;
use training_config::{WHOLE, broken};

/// The configuration of an experiment: model, data, training and seed. It determines the result of a run.
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
/// assert!(error.to_string().ends_with("there is no key `training.epoch`"));
/// # Ok::<(), latent_training::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// The name, which is also the default name of the run directory.
    pub name: String,
    /// A description in one sentence, for the list of experiments.
    #[serde(default)]
    pub description: String,
    /// The seed of all random numbers.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The data.
    #[serde(default)]
    pub data: DataConfig,
    /// The model.
    pub model: ModelConfig,
    /// The training.
    #[serde(default)]
    pub training: TrainingConfig,
}

/// The data configuration of an [`Experiment`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataConfig {
    /// The source of the images.
    pub source: Source,
    /// How pictures become images: the keys `size`, `grey` and `invert`.
    #[serde(flatten)]
    pub images: ImageOptions,
    /// Whether pixels are binarised by sampling, anew in every epoch.
    pub binarise: bool,
    /// The largest number of images of each split; the first ones are used.
    pub limit: Option<usize>,
}

fn default_seed() -> u64 {
    1
}

/// Keys that serialisation omits if they are not set.
const OPTIONAL_KEYS: [&str; 7] = [
    "data.size",
    "data.grey",
    "data.invert",
    "data.limit",
    "training.max_grad_norm",
    "training.ema_decay",
    "training.patience",
];

impl Experiment {
    /// Parses an experiment in TOML and applies `settings`, pairs `key=value` such as
    /// `training.epochs=3` or `model.activation=tanh`. Errors name the text `origin`.
    ///
    /// # Errors
    /// The text or a setting is not valid TOML; [`Error::UnknownKey`], which lists the keys that exist;
    /// the errors of [`Self::check`].
    pub fn parse(text: &str, origin: &str, settings: &[String]) -> Result<Self, Error> {
        let toml_error = |origin: &str, reason: toml::de::Error| Error::Toml {
            origin: origin.to_owned(),
            reason: shortened(reason.to_string().trim_end()),
        };
        let mut table: Table = text.parse().map_err(|reason| toml_error(origin, reason))?;
        // The text is parsed before the settings are applied: its errors have line numbers, and are not
        // attributed to a setting.
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

    /// Whether an experiment in TOML gives a value for a key, such as `model.likelihood`.
    pub fn gives(text: &str, key: &str) -> bool {
        let table: Option<Table> = text.parse().ok();
        table.is_some_and(|table| lookup(&table, key).is_some())
    }

    /// Checks all values. Errors name the experiment `origin`.
    ///
    /// # Errors
    /// [`Error::Value`] for the first invalid value.
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
                "it is the name of a directory: it must not be `.` or `..`, and must not contain slashes or control characters",
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
                "a flow models grey pixels: set it to false",
            ),
            (
                self.data.binarise
                    && self.model.likelihood() == Some(Likelihood::DiscretisedLogistic),
                "data.binarise",
                "true".to_owned(),
                "the discretised logistic likelihood is for pixels with 256 levels: set it to false",
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
        // The shape of the images is not known yet; 2 × 2 pixels and one class are valid for every model.
        self.check_for(origin, Shape::grey(2, 2), 1)
    }

    /// Checks that the model can be built for images of this shape and this number of classes.
    ///
    /// # Errors
    /// [`Error::Value`] for the first invalid value.
    pub fn check_for(&self, origin: &str, image: Shape, classes: usize) -> Result<(), Error> {
        self.model
            .check(image, classes)
            .map_err(|error| match error {
                latent_models::Error::Config { key, value, remedy } => Error::Value {
                    origin: origin.to_owned(),
                    // The image size is a property of the data, not a key of an experiment.
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

    /// Selects the likelihood of a VAE that fits the images; returns it if it is another than before.
    ///
    /// Grey images whose pixels are nearly black or white have a Bernoulli likelihood: three quarters of them differ from
    /// 0 or 255 by at most a tenth of the range. All others have a discretised logistic likelihood, for which pixels are
    /// not binarised.
    pub fn fit_likelihood(&mut self, images: &Dataset) -> Option<Likelihood> {
        let before = self.model.likelihood()?;
        let near = images
            .images()
            .iter()
            .filter(|&&pixel| pixel.min(u8::MAX - pixel) <= 25);
        let is_binary =
            images.shape().channels == 1 && 4 * near.count() >= 3 * images.images().len();
        let likelihood = if is_binary {
            Likelihood::Bernoulli
        } else {
            Likelihood::DiscretisedLogistic
        };
        if likelihood == before {
            return None;
        }
        self.model.set_likelihood(likelihood);
        self.data.binarise &= is_binary;
        Some(likelihood)
    }

    /// Checks that the training, test and (if requested) validation splits have images, and labels if the model is
    /// conditional.
    ///
    /// # Errors
    /// [`Error::NoImages`] for the first split without images; [`Error::NoLabels`].
    pub fn check_splits(&self, splits: &Splits) -> Result<(), Error> {
        if self.model.is_conditional() && !splits.train.is_labelled() {
            return Err(Error::NoLabels {
                data: splits.name.clone(),
                needed_for: format!("the conditional model {}", self.name),
            });
        }
        // One image for training and one for validation.
        let least = if self.training.validation_images > 0 {
            2
        } else {
            1
        };
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

    /// The experiment as TOML, including default values.
    ///
    /// # Errors
    /// An integer is larger than TOML's limit, 2⁶³ − 1.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|reason| Error::Toml {
            origin: self.name.clone(),
            reason: reason.to_string(),
        })
    }

    /// The numeric values as (key, value), with keys such as `training.epochs`.
    ///
    /// # Errors
    /// Those of [`Self::to_toml`].
    pub fn numbers(&self) -> Result<Vec<(String, f64)>, Error> {
        let table = self.to_table()?;
        let number = |key: String| {
            let value = lookup(&table, &key)?;
            let number = value.as_float().or(value.as_integer().map(|n| n as f64))?;
            Some((key, number))
        };
        Ok(keys(&table, "").into_iter().filter_map(number).collect())
    }

    /// All values as (key, value in TOML syntax), such as (`training.epochs`, `10`).
    ///
    /// # Errors
    /// Those of [`Self::to_toml`].
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

    /// Returns an error for a key of `table` that deserialisation ignored: one that is missing when the experiment
    /// is serialised again.
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
        Err(Error::UnknownKey {
            origin: origin.to_owned(),
            key: shortened(&key),
            known,
        })
    }
}
