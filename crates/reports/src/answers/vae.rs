//! Answers about any VAE.

use askama::Template;

use crate::formula as f;
use crate::measurement::Measurement;
use crate::number::Number;
use crate::{Answer, Command, Error, Findings};

#[derive(Template)]
#[template(path = "answers/elbo.html")]
struct Derivation<'a> {
    run: &'a str,
    reconstruction: Number,
    kl: Number,
    elbo: Number,
    /// The command that estimates the log-likelihood.
    command: &'a str,
}

/// The command that estimates the log-likelihood of a run's test images.
pub(crate) fn importance_sampling(run: &str) -> Command {
    let evaluate = Command::new("evaluate").run(run);
    evaluate.option("importance-samples", 1000)
}

/// Derivation of the ELBO, and that of a run.
pub(crate) fn elbo(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let metric = |key| Ok::<_, Error>(findings.test_metric(run, key)?.nats());
    Answer::of(
        "What is the ELBO, and why is it a bound?",
        &Derivation {
            run,
            reconstruction: metric("reconstruction")?,
            kl: metric("kl")?,
            elbo: metric("elbo")?,
            command: findings.text(&importance_sampling(run))?,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/log-variance.html")]
struct LogVariance;

/// Why the output of an encoder is the logarithm of the variance.
pub(crate) fn log_variance() -> Result<Answer, Error> {
    Answer::of(
        "Why does the encoder predict the logarithm of the variance?",
        &LogVariance,
    )
}

#[derive(Template)]
#[template(path = "answers/training-curves.html")]
struct TrainingCurves {
    is_overfitting: bool,
    first: Number,
    train: Number,
    test: Number,
    gap: Number,
}

/// Whether a run overfits, by its first epoch and by the epoch whose weights it keeps.
pub(crate) fn training_curves(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let trained = findings.run(run)?;
    let loss = |split| findings.of_run(run, split, "loss");
    let (train, test) = (loss("train")?, loss("test")?);
    let first = trained.records.first();
    let first = first.and_then(|record| record.test.get("loss"));
    let first = first.ok_or_else(|| Error::NotMeasured(format!("the first epoch of {run}")))?;
    let source = format!(
        "test.loss of the first line of {}/metrics.jsonl",
        trained.path
    );
    let gap = test.minus(&train, "test loss less training loss");
    Answer::of(
        "What do the training curves show?",
        &TrainingCurves {
            is_overfitting: gap.value > 0.05 * train.value.abs(),
            first: Measurement::new(*first, source).nats(),
            train: train.nats(),
            test: test.nats(),
            gap: gap.nats(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/latent-distribution.html")]
struct LatentDistribution<'a> {
    runs: Vec<Latents<'a>>,
}

/// The latents of a run and the prior.
struct Latents<'a> {
    name: &'a str,
    images: Number,
    /// The mean that differs most from 0.
    mean: Number,
    /// The standard deviation that differs most from 1.
    deviation: Number,
    /// The KL of a normal distribution with the latents' mean and covariance from the prior.
    from_prior: Option<Number>,
    verdict: Match,
    dimensions: usize,
    used: Number,
    unused: usize,
    /// The mean KL of a posterior from the prior.
    kl: Number,
}

/// Whether latents are distributed like the prior.
enum Match {
    Prior,
    Near,
    /// Their covariance is singular.
    Undefined,
    Different,
}

/// Whether the latents of runs are distributed like the prior, by `posterior`.
pub(crate) fn latent_distribution(findings: &Findings, runs: &[&str]) -> Result<Answer, Error> {
    let runs = runs.iter().map(|run| latents(findings, run));
    let runs = runs.collect::<Result<_, _>>()?;
    Answer::of(
        "Which distribution should the latents have, and do they have it?",
        &LatentDistribution { runs },
    )
}

fn latents<'a>(findings: &Findings, name: &'a str) -> Result<Latents<'a>, Error> {
    let command = &Command::new("plot posterior").run(name);
    let means = findings.list(command, "mean")?;
    let deviations = findings.list(command, "standard_deviation")?;
    let kl = findings.list(command, "kl")?;
    let images = findings.measurement(command, "images")?;
    let (mean, deviation) = (furthest(&means, 0.0)?, furthest(&deviations, 1.0)?);
    let from_prior = findings.optional(command, "kl_from_prior");
    let used = findings.measurement(command, "used")?;
    // Four standard errors of a mean, or a difference that is invisible in a figure.
    let tolerance = (4.0 / images.value.sqrt()).max(0.1);
    let is_close = mean.value.abs() < tolerance && (deviation.value - 1.0).abs() < tolerance;
    Ok(Latents {
        name,
        verdict: match &from_prior {
            None => Match::Undefined,
            Some(_) if is_close => Match::Prior,
            Some(nats) if nats.value < 0.1 * kl.len() as f64 => Match::Near,
            Some(_) => Match::Different,
        },
        images: images.count(),
        mean: mean.decimals(3),
        deviation: deviation.decimals(3),
        from_prior: from_prior.map(|nats| nats.decimals(3)),
        dimensions: kl.len(),
        unused: kl.len().saturating_sub(used.value as usize),
        used: used.count(),
        kl: total(&kl).nats(),
    })
}

/// The KL of all dimensions.
pub(super) fn total(kl: &[Measurement]) -> Measurement {
    let total = kl.iter().map(|nats| nats.value).sum();
    Measurement::computed(total, None, "the sum of KL over the dimensions")
}

/// The number that differs most from a value.
fn furthest(numbers: &[Measurement], from: f64) -> Result<Measurement, Error> {
    let distance = |number: &&Measurement| (number.value - from).abs();
    let found = numbers
        .iter()
        .max_by(|a, b| distance(a).total_cmp(&distance(b)));
    found
        .cloned()
        .ok_or_else(|| Error::NotMeasured("a dimension of the latents".to_owned()))
}
