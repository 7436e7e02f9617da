//! Answers to the assignments' questions. What holds of any model stands in `assets/answers`, with its
//! formulas; what is a matter of measurement is said here, and by the figures: a sentence is chosen by
//! what was found, and quotes it.

use std::fmt::Write as _;

use super::document::{escape, table_of};
use super::findings::{Figure, Findings, number};
use crate::Error;

/// A question of an assignment, and its answer.
pub(crate) struct Answer {
    pub(crate) question: String,
    /// HTML.
    pub(crate) html: String,
}

fn answer(question: &str, html: String) -> Answer {
    Answer {
        question: question.to_owned(),
        html,
    }
}

/// A text of `assets/answers` with its gaps filled: a gap without a filling does not compile.
macro_rules! text {
    ($file:literal $(, $name:ident = $value:expr)*) => {
        format!(
            include_str!(concat!("../../../../assets/answers/", $file, ".html"))
            $(, $name = $value)*
        )
    };
}

/// ln 10: what a label of ten is worth at most, in nats.
const LABEL: f64 = std::f64::consts::LN_10;

/// q(z|x), N(0, I) and p(x|y) as formulas.
const POSTERIOR: &str = "<math><mi>q</mi><mo stretchy=\"false\">(</mo><mi>z</mi><mo>∣</mo><mi>x</mi><mo stretchy=\"false\">)</mo></math>";
const STANDARD_NORMAL: &str = "<math><mi>𝒩</mi><mo stretchy=\"false\">(</mo><mn>0</mn><mo>,</mo><mi>I</mi><mo stretchy=\"false\">)</mo></math>";

/// A figure of the test images: that of the table beside, by `evaluate RUN`, where there is one, and else
/// of the run’s last epoch. (Both are the same unless the report is a quick one.)
fn measured(findings: &Findings, run: &str, key: &str) -> Result<Figure, Error> {
    match findings.maybe(&format!("evaluate {run}"), key) {
        Some(figure) => Ok(figure),
        None => findings.of_run(run, "test", key),
    }
}

/// Why the ELBO is what it is, and that of a run.
pub(crate) fn elbo(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let part = |key| Ok::<_, Error>(measured(findings, run, key)?.nats());
    let facts = findings.run(run)?;
    let html = text!(
        "elbo",
        run = run,
        path = escape(&facts.path),
        reconstruction = part("reconstruction")?,
        kl = part("kl")?,
        elbo = part("elbo")?
    );
    Ok(answer("What is the ELBO, and why is it a bound?", html))
}

/// Both forms of the conditional bound, derived in two ways.
pub(crate) fn conditional_elbo(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let part = |key| Ok::<_, Error>(measured(findings, run, key)?.nats());
    let html = text!(
        "conditional-elbo",
        run = run,
        reconstruction = part("reconstruction")?,
        kl = part("kl")?,
        elbo = part("elbo")?
    );
    Ok(answer(
        "Derive the ELBO of a conditional VAE, in both forms.",
        html,
    ))
}

/// Why an encoder says the logarithm of the variance.
pub(crate) fn log_variance() -> Answer {
    answer(
        "Why does the encoder predict the logarithm of the variance?",
        text!("log-variance"),
    )
}

/// Whether the latents of a run are distributed as they should be, by `posterior RUN`.
pub(crate) fn latent_distribution(findings: &Findings, runs: &[&str]) -> Result<Answer, Error> {
    let mut measured = String::new();
    for run in runs {
        _ = writeln!(measured, "<p>{}</p>", distributed(findings, run)?);
    }
    measured.push_str(
        "<p>Mean and spread are not all: holes and separate heaps in the scatter plot, or a density unlike the \
         prior’s, contradict the expectation too, and so do samples from the prior that look worse than \
         reconstructions.</p>",
    );
    let html = text!("latent-distribution", measured = measured);
    Ok(answer(
        "What should latent points be distributed as, and are they?",
        html,
    ))
}

