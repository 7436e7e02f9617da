//! "Auto-Encoding Variational Bayes": samples, reconstructions and interpolations.

use super::answers;
use super::outline::{Assignment, exhibit, run, task};

pub(crate) fn assignment() -> Assignment {
    Assignment {
        name: "aevb".to_owned(),
        title: "Auto-Encoding Variational Bayes".to_owned(),
        introduction:
            "The VAE of Kingma & Welling 2014 on MNIST, 784-200-200-50 with tanh: what it draws, \
            what it keeps of an image, and what lies between two."
                .to_owned(),
        runs: vec![run("aevb")],
        tasks: vec![
            task(
                "aevb-task1",
                "Task 1: train, and draw from the prior",
                "Train the model by its bound, and draw 25 new images from latents of the prior.",
                vec![
                    exhibit("evaluate aevb", "The test images, nats an image"),
                    exhibit("sample aevb --count 25", "25 new images"),
                ],
                vec![
                    Box::new(|findings| answers::elbo(findings, "aevb")),
                    Box::new(|_| Ok(answers::log_variance())),
                ],
            ),
            task(
                "aevb-task2",
                "Task 2: reconstruct",
                "Hold the first ten test images against their reconstructions.",
                vec![
                    exhibit(
                        "reconstruct aevb --count 10",
                        "Ten test images above their reconstructions",
                    ),
                    exhibit(
                        "posterior aevb",
                        "The latents of the test images against the prior: the six dimensions that tell most",
                    ),
                ],
                vec![Box::new(|findings| {
                    answers::latent_distribution(findings, &["aevb"])
                })],
            ),
            task(
                "aevb-task3",
                "Task 3: interpolate",
                "Go in 25 steps from one test image to another through posterior means.",
                vec![exhibit(
                    "interpolate aevb --pairs 5 --steps 25",
                    "From the test images 0, 2, 4, 6 and 8 to those after them",
                )],
                vec![Box::new(|findings| answers::between(findings, "aevb"))],
            ),
        ],
    }
}
