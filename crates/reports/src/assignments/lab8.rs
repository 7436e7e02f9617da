//! Lab 8: a fully connected VAE, and the same conditional on the digit.

use crate::{Assignment, Command, RequiredRun, Task, answers};

const PLAIN: &str = "vae-mlp";
const CONDITIONAL: &str = "cvae-mlp";
const RECONSTRUCTIONS: &str = "Ten test images (top) and their reconstructions (bottom)";

pub(super) fn assignment() -> Assignment {
    Assignment {
        name: "lab8".to_owned(),
        title: "Lab 8: variational autoencoders".to_owned(),
        introduction: "A fully connected VAE on MNIST with two latent dimensions, 784-512-256-2 and its mirror; the \
            same model conditional on the digit; and samples of requested digits."
            .to_owned(),
        runs: vec![RequiredRun::new(PLAIN), RequiredRun::new(CONDITIONAL)],
        tasks: vec![plain(), conditional(), samples()],
    }
}

fn plain() -> Task {
    Task::new(
        "Task 1: a variational autoencoder",
        "Show the first digit, train a VAE by its ELBO, compare true digits with reconstructed ones, draw the \
         latent space, and draw new digits.",
    )
    .recipe("lab8-task1")
    .show(
        Command::new("data show").option("index", 0),
        "The first training image",
    )
    .show(Command::of_run("evaluate", PLAIN), "Test metrics, nats per image")
    .show(
        Command::of_run("reconstruct", PLAIN).option("count", 10),
        RECONSTRUCTIONS,
    )
    .show(
        Command::of_run("plot latents", PLAIN),
        "Latent space (posterior means, test images), coloured by digit",
    )
    .show(
        Command::of_run("plot posterior", PLAIN),
        "Latents of the test images and the prior",
    )
    .show(
        Command::of_run("sample", PLAIN).option("count", 25),
        "25 samples, latents from the prior",
    )
    .mention(answers::importance_sampling(PLAIN))
    .answer(|findings| answers::elbo(findings, PLAIN))
    .answer(|_| answers::log_variance())
    .answer(|findings| answers::reconstruction(findings, PLAIN))
    .answer(|findings| answers::latent_distribution(findings, &[PLAIN]))
}

fn conditional() -> Task {
    Task::new(
        "Task 2: a conditional VAE",
        "The same, conditional on the digit.",
    )
    .recipe("lab8-task2")
    .show(
        Command::of_run("evaluate", CONDITIONAL),
        "Test metrics given the labels, nats per image",
    )
    .show(
        Command::of_run("reconstruct", CONDITIONAL).option("count", 10),
        RECONSTRUCTIONS,
    )
    .show(
        Command::of_run("plot latents", CONDITIONAL),
        "Latent space of the conditional VAE (posterior means, test images), coloured by digit",
    )
    .show(
        Command::of_run("sample", CONDITIONAL).option("count", 10),
        "Ten samples of each digit",
    )
    .answer(|findings| answers::conditional_elbo(findings, CONDITIONAL))
    .answer(|findings| answers::conditional(findings, PLAIN, CONDITIONAL))
}

fn samples() -> Task {
    Task::new(
        "Task 3: samples of a requested digit, and perturbations",
        "Draw a requested digit, and decode latents around that of a training image.",
    )
    .recipe("lab8-task3")
    .show(
        Command::of_run("sample", CONDITIONAL).option("labels", 7).option("count", 1),
        "A sample of the digit 7",
    )
    .show(
        Command::of_run("plot perturbations", CONDITIONAL).option("index", 0),
        "Perturbations around the latent of the first training image: one direction per row, at increasing \
         distance",
    )
    .answer(|findings| answers::perturbations(findings, CONDITIONAL))
}