fn distributed(findings: &Findings, run: &str) -> Result<String, Error> {
    let command = format!("posterior {run}");
    let [means, deviations, kl] = [
        findings.figures(&command, "mean")?,
        findings.figures(&command, "standard_deviation")?,
        findings.figures(&command, "kl")?,
    ];
    let images = findings.figure(&command, "images")?;
    let (mean, deviation) = (furthest(&means, 0.0), furthest(&deviations, 1.0));
    // Not defined where there are no more images than dimensions, and then there is no figure.
    let from_prior = findings.maybe(&command, "kl_from_prior");
    let used = findings.figure(&command, "used")?;
    let total: f64 = kl.iter().map(|figure| figure.value).sum();
    let total = Figure::computed(total, None, "the sum of KL over the dimensions");
    // Four standard errors of a mean, or what nobody would see in a picture.
    let slack = (4.0 / images.value.sqrt()).max(0.1);
    let is_close =
        from_prior.is_some() && mean.value.abs() < slack && (deviation.value - 1.0).abs() < slack;
    let verdict = if is_close {
        "so by their mean and spread they are what they should be"
    } else if from_prior
        .as_ref()
        .is_some_and(|nats| nats.value < 0.1 * kl.len() as f64)
    {
        "so they are near the prior, and not the same: the bound pays for that, since moving them closer \
         would cost more in reconstruction than it would gain"
    } else if from_prior.is_none() {
        "so that by their covariance nothing can be said of so few images"
    } else {
        "so they are <em>not</em> distributed as they should be: draws from the prior come where few images \
         lie, and the decoder has learnt little there"
    };
    let divergence = match from_prior {
        Some(nats) => format!("is {} nats from {STANDARD_NORMAL}", nats.html(3)),
        None => format!("has no density and no divergence from {STANDARD_NORMAL}"),
    };
    let dimensions = match kl.len() as f64 - used.value {
        0.0 if kl.len() == 2 => "Both dimensions are used.".to_owned(),
        0.0 => format!("All {} dimensions are used.", kl.len()),
        _ => format!(
            "Of its {} dimensions {} tell more than a hundredth of a nat of an image; what tells less is \
             switched off, and lies at the prior.",
            kl.len(),
            used.count()
        ),
    };
    Ok(format!(
        "<em>{run}:</em> of {} draws from {POSTERIOR}, one for each test image, the mean that is furthest from 0 \
         is {}, and the standard deviation furthest from 1 is {}; a normal distribution with their mean and \
         covariance {divergence}, {verdict}. {dimensions} Each {POSTERIOR} by itself is \
         {} nats from the prior.",
        images.count(),
        mean.html(3),
        deviation.html(3),
        total.nats(),
    ))
}

/// The figure that is furthest from a value.
fn furthest(figures: &[Figure], from: f64) -> Figure {
    let distance = |figure: &&Figure| (figure.value - from).abs();
    let found = figures
        .iter()
        .max_by(|a, b| distance(a).total_cmp(&distance(b)));
    found.map_or_else(|| Figure::computed(f64::NAN, None, "nothing"), Clone::clone)
}

