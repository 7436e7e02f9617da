//! Answers of the assignment `aevb`.

use askama::Template;

use crate::formula as f;
use crate::number::Number;
use crate::{Answer, Command, Error, Findings};

#[derive(Template)]
#[template(path = "answers/between.html")]
struct Between {
    used: Number,
}

/// Interpolations between images through the latents of a VAE.
pub(crate) fn between(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let used = findings.measurement(&Command::new("plot posterior").run(run), "used")?;
    Answer::of(
        "Why do interpolations through the latent space look like digits?",
        &Between { used: used.count() },
    )
}
