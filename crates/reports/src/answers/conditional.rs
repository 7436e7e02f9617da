//! Answers about conditional models.

use askama::Template;

use crate::formula as f;
use crate::formula::Formula;
use crate::measurement::Measurement;
use crate::number::Number;
use crate::{Answer, Error, Findings};

#[derive(Template)]
#[template(path = "answers/conditional-elbo.html")]
struct Derivation<'a> {
    run: &'a str,
    reconstruction: Number,
    kl: Number,
    elbo: Number,
}

/// Both forms of the conditional ELBO, with two derivations.
pub(crate) fn conditional_elbo(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let metric = |key| Ok::<_, Error>(findings.test_metric(run, key)?.nats());
    Answer::of(
        "Derive the ELBO of a conditional VAE, in both forms.",
        &Derivation {
            run,
            reconstruction: metric("reconstruction")?,
            kl: metric("kl")?,
            elbo: metric("elbo")?,
        },
    )
}

#[derive(Template)]
#[template(path = "answers/conditional.html")]
struct GainByLabels<'a> {
    plain_run: &'a str,
    conditional_run: &'a str,
    plain: Number,
    conditional: Number,
    gain: Number,
    verdict: Gain,
    entropy: Formula,
    marginal: Formula,
    /// Whether only the model without labels has a warm-up of the KL.
    has_warm_up: bool,
}

/// The gain by labels against the entropy of a label.
#[derive(Debug, PartialEq)]
enum Gain {
    AboveEntropy,
    /// A gain that may be more than the entropy.
    Uncertain,
    BelowEntropy,
    Worse,
    None,
}

impl Gain {
    /// Of a difference in nats, with labels of so many equally frequent classes.
    fn of(gain: &Measurement, classes: usize) -> Self {
        let entropy = (classes.max(1) as f64).ln();
        let error = gain.error.unwrap_or(0.0);
        let (low, high) = (gain.value - error, gain.value + error);
        if low > entropy {
            Self::AboveEntropy
        } else if low > 0.0 && high > entropy {
            Self::Uncertain
        } else if low > 0.0 {
            Self::BelowEntropy
        } else if high < 0.0 {
            Self::Worse
        } else {
            Self::None
        }
    }
}

/// Whether labels make a model better, and by more than the entropy of a label.
pub(crate) fn conditional(
    findings: &Findings,
    plain_run: &str,
    conditional_run: &str,
) -> Result<Answer, Error> {
    let plain = findings.test_metric(plain_run, "elbo")?;
    let conditional = findings.test_metric(conditional_run, "elbo")?;
    let gain = conditional.minus(&plain, "the difference of both");
    let classes = findings.run(conditional_run)?.classes();
    Answer::of(
        "Is the conditional model better, and when is it not?",
        &GainByLabels {
            plain_run,
            conditional_run,
            verdict: Gain::of(&gain, classes),
            plain: plain.nats(),
            conditional: conditional.nats(),
            gain: gain.nats(),
            has_warm_up: has_warm_up(findings, plain_run)?
                && !has_warm_up(findings, conditional_run)?,
            entropy: f::label_entropy(classes),
            marginal: f::marginal_over_labels(classes),
        },
    )
}

fn has_warm_up(findings: &Findings, run: &str) -> Result<bool, Error> {
    let objective = findings.run(run)?.metadata.experiment.model.objective();
    Ok(objective.is_some_and(|objective| objective.warm_up_epochs > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_compared_with_the_entropy_of_the_label() {
        let gain = |value, error| Measurement::computed(value, Some(error), "a test");
        for (value, error, classes, expected) in [
            (2.2, 0.1, 10, Gain::BelowEntropy),
            // Of five classes a label is worth ln 5 = 1.61 nats.
            (2.2, 0.1, 5, Gain::AboveEntropy),
            (2.2, 0.2, 10, Gain::Uncertain),
            (2.5, 0.1, 10, Gain::AboveEntropy),
            (-1.0, 0.1, 10, Gain::Worse),
            (0.05, 0.1, 10, Gain::None),
        ] {
            let found = Gain::of(&gain(value, error), classes);
            assert_eq!(found, expected, "{value} ± {error}, {classes} classes");
        }
    }
}
