//! Answers about latent spaces: classification, retraining, the decoded plane, and the meaning of the dimensions.

use askama::Template;

use crate::formula as f;
use crate::formula::{Formula, component};
use crate::measurement::Measurement;
use crate::number::{Number, rounded};
use crate::table::{Cell, Table};
use crate::{Answer, Command, Error, Findings};

/// The k-NN classification of a conditional model's latents.
pub(super) fn by_latents(run: &str) -> Command {
    Command::new("classify").run(run).option("method", "knn")
}

/// The accuracy of guesses, in per cent.
pub(super) fn chance(classes: usize) -> String {
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
