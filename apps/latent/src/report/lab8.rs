//! Lab 8: a fully connected VAE, the same conditional, and digits from it.

use super::answers;
use super::outline::{Assignment, exhibit, run, task};

pub(crate) fn assignment() -> Assignment {
    Assignment {
        name: "lab8".to_owned(),
        title: "Lab 8: variational autoencoders".to_owned(),
        introduction:
            "A fully connected VAE of MNIST with two latent dimensions, 784-512-256-2 and its \
            mirror; the same conditional on the digit; and digits drawn as they are told."
                .to_owned(),
        runs: vec![run("vae-mlp"), run("cvae-mlp")],
        tasks: vec![
            task(
                "lab8-task1",
                "Task 1: a variational autoencoder",
                "Look at the first digit, train a VAE by its ELBO, hold true digits against reconstructed \
                 ones, draw the latent plane, and draw new digits.",
                vec![
                    exhibit("data show --index 0", "The first training image"),
                    exhibit("evaluate vae-mlp", "The test images, nats an image"),
                    exhibit(
                        "reconstruct vae-mlp --count 10",
                        "Ten test images above their reconstructions",
                    ),
                    exhibit(
                        "scatter vae-mlp",
                        "Where the test images lie in the latent plane, coloured by digit",
                    ),
                    exhibit(
                        "posterior vae-mlp",
                        "The latents of the test images against the prior",
                    ),
                    exhibit(
                        "sample vae-mlp --count 25",
                        "25 new images, from latents of the prior",
                    ),
                ],
                vec![
                    Box::new(|findings| answers::elbo(findings, "vae-mlp")),
                    Box::new(|_| Ok(answers::log_variance())),
                    Box::new(|findings| answers::reconstruction(findings, "vae-mlp")),
                    Box::new(|findings| answers::latent_distribution(findings, &["vae-mlp"])),
                ],
            ),
            task(
                "lab8-task2",
                "Task 2: a conditional one",
                "The same, told which digit an image shows.",
                vec![
                    exhibit(
                        "evaluate cvae-mlp",
                        "The test images, each with its label, nats an image",
                    ),
                    exhibit(
                        "reconstruct cvae-mlp --count 10",
                        "Ten test images above their reconstructions",
                    ),
                    exhibit(
                        "scatter cvae-mlp",
                        "Where the test images lie in the latent plane, now that the label tells the digit",
                    ),
                    exhibit(
                        "sample cvae-mlp --count 10",
                        "Ten new images of each digit, as told",
                    ),
                ],
                vec![
                    Box::new(|findings| answers::conditional_elbo(findings, "cvae-mlp")),
                    Box::new(|findings| answers::conditional(findings, "vae-mlp", "cvae-mlp")),
                ],
            ),
            task(
                "lab8-task3",
                "Task 3: a number in, an image out",
                "Draw the digit that is asked for, and look at what lies around a training image.",
                vec![
                    exhibit("digit cvae-mlp 7", "A seven"),
                    exhibit(
                        "neighbours cvae-mlp --image 0",
                        "Around the first training image: a direction a row, with growing distance from its \
                         latent",
                    ),
                ],
                vec![Box::new(|findings| {
                    answers::neighbours(findings, "cvae-mlp")
                })],
            ),
        ],
    }
}
