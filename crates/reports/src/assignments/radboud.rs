//! The Radboud assignment: a convolutional VAE, its latent space, and the same model conditional on the digit.

use crate::{Assignment, Command, Error, Exhibit, RequiredRun, Task, answers, excerpts};

const PLAIN: &str = "vae-conv";
const CONDITIONAL: &str = "cvae-conv";
/// The same training with another seed.
const REPEATED: &str = "vae-conv-again";
/// The runs with so many latent dimensions.
const SIZES: [(usize, &str); 4] = [
    (2, PLAIN),
    (5, "vae-conv-latent-5"),
    (10, "vae-conv-latent-10"),
    (20, "vae-conv-latent-20"),
];

pub(super) fn assignment() -> Result<Assignment, Error> {
    let mut runs = vec![
        RequiredRun::new(PLAIN),
        RequiredRun::new(CONDITIONAL),
        RequiredRun::new(PLAIN).with_next_seed(REPEATED),
    ];
    runs.extend(SIZES[1..].iter().map(|(size, name)| {
        RequiredRun::new(PLAIN).with_setting(*name, format!("model.latent_size={size}"))
    }));
    Ok(Assignment {
        name: "radboud".to_owned(),
        title: "A convolutional VAE and its conditional extension".to_owned(),
        introduction: "A convolutional VAE on MNIST with two latent dimensions, its latent space, and the same model \
            conditional on the digit."
            .to_owned(),
        runs,
        tasks: vec![
            model()?,
            loss()?,
            training(),
            latent_space(),
            conditional(),
            discussion(),
        ],
    })
}

/// The images of a grid over the latent plane.
fn plane(run: &str) -> Command {
    Command::of_run("plot manifold", run)
        .option("range", 2)
        .option("steps", 31)
}

/// The latents of 100 batches of 32 training images.
fn of_training_images(command: &str, run: &str) -> Command {
    images(Command::of_run(command, run))
}

fn images(command: Command) -> Command {
    command.option("split", "train").option("count", 3200)
}

fn coverage() -> Command {
    let command = Command::of_run("plot coverage", PLAIN)
        .option("range", 2)
        .option("steps", 31);
    images(command)
}

fn alignment() -> Command {
    images(Command::of_run("plot alignment", REPEATED).run(PLAIN))
}

fn traversals() -> Vec<Command> {
    let of =
        |dimension| Command::of_run("plot traversals", CONDITIONAL).option("dimension", dimension);
    vec![of(1), of(2)]
}

fn model() -> Result<Task, Error> {
    Ok(Task::new(
        "10.2 The model",
        "Implement a convolutional VAE: encode, decode, sample_latent, and the forward pass.",
    )
    .recipe("radboud-2")
    .part("10.2(a) Sampling and encoding")
    .excerpt(excerpts::sample()?)
    .excerpt(excerpts::encoder()?)
    .show(
        Command::of_run("sample", PLAIN),
        "25 samples of the trained model, latents from the prior",
    )
    .show(
        Command::of_run("reconstruct", PLAIN),
        "Ten test images (top) and their reconstructions (bottom)",
    )
    .answer(|findings| answers::convolutional(findings, PLAIN))
    .answer(|_| answers::sample_check())
    .part("10.2(b) The log-variance")
    .answer(|_| answers::log_variance()))
}

fn loss() -> Result<Task, Error> {
    Ok(Task::new(
        "10.3 The loss",
        "Implement the reconstruction loss and the KL divergence.",
    )
    .recipe("radboud-3")
    .excerpt(excerpts::bernoulli()?)
    .excerpt(excerpts::kl()?)
    .show(
        Command::of_run("evaluate", PLAIN),
        "Test metrics, nats per image",
    )
    .answer(|findings| answers::loss_check(findings, PLAIN))
    .extra("The lower bound")
    .show(
        answers::importance_sampling(PLAIN),
        "ELBO and log-likelihood by importance sampling of some test images, nats per image",
    )
    .answer(|findings| answers::elbo(findings, PLAIN)))
}

fn training() -> Task {
    let mut curves = Command::new("plot curves");
    for (_, run) in SIZES {
        curves = curves.run(run);
    }
    Task::new(
        "10.4 Training",
        "Train the model, draw the curves of loss, reconstruction and KL, and vary the number of latent dimensions.",
    )
    .recipe("radboud-4")
    .part("10.4(a) and 10.4(b) Training curves")
    .show(
        Command::of_run("plot curves", PLAIN),
        "Loss, reconstruction and KL of training and test images over the epochs",
    )
    .answer(|findings| answers::training_curves(findings, PLAIN))
    .part("10.4(c) More latent dimensions")
    .show(
        curves.option("against", "model.latent_size"),
        "Metrics of the final models over the number of latent dimensions",
    )
    .answer(|findings| answers::latent_size(findings, &SIZES))
}

