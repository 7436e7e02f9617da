//! Lab 8: a fully connected VAE, the same conditional on the digit, and variations of both.

use crate::{Assignment, Command, Error, RequiredRun, Task, answers, excerpts};

const PLAIN: &str = "vae-mlp";
const CONDITIONAL: &str = "cvae-mlp";
/// Variations of the first, by the setting that differs.
const VARIATIONS: [(&str, &str); 6] = [
    ("vae-mlp-narrow", "model.hidden=[128]"),
    ("vae-mlp-deep", "model.hidden=[512,512,256]"),
    ("vae-mlp-tanh", "model.activation=tanh"),
    ("vae-mlp-latent-5", "model.latent_size=5"),
    ("vae-mlp-latent-20", "model.latent_size=20"),
    ("vae-mlp-slow", "training.learning_rate=1e-4"),
];
const RECONSTRUCTIONS: &str = "Ten test images (top) and their reconstructions (bottom)";
/// The digits of the transition.
const FROM_TO: [u8; 2] = [0, 6];

pub(super) fn assignment() -> Result<Assignment, Error> {
    let mut runs = vec![RequiredRun::new(PLAIN), RequiredRun::new(CONDITIONAL)];
    runs.extend(
        VARIATIONS
            .iter()
            .map(|(name, setting)| RequiredRun::new(PLAIN).with_setting(*name, *setting)),
    );
    Ok(Assignment {
        name: "lab8".to_owned(),
        title: "Lab 8: variational autoencoders".to_owned(),
        introduction: "A fully connected VAE on MNIST with two latent dimensions, 784-512-256-2 and its mirror; the \
            same model conditional on the digit; and experiments with both."
            .to_owned(),
        runs,
        tasks: vec![plain()?, conditional()?, experiments()],
    })
}

fn plain() -> Result<Task, Error> {
    Ok(Task::new(
        "Task 1. A variational autoencoder",
        "Scale the pixels to [0, 1], build and train a VAE with fully connected networks, and draw reconstructions, the \
         latent space and new digits.",
    )
    .recipe("lab8-1")
    .part("The data")
    .show(
        Command::new("data show").option("index", 0),
        "The first training image, pixels scaled to [0, 1]",
    )
    .part("1(a) The ELBO")
    .excerpt(excerpts::bernoulli()?)
    .excerpt(excerpts::kl()?)
    .show(
        answers::importance_sampling(PLAIN),
        "ELBO and log-likelihood by importance sampling of some test images, nats per image",
    )
    .answer(|findings| answers::elbo(findings, PLAIN))
    .part("1(b) Sampling by reparametrisation")
    .excerpt(excerpts::sample()?)
    .part("1(c) and 1(d) Encoder and decoder")
    .excerpt(excerpts::encoder()?)
    .answer(|findings| answers::architecture(findings, PLAIN))
    .answer(|_| answers::log_variance())
    .part("1(e) Training")
    .show(
        Command::of_run("plot curves", PLAIN),
        "Loss, reconstruction and KL over the epochs",
    )
    .show(Command::of_run("evaluate", PLAIN), "Test metrics, nats per image")
    .answer(|findings| answers::training_curves(findings, PLAIN))
    .part("1(f) True and reconstructed digits")
    .show(
        Command::of_run("reconstruct", PLAIN).option("count", 10),
        RECONSTRUCTIONS,
    )
    .answer(|findings| answers::reconstruction(findings, PLAIN))
    .part("1(g) Latent space of the test set")
    .show(
        Command::of_run("plot latents", PLAIN).option("count", 10_000),
        "Latent space (posterior means, all test images), coloured by digit",
    )
    .show(
        Command::of_run("classify", PLAIN),
        "Confusion matrix of the k-NN classifier on latents",
    )
    .answer(|findings| answers::scatter(findings, PLAIN))
    .answer(|findings| answers::classification_of_latents(findings, PLAIN))
    .part("1(h) New samples")
    .show(
        Command::of_run("sample", PLAIN).option("count", 25),
        "25 images: z from the prior, then the mean of p(x|z)",
    )
    .answer(|findings| answers::samples(findings, PLAIN))
    .extra("The latents and the prior")
    .show(
        Command::of_run("plot posterior", PLAIN),
        "Latents of the test images and the prior",
    )
    .answer(|findings| answers::latent_distribution(findings, &[PLAIN])))
}

