//! Answers of the assignment `radboud`.

use askama::Template;

use crate::formula as f;
use crate::number::{Number, rounded};
use crate::table::Table;
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
        "Can digits be classified from their latents, with and without labels?",
        &Classification {
            classes,
            chance: chance(classes),
            is_independent: with.value < 2.0 / classes.max(1) as f64,
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