fn latent_space() -> Task {
    let scatter = || of_training_images("plot latents", PLAIN);
    Task::new(
        "10.5 The latent space",
        "Decode a grid of latents, encode training images, and compare the two views.",
    )
    .recipe("radboud-5")
    .part("10.5(a) The decoded plane")
    .show(
        plane(PLAIN),
        "31×31 images decoded from z₁ and z₂ from −2 to 2, z₂ upwards",
    )
    .answer(|_| answers::plane(false))
    .part("10.5(b) Classification")
    .show(
        Command::of_run("classify", PLAIN),
        "Confusion matrix of the k-NN classifier on latents",
    )
    .answer(|findings| answers::classification_of_latents(findings, PLAIN))
    .part("10.5(c) Retraining")
    .exhibit(Exhibit::side_by_side(
        vec![scatter(), of_training_images("plot latents", REPEATED)],
        "Latent spaces of two trainings with different seeds (posterior means, training images)",
    ))
    .show(
        alignment(),
        "The second latent space after its alignment with the first",
    )
    .answer(|findings| answers::retraining(findings, PLAIN, REPEATED, &alignment()))
    .part("10.5(d) Scatter plot of training images")
    .show(
        scatter(),
        "Latent space (posterior means of random training images, as many as 100 batches of 32), coloured by digit",
    )
    .part("10.5(e) and 10.5(f) The plane and the scatter plot")
    .show(
        coverage(),
        "The density of the same latents in each cell of the plane of 10.5(a)",
    )
    .answer(|findings| answers::coverage(findings, &coverage()))
    .part("10.5(g) and 10.5(h) The distribution of the latents")
    .show(
        Command::of_run("plot posterior", PLAIN),
        "Latents of the test images and the prior",
    )
    .answer(|findings| answers::latent_distribution(findings, &[PLAIN]))
}

fn conditional() -> Task {
    let curves = Command::of_run("plot curves", CONDITIONAL);
    Task::new(
        "10.6 The conditional VAE",
        "Make the model conditional on the digit, train it, and compare its latent space with that of the VAE.",
    )
    .recipe("radboud-6")
    .part("10.6(a) The model")
    .answer(|findings| answers::convolutional(findings, CONDITIONAL))
    .answer(|findings| answers::conditional_elbo(findings, CONDITIONAL))
    .part("10.6(b) and 10.6(c) Training curves")
    .show(
        curves,
        "Loss, reconstruction and KL of training and test images over the epochs",
    )
    .show(
        Command::of_run("evaluate", CONDITIONAL),
        "Test metrics given the labels, nats per image",
    )
    .answer(|findings| answers::training_curves(findings, CONDITIONAL))
    .part("10.6(d) The decoded plane for the classes 4 and 8")
    .show(
        plane(CONDITIONAL).option("label", 4),
        "The class 4: 31×31 images decoded from z₁ and z₂ from −2 to 2, z₂ upwards",
    )
    .show(
        plane(CONDITIONAL).option("label", 8),
        "The class 8: images decoded from the same latents",
    )
    .answer(|_| answers::plane(true))
    .part("10.6(e) The meaning of the latent dimensions")
    .exhibit(Exhibit::side_by_side(
        traversals(),
        "The same latents under all ten labels: z₁ varies (left), z₂ varies (right)",
    ))
    .answer(|findings| answers::dimensions(findings, &traversals()))
    .part("10.6(f) Scatter plot of training images")
    .show(
        of_training_images("plot latents", CONDITIONAL),
        "Latent space of the conditional VAE (posterior means of as many training images), coloured by digit",
    )
    .part("10.6(g) The difference from the VAE")
    .show(
        Command::of_run("plot posterior", CONDITIONAL),
        "Latents of the test images and the prior",
    )
    .answer(|findings| answers::conditional_distribution(findings, PLAIN, CONDITIONAL))
    .part("10.6(h) Classification")
    .exhibit(Exhibit::side_by_side(
        vec![
            Command::of_run("classify", CONDITIONAL).option("method", "knn"),
            Command::of_run("classify", CONDITIONAL),
        ],
        "Confusion matrices of the k-NN classifier on latents (left) and of Bayes’ rule (right)",
    ))
    .answer(|findings| answers::classification(findings, PLAIN, CONDITIONAL))
    .part("10.6(i) Another label, the same style")
    .show(
        Command::of_run("plot analogies", CONDITIONAL),
        "Ten test images (left), and their latents decoded with each of the ten labels",
    )
    .answer(|findings| answers::style_transfer(findings, CONDITIONAL))
    .extra("Samples")
    .show(
        Command::of_run("sample", CONDITIONAL),
        "Ten samples of each digit",
    )
}

fn discussion() -> Task {
    Task::new(
        "10.7 Discussion",
        "Compare the conditional VAE with the VAE, and the latents of a VAE with those of a GAN.",
    )
    .part("10.7(a) Is the conditional VAE a strict improvement?")
    .answer(|findings| answers::conditional(findings, PLAIN, CONDITIONAL))
    .part("10.7(b) The latents of a VAE and the input of a GAN")
    .answer(|findings| answers::gan(findings, PLAIN))
}