/// What more latent dimensions do, by runs of the same model with so many.
pub(crate) fn latent_size(findings: &Findings, runs: &[(usize, &str)]) -> Result<Answer, Error> {
    let mut rows = Vec::new();
    let mut parts = Vec::new();
    for (size, run) in runs {
        let [reconstruction, kl, elbo] =
            ["reconstruction", "kl", "elbo"].map(|key| findings.of_run(run, "test", key));
        let (reconstruction, kl, elbo) = (reconstruction?, kl?, elbo?);
        rows.push(vec![
            size.to_string(),
            reconstruction.nats(),
            kl.nats(),
            elbo.nats(),
        ]);
        parts.push((*size, reconstruction, kl, elbo));
    }
    let head = ["latent dimensions", "reconstruction", "KL", "ELBO"].map(str::to_owned);
    let mut html = table_of(&head, &rows);
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return Err(Error::NotMeasured("latent sizes".to_owned()));
    };
    let falls = parts
        .windows(2)
        .all(|pair| pair[1].1.value <= pair[0].1.value);
    let rises = parts
        .windows(2)
        .all(|pair| pair[1].2.value >= pair[0].2.value);
    let best = parts
        .iter()
        .max_by(|a, b| a.3.value.total_cmp(&b.3.value))
        .unwrap_or(last);
    _ = writeln!(
        html,
        "<p>From {} to {} dimensions the reconstruction goes from {} to {} nats and the divergence from {} \
         to {}. {} The highest ELBO has {} dimensions, with {} nats{}</p>",
        first.0,
        last.0,
        first.1.nats(),
        last.1.nats(),
        first.2.nats(),
        last.2.nats(),
        match (falls, rises) {
            (true, true) => "With every step the first falls and the second rises, as expected.",
            (true, false) =>
                "The first falls with every step, and the second does not rise with every one: \
                dimensions were added that nothing was written into.",
            (false, true) =>
                "The second rises with every step, but the first does not fall with every one: \
                after so few epochs more room does not mean a better use of it.",
            (false, false) =>
                "Neither goes the same way with every step, which is against the expectation: \
                these runs are too short, or one of them was caught in a bad place.",
        },
        best.0,
        best.3.nats(),
        if best.0 == last.0 {
            "; more might still gain."
        } else {
            ": beyond that there is nothing left that is worth its price."
        }
    );
    html.push_str(
        "<p>A reconstruction that rises again with more dimensions, after long training, would contradict \
         the expectation.</p>",
    );
    let html = text!("latent-size", measured = html);
    Ok(answer(
        "What do more latent dimensions do to reconstruction and KL?",
        html,
    ))
}

/// Whether latents tell digits, with and without conditions.
pub(crate) fn classification(
    findings: &Findings,
    plain: &str,
    conditional: &str,
) -> Result<Answer, Error> {
    let share = |command: String| findings.share(&command, "accuracy");
    let without = share(format!("classify {plain}"))?;
    let with = share(format!("classify {conditional} --by latents"))?;
    let bayes = share(format!("classify {conditional}"))?;
    let holds_none = with.value < 0.2;
    let measured = format!(
        "<p>By their latents, {} of the test images are told right without conditions (one in ten would be \
         chance), and {} with conditions{} By Bayes’ rule the conditional model tells {}{}</p>\n\
         <p>{} What would contradict it: latents of a conditional model that tell digits as well as those of \
         one without.</p>",
        without.percent(),
        with.percent(),
        if holds_none {
            ": nearly chance, as it should be, since the digit is in the label."
        } else if with.value < without.value {
            ": less, but more than chance, so that the latents still hold something of the digit beside the \
             label. Styles differ between digits, a 1 being narrow whoever writes it, and a decoder that is \
             not fully trained leaves some of the digit to z."
        } else {
            ": not less, which is against the expectation: this model has not learnt to leave the digit to \
             its label."
        },
        bayes.percent(),
        if bayes.value > without.value {
            ", more than the latents of the model without conditions do: a likelihood sees the whole image, \
             and two numbers cannot hold ten digits apart."
        } else {
            ", not more than the latents of the model without conditions: its likelihoods are not good enough \
             yet to decide by."
        },
        if holds_none {
            "So yes: without conditions from the latents; with conditions from the likelihoods, and not from \
             the latents."
        } else {
            "So yes: without conditions from the latents; with conditions from the likelihoods, and from the \
             latents only as far as they were not freed of the digit."
        },
    );
    let html = text!("classification", measured = measured);
    Ok(answer(
        "Can digits be classified from their latents, with and without conditions?",
        html,
    ))
}

/// How a label is changed and the style kept.
pub(crate) fn restyling(findings: &Findings, conditional: &str) -> Result<Answer, Error> {
    let command = format!("classify {conditional} --by latents");
    let with = findings.share(&command, "accuracy")?;
    let measured = format!(
        "How independent is measured above: the latents alone tell {} of the digits, where \
         about 10 % would be chance.",
        with.percent()
    );
    let html = text!("restyling", measured = measured);
    Ok(answer("How is the label changed and the style kept?", html))
}

