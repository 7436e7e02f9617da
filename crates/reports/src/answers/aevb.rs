//! Answers of the assignment `aevb`.

use askama::Template;
use latent_training::EpochRecord;

use crate::formula as f;
use crate::measurement::Measurement;
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

#[derive(Template)]
#[template(path = "answers/adam.html")]
struct Adam<'a> {
    run: &'a str,
    rate: String,
    beta1: String,
    beta2: String,
    epsilon: String,
    weight_decay: String,
    first: Number,
    last: Number,
    epochs: usize,
}

/// The update of Adam, with the constants of a run and the change of its training loss.
pub(crate) fn adam(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let trained = findings.run(run)?;
    let training = &trained.metadata.experiment.training;
    let loss = |record: Option<&EpochRecord>, line: &str| {
        let value = record.and_then(|record| record.train.get("loss"));
        let value =
            value.ok_or_else(|| Error::NotMeasured(format!("the training loss of {run}")))?;
        let source = format!(
            "train.loss of the {line} line of {}/metrics.jsonl",
            trained.path
        );
        Ok::<_, Error>(Measurement::new(*value, source).nats())
    };
    let records = &trained.records;
    Answer::of(
        "How does Adam update the parameters?",
        &Adam {
            run,
            rate: training.learning_rate.to_string(),
            beta1: training.beta1.to_string(),
            beta2: training.beta2.to_string(),
            epsilon: format!("{:e}", training.epsilon),
            weight_decay: training.weight_decay.to_string(),
            first: loss(records.first(), "first")?,
            last: loss(records.last(), "last")?,
            epochs: records.len(),
        },
    )
}
