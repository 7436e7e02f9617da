//! The Radboud assignment: a convolutional VAE, its latent space, and the same model conditional on the digit.

use crate::{Assignment, Command, Exhibit, RequiredRun, Task, answers};

/// The runs with so many latent dimensions.
const SIZES: [(usize, &str); 4] = [
    (2, "vae-conv-latent-2"),
    (5, "vae-conv-latent-5"),
    (10, "vae-conv-latent-10"),
    (20, "vae-conv-latent-20"),
];
const PLAIN: &str = "vae-conv";
const CONDITIONAL: &str = "cvae-conv";

pub(super) fn assignment() -> Assignment {
    let mut runs = vec![RequiredRun::new(PLAIN), RequiredRun::new(CONDITIONAL)];
    runs.extend(SIZES.iter().map(|(size, name)| {
        RequiredRun::new(PLAIN).with_setting(*name, format!("model.latent_size={size}"))
    }));
    Assignment {
        name: "radboud".to_owned(),
        title: "A convolutional VAE and its conditional extension".to_owned(),
        introduction: "A convolutional VAE on MNIST with two latent dimensions, with more of them, and conditional on \
            the digit."
            .to_owned(),
        runs,
        tasks: vec![
            plain(),
            conditional(),
            latent_size(),
            classification(),
            style_transfer(),
        ],
    }
}

/// What is drawn of both models alike.
fn figures(task: Task, run: &'static str, metrics: &str) -> Task {
    task.show(
        Command::of_run("plot curves", run),
        "Loss, reconstruction and KL over the epochs",
    )
    .show(Command::of_run("evaluate", run), metrics)
    .show(
        Command::of_run("reconstruct", run),
        "Ten test images (top) and their reconstructions (bottom)",
    )
    .show(
        Command::of_run("plot latents", run)
            .option("split", "train")
            .option("count", 3200),
        "Latent space (posterior means, 3,200 training images: 100 batches of 32), coloured by digit",
    )
    .show(
        Command::of_run("plot posterior", run),
        "Latents of the test images and the prior",
    )
}

/// The images of a grid over the latent plane.
fn plane(run: &str) -> Command {
    Command::of_run("plot manifold", run)
        .option("range", 2)
        .option("steps", 31)
}

fn plain() -> Task {
    let task = Task::new(
        "10.2 to 10.5: the VAE",
        "Train a convolutional VAE; draw its training curves, reconstructions and latent space, images decoded from \
         a grid of latents, and samples from the prior.",
    )
    .recipe("radboud-vae");
    figures(task, PLAIN, "Test metrics, nats per image")
        .show(
            plane(PLAIN),
            "Images decoded from a 31×31 grid of z from −2 to 2",
        )
        .show(
            Command::of_run("sample", PLAIN),
            "25 samples, latents from the prior",
        )
        .answer(|findings| answers::training_curves(findings, PLAIN))
        .mention(answers::importance_sampling(PLAIN))
        .answer(|findings| answers::elbo(findings, PLAIN))
        .answer(|_| answers::log_variance())
        .answer(|findings| answers::gan(findings, PLAIN))
}

fn conditional() -> Task {
    let task = Task::new(
        "10.6: the conditional VAE",
        "The same, conditional on the digit.",
    )
    .recipe("radboud-cvae");
    figures(
        task,
        CONDITIONAL,
        "Test metrics given the labels, nats per image",
    )
    .show(
        plane(CONDITIONAL).option("label", 4),
        "Images of the digit 4, decoded from a 31×31 grid of z from −2 to 2",
    )
    .show(
        plane(CONDITIONAL).option("label", 8),
        "Images of the digit 8, decoded from the same grid",
    )
    .show(
        Command::of_run("sample", CONDITIONAL),
        "Ten samples of each digit",
    )
    .answer(|findings| answers::conditional_elbo(findings, CONDITIONAL))
    .answer(|findings| answers::latent_distribution(findings, &[PLAIN, CONDITIONAL]))
    .answer(|findings| answers::conditional(findings, PLAIN, CONDITIONAL))
}

fn latent_size() -> Task {
    let mut curves = Command::new("plot curves");
    for (_, run) in SIZES {
        curves = curves.run(run);
    }
    Task::new(
        "10.4(c): the number of latent dimensions",
        "Train with 2, 5, 10 and 20 latent dimensions, and draw reconstruction and KL over their number.",
    )
    .recipe("radboud-latent-size")
    .show(
        curves.option("against", "model.latent_size"),
        "Metrics of the final models over the number of latent dimensions",
    )
    .answer(|findings| answers::latent_size(findings, &SIZES))
}

fn classification() -> Task {
    let by_latents = Command::of_run("classify", CONDITIONAL).option("method", "knn");
    Task::new(
        "10.5(b) and 10.6(h): classification",
        "Classify the test images by their latents and by Bayes’ rule.",
    )
    .recipe("radboud-classify")
    .exhibit(Exhibit::side_by_side(
        vec![Command::of_run("classify", PLAIN), by_latents],
        "Confusion matrices of the k-NN classifier on latents, of the VAE and the conditional VAE",
    ))
    .show(
        Command::of_run("classify", CONDITIONAL),
        "Confusion matrix of the generative classifier (Bayes’ rule)",
    )
    .answer(|findings| answers::classification(findings, PLAIN, CONDITIONAL))
}

fn style_transfer() -> Task {
    Task::new(
        "10.6(i): style transfer",
        "Decode the latents of test images with every label.",
    )
    .recipe("radboud-analogies")
    .show(
        Command::of_run("plot analogies", CONDITIONAL),
        "Ten test images (left), and their latents decoded with each of the ten labels",
    )
    .answer(|findings| answers::style_transfer(findings, CONDITIONAL))
}
