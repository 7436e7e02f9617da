//! Answers of the assignment `radboud`.

use askama::Template;
use candle_core::{DType, Device, Tensor};
use latent_distributions::{KlDivergence, Normal, Reparametrised, StandardNormal};
use latent_models::Generator;
use latent_training::thousands;

use crate::formula as f;
use crate::formula::{Formula, component};
use crate::measurement::Measurement;
use crate::number::{Number, rounded};
use crate::table::{Cell, Table};
use crate::{Answer, Command, Error, Findings};

#[derive(Template)]
#[template(path = "answers/gan.html")]
struct Gan {
    from_prior: Number,
}

/// The latents of VAEs and those of GANs.
pub(crate) fn gan(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let from_prior =
        findings.measurement(&Command::new("plot posterior").run(run), "kl_from_prior")?;
    Answer::of(
        "How does a VAE’s latent space differ from a GAN’s?",
        &Gan {
            from_prior: from_prior.decimals(3),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/latent-size.html")]
struct LatentSizes<'a> {
    table: Table,
    first: &'a OfSize,
    last: &'a OfSize,
    /// The run with the highest ELBO.
    best: &'a OfSize,
    /// Whether with every step the reconstruction decreases, and whether the KL increases.
    trend: (bool, bool),
}

/// A run with so many latent dimensions.
struct OfSize {
    size: usize,
    reconstruction: Number,
    kl: Number,
    elbo: Number,
}

/// The effect of more latent dimensions, of runs with so many.
pub(crate) fn latent_size(findings: &Findings, runs: &[(usize, &str)]) -> Result<Answer, Error> {
    let mut table = Table::new(["latent dimensions", "reconstruction", "KL", "ELBO"]);
    let mut all = Vec::new();
    for (size, run) in runs {
        let metric = |key| findings.of_run(run, "test", key);
        let sized = OfSize {
            size: *size,
            reconstruction: metric("reconstruction")?.nats(),
            kl: metric("kl")?.nats(),
            elbo: metric("elbo")?.nats(),
        };
        table.push(vec![
            size.to_string().into(),
            sized.reconstruction.clone().into(),
            sized.kl.clone().into(),
            sized.elbo.clone().into(),
        ]);
        all.push(sized);
    }
    let best = all
        .iter()
        .max_by(|a, b| a.elbo.value.total_cmp(&b.elbo.value));
    let (Some(first), Some(last), Some(best)) = (all.first(), all.last(), best) else {
        return Err(Error::NotMeasured(
            "a number of latent dimensions".to_owned(),
        ));
    };
    let steps = || all.windows(2);
    Answer::of(
        "How do reconstruction and KL depend on the number of latent dimensions?",
        &LatentSizes {
            table,
            first,
            last,
            best,
            trend: (
                steps().all(|pair| pair[1].reconstruction.value <= pair[0].reconstruction.value),
                steps().all(|pair| pair[1].kl.value >= pair[0].kl.value),
            ),
        },
    )
}

/// The k-NN classification of a conditional model's latents.
fn by_latents(run: &str) -> Command {
    Command::new("classify").run(run).option("method", "knn")
}

/// The accuracy of guesses, in per cent.
fn chance(classes: usize) -> String {
    rounded(100.0 / classes.max(1) as f64, 0)
}

#[derive(Template)]
#[template(path = "answers/classification.html")]
struct Classification {
    classes: usize,
    chance: String,
    without: Number,
    with: Number,
    bayes: Number,
    /// Whether the latents of the conditional model classify hardly better than chance.
    is_independent: bool,
    /// Whether they classify worse than those of the model without labels.
    is_less: bool,
    /// Whether Bayes' rule is more accurate than the latents of the model without labels.
    is_better: bool,
}

/// Whether digits can be classified from latents, with and without labels.
pub(crate) fn classification(
    findings: &Findings,
    plain: &str,
    conditional: &str,
) -> Result<Answer, Error> {
    let accuracy = |command: Command| findings.fraction(&command, "accuracy");
    let without = accuracy(Command::new("classify").run(plain))?;
    let with = accuracy(by_latents(conditional))?;
    let bayes = accuracy(Command::new("classify").run(conditional))?;
    let classes = findings.run(conditional)?.classes();
    Answer::of(
        "Could digits be classified from the latents of the conditional model?",
        &Classification {
            classes,
            chance: chance(classes),
            is_independent: with.value < 1.5 / classes.max(1) as f64,
            is_less: with.value < without.value,
            is_better: bayes.value > without.value,
            without: without.percent(),
            with: with.percent(),
            bayes: bayes.percent(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/style-transfer.html")]
struct StyleTransfer {
    accuracy: Number,
    chance: String,
}

/// How the label is changed and the style kept.
pub(crate) fn style_transfer(findings: &Findings, conditional: &str) -> Result<Answer, Error> {
    let accuracy = findings.fraction(&by_latents(conditional), "accuracy")?;
    Answer::of(
        "How is the label changed and the style kept?",
        &StyleTransfer {
            accuracy: accuracy.percent(),
            chance: chance(findings.run(conditional)?.classes()),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/classification-of-latents.html")]
struct ClassificationOfLatents {
    accuracy: Number,
    chance: String,
    classes: usize,
}

/// Whether digits can be classified from the latents of a model without labels.
pub(crate) fn classification_of_latents(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let classes = findings.run(run)?.classes();
    let accuracy = findings.fraction(&Command::new("classify").run(run), "accuracy")?;
    Answer::of(
        "Could digits be classified from the latent space?",
        &ClassificationOfLatents {
            accuracy: accuracy.percent(),
            chance: chance(classes),
            classes,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/retraining.html")]
struct Retraining {
    first: Number,
    second: Number,
    images: Number,
    disparity: Number,
    overlap: Number,
    chance: Number,
    /// Whether the arrangement is the same up to a similarity transformation.
    is_arranged_alike: bool,
}

/// Two trainings with different seeds, by the command that aligns their latents.
pub(crate) fn retraining(
    findings: &Findings,
    run: &str,
    other: &str,
    alignment: &Command,
) -> Result<Answer, Error> {
    let found = |key| findings.measurement(alignment, key);
    let disparity = found("disparity")?;
    Answer::of(
        "Would the latent space look the same after another training? What differs?",
        &Retraining {
            first: findings.test_metric(run, "elbo")?.nats(),
            second: findings.of_run(other, "test", "elbo")?.nats(),
            images: found("images")?.count(),
            is_arranged_alike: disparity.value < 0.25,
            disparity: disparity.decimals(3),
            overlap: found("neighbour_overlap")?.percent(),
            chance: found("overlap_by_chance")?.percent(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/coverage.html")]
struct Coverage {
    covered: Number,
    covered_by_prior: Number,
    inside: Number,
    inside_by_prior: Number,
    images: Number,
    is_sparse: bool,
}

/// The decoded grid and the scatter plot, by the command that counts latents in the cells of the grid.
pub(crate) fn coverage(findings: &Findings, command: &Command) -> Result<Answer, Error> {
    let found = |key| findings.measurement(command, key);
    let (covered, covered_by_prior) = (found("covered")?, found("covered_by_prior")?);
    Answer::of(
        "How are the decoded grid and the scatter plot related, and what does the scatter plot show that the grid does \
         not?",
        &Coverage {
            is_sparse: covered.value < 0.95 * covered_by_prior.value,
            covered: covered.percent(),
            covered_by_prior: covered_by_prior.percent(),
            inside: found("inside")?.percent(),
            inside_by_prior: found("inside_by_prior")?.percent(),
            images: found("images")?.count(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/plane.html")]
struct Plane {
    is_conditional: bool,
}

/// Images decoded from a grid in the latent plane.
pub(crate) fn plane(is_conditional: bool) -> Result<Answer, Error> {
    Answer::of(
        "What does the decoded grid show?",
        &Plane { is_conditional },
    )
}

#[derive(Template)]
#[template(path = "answers/dimensions.html")]
struct Dimensions {
    /// The correlations by label.
    table: Table,
    meanings: Vec<Meaning>,
    is_same: bool,
}

/// The property with the strongest correlation with a latent dimension.
struct Meaning {
    name: Formula,
    property: &'static str,
    /// The mean correlation over the labels.
    mean: Number,
    /// The number of labels whose correlation has the sign of the mean.
    same_sign: usize,
    labels: usize,
}

/// The meaning of each latent dimension, by the commands that draw its traversal.
pub(crate) fn dimensions(findings: &Findings, commands: &[Command]) -> Result<Answer, Error> {
    const PROPERTIES: [(&str, &str); 3] = [
        ("slant", "slant"),
        ("stroke_width", "stroke width"),
        ("size", "size"),
    ];
    let mut head = vec![Cell::from("label")];
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut meanings = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let missing = || Error::NotMeasured(format!("correlations of {command}"));
        let value = findings.value(command).ok_or_else(missing)?;
        let of_labels = value["correlations"].as_array().ok_or_else(missing)?;
        let text = findings.text(command)?;
        let number = index + 1;
        let mut best: Option<Meaning> = None;
        for (key, property) in PROPERTIES {
            head.push(format!("z{number}: {property}").into());
            let mut found = Vec::new();
            for (row, of_label) in of_labels.iter().enumerate() {
                let source = format!("correlations[{row}].{key} of {text}");
                let coefficient = of_label[key].as_f64();
                if rows.len() <= row {
                    rows.push(vec![of_label["label"].to_string().into()]);
                }
                let measurement = coefficient.map(|value| Measurement::new(value, source));
                found.extend(coefficient);
                rows[row].push(Cell::optional(measurement, |value| value.decimals(2)));
            }
            let mean = found.iter().sum::<f64>() / found.len().max(1) as f64;
            let meaning = Meaning {
                name: component(number),
                property,
                same_sign: found.iter().filter(|value| **value * mean > 0.0).count(),
                labels: of_labels.len(),
                mean: Measurement::computed(mean, None, "the mean over the labels").decimals(2),
            };
            if best
                .as_ref()
                .is_none_or(|best| mean.abs() > best.mean.value.abs())
            {
                best = Some(meaning);
            }
        }
        meanings.extend(best);
    }
    let mut table = Table {
        head,
        ..Table::default()
    };
    table.rows = rows;
    Answer::of(
        "What do the latent dimensions represent? Is it the same for all labels?",
        &Dimensions {
            table,
            is_same: meanings
                .iter()
                .all(|meaning| meaning.same_sign == meaning.labels),
            meanings,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/conditional-distribution.html")]
struct ConditionalDistribution {
    is_closer: bool,
    plain: Number,
    conditional: Number,
    classes: usize,
}

/// The latents of a conditional model beside those of a model without labels.
pub(crate) fn conditional_distribution(
    findings: &Findings,
    plain: &str,
    conditional: &str,
) -> Result<Answer, Error> {
    let from_prior = |run| {
        let command = Command::new("plot posterior").run(run);
        findings.measurement(&command, "kl_from_prior")
    };
    let (without, with) = (from_prior(plain)?, from_prior(conditional)?);
    Answer::of(
        "How does the scatter plot differ from that of the VAE, and why?",
        &ConditionalDistribution {
            is_closer: with.value < without.value,
            plain: without.decimals(3),
            conditional: with.decimals(3),
            classes: findings.run(conditional)?.classes(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/sample-check.html")]
struct SampleCheck {
    draws: String,
    mean: Number,
    log_variance: Number,
}

/// The assignment's check of the reparametrised sample.
pub(crate) fn sample_check() -> Result<Answer, Error> {
    const DRAWS: usize = 100_000;
    let one = Tensor::ones(1, DType::F64, &Device::Cpu)?;
    let posterior = Normal::new(one.clone(), (one * 0.5)?)?;
    let draws = posterior.rsample(&[DRAWS], &mut Generator::new(1))?;
    let draws: Vec<f64> = draws.flatten_all()?.to_vec1()?;
    let mean = draws.iter().sum::<f64>() / DRAWS as f64;
    let variance = draws.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
    let computed = |value, error| {
        Measurement::computed(value, Some(2.0 * error), "100,000 draws with seed 1").decimals(3)
    };
    let n = DRAWS as f64;
    Answer::of(
        "How is a latent sampled?",
        &SampleCheck {
            draws: thousands(DRAWS),
            mean: computed(mean, (variance / n).sqrt()),
            // Of normal draws, the logarithm of the sample variance has a variance of 2/n.
            log_variance: computed(variance.ln(), (2.0 / n).sqrt()),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/loss-check.html")]
struct LossCheck<'a> {
    run: &'a str,
    zero: Number,
    shifted: Number,
    narrow: Number,
    wide: Number,
    batch: Number,
    reconstruction: Number,
    kl: Number,
}

/// The assignment's checks of the loss, and the loss of a run.
pub(crate) fn loss_check(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let kl = |mean: f64, scale: f64| -> Result<f64, Error> {
        let value = |value: f64| Tensor::new(&[value], &Device::Cpu);
        let posterior = Normal::new(value(mean)?, value(scale.ln())?)?;
        let prior = StandardNormal::new(1, DType::F64, &Device::Cpu);
        Ok(posterior.kl_divergence(&prior)?.to_scalar::<f64>()?)
    };
    let (zero, shifted) = (kl(0.0, 1.0)?, kl(1.0, 1.0)?);
    let tensor = |rows: [[f64; 2]; 2]| Tensor::new(&rows, &Device::Cpu);
    let batch = Normal::new(
        tensor([[0.0, 0.0], [0.0, 1.0]])?,
        tensor([[0.5f64.ln(), 2f64.ln()], [0.0, 0.0]])?,
    )?;
    let prior = StandardNormal::new(2, DType::F64, &Device::Cpu);
    let batch = batch
        .kl_divergence(&prior)?
        .mean_all()?
        .to_scalar::<f64>()?;
    let number = |value| Measurement::computed(value, None, "the KL of the program").decimals(3);
    Answer::of(
        "Which loss is minimised, and is it right?",
        &LossCheck {
            run,
            zero: number(zero),
            shifted: number(shifted),
            narrow: number(kl(0.0, 0.5)?),
            wide: number(kl(0.0, 2.0)?),
            batch: number(batch),
            reconstruction: findings.test_metric(run, "reconstruction")?.nats(),
            kl: findings.test_metric(run, "kl")?.nats(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/convolutional.html")]
struct Convolutional {
    is_conditional: bool,
    latent_size: usize,
    classes: usize,
}

/// The layers of a convolutional VAE with the assignment's sizes.
pub(crate) fn convolutional(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let trained = findings.run(run)?;
    Answer::of(
        "Which layers do the networks have?",
        &Convolutional {
            is_conditional: trained.metadata.experiment.model.is_conditional(),
            latent_size: trained.latent_size(),
            classes: trained.metadata.data.classes,
        },
    )
}
