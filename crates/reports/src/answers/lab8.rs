//! Answers of the assignment `lab8`.

use askama::Template;
use latent_models::ModelConfig;

use crate::formula as f;
use crate::measurement::Measurement;
use crate::number::{Number, rounded};
use crate::{Answer, Command, Error, Findings};

#[derive(Template)]
#[template(path = "answers/reconstruction.html")]
struct Information {
    reconstruction: Number,
    kl: Number,
    /// The KL as an exponent.
    exponent: String,
    dimensions: usize,
    is_conditional: bool,
}

/// The information that a reconstruction loses.
pub(crate) fn reconstruction(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let kl = findings.test_metric(run, "kl")?;
    Answer::of(
        "What does a reconstruction lose?",
        &Information {
            reconstruction: findings.test_metric(run, "reconstruction")?.nats(),
            exponent: rounded(kl.value, 1),
            kl: kl.nats(),
            dimensions: findings.run(run)?.latent_size(),
            is_conditional: findings.run(run)?.is_conditional(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/scatter.html")]
struct Scatter {
    dimensions: usize,
}

/// What the points of a scatter plot are.
pub(crate) fn scatter(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let dimensions = findings.run(run)?.latent_size();
    Answer::of(
        "What is a point of the scatter plot, and what with more than two dimensions?",
        &Scatter { dimensions },
    )
}

#[derive(Template)]
#[template(path = "answers/samples.html")]
struct Samples {
    /// The KL of the latents' mean and covariance from the prior.
    from_prior: Option<Number>,
    /// The accuracy of the samples' labels, for a conditional model.
    accuracy: Option<Number>,
}

/// How well new images show digits.
pub(crate) fn samples(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let accuracy = if findings.run(run)?.is_conditional() {
        let command = Command::new("evaluate-samples").run(run);
        Some(findings.fraction(&command, "accuracy")?.percent())
    } else {
        None
    };
    let posterior = Command::new("plot posterior").run(run);
    let from_prior = findings.optional(&posterior, "kl_from_prior");
    Answer::of(
        "Does every sample show a digit?",
        &Samples {
            from_prior: from_prior.map(|kl| kl.decimals(3)),
            accuracy,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/perturbations.html")]
struct Perturbations<'a> {
    run: &'a str,
    kl: Number,
    dimensions: usize,
}

/// Perturbations around the latent of an image.
pub(crate) fn perturbations(findings: &Findings, run: &str) -> Result<Answer, Error> {
    Answer::of(
        "What do samples around a training image show?",
        &Perturbations {
            run,
            kl: findings.test_metric(run, "kl")?.nats(),
            dimensions: findings.run(run)?.latent_size(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/architecture.html")]
struct Architecture {
    is_conditional: bool,
    pixels: usize,
    classes: usize,
    encoder: String,
    decoder: String,
    activation: String,
    latent_size: usize,
}

/// The layers of a fully connected VAE.
pub(crate) fn architecture(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let trained = findings.run(run)?;
    let (model, is_conditional) = match &trained.metadata.experiment.model {
        ModelConfig::Vae(model) => (model, false),
        ModelConfig::ConditionalVae(model) => (model, true),
        _ => return Err(Error::NotMeasured(format!("the layers of {run}"))),
    };
    let (pixels, classes) = (trained.metadata.data.shape.elem_count(), trained.classes());
    let sizes = |ends: [String; 2], hidden: Vec<usize>| {
        let hidden = hidden.iter().map(ToString::to_string).collect();
        let [first, last] = ends.map(|end| vec![end]);
        [first, hidden, last].concat()
    };
    let label = if is_conditional {
        format!(" + {classes}")
    } else {
        String::new()
    };
    let reversed = model.hidden.iter().rev().copied().collect();
    let mut encoder = sizes(
        [format!("{pixels}{label}"), String::new()],
        model.hidden.clone(),
    );
    encoder.pop();
    let decoder = sizes(
        [format!("{}{label}", model.latent_size), pixels.to_string()],
        reversed,
    );
    Answer::of(
        "Which layers do the networks have?",
        &Architecture {
            is_conditional,
            pixels,
            classes,
            encoder: if is_conditional {
                encoder
            } else {
                encoder.split_off(1)
            }
            .join(" → "),
            decoder: if is_conditional {
                decoder
            } else {
                decoder[1..].to_vec()
            }
            .join(" → "),
            activation: match model.activation {
                latent_models::Activation::Relu => "ReLU".to_owned(),
                other => format!("{other:?}").to_lowercase(),
            },
            latent_size: model.latent_size,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/architectures.html")]
struct Architectures<'a> {
    baseline: &'a str,
    best: Trained,
    worst: Trained,
    gain: Number,
    is_latent_best: bool,
}

/// A run of a comparison.
struct Trained {
    name: String,
    elbo: Number,
}

/// Variations of a run, each with one other setting; the first of `runs` is the run itself.
pub(crate) fn architectures(findings: &Findings, runs: &[&str]) -> Result<Answer, Error> {
    let mut all: Vec<(&str, Measurement)> = Vec::new();
    for run in runs {
        all.push((run, findings.of_run(run, "test", "elbo")?));
    }
    let order =
        |a: &&(&str, Measurement), b: &&(&str, Measurement)| a.1.value.total_cmp(&b.1.value);
    let found = (
        all.first(),
        all.iter().max_by(order),
        all.iter().min_by(order),
    );
    let (Some(first), Some(best), Some(worst)) = found else {
        return Err(Error::NotMeasured("a run to compare".to_owned()));
    };
    let trained = |run: &(&str, Measurement)| Trained {
        name: run.0.to_owned(),
        elbo: run.1.nats(),
    };
    Answer::of(
        "Which parameters and architectures are better?",
        &Architectures {
            baseline: first.0,
            gain: best.1.minus(&first.1, "the difference of both").nats(),
            is_latent_best: best.0.contains("latent"),
            best: trained(best),
            worst: trained(worst),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/transition.html")]
struct Transition {
    from: u8,
    to: u8,
    start: Number,
    middle: Number,
    end: Number,
    dimensions: usize,
    expected: String,
    is_inside: bool,
}

/// The path from one digit to another, by the command that draws it.
pub(crate) fn transition(
    findings: &Findings,
    run: &str,
    command: &Command,
    [from, to]: [u8; 2],
) -> Result<Answer, Error> {
    let norms = findings.list(command, "mean_latent_norms")?;
    let (Some(start), Some(middle), Some(end)) =
        (norms.first(), norms.get(norms.len() / 2), norms.last())
    else {
        return Err(Error::NotMeasured("the norms of a path".to_owned()));
    };
    let trained = findings.run(run)?;
    let dimensions = trained.latent_size();
    let largest = norms.iter().map(|norm| norm.value).fold(0.0, f64::max);
    Answer::of(
        "What does the path from one digit to another show?",
        &Transition {
            from: trained.label(from),
            to: trained.label(to),
            start: start.nats(),
            middle: middle.nats(),
            end: end.nats(),
            dimensions,
            expected: rounded((dimensions as f64).sqrt(), 2),
            is_inside: largest
                < (dimensions as f64 + 2.0 * (2.0 * dimensions as f64).sqrt()).sqrt(),
        },
    )
}
