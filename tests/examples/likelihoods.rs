//! Prints the log-likelihoods of trained VAEs on binarised MNIST beside published ones, as a table in Markdown.
//!
//! ```sh
//! cargo run --release --locked --example likelihoods -- 1000 500 runs/vae-flow-prior runs/vae-ladder
//! ```
//!
//! The arguments are the number of test images, the number of importance-weighted draws for each, and run directories. The
//! directory of MNIST's files is `$LATENT_DATA_DIR`.

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;

use candle_core::Device;
use latent_datasets::{Splits, mnist_from_directory};
use latent_models::shapes;
use latent_training::{Evaluation, ModelData, Run, load_model, thousands};

/// Published results: model, log-likelihood in nats, binarisation and draws as far as they are stated, source.
const PUBLISHED: [(&str, f64, &str, &str); 10] = [
    (
        "VAE, one layer",
        -86.76,
        "dynamic, 5,000",
        "Burda et al. 2016",
    ),
    (
        "IWAE, k = 50, one layer",
        -84.78,
        "dynamic, 5,000",
        "Burda et al. 2016",
    ),
    (
        "Ladder VAE, five layers",
        -81.74,
        "dynamic, 5,000",
        "Sønderby et al. 2016",
    ),
    ("VAE with IAF", -79.10, "dynamic", "Kingma et al. 2016"),
    ("VLAE", -78.53, "dynamic", "Chen et al. 2017"),
    (
        "ConvVAE, RealNVP prior",
        -78.61,
        "dynamic, 1,000",
        "Xu et al. 2019",
    ),
    (
        "ResNet VAE, RealNVP prior",
        -78.49,
        "dynamic, 1,000",
        "Xu et al. 2019",
    ),
    ("BIVA", -78.41, "dynamic", "Maaløe et al. 2019"),
    ("NVAE", -78.01, "dynamic", "Vahdat & Kautz 2020"),
    (
        "ladder VAE, 12 layers",
        -78.30,
        "static",
        "addtt/ladder-vae-pytorch",
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [images, draws, runs @ ..] = &arguments[..] else {
        return Err("usage: likelihoods IMAGES DRAWS RUN…".into());
    };
    let (images, draws) = (images.parse()?, draws.parse()?);
    let directory = std::env::var("LATENT_DATA_DIR")?;
    let splits = mnist_from_directory(Path::new(&directory))?;
    let mut table = stdout().lock();
    writeln!(
        table,
        "| model | log-likelihood, nats | bound | binarisation, draws | parameters | training |"
    )?;
    writeln!(table, "|---|---|---|---|---|---|")?;
    for run in runs {
        writeln!(table, "{}", row(Path::new(run), &splits, images, draws)?)?;
    }
    for (model, nats, protocol, source) in PUBLISHED {
        writeln!(
            table,
            "| {model} ({source}) | {nats:.2} | | {protocol} | | |"
        )?;
    }
    Ok(())
}

/// The row of a run: its first test images by so many draws.
fn row(run: &Path, splits: &Splits, images: usize, draws: usize) -> Result<String, Box<dyn Error>> {
    let model = load_model(run, &Device::Cpu)?;
    let data = ModelData::new(&model, splits.clone())?;
    if let Some(difference) = &data.difference {
        return Err(format!("{} was trained on {}", run.display(), difference.trained).into());
    }
    let test = data.test().truncated(images);
    let batching = model.batching(model.metadata.experiment.seed);
    let silent = |_, _| ();
    let evaluation = Evaluation::of(&model, &test, Some(draws), &batching, &model.device, silent)?;
    let number = |key: &str| {
        let mean = evaluation.metrics.get(key).copied().unwrap_or(f64::NAN);
        let error = evaluation.standard_errors.get(key).copied().flatten();
        format!("{mean:.2} ± {:.2}", 2.0 * error.unwrap_or(f64::NAN))
    };
    let (config, record) = (&model.metadata.experiment.model, &model.metadata.data);
    let variables = shapes(|builder| config.build(record.shape, record.classes, builder))?;
    let sizes = variables
        .values()
        .map(|shape| shape.iter().product::<usize>());
    let mut minutes = 0.0;
    let records = model.run.as_ref().map(Run::metrics).transpose()?;
    for epoch in records.iter().flatten() {
        minutes += record.images as f64 / epoch.images_per_second / 60.0;
    }
    let binarisation = if model.metadata.experiment.data.binarise {
        "dynamic"
    } else {
        "grey pixels, not comparable"
    };
    Ok(format!(
        "| `{}` | {} | {} | {binarisation}, {} draws, {} images | {} | {minutes:.0} min |",
        model.metadata.experiment.name,
        number("log_likelihood"),
        number("elbo"),
        thousands(draws),
        thousands(test.len()),
        thousands(sizes.sum()),
    ))
}
