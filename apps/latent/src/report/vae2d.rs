//! The two-dimensional VAE: a map of the digits.

use super::answers;
use super::outline::{Assignment, exhibit, run, task};

pub(crate) fn assignment() -> Assignment {
    Assignment {
        name: "vae2d".to_owned(),
        title: "A map of the digits".to_owned(),
        introduction:
            "A small VAE of MNIST, 784-512-2, whose two latent dimensions are a map of handwriting."
                .to_owned(),
        runs: vec![run("vae-2d")],
        tasks: vec![
            task(
                "vae2d-train",
                "Train",
                "Train on all training images, and draw the training curves.",
                vec![
                    exhibit(
                        "curves vae-2d",
                        "Loss, reconstruction and KL over the epochs",
                    ),
                    exhibit("evaluate vae-2d", "The test images, nats an image"),
                ],
                vec![
                    Box::new(|findings| answers::learning(findings, "vae-2d")),
                    Box::new(|findings| answers::elbo(findings, "vae-2d")),
                    Box::new(|_| Ok(answers::log_variance())),
                ],
            ),
            task(
                "vae2d-scatter",
                "The latent plane",
                "Draw where 5,000 test images lie, by z drawn from q(z|x).",
                vec![
                    exhibit(
                        "scatter vae-2d --count 5000 --latent sample",
                        "5,000 test images in the latent plane, coloured by digit",
                    ),
                    exhibit(
                        "posterior vae-2d",
                        "The latents of the test images against the prior",
                    ),
                ],
                vec![Box::new(|findings| {
                    answers::latent_distribution(findings, &["vae-2d"])
                })],
            ),
            task(
                "vae2d-manifold",
                "The map",
                "Decode 15 by 15 places over the complete range of z.",
                vec![exhibit(
                    "manifold vae-2d --steps 15",
                    "The latent plane, decoded",
                )],
                vec![Box::new(|findings| answers::map(findings, "vae-2d"))],
            ),
            task(
                "vae2d-digits",
                "Each digit",
                "Find latents that stand for each digit, and draw five of each.",
                vec![exhibit(
                    "gallery vae-2d --per-digit 5",
                    "Five forms of each digit, a digit a row",
                )],
                vec![Box::new(|_| Ok(answers::gallery()))],
            ),
        ],
    }
}
