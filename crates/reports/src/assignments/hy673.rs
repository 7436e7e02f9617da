//! HY-673: flows, conditional flows and their couplings, and a conditional VAE.

use crate::{Assignment, Command, Error, Exhibit, RequiredRun, Task, answers, excerpts};

/// Flows with so many couplings, without labels and with them. Their runs are shorter than the experiments of the same
/// name, so that the report takes minutes.
const PLAIN: [(usize, &str); 3] = [
    (2, "realnvp-couplings-2"),
    (5, "realnvp-couplings-5"),
    (10, "realnvp-couplings-10"),
];
const CONDITIONAL: [(usize, &str); 3] = [
    (2, "cond-realnvp-couplings-2"),
    (5, "cond-realnvp-couplings-5"),
    (10, "cond-realnvp-couplings-10"),
];
const EPOCHS: usize = 8;
const VAE: &str = "cvae-conv";

pub(super) fn assignment() -> Result<Assignment, Error> {
    let trained = |experiment: &'static str| {
        move |(couplings, name): &(usize, &str)| {
            RequiredRun::new(experiment)
                .with_setting(*name, format!("model.couplings={couplings}"))
                .with_epochs(EPOCHS)
        }
    };
    let mut runs: Vec<_> = PLAIN.iter().map(trained("realnvp-5")).collect();
    runs.extend(CONDITIONAL.iter().map(trained("cond-realnvp-5")));
    runs.push(RequiredRun::new(VAE));
    Ok(Assignment {
        name: "hy673".to_owned(),
        title: "HY-673: flows and conditional VAEs".to_owned(),
        introduction: "RealNVP on MNIST with five and with ten couplings, the same conditional on the digit, the \
            number of couplings that is needed, and a conditional VAE that draws requested digits."
            .to_owned(),
        runs,
        tasks: vec![flow()?, conditional_flow(), conditional_vae()],
    })
}

/// A command on several runs, side by side.
fn each(of: &[(usize, &str)], command: impl Fn(&str) -> Command, caption: &str) -> Exhibit {
    let commands = of.iter().map(|(_, run)| command(run)).collect();
    Exhibit::side_by_side(commands, caption)
}

/// Interpolations of 11 images: λ = 0, 0.1, …, 1.
fn interpolate(run: &str, method: &str) -> Command {
    Command::of_run("interpolate", run)
        .option("method", method)
        .option("steps", 11)
}

fn flow() -> Result<Task, Error> {
    let mut task = Task::new(
        "Problem 1. RealNVP",
        "Build RealNVP, train it with five and with ten couplings, and interpolate between digits in the base space.",
    )
    .recipe("hy673-1")
    .part("1(a) The model")
    .excerpt(excerpts::coupling()?)
    .answer(|_| answers::flow())
    .part("1(b) Five and ten couplings")
    .exhibit(each(
        &PLAIN[1..],
        |run| Command::of_run("evaluate", run),
        "Test metrics, nats per image; log-density in logit space",
    ))
    .exhibit(each(
        &PLAIN[1..],
        |run| Command::of_run("sample", run).option("count", 25),
        "25 samples of the flow with five couplings and of that with ten",
    ))
    .answer(|findings| answers::depth(findings, PLAIN[1].1, PLAIN[2].1))
    .part("1(c) Interpolations");
    for (count, run) in &PLAIN[1..] {
        for path in ["linear", "sinusoidal"] {
            task = task.show(
                interpolate(run, path),
                format!(
                    "{count} couplings: {path} interpolations between five pairs of test images, λ = 0, 0.1, …, 1"
                ),
            );
        }
    }
    let paths = ["linear", "sinusoidal", "arc"].map(|path| interpolate(PLAIN[1].1, path));
    let arc = paths[2].clone();
    Ok(task
        .answer(move |findings| answers::paths(findings, PLAIN[1].1, &paths))
        .extra("Interpolation along an arc")
        .show(
            arc,
            "5 couplings: interpolations along an arc, which keeps the norm of perpendicular latents",
        ))
}

fn conditional_flow() -> Task {
    Task::new(
        "Problem 2. Conditional RealNVP",
        "Make the flow conditional on the digit, train it, and compare it with the flow of problem 1.",
    )
    .recipe("hy673-2")
    .part("2(a) The model")
    .answer(|_| answers::conditional_flow())
    .part("2(b) Generated digits, and the number of couplings")
    .exhibit(each(
        &CONDITIONAL[1..],
        |run| Command::of_run("sample", run).option("count", 10),
        "Ten samples of each digit, with five couplings and with ten",
    ))
    .exhibit(each(
        &CONDITIONAL,
        |run| Command::of_run("evaluate", run),
        "Test metrics given the labels, nats per image; log-density in logit space",
    ))
    .show(
        Command::of_run("evaluate", PLAIN[0].1),
        "For comparison, two couplings without labels",
    )
    .show(
        Command::of_run("evaluate-samples", CONDITIONAL[1].1),
        "Sample accuracy of five couplings: the share of samples to which a classifier assigns the requested label",
    )
    .answer(|findings| answers::couplings(findings, &PLAIN, &CONDITIONAL))
}

fn conditional_vae() -> Task {
    Task::new(
        "Problem 3. A conditional VAE",
        "Derive the conditional ELBO, train a conditional VAE, and draw requested digits.",
    )
    .recipe("hy673-3")
    .part("3(a) The conditional ELBO")
    .answer(|findings| answers::conditional_elbo(findings, VAE))
    .part("3(b) The model")
    .answer(|findings| answers::convolutional(findings, VAE))
    .show(
        Command::of_run("evaluate", VAE),
        "Test metrics given the labels, nats per image",
    )
    .show(
        Command::of_run("reconstruct", VAE),
        "Ten test images (top) and their reconstructions (bottom)",
    )
    .part("3(c) From labels to images")
    .exhibit(Exhibit::side_by_side(
        vec![
            Command::of_run("sample", VAE).option("labels", "0,2"),
            Command::of_run("sample", VAE).option("number", 42),
        ],
        "The array [0, 2]: one image for each label (left). The number 42: one image for each of its digits (right)",
    ))
    .extra("Samples of every digit")
    .show(
        Command::of_run("sample", VAE).option("count", 10),
        "Ten samples of each digit",
    )
}
