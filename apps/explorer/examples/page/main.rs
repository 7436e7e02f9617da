//! Puts the page together: its own files, the models, and where test images lie in their latent spaces;
//! says how much of it there is to download, and serves it on this computer. `just explorer` calls it, after
//! the crates were compiled for the browser.
#![expect(clippy::print_stdout, reason = "it is a command")]

mod server;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use clap::Parser;
use flate2::Compression;
use flate2::write::GzEncoder;
use latent_datasets::{Batching, Dataset, Source};
use latent_explorer::Model;
use latent_models::LatentModel;
use latent_pretrained::{Location, Models};
use latent_training::{EVALUATION_BATCH, encode};
use serde::Serialize;

/// The experiments whose models the page has: a plane of digits, a hand that writes all of them, and flows,
/// which are fetched when they are chosen.
const MODELS: [&str; 4] = ["vae-2d", "cvae-mlp-50", "realnvp-5", "cond-realnvp-5"];

/// Test images whose places in a latent space the page shows.
const POINTS: usize = 2000;

/// What a visit may download before anything is chosen, in bytes, compressed as servers do it.
const LARGEST: u64 = 5_000_000;

#[derive(Parser)]
#[command(about = "Put the page of the explorer together, and serve it")]
struct Arguments {
    /// Where models are looked for first: NAME.safetensors, or runs of these names
    #[arg(long, value_name = "DIRECTORY", default_value = "assets/models")]
    models: PathBuf,
    /// Where the page goes
    #[arg(long, value_name = "DIRECTORY", default_value = "target/explorer")]
    out: PathBuf,
    /// Where MNIST is
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Serve the page on this port of 127.0.0.1
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,
}

/// What the page knows before it has fetched a model.
#[derive(Serialize)]
struct Index {
    /// Whose places the points are.
    data: String,
    models: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    family: String,
    bytes: u64,
    latent_size: usize,
    is_conditional: bool,
    is_exact: bool,
    /// Where test images lie, unless latents are as large as images.
    cloud: Option<Cloud>,
}

/// Where test images lie in a latent space, in the two dimensions that they differ most in.
#[derive(Serialize)]
struct Cloud {
    /// All dimensions, those that the images differ most in first.
    dimensions: Vec<usize>,
    /// The standard deviation of the images' latents in each of `dimensions`.
    spreads: Vec<f32>,
    /// Two coordinates an image, in hundredths.
    points: Vec<i32>,
    /// The images' digits.
    labels: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let out = &arguments.out;
    copy_all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/page")), out)?;
    fs::create_dir_all(out.join("models"))?;

    let data = latent_datasets::load(Source::Auto, arguments.data_dir.as_deref())?;
    let test = data.splits.test.truncated(POINTS);
    let mut models = Vec::new();
    for name in MODELS {
        match find(&arguments.models, name)? {
            Some((bytes, path)) => models.push(entry(name, &bytes, &path, &test, out)?),
            None => println!(
                "{name} is not in {}, and is left out: `latent train {name}` makes it",
                arguments.models.display()
            ),
        }
    }
    let has = |wanted: fn(&Entry) -> bool| models.iter().any(wanted);
    if !has(|model| model.latent_size == 2) || !has(|model| model.is_conditional && !model.is_exact)
    {
        return Err("the page needs vae-2d for its plane and cvae-mlp-50 for its hand".into());
    }
    let whose = match data.source {
        Source::Mnist => "MNIST",
        _ => "built-in",
    };
    let data = format!("{} {whose} test images", test.len());
    let index = Index { data, models };
    fs::write(out.join("models.json"), serde_json::to_vec(&index)?)?;
    print_sizes(out, &index)?;

    if let Some(port) = arguments.serve {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|reason| format!("port {port}: {reason}; choose another"))?;
        println!("http://{} (Ctrl-C ends it)", listener.local_addr()?);
        server::serve(&listener, out);
    }
    Ok(())
}

/// The bytes of a model's file, and its path.
type ModelFile = (Vec<u8>, PathBuf);

