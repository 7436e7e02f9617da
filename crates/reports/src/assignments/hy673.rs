//! HY-673: flows, conditional flows and their couplings, and a conditional VAE.

use crate::{Assignment, Command, Exhibit, RequiredRun, Task, answers};

/// The runs of conditional flows with so many couplings.
const COUPLINGS: [(usize, &str); 5] = [
    (2, "cond-realnvp-couplings-2"),
    (4, "cond-realnvp-couplings-4"),
    (6, "cond-realnvp-couplings-6"),
    (8, "cond-realnvp-couplings-8"),
    (10, "cond-realnvp-couplings-10"),
];
const PLAIN: [(usize, &str); 2] = [(5, "realnvp-5"), (10, "realnvp-10")];
const CONDITIONAL: [(usize, &str); 2] = [(5, "cond-realnvp-5"), (10, "cond-realnvp-10")];
const VAE: &str = "cvae-conv";

pub(super) fn assignment() -> Assignment {
    let flows = [PLAIN, CONDITIONAL].concat();
    let mut runs: Vec<_> = flows
        .iter()
        .map(|(_, name)| RequiredRun::new(*name))
        .collect();
    runs.extend(COUPLINGS.iter().map(|(count, name)| {
        RequiredRun::new("cond-realnvp-10")
            .with_setting(*name, format!("model.couplings={count}"))
            .with_epochs(10)
    }));
    runs.push(RequiredRun::new(VAE));
    Assignment {
        name: "hy673".to_owned(),
        title: "HY-673: flows and conditional VAEs".to_owned(),
        introduction: "RealNVP on MNIST with five and with ten couplings, the same conditional on the digit, the \
            number of couplings that is needed, and a conditional VAE that draws requested digits."
            .to_owned(),
        runs,
        tasks: vec![flow(), conditional_flow(), conditional_vae(), digits()],
    }
}

/// A command on both flows.
fn both(of: [(usize, &str); 2], command: impl Fn(&str) -> Command, caption: &str) -> Exhibit {
    let commands = of.iter().map(|(_, run)| command(run)).collect();
    Exhibit::side_by_side(commands, caption)
}

fn flow() -> Task {
    let mut task = Task::new(
        "Problem 1: RealNVP",
        "Train RealNVP with five and with ten couplings; compare likelihoods, samples, and linear and sinusoidal \
         interpolations.",
    )
    .recipe("hy673-problem1")
    .exhibit(both(
        PLAIN,
        |run| Command::of_run("evaluate", run),
        "Test metrics, nats per image; log-likelihood in logit space",
    ))
    .exhibit(both(
        PLAIN,
        |run| Command::of_run("sample", run).option("count", 25),
        "25 samples",
    ));
    for (count, run) in PLAIN {
        for path in ["linear", "sinusoidal"] {
            task = task.show(
                Command::of_run("interpolate", run)
                    .option("method", path)
                    .option("steps", 11),
                format!(
                    "{count} couplings: {path} interpolations between five pairs of test images"
                ),
            );
        }
    }
    task = task.show(
        Command::of_run("interpolate", PLAIN[0].1)
            .option("method", "arc")
            .option("steps", 11),
        "Extra, 5 couplings: interpolations along an arc, which keeps the norm of perpendicular latents",
    );
    task.answer(|findings| answers::depth(findings, PLAIN[0].1, PLAIN[1].1))
        .answer(|findings| answers::paths(findings, PLAIN[0].1))
}

fn conditional_flow() -> Task {
    let mut curves = Command::new("plot curves");
    for (_, run) in COUPLINGS {
        curves = curves.run(run);
    }
    Task::new(
        "Problem 2: conditional RealNVP",
        "The same, conditional on the digit; and the likelihood against 2, 4, 6, 8 and 10 couplings.",
    )
    .recipe("hy673-problem2")
    .exhibit(both(
        CONDITIONAL,
        |run| Command::of_run("evaluate", run),
        "Test metrics given the labels, nats per image; log-likelihood in logit space",
    ))
    .exhibit(both(
        CONDITIONAL,
        |run| Command::of_run("sample", run).option("count", 10),
        "Ten samples of each digit",
    ))
    .show(
        curves.option("against", "model.couplings"),
        "Metrics of the final models over the number of couplings",
    )
    .answer(|findings| answers::couplings(findings, &PLAIN, &CONDITIONAL, &COUPLINGS))
}

fn conditional_vae() -> Task {
    Task::new(
        "Problem 3: a conditional VAE",
        "Train a conditional VAE by its ELBO, compare test images with reconstructions, and draw ten samples of each \
         digit.",
    )
    .recipe("hy673-problem3")
    .show(
        Command::of_run("evaluate", VAE),
        "Test metrics given the labels, nats per image",
    )
    .show(
        Command::of_run("reconstruct", VAE),
        "Ten test images (top) and their reconstructions (bottom)",
    )
    .show(
        Command::of_run("sample", VAE).option("count", 10),
        "Ten samples of each digit",
    )
    .answer(|findings| answers::conditional_elbo(findings, VAE))
}

fn digits() -> Task {
    Task::new(
        "Problem 3(c): samples of requested digits",
        "Draw an image of each label of an array, and of each digit of a number.",
    )
    .recipe("hy673-digits")
    .show(
        Command::of_run("sample", VAE).option("labels", "0,2"),
        "One sample for each label of [0, 2], with its label",
    )
    .show(
        Command::of_run("sample", VAE).option("labels", "4,2"),
        "The number 42: one sample for each of its digits",
    )
}
