//! HY-673: flows, conditional flows and their couplings, and a conditional VAE.

use super::answers;
use super::outline::{Assignment, Exhibit, Task, exhibit, run, run_with, task};

const COUPLINGS: [(usize, &str); 5] = [
    (2, "cond-realnvp-couplings-2"),
    (4, "cond-realnvp-couplings-4"),
    (6, "cond-realnvp-couplings-6"),
    (8, "cond-realnvp-couplings-8"),
    (10, "cond-realnvp-couplings-10"),
];
const PLAIN: [(usize, &str); 2] = [(5, "realnvp-5"), (10, "realnvp-10")];
const CONDITIONAL: [(usize, &str); 2] = [(5, "cond-realnvp-5"), (10, "cond-realnvp-10")];
/// Pixels of an image of MNIST, and so dimensions of a flow’s latent.
const SIZE: usize = 784;

pub(crate) fn assignment() -> Assignment {
    let couplings = |name, setting| run_with(name, "cond-realnvp-10", setting, Some(10));
    Assignment {
        name: "hy673".to_owned(),
        title: "HY-673: flows and conditional VAEs".to_owned(),
        introduction: "RealNVP on MNIST with five and with ten couplings, the same conditional on the \
            digit, how many couplings it takes, and a conditional VAE that draws the digits it is told."
            .to_owned(),
        runs: vec![
            run("realnvp-5"),
            run("realnvp-10"),
            run("cond-realnvp-5"),
            run("cond-realnvp-10"),
            couplings(COUPLINGS[0].1, "model.couplings=2"),
            couplings(COUPLINGS[1].1, "model.couplings=4"),
            couplings(COUPLINGS[2].1, "model.couplings=6"),
            couplings(COUPLINGS[3].1, "model.couplings=8"),
            couplings(COUPLINGS[4].1, "model.couplings=10"),
            run("cvae-conv"),
        ],
        tasks: vec![flows(), conditional_flows(), conditional_vae(), digits()],
    }
}

fn flows() -> Task {
    task(
        "hy673-problem1",
        "Problem 1: RealNVP",
        "Train RealNVP with five and with ten couplings; compare likelihoods, samples, and straight and \
         sinusoidal interpolations.",
        vec![
            exhibit(
                "evaluate realnvp-5\nevaluate realnvp-10",
                "The test images, nats an image in logit space",
            ),
            exhibit(
                "sample realnvp-5 --count 25\nsample realnvp-10 --count 25",
                "25 samples of each",
            ),
            ways(
                "interpolate realnvp-5 --path linear --steps 11",
                "Five couplings, straight",
            ),
            ways(
                "interpolate realnvp-5 --path sinusoidal --steps 11",
                "Five couplings, along a sine",
            ),
            ways(
                "interpolate realnvp-10 --path linear --steps 11",
                "Ten couplings, straight",
            ),
            ways(
                "interpolate realnvp-10 --path sinusoidal --steps 11",
                "Ten couplings, along a sine",
            ),
        ],
        vec![
            Box::new(|findings| answers::depth(findings, "realnvp-5", "realnvp-10")),
            Box::new(|_| Ok(answers::paths(SIZE))),
        ],
    )
}

fn ways(command: &str, which: &str) -> Exhibit {
    exhibit(
        command,
        &format!("{which}: ways between five pairs of test images"),
    )
}

fn conditional_flows() -> Task {
    task(
        "hy673-problem2",
        "Problem 2: conditional RealNVP",
        "The same, told which digit an image shows; and the likelihood against 2, 4, 6, 8 and 10 couplings.",
        vec![
            exhibit(
                "evaluate cond-realnvp-5\nevaluate cond-realnvp-10",
                "The test images, each with its label, nats an image in logit space",
            ),
            exhibit(
                "sample cond-realnvp-5 --count 10\nsample cond-realnvp-10 --count 10",
                "Ten samples of each digit, by five and by ten couplings",
            ),
            exhibit(
                "curves cond-realnvp-couplings-2 cond-realnvp-couplings-4 cond-realnvp-couplings-6 \
                 cond-realnvp-couplings-8 cond-realnvp-couplings-10 --against model.couplings",
                "How the runs ended, over the number of couplings",
            ),
        ],
        vec![Box::new(|findings| {
            answers::couplings(findings, &PLAIN, &CONDITIONAL, &COUPLINGS)
        })],
    )
}

fn conditional_vae() -> Task {
    task(
        "hy673-problem3",
        "Problem 3: a conditional VAE",
        "Train a conditional VAE by its bound, hold test images against reconstructions, and draw ten \
         samples of each digit.",
        vec![
            exhibit(
                "evaluate cvae-conv",
                "The test images, each with its label, nats an image",
            ),
            exhibit(
                "reconstruct cvae-conv",
                "Ten test images above their reconstructions",
            ),
            exhibit(
                "sample cvae-conv --count 10",
                "Ten new images of each digit, as told",
            ),
        ],
        vec![Box::new(|findings| {
            answers::conditional_elbo(findings, "cvae-conv")
        })],
    )
}

fn digits() -> Task {
    task(
        "hy673-digits",
        "Digits as they are named",
        "Draw ten samples of the digits that are named.",
        vec![exhibit(
            "sample cvae-conv --digits 0,2 --count 10",
            "Ten zeros and ten twos",
        )],
        Vec::new(),
    )
}