fn conditional() -> Result<Task, Error> {
    Ok(Task::new(
        "Task 2. A conditional variational autoencoder",
        "Give the class to the encoder and the decoder, train with the same loss and prior, and draw the same figures.",
    )
    .recipe("lab8-2")
    .part("2(a) to 2(d) The model")
    .excerpt(excerpts::encoder()?)
    .answer(|findings| answers::architecture(findings, CONDITIONAL))
    .answer(|findings| answers::conditional_elbo(findings, CONDITIONAL))
    .part("2(e) Training")
    .show(
        Command::of_run("plot curves", CONDITIONAL),
        "Loss, reconstruction and KL over the epochs",
    )
    .show(
        Command::of_run("evaluate", CONDITIONAL),
        "Test metrics given the labels, nats per image",
    )
    .answer(|findings| answers::training_curves(findings, CONDITIONAL))
    .answer(|findings| answers::conditional(findings, PLAIN, CONDITIONAL))
    .part("2(f) True and reconstructed digits")
    .show(
        Command::of_run("reconstruct", CONDITIONAL).option("count", 10),
        RECONSTRUCTIONS,
    )
    .answer(|findings| answers::reconstruction(findings, CONDITIONAL))
    .part("2(g) Latent space of the test set")
    .show(
        Command::of_run("plot latents", CONDITIONAL).option("count", 10_000),
        "Latent space of the conditional VAE (posterior means, all test images), coloured by digit",
    )
    .answer(|findings| answers::conditional_distribution(findings, PLAIN, CONDITIONAL))
    .part("2(h) New samples")
    .show(
        Command::of_run("sample", CONDITIONAL).option("count", 10),
        "Ten images of each digit: z from the prior, then the mean of p(x|z, c)",
    )
    .show(
        Command::of_run("evaluate-samples", CONDITIONAL),
        "Sample accuracy: the share of samples to which a classifier assigns the requested label",
    )
    .answer(|findings| answers::samples(findings, CONDITIONAL))
    .extra("The latents and the prior")
    .show(
        Command::of_run("plot posterior", CONDITIONAL),
        "Latents of the test images and the prior",
    ))
}

fn experiments() -> Task {
    let mut compare = Command::new("compare").run(PLAIN);
    for (run, _) in VARIATIONS {
        compare = compare.run(run);
    }
    let transition = |run: &str| {
        let [from, to] = FROM_TO;
        Command::of_run("interpolate", run)
            .option("labels", format!("{from},{to}"))
            .option("steps", 11)
    };
    Task::new(
        "Task 3. Experiments (optional)",
        "Vary parameters and architectures, sample around a training image, and show the transition from one digit to \
         another.",
    )
    .recipe("lab8-3")
    .part("Parameters and architectures")
    .show(compare, "Test loss over the epochs of each run, and the settings that differ")
    .answer(|findings| {
        answers::architectures(findings, &[&[PLAIN], &VARIATIONS.map(|(run, _)| run)[..]].concat())
    })
    .part("Samples around a training image")
    .show(
        Command::of_run("plot perturbations", CONDITIONAL).option("index", 0),
        "Perturbations around the latent of the first training image: one direction per row, at increasing distance",
    )
    .answer(|findings| answers::perturbations(findings, CONDITIONAL))
    .part("Transition from one digit to another")
    .show(
        transition(PLAIN),
        "A linear path from the latent of a 0 to that of a 6, decoded in 11 steps",
    )
    .answer(move |findings| {
        answers::transition(findings, PLAIN, &transition(PLAIN), FROM_TO)
    })
    .extra("A requested digit")
    .show(
        Command::of_run("sample", CONDITIONAL).option("labels", 7).option("count", 1),
        "A sample of the digit 7",
    )
}
