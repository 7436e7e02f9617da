//! The radboud assignment: a convolutional VAE, what its latents hold, and the same conditional.

use super::answers;
use super::outline::{Assignment, Task, exhibit, run, run_with, task};

const SIZES: [(usize, &str); 5] = [
    (2, "vae-conv-latent-2"),
    (4, "vae-conv-latent-4"),
    (8, "vae-conv-latent-8"),
    (16, "vae-conv-latent-16"),
    (32, "vae-conv-latent-32"),
];

pub(crate) fn assignment() -> Assignment {
    let size = |name, setting| run_with(name, "vae-conv", setting, None);
    Assignment {
        name: "radboud".to_owned(),
        title: "Variational autoencoders: what latents hold".to_owned(),
        introduction:
            "A convolutional VAE of MNIST with two latent dimensions, with more of them, and \
            conditional on the digit."
                .to_owned(),
        runs: vec![
            run("vae-conv"),
            run("cvae-conv"),
            size(SIZES[0].1, "model.latent_size=2"),
            size(SIZES[1].1, "model.latent_size=4"),
            size(SIZES[2].1, "model.latent_size=8"),
            size(SIZES[3].1, "model.latent_size=16"),
            size(SIZES[4].1, "model.latent_size=32"),
        ],
        tasks: vec![plain(), conditional(), latent_size(), classify(), restyle()],
    }
}

fn plain() -> Task {
    task(
        "radboud-vae",
        "The VAE",
        "Train a convolutional VAE; draw its curves, reconstructions, latent plane, and what the plane and \
         the prior decode to.",
        vec![
            exhibit(
                "curves vae-conv",
                "Loss, reconstruction and KL over the epochs",
            ),
            exhibit("evaluate vae-conv", "The test images, nats an image"),
            exhibit(
                "reconstruct vae-conv",
                "Ten test images above their reconstructions",
            ),
            exhibit(
                "scatter vae-conv",
                "Where the test images lie in the latent plane, coloured by digit",
            ),
            exhibit(
                "posterior vae-conv",
                "The latents of the test images against the prior",
            ),
            exhibit(
                "manifold vae-conv --quantiles",
                "The latent plane, decoded in steps of equal probability under the prior",
            ),
            exhibit(
                "sample vae-conv",
                "25 new images, from latents of the prior",
            ),
        ],
        vec![
            Box::new(|findings| answers::learning(findings, "vae-conv")),
            Box::new(|findings| answers::elbo(findings, "vae-conv")),
            Box::new(|_| Ok(answers::log_variance())),
            Box::new(|findings| answers::gan(findings, "vae-conv")),
        ],
    )
}

fn conditional() -> Task {
    task(
        "radboud-cvae",
        "The conditional VAE",
        "The same, told which digit an image shows.",
        vec![
            exhibit(
                "curves cvae-conv",
                "Loss, reconstruction and KL over the epochs",
            ),
            exhibit(
                "evaluate cvae-conv",
                "The test images, each with its label, nats an image",
            ),
            exhibit(
                "reconstruct cvae-conv",
                "Ten test images above their reconstructions",
            ),
            exhibit(
                "scatter cvae-conv",
                "Where the test images lie in the latent plane, coloured by digit",
            ),
            exhibit(
                "posterior cvae-conv",
                "The latents of the test images against the prior",
            ),
            exhibit(
                "manifold cvae-conv --digit 3 --quantiles",
                "The latent plane, decoded as 3",
            ),
            exhibit("sample cvae-conv", "Ten new images of each digit, as told"),
        ],
        vec![
            Box::new(|findings| answers::conditional_elbo(findings, "cvae-conv")),
            Box::new(|findings| answers::latent_distribution(findings, &["vae-conv", "cvae-conv"])),
            Box::new(|findings| answers::conditional(findings, "vae-conv", "cvae-conv")),
        ],
    )
}

fn latent_size() -> Task {
    task(
        "radboud-latent-size",
        "More latent dimensions",
        "Train with 2, 4, 8, 16 and 32 latent dimensions, and draw reconstruction and KL over their number.",
        vec![exhibit(
            "curves vae-conv-latent-2 vae-conv-latent-4 vae-conv-latent-8 vae-conv-latent-16 \
             vae-conv-latent-32 --against model.latent_size",
            "How the runs ended, over the number of latent dimensions",
        )],
        vec![Box::new(|findings| answers::latent_size(findings, &SIZES))],
    )
}

fn classify() -> Task {
    task(
        "radboud-classify",
        "Classification",
        "Tell which digits the test images show, from their latents and by Bayes’ rule.",
        vec![
            exhibit(
                "classify vae-conv\nclassify cvae-conv --by latents",
                "What digits are taken for, by the nearest latents: without conditions and with them",
            ),
            exhibit(
                "classify cvae-conv",
                "What digits are taken for, by Bayes’ rule",
            ),
        ],
        vec![Box::new(|findings| {
            answers::classification(findings, "vae-conv", "cvae-conv")
        })],
    )
}

fn restyle() -> Task {
    task(
        "radboud-restyle",
        "Another label in the same style",
        "Draw test images in their own style as all ten digits.",
        vec![exhibit(
            "restyle cvae-conv",
            "Ten test images on the left, and in the style of each all ten digits",
        )],
        vec![Box::new(|findings| {
            answers::restyling(findings, "cvae-conv")
        })],
    )
}
