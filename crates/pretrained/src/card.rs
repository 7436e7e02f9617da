use std::fmt::Write;

use latent_checkpoints::{Collection, Entry};
use latent_models::{Preprocessing, Shape};
use latent_training::{Evaluation, ModelMetadata, thousands};

use crate::Error;

/// The commands or calls in a model card for training and using the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// The command or call that trains the model, if there is one.
    pub training: Option<String>,
    /// Commands or calls that use the model, one for each line.
    pub usage: Vec<String>,
}

/// The model card for an index entry, in Markdown.
pub(crate) struct Card<'a> {
    pub(crate) name: &'a str,
    pub(crate) entry: &'a Entry<ModelMetadata>,
    pub(crate) instructions: &'a Instructions,
}

impl Card<'_> {
    /// The text of the card.
    pub(crate) fn to_markdown(&self) -> Result<String, Error> {
        let metadata = &self.entry.metadata;
        let experiment = &metadata.experiment;
        let mut text = format!(
            "# {}\n\n{}.\n\n| | |\n|---|---|\n",
            self.name,
            plain(&experiment.description)
        );
        for (fact, words) in self.facts() {
            _ = writeln!(text, "| {fact} | {words} |");
        }
        let equations = experiment.model.equations(metadata.data.shape).join("\n");
        _ = write!(text, "\n## Model\n\n```text\n{equations}\n```\n");
        if let Some(metrics) = metadata.metrics.get("test") {
            let binarised = if experiment.data.binarise {
                ", pixels sampled as 0 or 1"
            } else {
                ""
            };
            let evaluation = Evaluation::from(metrics);
            let errors = if evaluation.standard_errors.is_empty() {
                ""
            } else {
                " (± two standard errors)"
            };
            _ = write!(
                text,
                "\n## Metrics\n\nMeans over the test images in nats{errors}, computed with the weights in this \
                 file{binarised}:\n\n```text\n{evaluation}\n```\n"
            );
        }
        if !self.instructions.usage.is_empty() {
            _ = write!(
                text,
                "\n## Use\n\n```text\n{}\n```\n",
                self.instructions.usage.join("\n")
            );
        }
        _ = write!(text, "\n## Limits\n\n{}\n", limits(&self.entry.metadata));
        let toml = experiment.to_toml()?;
        let mut fence = "```".to_owned();
        while toml.contains(&fence) {
            fence.push('`');
        }
        _ = write!(
            text,
            "\n## Experiment\n\n{fence}toml\n{}\n{fence}\n",
            toml.trim_end()
        );
        Ok(text)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let metadata = &self.entry.metadata;
        let (experiment, data) = (&metadata.experiment, &metadata.data);
        let mut facts = vec![
            ("Images", images(data.shape)),
            (
                "Latents",
                format!("{} dimensions", experiment.model.latent_size(data.shape)),
            ),
        ];
        if metadata.epoch == 0 {
            // Imported weights.
            let origin = "by another program, on unknown data";
            facts.push(("Training", origin.to_owned()));
        } else {
            let from = format!(
                "{}, {} training images (SHA-256 `{}`)",
                data_name(metadata),
                thousands(data.images),
                data.checksum
            );
            let how = format!(
                "seed {}, weights of epoch {}, latent {}",
                experiment.seed, metadata.epoch, metadata.version
            );
            let by = match &self.instructions.training {
                Some(training) => format!("`{training}` ({how})"),
                None => how,
            };
            facts.extend([("Data", from), ("Training", by)]);
        }
        facts.push((
            "File",
            format!(
                "`{}`, {}, safetensors (SHA-256 `{}`)",
                Collection::<ModelMetadata>::file(self.name),
                megabytes(self.entry.bytes),
                self.entry.sha256
            ),
        ));
        facts.push(("Licence", "MIT OR Apache-2.0, at your choice".to_owned()));
        facts
    }
}

/// A description of images with this shape.
fn images(shape: Shape) -> String {
    let Shape {
        channels,
        height,
        width,
    } = shape;
    let colours = match channels {
        1 => "grey".to_owned(),
        _ => format!("{channels} channels"),
    };
    format!("{height} × {width} pixels, {colours}, in [0, 1]")
}

/// The README of a collection, with the YAML header of a hub repository.
pub(crate) fn overview(models: &Collection<ModelMetadata>) -> String {
    let is_mnist = |entry: &Entry<ModelMetadata>| entry.metadata.data.name == "mnist";
    let datasets = if models.models().values().any(is_mnist) {
        "datasets:\n- ylecun/mnist\n"
    } else {
        ""
    };
    let mut text = format!(
        "---\nlicense: apache-2.0\nlibrary_name: latent\n{datasets}tags:\n- \
         safetensors\n- variational-autoencoder\n- normalizing-flow\n---\n\n# Small latent-variable models\n\n\
         Trained with latent. Each model has a card; `index.json` contains lengths and SHA-256 checksums.\n\n\
         | model | description | data | file | test metric, nats |\n|---|---|---|---|---|\n",
    );
    for (name, entry) in models.models() {
        let metadata = &entry.metadata;
        let metrics = metadata.metrics.get("test");
        let figure = metrics.and_then(|metrics| {
            [
                "marginal_log_density",
                "log_density",
                "log_likelihood",
                "elbo",
            ]
            .iter()
            .find_map(|figure| Some((*figure, *metrics.get(*figure)?)))
        });
        let figure = figure.map_or_else(String::new, |(figure, value)| {
            format!("{} {value:.2}", figure.replace('_', " "))
        });
        _ = writeln!(
            text,
            "| [`{name}`]({name}.md) | {} | {} | `{}`, {} | {figure} |",
            plain(&metadata.experiment.description),
            data_name(metadata),
            Collection::<ModelMetadata>::file(name),
            megabytes(entry.bytes)
        );
    }
    text
}

/// Untrusted text without Markdown's special characters.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '|' => '∣',
        '`' | '<' | '>' | '[' | ']' | '*' | '#' | '\\' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// The name of the data in its usual spelling.
fn data_name(metadata: &ModelMetadata) -> &str {
    match metadata.data.name.as_str() {
        "mnist" => "MNIST",
        other => other,
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn limits(metadata: &ModelMetadata) -> String {
    let what = match metadata.experiment.model.preprocessing() {
        Some(preprocessing) => {
            let space = match preprocessing {
                Preprocessing::Logit { .. } => "the pixels' logits",
                Preprocessing::Unit => "pixels in [0, 1]",
            };
            format!(
                "The density is exact; it is the density of {space} after dequantisation. Not every sample is \
                 recognisable: the density depends more on the values of single pixels than on strokes."
            )
        }
        None => "Samples are means of pixels, which are smoother than handwriting. The ELBO is a lower bound: the \
             log-likelihood is higher."
            .to_owned(),
    };
    let images = match metadata.data.name.as_str() {
        "mnist" | "synthetic" => {
            " The training images are single digits, upright, centred, and white on black."
        }
        _ => "",
    };
    format!(
        "{what}{images} The model is for teaching and experiments, not for recognition in practice."
    )
}
