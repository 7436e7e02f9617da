//! What a model's file says of itself, as a page for people: a model card.

use std::fmt::Write;
use std::path::Path;

use latent_checkpoints::Entry;
use latent_datasets::Source;
use latent_models::{ModelConfig, Preprocessing};
use latent_training::{Metrics, ModelMetadata};
use serde_json::{Value, json};

use crate::pretrained::{self, Models, megabytes};
use crate::progress::thousands;
use crate::shell::CommandLine;
use crate::table::{ERROR, table, with_errors};
use crate::{Error, experiments};

/// The card of a model.
pub(crate) fn card(name: &str, entry: &Entry<ModelMetadata>) -> Result<String, Error> {
    let metadata = &entry.metadata;
    let (experiment, data) = (&metadata.experiment, &metadata.data);
    let image = (data.height, data.width);
    let mut text = format!("# {name}\n\n{}.\n\n", plain(&experiment.description));
    let mut facts = vec![
        (
            "Images",
            format!("{} × {} pixels, grey, in [0, 1]", data.height, data.width),
        ),
        (
            "Latents",
            format!("{} dimensions", experiment.model.latent_size(image)),
        ),
        (
            "File",
            format!(
                "`{}`, {}, safetensors (SHA-256 `{}`)",
                Models::file(name),
                megabytes(entry.bytes),
                entry.sha256
            ),
        ),
        ("Licence", "MIT OR Apache-2.0, at your choice".to_owned()),
    ];
    let made = if metadata.epoch == 0 {
        // What `latent import` says of weights that came from elsewhere.
        vec![(
            "Made by",
            "another program; what its weights were trained on is not known here".to_owned(),
        )]
    } else {
        let (images, checksum) = (thousands(data.images as f64), &data.checksum);
        let from = format!(
            "{}, {images} training images (SHA-256 `{checksum}`)",
            data_name(metadata)
        );
        let by = format!(
            "`{}` (seed {}, weights of epoch {}, latent {})",
            experiments::command(metadata)?,
            experiment.seed,
            metadata.epoch,
            metadata.version
        );
        vec![("Data", from), ("Made by", by)]
    };
    facts.splice(2..2, made);
    text += "| | |\n|---|---|\n";
    for (fact, words) in facts {
        _ = writeln!(text, "| {fact} | {words} |");
    }
    if let Some(metrics) = metadata.metrics.get("test") {
        let binarised = if experiment.data.binarise {
            ", each pixel drawn as black or white"
        } else {
            ""
        };
        let errors = if metrics.keys().any(|name| name.ends_with(ERROR)) {
            " (± two standard errors)"
        } else {
            ""
        };
        _ = write!(
            text,
            "\n## Figures\n\nNats per image on the test images{errors}, measured of this very \
             file{binarised}:\n\n```text\n{}\n```\n",
            figures(metrics)
        );
    }
    _ = write!(text, "\n## Use\n\n```text\n{}\n```\n", use_of(name, entry)?);
    _ = write!(text, "\n## Limits\n\n{}\n", limits(&experiment.model));
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

/// The front page of a directory of models, with the header that the hub reads.
pub(crate) fn overview(models: &Models) -> String {
    let mut text = String::from(
        "---\nlicense: apache-2.0\nlibrary_name: latent\ndatasets:\n- ylecun/mnist\ntags:\n- \
         safetensors\n- variational-autoencoder\n- normalizing-flow\n---\n\n# Small latent-variable models\n\n\
         Trained with latent, each with a card of its own. `index.json` holds their lengths and SHA-256 sums.\n\n\
         | model | what it is | data | file | test images, nats |\n|---|---|---|---|---|\n",
    );
    for (name, entry) in models.models() {
        let metadata = &entry.metadata;
        let metrics = metadata.metrics.get("test");
        let figure = metrics.and_then(|metrics| {
            ["mixture_log_likelihood", "log_likelihood", "elbo"]
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
            Models::file(name),
            megabytes(entry.bytes)
        );
    }
    text
}

/// Words of somebody else's file, without what Markdown would make of them.
fn plain(text: &str) -> String {
    let plain = |c: char| match c {
        '|' | '`' | '<' | '>' | '[' | ']' | '*' | '#' | '\\' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(plain).collect()
}

fn figures(metrics: &Metrics) -> String {
    let figures: Vec<(&str, Value)> = metrics
        .iter()
        .map(|(name, value)| (name.as_str(), json!(value)))
        .collect();
    table(&with_errors(&figures))
}

/// The data as people write it.
fn data_name(metadata: &ModelMetadata) -> &str {
    match metadata.data.name.as_str() {
        "mnist" => "MNIST",
        other => other,
    }
}

/// Commands for a pretrained model by its name, and for any other by its file, with a directory to be filled in
/// where the data is the reader's own.
fn use_of(name: &str, entry: &Entry<ModelMetadata>) -> Result<String, Error> {
    let known = pretrained::all()?;
    let known = known.models().get(name);
    let path = match known {
        Some(known) if known.sha256 == entry.sha256 => name.to_owned(),
        _ => Models::file(name),
    };
    let of = |command: &str| CommandLine::new(command).path(Path::new(&path));
    let (model, data) = (&entry.metadata.experiment.model, &entry.metadata.data);
    let commands = if model.is_conditional() {
        let sample = of("sample").option("--digits", "3,1,4");
        vec![sample, of("restyle"), of("classify")]
    } else if model.is_exact() {
        let sample = of("sample").option("--temperature", "0.8");
        vec![sample, of("interpolate")]
    } else if model.latent_size((data.height, data.width)) > 1 {
        vec![of("sample"), of("scatter"), of("interpolate")]
    } else {
        vec![of("sample"), of("interpolate")]
    };
    let typed = commands.into_iter().map(|command| {
        let command = if entry.metadata.experiment.data.source == Source::Idx {
            command.option_if_known("data-dir", "DIRECTORY")
        } else {
            command
        };
        command.typed("latent")
    });
    Ok(typed.collect::<Vec<_>>().join("\n"))
}

fn limits(model: &ModelConfig) -> String {
    let what = match model {
        ModelConfig::Flow(config) | ModelConfig::ConditionalFlow(config) => {
            let space = match config.preprocessing {
                Preprocessing::Logit { .. } => "the pixels' logits",
                Preprocessing::Unit => "pixels in [0, 1]",
            };
            format!(
                "Its log-likelihood is exact, and that of a density of {space} after noise was added to \
                 their grey levels. Not every image that it draws is a digit: most of the likelihood lies in \
                 single pixels, and little of it in strokes."
            )
        }
        _ => "What it draws are means of pixels, smoother than handwriting. The ELBO is a lower bound: the \
             log-likelihood is higher."
            .to_owned(),
    };
    format!(
        "{what} It was shown nothing but single upright digits, white on black and centred: it is for learning \
         and play, and no reader of digits where a mistake costs anything."
    )
}
