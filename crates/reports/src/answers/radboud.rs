//! Answers of the assignment `radboud` about the model and its training.

use askama::Template;
use candle_core::{DType, Device, Tensor};
use latent_distributions::{KlDivergence, Normal, Reparametrised, StandardNormal};
use latent_models::Generator;
use latent_training::thousands;

use super::latent_space::{by_latents, chance};
use crate::formula as f;
use crate::measurement::Measurement;
use crate::number::Number;
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
