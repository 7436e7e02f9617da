//! The Radboud assignment: a convolutional VAE, its latent space, and the same model conditional on the digit.

use crate::{Assignment, Command, Exhibit, RequiredRun, Task, answers};

/// The runs with so many latent dimensions.
const SIZES: [(usize, &str); 5] = [
    (2, "vae-conv-latent-2"),
    (4, "vae-conv-latent-4"),
    (8, "vae-conv-latent-8"),
    (16, "vae-conv-latent-16"),
    (32, "vae-conv-latent-32"),
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
        Command::of_run("plot latents", run),
        "Latent space (posterior means, test images), coloured by digit",
    )
    .show(
        Command::of_run("plot posterior", run),
        "Latents of the test images and the prior",
    )
}

fn plain() -> Task {
    let task = Task::new(
        "The VAE",
        "Train a convolutional VAE; draw its training curves, reconstructions and latent space, images decoded from \
         a grid of latents, and samples from the prior.",
    )
    .recipe("radboud-vae");
    figures(task, PLAIN, "Test metrics, nats per image")
        .show(
            Command::of_run("plot manifold", PLAIN).flag("quantiles"),
            "Images decoded from a grid of z at quantiles of the prior",
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
    let task = Task::new("The conditional VAE", "The same, conditional on the digit.")
        .recipe("radboud-cvae");
    figures(
        task,
        CONDITIONAL,
        "Test metrics given the labels, nats per image",
    )
    .show(
        Command::of_run("plot manifold", CONDITIONAL)
            .option("label", 3)
            .flag("quantiles"),
        "Images of the digit 3, decoded from a grid of z at quantiles of the prior",
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
        "The number of latent dimensions",
        "Train with 2, 4, 8, 16 and 32 latent dimensions, and draw reconstruction and KL over their number.",
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
        "Classification",
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
        "Style transfer",
        "Decode the latents of test images with every label.",
    )
    .recipe("radboud-analogies")
    .show(
        Command::of_run("plot analogies", CONDITIONAL),
        "Ten test images (left), and their latents decoded with each of the ten labels",
    )
    .answer(|findings| answers::style_transfer(findings, CONDITIONAL))
}
