//! Answers about any VAE.

use askama::Template;
use latent_training::{Experiment, Optimiser, Schedule};

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
    check: Check,
}

/// The bound of some images beside their log-likelihood.
struct Check {
    images: Number,
    draws: Number,
    elbo: Number,
    log_likelihood: Number,
    gap: Number,
    is_bound: bool,
}

/// The command that estimates the log-likelihood of some of a run's test images.
pub(crate) fn importance_sampling(run: &str) -> Command {
    let evaluate = Command::new("evaluate").run(run).option("limit", 500);
    evaluate.option("importance-samples", 1000)
}

/// Derivation of the ELBO, and that of a run.
pub(crate) fn elbo(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let metric = |key| Ok::<_, Error>(findings.test_metric(run, key)?.nats());
    let checked = |key| findings.measurement(&importance_sampling(run), key);
    let (bound, log_likelihood) = (checked("elbo")?, checked("log_likelihood")?);
    // Of the same images: their differences are far larger than those of draws.
    let gap = log_likelihood.value - bound.value;
    Answer::of(
        "What is the ELBO, and why is it a bound?",
        &Derivation {
            run,
            reconstruction: metric("reconstruction")?,
            kl: metric("kl")?,
            elbo: metric("elbo")?,
            check: Check {
                images: checked("images")?.count(),
                draws: checked("importance_samples")?.count(),
                gap: Measurement::computed(gap, None, "the difference of both").nats(),
                is_bound: gap > 0.0,
                elbo: bound.nats(),
                log_likelihood: log_likelihood.nats(),
            },
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
    /// The optimiser and its settings.
    settings: String,
    verdict: Fit,
    /// The smallest test loss and its epoch.
    lowest: Number,
    lowest_epoch: usize,
    first: Number,
    train: Number,
    test: Number,
    gap: Number,
}

/// How training and test loss compare.
enum Fit {
    /// The test loss rises.
    Overfits,
    /// The test loss stays above the training loss.
    Gap,
    Good,
}

/// Whether a run overfits, by the test loss of its epochs.
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
    let losses = trained.records.iter();
    let losses = losses.filter_map(|record| Some((record.epoch, *record.test.get("loss")?)));
    let lowest = losses.min_by(|a, b| a.1.total_cmp(&b.1));
    let (lowest_epoch, lowest) = lowest.unwrap_or((1, *first));
    let scale = 0.01 * train.value.abs();
    Answer::of(
        "What do the training curves show?",
        &TrainingCurves {
            settings: settings(&trained.metadata.experiment),
            // A rise by less than a hundredth is within the fluctuation between epochs.
            verdict: if test.value - lowest > scale {
                Fit::Overfits
            } else if gap.value > 2.0 * scale {
                Fit::Gap
            } else {
                Fit::Good
            },
            lowest: Measurement::computed(lowest, None, "the smallest test loss of all epochs")
                .nats(),
            lowest_epoch,
            first: Measurement::new(*first, source).nats(),
            train: train.nats(),
            test: test.nats(),
            gap: gap.nats(),
        },
    )
}

/// The optimiser of an experiment and its settings, in words.
fn settings(experiment: &Experiment) -> String {
    let training = &experiment.training;
    let optimiser = match training.optimiser {
        Optimiser::AdamW if training.weight_decay == 0.0 => "Adam".to_owned(),
        Optimiser::AdamW => format!("AdamW with a weight decay of {}", training.weight_decay),
        _ => "stochastic gradient descent".to_owned(),
    };
    let rate = match training.schedule {
        Schedule::Constant => format!("a constant learning rate of {}", training.learning_rate),
        Schedule::Cosine { min_lr } => format!(
            "a learning rate that falls from {} to {min_lr} on a cosine",
            training.learning_rate
        ),
        _ => format!(
            "a learning rate that falls from {} in steps",
            training.learning_rate
        ),
    };
    let warm_up = experiment
        .model
        .objective()
        .map_or(0.0, |objective| objective.warm_up_epochs);
    let warm_up = match warm_up {
        0.0 => String::new(),
        epochs => format!(", the weight of the KL rising from 0 to 1 in the first {epochs} epochs"),
    };
    format!(
        "{optimiser} with {rate}, batch size {}, {} epochs{warm_up}",
        training.batch_size, training.epochs
    )
    .replace("first 1 epochs", "first epoch")
    .replace(", 1 epochs", ", 1 epoch")
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