/// The file of a model: one in the directory, or an embedded one.
fn find(directory: &Path, name: &str) -> Result<Option<ModelFile>, Box<dyn Error>> {
    let file = directory.join(format!("{name}.safetensors"));
    let of_run = directory.join(name).join("model.safetensors");
    if let Some(path) = [file, of_run].into_iter().find(|path| path.is_file()) {
        return Ok(Some((fs::read(&path)?, path)));
    }
    let models = Models::new()?;
    match models.location(name)? {
        Location::NotFound => Ok(None),
        _ => Ok(Some(models.read(name)?)),
    }
}

/// Copies a model to where the page fetches it, and looks where the test images lie in it.
fn entry(
    name: &str,
    bytes: &[u8],
    path: &Path,
    test: &Dataset,
    out: &Path,
) -> Result<Entry, Box<dyn Error>> {
    let model = Model::open(&path.display().to_string(), bytes)?;
    fs::write(out.join(format!("models/{name}.safetensors")), bytes)?;
    let is_exact = model.metadata().experiment.model.is_exact();
    let cloud = if is_exact {
        None
    } else {
        let batching = Batching {
            size: EVALUATION_BATCH,
            // As drawings are.
            binarise: false,
            seed: 1,
        };
        let latents = encode(model.model(), test, &batching, false, &Device::Cpu)?;
        Some(cloud(&latents, test.labels())?)
    };
    Ok(Entry {
        name: name.to_owned(),
        family: model.family(),
        bytes: bytes.len() as u64,
        latent_size: model.model().latent_size(),
        is_conditional: model.is_conditional(),
        is_exact,
        cloud,
    })
}

fn cloud(latents: &Tensor, labels: &[u8]) -> Result<Cloud, Box<dyn Error>> {
    let spread = latents.var(0)?.sqrt()?.to_vec1::<f32>()?;
    let mut dimensions: Vec<usize> = (0..spread.len()).collect();
    // A plane is shown as it is.
    if spread.len() > 2 {
        dimensions.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
    }
    let rows = latents.to_vec2::<f32>()?;
    let shown = &dimensions[..2.min(dimensions.len())];
    let hundredths = |row: &Vec<f32>| {
        let values = shown.iter().map(|&dimension| row[dimension]);
        values
            .map(|value| (100.0 * value).round() as i32)
            .collect::<Vec<_>>()
    };
    Ok(Cloud {
        spreads: dimensions
            .iter()
            .map(|&dimension| spread[dimension])
            .collect(),
        points: rows.iter().flat_map(hundredths).collect(),
        labels: labels.iter().map(ToString::to_string).collect(),
        dimensions,
    })
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Says what a visit downloads: at once, and when a flow is chosen.
fn print_sizes(out: &Path, index: &Index) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "gz") {
            files.push(path);
        }
    }
    files.sort();
    let path = |model: &Entry| out.join(format!("models/{}.safetensors", model.name));
    let (later, small): (Vec<&Entry>, Vec<&Entry>) =
        index.models.iter().partition(|model| model.is_exact);
    files.extend(small.into_iter().map(path));

    println!("{:>9}  {:>10}", "bytes", "compressed");
    let mut total = [0; 2];
    for file in &files {
        let sizes = print_size(file, out)?;
        total = [total[0] + sizes[0], total[1] + sizes[1]];
    }
    println!("{:>9}  {:>10}  to download for a visit", total[0], total[1]);
    for model in later {
        print_size(&path(model), out)?;
    }
    println!("(The last are flows, which are fetched when they are chosen.)");
    if total[1] > LARGEST {
        println!(
            "That is more than {LARGEST} bytes: models with weights of 16 bits are half as large"
        );
    }
    Ok(())
}

/// Compresses a file beside itself, and says both sizes.
fn print_size(file: &Path, out: &Path) -> Result<[u64; 2], Box<dyn Error>> {
    let bytes = fs::read(file)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let compressed = encoder.finish()?;
    fs::write(server::compressed(file), &compressed)?;
    let sizes = [bytes.len() as u64, compressed.len() as u64];
    let name = file.strip_prefix(out)?.display();
    println!("{:>9}  {:>10}  {name}", sizes[0], sizes[1]);
    Ok(sizes)
}