/// Whether being told the digit makes a model better, and when it does not.
pub(crate) fn conditional(
    findings: &Findings,
    plain: &str,
    conditional: &str,
) -> Result<Answer, Error> {
    let [without, with] = [plain, conditional].map(|run| measured(findings, run, "elbo"));
    let (without, with) = (without?, with?);
    let gained = compared("ELBO", (plain, &without), (conditional, &with));
    let html = text!("conditional", measured = gained);
    Ok(answer(
        "Is the conditional model better, and when is it not?",
        html,
    ))
}

/// Whether a conditional model gained by its labels, and whether by more than a label is worth.
fn compared(what: &str, plain: (&str, &Figure), conditional: (&str, &Figure)) -> String {
    let gain = conditional.1.less(plain.1, "the difference of both");
    let error = gain.error.unwrap_or(0.0);
    let verdict = if gain.value - error > LABEL {
        "more than a label is worth: the model without labels is the poorer one even if its rival has to \
         pay for the label"
    } else if gain.value - error > 0.0 && gain.value + error > LABEL {
        "more than nothing; whether it is more than a label is worth lies within the error"
    } else if gain.value - error > 0.0 {
        "no more than a label is worth: if it has to pay for being told the digit, the conditional model is no \
         better"
    } else if gain.value + error < 0.0 {
        "and the conditional model is <em>worse</em>, which is against the expectation: it has more to \
         learn, and has not learnt it in so many epochs"
    } else {
        "which is within the error: no difference was measured"
    };
    format!(
        "<p>Measured, {what}: {} nats without labels ({}) and {} with them ({}). The difference is {} nats, \
         {verdict}. (One seed, and the same test images: another seed may move either by a nat or two.)</p>",
        plain.1.nats(),
        plain.0,
        conditional.1.nats(),
        conditional.0,
        gain.nats(),
    )
}

/// Latents of VAEs against those of GANs.
pub(crate) fn gan(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let measured = format!(
        "What can be quoted of the VAE is that its latents lie where it draws from: {} nats from the prior, \
         by their mean and covariance.",
        findings
            .figure(&format!("posterior {run}"), "kl_from_prior")?
            .html(3)
    );
    let html = text!("gan", measured = measured);
    Ok(answer(
        "How does a VAE’s latent space differ from a GAN’s?",
        html,
    ))
}

/// What training did, by its first and last epochs.
pub(crate) fn learning(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let trained = findings.run(run)?;
    let loss = |split| findings.of_run(run, split, "loss");
    let (train, test) = (loss("train")?, loss("test")?);
    let first = trained
        .records
        .first()
        .and_then(|record| record.test.get("loss"));
    let first = first.ok_or_else(|| Error::NotMeasured(format!("the first epoch of {run}")))?;
    let first = Figure::of(
        *first,
        format!(
            "test.loss of the first line of {}/metrics.jsonl",
            trained.path
        ),
    );
    let gap = test.less(&train, "test loss less training loss");
    let verdict = if gap.value > 0.05 * train.value.abs() {
        "so it has begun to know its training images by heart: fewer epochs, or a smaller network, would \
         lose nothing"
    } else {
        "so it has learnt digits and not these images"
    };
    let html = format!(
        "<p>After the first epoch the test images lost {} nats; in the end they lose {}, and the training \
         images {}. The gap is {} nats, {verdict}. (The training figure is a mean over the epoch while the \
         weights moved, and so lags behind a little: that is how it can be the larger one.) A test loss \
         that rises from epoch to epoch while the training loss falls would be overfitting.</p>\n",
        first.nats(),
        test.nats(),
        train.nats(),
        gap.nats(),
    );
    Ok(answer("What do the curves say?", html))
}

