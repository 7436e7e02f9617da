//! Answers of the assignment `hy673`.

use std::cmp::Ordering;

use askama::Template;

use crate::formula as f;
use crate::formula::Formula;
use crate::measurement::Measurement;
use crate::number::{Number, rounded};
use crate::table::{Cell, Table};
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
        "Which number of couplings is better?",
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
#[template(path = "answers/flow.html")]
struct Flow;

/// The density of a flow and its couplings.
pub(crate) fn flow() -> Result<Answer, Error> {
    Answer::of("How does RealNVP give a density?", &Flow)
}

#[derive(Template)]
#[template(path = "answers/conditional-flow.html")]
struct ConditionalFlow;

/// The couplings of a conditional flow.
pub(crate) fn conditional_flow() -> Result<Answer, Error> {
    Answer::of("How does the label enter the flow?", &ConditionalFlow)
}

#[derive(Template)]
#[template(path = "answers/paths.html")]
struct Paths<'a> {
    run: &'a str,
    dimensions: Formula,
    radius: Formula,
    /// The norm along each path.
    table: Table,
    linear: Number,
    sinusoidal: Number,
    arc: Number,
    /// The mean norm of both ends.
    ends: Number,
    /// Whether the linear path comes closer to the origin than its ends.
    is_shrinking: bool,
    /// Whether the ends are closer to the origin than draws from the prior.
    is_short: bool,
}

/// Linear, sinusoidal and circular paths between latents of many dimensions, each by the command that draws it.
pub(crate) fn paths(
    findings: &Findings,
    run: &str,
    [linear, sinusoidal, arc]: &[Command; 3],
) -> Result<Answer, Error> {
    let size = findings.run(run)?.latent_size();
    let norms = |command| findings.list(command, "mean_latent_norms");
    let paths = [norms(linear)?, norms(sinusoidal)?, norms(arc)?];
    let mut table = Table::new(["λ", "linear", "sinusoidal", "arc"]);
    let steps = paths.iter().map(Vec::len).min().unwrap_or_default();
    for step in 0..steps {
        let lambda = step as f64 / (steps.max(2) - 1) as f64;
        let mut row = vec![Cell::from(rounded(lambda, 1))];
        row.extend(paths.iter().map(|path| Cell::from(path[step].decimals(1))));
        table.push(row);
    }
    let smallest = |path: &[Measurement]| {
        let least = path.iter().min_by(|a, b| a.value.total_cmp(&b.value));
        let missing = || Error::NotMeasured("the norms of a path".to_owned());
        least.cloned().ok_or_else(missing)
    };
    let ends = [paths[0].first(), paths[0].last()].into_iter().flatten();
    let ends = ends.map(|norm| norm.value).sum::<f64>() / 2.0;
    let ends = Measurement::computed(ends, None, "the mean of the first and the last norm");
    let [linear, sinusoidal, arc] = [
        smallest(&paths[0])?,
        smallest(&paths[1])?,
        smallest(&paths[2])?,
    ];
    Answer::of(
        "How do the linear and the sinusoidal path differ?",
        &Paths {
            run,
            dimensions: f::dimensions(size),
            radius: f::typical_norm(size),
            table,
            is_shrinking: linear.value < 0.9 * ends.value,
            is_short: ends.value < 0.9 * (size as f64).sqrt(),
            ends: ends.decimals(1),
            linear: linear.decimals(1),
            sinusoidal: sinusoidal.decimals(1),
            arc: arc.decimals(1),
        },
    )
}

#[derive(Template)]
#[template(path = "answers/couplings.html")]
struct Couplings {
    /// Without and with labels.
    comparison: Table,
    /// The gain from the smallest to the largest number, without and with labels.
    plain_gain: Number,
    conditional_gain: Number,
    first: usize,
    few: usize,
    many: usize,
    saved: Number,
    verdict: Saving,
    classes: usize,
    entropy: Formula,
    marginal: Formula,
    /// The gains by labels with the smallest and the largest number.
    gain_of_first: Number,
    gain_of_last: Number,
    is_gain_smaller: bool,
    /// The sample accuracy of the shallower conditional flow of the two that are compared.
    accuracy: Number,
}

/// Whether a shallow flow conditional on labels has at least the likelihood of a deep flow without labels.
enum Saving {
    Yes,
    /// By no more than the label is worth.
    Label,
    No,
    Uncertain,
}

/// Whether labels save couplings: runs with so many couplings, without labels and with them, in ascending order.
pub(crate) fn couplings(
    findings: &Findings,
    plain: &[(usize, &str)],
    conditional: &[(usize, &str)],
) -> Result<Answer, Error> {
    let density = |(_, run): &(usize, &str)| evaluated(findings, run, "log_density");
    let (Some(first), Some(last)) = (plain.first(), plain.last()) else {
        return Err(Error::NotMeasured(
            "a flow of the coupling counts".to_owned(),
        ));
    };
    let pairs: Vec<_> = plain.iter().zip(conditional).collect();
    // The smaller of the two numbers that the assignment compares, with labels.
    let (Some((_, few)), Some((_, with_first)), Some((_, with_last))) =
        (pairs.iter().rev().nth(1), pairs.first(), pairs.last())
    else {
        return Err(Error::NotMeasured("a flow with labels".to_owned()));
    };
    let classes = findings.run(few.1)?.classes();
    let minus = |a: Measurement, b: Measurement| a.minus(&b, "the difference of both");
    let saved = minus(density(few)?, density(last)?);
    let marginal = minus(
        evaluated(findings, few.1, "marginal_log_density")?,
        density(last)?,
    );
    let accuracy = findings.fraction(&Command::of_run("evaluate-samples", few.1), "accuracy")?;
    let gains = [
        minus(density(with_first)?, density(first)?),
        minus(density(with_last)?, density(last)?),
    ];
    Answer::of(
        "Are fewer couplings needed when the label is known?",
        &Couplings {
            comparison: comparison(findings, plain, conditional, classes)?,
            plain_gain: minus(density(last)?, density(first)?).nats(),
            conditional_gain: minus(density(with_last)?, density(with_first)?).nats(),
            first: first.0,
            few: few.0,
            many: last.0,
            verdict: match (sign(&saved), sign(&marginal)) {
                (Ordering::Greater, Ordering::Greater) => Saving::Yes,
                (Ordering::Greater, _) => Saving::Label,
                (Ordering::Less, _) => Saving::No,
                (Ordering::Equal, _) => Saving::Uncertain,
            },
            saved: saved.nats(),
            accuracy: accuracy.percent(),
            classes,
            entropy: f::label_entropy(classes),
            marginal: f::marginal_over_labels(classes),
            is_gain_smaller: sign(&minus(gains[0].clone(), gains[1].clone())) == Ordering::Greater,
            gain_of_first: gains[0].nats(),
            gain_of_last: gains[1].nats(),
        },
    )
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
