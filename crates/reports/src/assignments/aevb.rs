//! "Auto-Encoding Variational Bayes": the lower bound, Adam, samples, reconstructions and interpolations.

use crate::{Assignment, Command, Error, RequiredRun, Task, answers, excerpts};

const RUN: &str = "aevb";

pub(super) fn assignment() -> Result<Assignment, Error> {
    Ok(Assignment {
        name: "aevb".to_owned(),
        title: "Auto-Encoding Variational Bayes".to_owned(),
        introduction: "The VAE of Kingma & Welling (2014) on MNIST, 784-200-200-50 with tanh: the lower bound, Adam, \
            samples from the prior, reconstructions, and interpolations between test images."
            .to_owned(),
        runs: vec![RequiredRun::new(RUN)],
        tasks: vec![
            Task::new(
                "1. The variational lower bound",
                "Write four functions: a sample from the posterior, the Bernoulli log-likelihood, the KL divergence, and \
                 the lower bound of a mini-batch.",
            )
            .recipe("aevb-1")
            .part("1.1 sample_latent_variables_from_posterior")
            .excerpt(excerpts::encoder()?)
            .excerpt(excerpts::sample()?)
            .answer(|_| answers::log_variance())
            .part("1.2 bernoulli_log_prob")
            .excerpt(excerpts::bernoulli()?)
            .part("1.3 compute_KL")
            .excerpt(excerpts::kl()?)
            .part("1.4 vae_lower_bound")
            .excerpt(excerpts::lower_bound()?)
            .excerpt(excerpts::objective()?)
            .show(Command::of_run("evaluate", RUN), "Test metrics, nats per image")
            .show(
        answers::importance_sampling(RUN),
        "ELBO and log-likelihood by importance sampling of some test images, nats per image",
    )
            .answer(|findings| answers::elbo(findings, RUN)),
            Task::new("2. Adam", "Write the update of Adam, and train the model.")
                .recipe("aevb-2")
                .excerpt(excerpts::adam()?)
                .show(
                    Command::of_run("plot curves", RUN),
                    "Loss, reconstruction and KL over the epochs",
                )
                .answer(|findings| answers::adam(findings, RUN)),
            Task::new(
                "3. Results",
                "Draw samples, reconstructions of test images, and interpolations between test images.",
            )
            .recipe("aevb-3")
            .part("3.1 Samples")
            .show(
                Command::of_run("sample", RUN).option("count", 25),
                "25 images: z from the prior, then the mean of p(x|z)",
            )
            .part("3.2 Reconstructions")
            .show(
                Command::of_run("reconstruct", RUN)
                    .option("count", 10)
                    .option("latent", "sample"),
                "The first ten test images (top) and their reconstructions (bottom), z drawn from q(z|x)",
            )
            .part("3.3 Interpolations")
            .show(
                Command::of_run("interpolate", RUN)
                    .option("pairs", 5)
                    .option("steps", 25),
                "Linear interpolations in 25 steps between the posterior means of the test images (1st, 2nd), (3rd, 4th), …",
            )
            .answer(|findings| answers::between(findings, RUN))
            .extra("The latents and the prior")
            .show(
                Command::of_run("plot posterior", RUN),
                "Latents of the test images and the prior: the dimensions with the largest KL",
            )
            .answer(|findings| answers::latent_distribution(findings, &[RUN])),
        ],
    })
}