/// What reconstructions lose.
pub(crate) fn reconstruction(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let nats = measured(findings, run, "reconstruction")?;
    let kl = measured(findings, run, "kl")?;
    let lost = format!(
        "It loses {} nats an image, and {} nats of divergence are all that the encoder says of it: with \
         e<sup>{}</sup> images told apart at most, most of a handwriting has to be guessed. Reconstructions \
         as sharp as their originals, with so few nats, would contradict it.",
        nats.nats(),
        kl.nats(),
        number(kl.value, 1),
    );
    let html = text!("reconstruction", measured = lost);
    Ok(answer("What is lost in a reconstruction?", html))
}

/// The ways between images through the latents of a VAE.
pub(crate) fn between(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let used = findings.figure(&format!("posterior {run}"), "used")?;
    let measured = format!(
        "Here {} dimensions carry the images, so that a straight line between two of them hardly meets a \
         third digit’s region on its way, as it must in a plane.",
        used.count()
    );
    let html = text!("between", measured = measured);
    Ok(answer(
        "Why do interpolations through the latent space look like digits?",
        html,
    ))
}

/// The map of a latent plane.
pub(crate) fn map(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let kl = findings.figures(&format!("posterior {run}"), "kl")?;
    let total: f64 = kl.iter().map(|figure| figure.value).sum();
    let total = Figure::computed(total, None, "the sum of KL over the dimensions");
    let measured = format!(
        "With {} nats an image, the encoder tells at most about e<sup>{}</sup> ≈ {} places of the plane apart: \
         a grid as fine as that shows all there is.",
        total.nats(),
        number(total.value, 1),
        number(total.value.exp(), 0),
    );
    let html = text!("map", measured = measured);
    Ok(answer("What does the map show?", html))
}

/// How latents of each digit are found.
pub(crate) fn gallery() -> Answer {
    answer(
        "How are latents found that stand for a digit?",
        text!("gallery"),
    )
}

/// From a number to an image, and what is around one.
pub(crate) fn neighbours(findings: &Findings, run: &str) -> Result<Answer, Error> {
    let kl = measured(findings, run, "kl")?;
    let width = format!(
        "{} spends {} nats an image on its divergence, so posteriors are that much narrower than the prior, \
         all dimensions together.",
        run,
        kl.nats()
    );
    let html = text!("neighbours", measured = width);
    Ok(answer(
        "How is an image drawn from a number, and what lies around one?",
        html,
    ))
}

/// Two flows of different depth by their densities.
pub(crate) fn depth(findings: &Findings, shallow: &str, deep: &str) -> Result<Answer, Error> {
    let figure = |run: &str| findings.figure(&format!("evaluate {run}"), "log_likelihood");
    let (a, b) = (figure(shallow)?, figure(deep)?);
    let gain = b.less(&a, "the difference of both");
    let error = gain.error.unwrap_or(0.0);
    let verdict = if gain.value > error {
        "so that the deeper flow is the better one"
    } else if gain.value < -error {
        "so that the deeper flow is the worse one, as in the published table (Papamakarios et al. 2017), where ten \
         couplings lose to five: twice the layers are harder to train, and fit the training images sooner \
         than they generalise"
    } else {
        "which is within the error: the depth made no difference that was measured"
    };
    let measured = format!(
        "<p>{shallow} reaches {} nats and {deep} {}: a difference of {} nats, {verdict}. Published for such \
         flows are −1323.2 and −1370.7 nats. What would contradict the ranking: other seeds that turn it \
         around.</p>",
        a.nats(),
        b.nats(),
        gain.nats(),
    );
    let html = text!("change-of-variables", measured = measured);
    Ok(answer(
        "What is measured of a flow, and which depth is better?",
        html,
    ))
}

/// Straight and sinusoidal ways between latents of many dimensions.
pub(crate) fn paths(size: usize) -> Answer {
    let radius = number((size as f64).sqrt(), 1);
    answer(
        "Why interpolate along a sine and not along a line?",
        text!("paths", size = size, radius = radius),
    )
}

