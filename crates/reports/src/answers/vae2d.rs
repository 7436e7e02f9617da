//! Answers of the assignment `vae2d`.

use askama::Template;

use super::vae::total;
use crate::formula as f;
use crate::number::{Number, rounded};
use crate::{Answer, Command, Error, Findings};

#[derive(Template)]
#[template(path = "answers/decoded-grid.html")]
struct DecodedGrid {
    kl: Number,
    /// The KL as an exponent, and its power of e.
    exponent: String,
    regions: String,
    /// The number of images of the grid.
    cells: usize,
}

/// Images decoded from a grid in the latent plane.
pub(crate) fn decoded_grid(findings: &Findings, run: &str, cells: usize) -> Result<Answer, Error> {
    let kl = total(&findings.list(&Command::new("plot posterior").run(run), "kl")?);
    Answer::of(
        "What does the decoded grid show?",
        &DecodedGrid {
            exponent: rounded(kl.value, 2),
            regions: two_digits(kl.value.exp()),
            kl: kl.nats(),
            cells,
        },
    )
}

/// A number of 10 or more, rounded to two significant digits.
fn two_digits(number: f64) -> String {
    let unit = 10_f64.powi((number.log10().floor() as i32 - 1).max(0));
    rounded((number / unit).round() * unit, 0)
}

#[derive(Template)]
#[template(path = "answers/exemplars.html")]
struct Exemplars {
    recognised: Number,
    count: Number,
    are_all: bool,
}

/// How latents of each digit are found.
pub(crate) fn exemplars(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let command = Command::of_run("plot prototypes", run).option("per-class", 5);
    let recognised = findings.measurement(&command, "recognised")?;
    let count = findings.measurement(&command, "prototypes")?;
    Answer::of(
        "How are the latents of a digit found?",
        &Exemplars {
            are_all: recognised.value == count.value,
            recognised: recognised.count(),
            count: count.count(),
        },
    )
}
