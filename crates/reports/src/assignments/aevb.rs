//! "Auto-Encoding Variational Bayes": samples, reconstructions and interpolations.

use crate::{Assignment, Command, RequiredRun, Task, answers};

const RUN: &str = "aevb";

pub(super) fn assignment() -> Assignment {
    Assignment {
        name: "aevb".to_owned(),
        title: "Auto-Encoding Variational Bayes".to_owned(),
        introduction: "The VAE of Kingma & Welling (2014) on MNIST, 784-200-200-50 with tanh: samples from the \
            prior, reconstructions, and interpolations between test images."
            .to_owned(),
        runs: vec![RequiredRun::new(RUN)],
        tasks: vec![
            Task::new(
                "Task 1: training and samples from the prior",
                "Train the model by its ELBO, and draw 25 images with latents from the prior.",
            )
            .recipe("aevb-task1")
            .show(Command::of_run("evaluate", RUN), "Test metrics, nats per image")
            .show(
                Command::of_run("sample", RUN).option("count", 25),
                "25 samples, latents from the prior",
            )
            .mention(answers::importance_sampling(RUN))
            .answer(|findings| answers::elbo(findings, RUN))
            .answer(|_| answers::log_variance()),
            Task::new(
                "Task 2: reconstructions",
                "Compare the first ten test images with their reconstructions.",
            )
            .recipe("aevb-task2")
            .show(
                Command::of_run("reconstruct", RUN).option("count", 10),
                "Ten test images (top) and their reconstructions (bottom)",
            )
            .show(
                Command::of_run("plot posterior", RUN),
                "Latents of the test images and the prior: the six dimensions with the largest KL",
            )
            .answer(|findings| answers::latent_distribution(findings, &[RUN])),
            Task::new(
                "Task 3: interpolations",
                "Interpolate in 25 steps between the posterior means of two test images.",
            )
            .recipe("aevb-task3")
            .show(
                Command::of_run("interpolate", RUN)
                    .option("pairs", 5)
                    .option("steps", 25),
                "Interpolations between the test images (0, 1), (2, 3), (4, 5), (6, 7) and (8, 9)",
            )
            .answer(|findings| answers::between(findings, RUN)),
        ],
    }
}