/// How many couplings are needed, without labels and with them.
pub(crate) fn couplings(
    findings: &Findings,
    plain: &[(usize, &str)],
    conditional: &[(usize, &str)],
    curve: &[(usize, &str)],
) -> Result<Answer, Error> {
    let mut rows = Vec::new();
    let mut measured = Vec::new();
    for (count, run) in curve {
        let nats = findings.of_run(run, "test", "log_likelihood")?;
        let bits = findings.of_run(run, "test", "bits_per_dimension")?;
        rows.push(vec![count.to_string(), nats.nats(), bits.html(3)]);
        measured.push((*count, nats));
    }
    let head = ["couplings", "log p(x|y), nats", "bits per dimension"].map(str::to_owned);
    let mut html = table_of(&head, &rows);
    let best = measured
        .iter()
        .max_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let (Some(best), Some(first)) = (best, measured.first()) else {
        return Err(Error::NotMeasured("coupling counts".to_owned()));
    };
    // What the next couplings gain, as a share of all that was gained.
    let enough = measured
        .iter()
        .find(|(_, nats)| best.1.value - nats.value <= 0.1 * (best.1.value - first.1.value).abs())
        .unwrap_or(best);
    _ = writeln!(
        html,
        "<p>With labels, {} couplings are best of these, with {} nats{}</p>",
        best.0,
        best.1.nats(),
        if best.0 == first.0 {
            ": more gained nothing.".to_owned()
        } else if enough.0 == best.0 {
            ", and none with fewer comes within a tenth of what there was to gain.".to_owned()
        } else {
            format!(
                "; {} reach {}, and so nine tenths of what there was to gain over {}.",
                enough.0,
                enough.1.nats(),
                first.0
            )
        }
    );
    let mut rows = Vec::new();
    for ((count, without), (_, with)) in plain.iter().zip(conditional) {
        let a = findings.figure(&format!("evaluate {without}"), "log_likelihood")?;
        let b = findings.figure(&format!("evaluate {with}"), "log_likelihood")?;
        let c = findings.figure(&format!("evaluate {with}"), "mixture_log_likelihood")?;
        let gain = b.less(&a, "the difference of both");
        rows.push(vec![
            count.to_string(),
            a.nats(),
            b.nats(),
            c.nats(),
            gain.nats(),
        ]);
    }
    let head = [
        "couplings",
        "log p(x) without labels",
        "log p(x|y)",
        "log p(x) = log ⅒ Σ p(x|y)",
        "gain by labels",
    ];
    html.push_str(&table_of(&head.map(str::to_owned), &rows));
    html.push_str(&saved(findings, plain, conditional)?);
    let html = text!("couplings", measured = html);
    Ok(answer(
        "How many couplings are needed, with and without labels?",
        html,
    ))
}

/// Whether labels stand in for couplings: whether a shallow flow with them reaches a deep one without.
fn saved(
    findings: &Findings,
    plain: &[(usize, &str)],
    conditional: &[(usize, &str)],
) -> Result<String, Error> {
    let (Some((few, with)), Some((many, without))) = (conditional.first(), plain.last()) else {
        return Err(Error::NotMeasured(
            "flows with and without labels".to_owned(),
        ));
    };
    let a = findings.figure(&format!("evaluate {with}"), "log_likelihood")?;
    let b = findings.figure(&format!("evaluate {without}"), "log_likelihood")?;
    let gain = a.less(&b, "the difference of both");
    let error = gain.error.unwrap_or(0.0);
    let verdict = if gain.value > error {
        "so that labels did save couplings here"
    } else if gain.value < -error {
        "so that labels did not make up for the couplings that are missing"
    } else {
        "which is within the error: as many as that, labels may have saved"
    };
    Ok(format!(
        "<p>{few} couplings with labels against {many} without: a difference of {} nats, {verdict}. A gain by labels \
         that grows with the number of couplings would contradict the theory below.</p>\n",
        gain.nats()
    ))
}
