//! A VAE with a two-dimensional latent space.

use crate::{Assignment, Command, RequiredRun, Task, answers};

const RUN: &str = "vae-2d";

pub(super) fn assignment() -> Assignment {
    Assignment {
        name: "vae2d".to_owned(),
        title: "A VAE with a two-dimensional latent space".to_owned(),
        introduction: "A small VAE on MNIST, 784-512-2: training curves, the latent space, and the images that it \
            decodes to."
            .to_owned(),
        runs: vec![RequiredRun::new(RUN)],
        tasks: vec![
            Task::new(
                "(a) Training curves",
                "Train on all 60,000 images, and draw the training curves.",
            )
            .recipe("vae2d-a")
            .show(
                Command::of_run("plot curves", RUN),
                "Loss, reconstruction and KL over the epochs",
            )
            .answer(|findings| answers::training_curves(findings, RUN))
            .extra("The loss")
            .show(Command::of_run("evaluate", RUN), "Test metrics, nats per image")
            .show(
        answers::importance_sampling(RUN),
        "ELBO and log-likelihood by importance sampling of some test images, nats per image",
    )
            .answer(|findings| answers::elbo(findings, RUN))
            .answer(|_| answers::log_variance()),
            Task::new(
                "(b) Latent space",
                "Draw a scatter plot of z of a random subset of 5,000 training images, with z drawn from q(z|x).",
            )
            .recipe("vae2d-b")
            .show(
                Command::of_run("plot latents", RUN)
                    .option("split", "train")
                    .option("count", 5000)
                    .option("latent", "sample"),
                "Latent space (posterior samples of random training images), coloured by digit",
            )
            .extra("The latents and the prior")
            .show(
                Command::of_run("plot posterior", RUN),
                "Latents of the test images and the prior",
            )
            .answer(|findings| answers::latent_distribution(findings, &[RUN])),
            Task::new(
                "(c) Decoded grid",
                "Decode a 15×15 grid over the complete range of both components of z.",
            )
            .recipe("vae2d-c")
            .show(
                Command::of_run("plot manifold", RUN).option("steps", 15),
                "Images decoded from a 15×15 grid over the range of the posterior means of the test images",
            )
            .answer(|findings| answers::decoded_grid(findings, RUN, 15 * 15)),
            Task::new(
                "(d) Samples of each digit",
                "Identify z that decode to each digit, and draw five images of each.",
            )
            .recipe("vae2d-d")
            .show(
                Command::of_run("plot prototypes", RUN).option("per-class", 5),
                "Five images of each digit, one digit per row",
            )
            .answer(|findings| answers::exemplars(findings, RUN)),
        ],
    }
}
