//! Answers of the assignment `hy673`.

use std::cmp::Ordering;

use askama::Template;

use crate::formula as f;
use crate::formula::Formula;
use crate::measurement::Measurement;
use crate::number::Number;
use crate::table::Table;
use crate::{Answer, Command, Error, Findings};

/// What an evaluation of a run printed.
fn evaluated(findings: &Findings, run: &str, key: &str) -> Result<Measurement, Error> {
    findings.measurement(&Command::new("evaluate").run(run), key)
}

/// A difference against its error: whether it is above, below or within it.
fn sign(difference: &Measurement) -> Ordering {
    let error = difference.error.unwrap_or(0.0);
    if difference.value > error {
        Ordering::Greater
    } else if difference.value < -error {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

#[derive(Template)]
#[template(path = "answers/depth.html")]
struct Depth<'a> {
    shallow_run: &'a str,
    deep_run: &'a str,
    shallow: Number,
    deep: Number,
    gain: Number,
    verdict: Order,
}

/// Which of two flows has the higher likelihood.
enum Order {
    Deeper,
    Shallower,
    Equal,
}

/// Two flows with different numbers of couplings, by their log-likelihoods.
pub(crate) fn depth(
    findings: &Findings,
    shallow_run: &str,
    deep_run: &str,
) -> Result<Answer, Error> {
    let shallow = evaluated(findings, shallow_run, "log_density")?;
    let deep = evaluated(findings, deep_run, "log_density")?;
    let gain = deep.minus(&shallow, "the difference of both");
    Answer::of(
        "What is measured of a flow, and which number of couplings is better?",
        &Depth {
            shallow_run,
            deep_run,
            verdict: match sign(&gain) {
                Ordering::Greater => Order::Deeper,
                Ordering::Less => Order::Shallower,
                Ordering::Equal => Order::Equal,
            },
            shallow: shallow.nats(),
            deep: deep.nats(),
            gain: gain.nats(),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/paths.html")]
struct Paths {
    dimensions: Formula,
    radius: Formula,
}

/// Linear, sinusoidal and circular paths between latents of many dimensions.
pub(crate) fn paths(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let size = findings.run(run)?.latent_size();
    Answer::of(
        "How do the linear and the sinusoidal path differ?",
        &Paths {
            dimensions: f::dimensions(size),
            radius: f::typical_norm(size),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/couplings.html")]
struct Couplings {
    /// The likelihood over the number of couplings.
    curve: Table,
    best: Couples,
    enough: Enough,
    /// The smallest number of couplings.
    first: usize,
    /// Without and with labels.
    comparison: Table,
    few: usize,
    many: usize,
    saved: Number,
    verdict: Saving,
    classes: usize,
    entropy: Formula,
    marginal: Formula,
}

struct Couples {
    count: usize,
    nats: Number,
}

/// How many couplings reach nine tenths of the gain.
enum Enough {
    /// The smallest number is the best.
    First,
    /// Only the best number does.
    Best,
    Fewer(usize, Number),
}

/// Whether a shallow flow conditional on labels has at least the likelihood of a deep flow without labels.
enum Saving {
    Yes,
    No,
    Uncertain,
}

/// How many couplings are needed, without labels and with them: of runs with so many couplings.
pub(crate) fn couplings(
    findings: &Findings,
    plain: &[(usize, &str)],
    conditional: &[(usize, &str)],
    curve: &[(usize, &str)],
) -> Result<Answer, Error> {
    let mut table = Table::new(["couplings", "log p(x|y), nats", "bits per dimension"]);
    let mut measured = Vec::new();
    for (count, run) in curve {
        let nats = findings.of_run(run, "test", "log_density")?;
        let bits = findings.of_run(run, "test", "bits_per_dimension")?;
        table.push(vec![
            count.to_string().into(),
            nats.nats().into(),
            bits.decimals(3).into(),
        ]);
        measured.push((*count, nats));
    }
    let missing = |what: &str| Error::NotMeasured(what.to_owned());
    let best = measured
        .iter()
        .max_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let (Some(best), Some(first)) = (best, measured.first()) else {
        return Err(missing("a flow of the coupling counts"));
    };
    let (Some((few, with)), Some((many, without))) = (conditional.first(), plain.last()) else {
        return Err(missing("a flow with and one without labels"));
    };
    let classes = findings.run(with)?.classes();
    let difference = evaluated(findings, with, "log_density")?.minus(
        &evaluated(findings, without, "log_density")?,
        "the difference of both",
    );
    Answer::of(
        "How many couplings are needed, with and without labels?",
        &Couplings {
            curve: table,
            enough: enough(&measured, best, first),
            best: Couples {
                count: best.0,
                nats: best.1.nats(),
            },
            first: first.0,
            comparison: comparison(findings, plain, conditional, classes)?,
            few: *few,
            many: *many,
            verdict: match sign(&difference) {
                Ordering::Greater => Saving::Yes,
                Ordering::Less => Saving::No,
                Ordering::Equal => Saving::Uncertain,
            },
            saved: difference.nats(),
            classes,
            entropy: f::label_entropy(classes),
            marginal: f::marginal_over_labels(classes),
        },
    )
}

fn enough(
    measured: &[(usize, Measurement)],
    best: &(usize, Measurement),
    first: &(usize, Measurement),
) -> Enough {
    let gain = (best.1.value - first.1.value).abs();
    let reaches = |(_, nats): &&(usize, Measurement)| best.1.value - nats.value <= 0.1 * gain;
    let (count, nats) = measured.iter().find(reaches).unwrap_or(best);
    if best.0 == first.0 {
        Enough::First
    } else if *count == best.0 {
        Enough::Best
    } else {
        Enough::Fewer(*count, nats.nats())
    }
}

/// Flows of the same numbers of couplings, without and with labels.
fn comparison(
    findings: &Findings,
    plain: &[(usize, &str)],
    conditional: &[(usize, &str)],
    classes: usize,
) -> Result<Table, Error> {
    let marginal = format!("log p(x) = log 1/{classes} Σ p(x|y)");
    let mut table = Table::new([
        "couplings",
        "log p(x) without labels",
        "log p(x|y)",
        &marginal,
        "gain by labels",
    ]);
    for ((count, without), (_, with)) in plain.iter().zip(conditional) {
        let a = evaluated(findings, without, "log_density")?;
        let b = evaluated(findings, with, "log_density")?;
        let c = evaluated(findings, with, "marginal_log_density")?;
        let gain = b.minus(&a, "the difference of both");
        table.push(vec![
            count.to_string().into(),
            a.nats().into(),
            b.nats().into(),
            c.nats().into(),
            gain.nats().into(),
        ]);
    }
    Ok(table)
}
