//! Answers of the assignment `lab8`.

use askama::Template;

use crate::formula as f;
use crate::number::{Number, rounded};
use crate::{Answer, Error, Findings};

#[derive(Template)]
#[template(path = "answers/reconstruction.html")]
struct Information {
    reconstruction: Number,
    kl: Number,
    /// The KL as an exponent.
    exponent: String,
    dimensions: usize,
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
        },
    )
}

#[derive(Template)]
#[template(path = "answers/perturbations.html")]
struct Perturbations<'a> {
    run: &'a str,
    kl: Number,
}

/// Samples of a requested digit, and perturbations around the latent of an image.
pub(crate) fn perturbations(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let kl = findings.test_metric(run, "kl")?.nats();
    Answer::of(
        "How is a requested digit drawn, and what do perturbations of a latent show?",
        &Perturbations { run, kl },
    )
}
