//! Builds the page of the explorer: static files, models, test images and their latents. It prints the sizes of the
//! downloads and serves the page on this computer. `just explorer` runs it after compiling the WebAssembly module.
#![expect(clippy::print_stdout, reason = "it is a command")]

mod own;
mod server;
mod set;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use clap::Parser;
use flate2::Compression;
use flate2::write::GzEncoder;
use latent_datasets::{Batching, ImageOptions, Source};
use latent_explorer::Model;
use latent_pretrained::{Location, Models};
use latent_training::{EVALUATION_BATCH, encode};
use serde::Serialize;

use own::OwnModel;
use set::Set;

/// The models of the page: a VAE with two latent dimensions, a conditional VAE, and larger models, which are downloaded when
/// they are selected.
const MODELS: [&str; 7] = [
    "vae-2d",
    "cvae-mlp-50",
    "cvae-flow-prior",
    "vae-ladder",
    "realnvp-5",
    "cond-realnvp-5",
    "flow-multiscale",
];

/// The number of test images whose latents the page shows.
const POINTS: usize = 2000;

/// The limit for the initial download, in compressed bytes.
const LARGEST: u64 = 5_000_000;

#[derive(Parser)]
#[command(about = "Build the page of the explorer, and serve it")]
struct Arguments {
    /// Directory that is searched first for models: NAME.safetensors, or runs with these names
    #[arg(long, value_name = "DIRECTORY", default_value = "assets/models")]
    models: PathBuf,
    /// Run or model file of your own, of any data; it is shown before those of MNIST. Repeat it for several
    #[arg(long, value_name = "RUN|FILE")]
    model: Vec<PathBuf>,
    /// Output directory
    #[arg(long, value_name = "DIRECTORY", default_value = "target/explorer")]
    out: PathBuf,
    /// Directory of MNIST
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Serve the page on this port of 127.0.0.1
    #[arg(long, value_name = "PORT")]
    serve: Option<u16>,
}

/// The contents of `models.json`.
#[derive(Serialize)]
struct Index {
    /// The data sets of the models, those of your own models first.
    sets: Vec<Set>,
    models: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    /// The place of the data set in [`Index::sets`].
    set: usize,
    /// The path of the file on the page.
    file: String,
    /// How the model is named on the command line.
    argument: String,
    family: String,
    bytes: u64,
    latent_size: usize,
    is_conditional: bool,
    is_exact: bool,
    /// The labels that the training images have.
    classes_present: Vec<u8>,
    /// The latents of test images; `None` for flows, whose latents are as large as images.
    cloud: Option<Cloud>,
}

/// The latents of test images in the two dimensions of largest standard deviation.
#[derive(Serialize)]
struct Cloud {
    /// All dimensions in descending order of standard deviation.
    dimensions: Vec<usize>,
    /// The standard deviation of the latents in each of `dimensions`.
    spreads: Vec<f32>,
    /// Two coordinates for each image, in hundredths; none if the images were not found.
    points: Vec<i32>,
    /// The labels of the images; none if they have none.
    labels: Vec<u8>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let out = &arguments.out;
    copy_all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/page")), out)?;
    for folder in ["models", "data"] {
        // Without the files of an earlier page.
        let folder = out.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(folder)?;
    }

    let (mut sets, mut models) = (Vec::<Set>::new(), Vec::new());
    for path in &arguments.model {
        let own = OwnModel::open(path)?;
        if let Some(missing) = &own.missing {
            println!("{}: no test images: {missing}", path.display());
        }
        let of = own.place_among(&mut sets, out)?;
        models.push(entry(&own, of, &models, out)?);
    }

    let data = latent_datasets::load(
        Source::Auto,
        arguments.data_dir.as_deref(),
        &ImageOptions::default(),
    )?;
    let whose = match data.source {
        Source::Mnist => "MNIST",
        _ => "built-in",
    };
    let test = data.splits.test.truncated(POINTS);
    let mut found = Vec::new();
    for name in MODELS {
        match find(&arguments.models, name)? {
            Some((bytes, path)) => {
                let model = Model::open(&path.display().to_string(), &bytes)?;
                found.push(OwnModel::pretrained(name, model, bytes, test.clone()));
            }
            None => println!(
                "{name} is not in {}, and is left out: `latent train {name}` makes it",
                arguments.models.display()
            ),
        }
    }
    let has = |wanted: fn(&Model) -> bool| found.iter().any(|found| wanted(&found.model));
    if !has(|model| model.latent_size() == 2)
        || !has(|model| model.is_conditional() && !model.is_exact())
    {
        return Err("the page needs the models vae-2d and cvae-mlp-50".into());
    }
    for model in &found {
        let of = model.place_among(&mut sets, out)?;
        sets[of].points = format!("{} {whose} test images", test.len());
        models.push(entry(model, of, &models, out)?);
    }
    let index = Index { sets, models };
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

/// The bytes of a model file and its path.
type ModelFile = (Vec<u8>, PathBuf);

/// Finds a model file in the directory or among the embedded models.
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

/// Copies a model to the page and encodes its test images. Its name differs from those of `before`.
fn entry(
    own: &OwnModel,
    set: usize,
    before: &[Entry],
    out: &Path,
) -> Result<Entry, Box<dyn Error>> {
    let model = &own.model;
    let is_taken = |name: &String| before.iter().any(|other| other.name == *name);
    let numbered = (2..).map(|number| format!("{} ({number})", own.name));
    let mut names = std::iter::once(own.name.clone()).chain(numbered);
    let name = names.find(|name| !is_taken(name));
    let name = name.unwrap_or_default();
    // The name of a run may have characters that addresses have not.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let file = if name.chars().all(is_plain) {
        format!("models/{name}.safetensors")
    } else {
        format!("models/{}-own.safetensors", before.len())
    };
    fs::write(out.join(&file), &own.bytes)?;
    let cloud = match &own.test {
        _ if model.is_exact() => None,
        None => Some(Cloud::without_images(model.latent_size())),
        Some(test) => {
            let test = test.clone().truncated(POINTS);
            let batching = Batching {
                size: EVALUATION_BATCH,
                // The page shows grey levels.
                binarise: false,
                seed: 1,
            };
            let latents = encode(model.model(), &test, &batching, false, &Device::Cpu)?;
            Some(Cloud::new(&latents, test.labels())?)
        }
    };
    Ok(Entry {
        name,
        set,
        file,
        argument: own.argument.clone(),
        family: model.family(),
        bytes: own.bytes.len() as u64,
        latent_size: model.latent_size(),
        is_conditional: model.is_conditional(),
        is_exact: model.is_exact(),
        classes_present: model.classes_present(),
        cloud,
    })
}

impl Cloud {
    fn without_images(latent_size: usize) -> Self {
        Self {
            dimensions: (0..latent_size).collect(),
            // Those of the prior.
            spreads: vec![1.0; latent_size],
            points: Vec::new(),
            labels: Vec::new(),
        }
    }

    fn new(latents: &Tensor, labels: &[u8]) -> Result<Self, Box<dyn Error>> {
        let spread = latents.var(0)?.sqrt()?.to_vec1::<f32>()?;
        let mut dimensions: Vec<usize> = (0..spread.len()).collect();
        // Two dimensions keep their order.
        if spread.len() > 2 {
            dimensions.sort_by(|&a, &b| spread[b].total_cmp(&spread[a]));
        }
        let rows = latents.to_vec2::<f32>()?;
        // The points of a single latent dimension are on a line.
        let coordinate = |row: &[f32], place: usize| {
            let value = dimensions
                .get(place)
                .map_or(0.0, |&dimension| row[dimension]);
            (100.0 * value).round() as i32
        };
        Ok(Self {
            points: rows
                .iter()
                .flat_map(|row| [coordinate(row, 0), coordinate(row, 1)])
                .collect(),
            spreads: dimensions
                .iter()
                .map(|&dimension| spread[dimension])
                .collect(),
            labels: labels.to_vec(),
            dimensions,
        })
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        fs::copy(&path, to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Prints the sizes of the initial download and of the models that are downloaded when they are selected.
fn print_sizes(out: &Path, index: &Index) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_none_or(|extension| extension != "gz") {
            files.push(path);
        }
    }
    files.sort();
    let path = |model: &Entry| out.join(&model.file);
    // The page opens with the first data set, and with the models that `plane` and `hand` choose.
    let of_first = |is_conditional: bool| {
        let of = move |model: &&Entry| {
            model.set == 0 && !model.is_exact && model.is_conditional == is_conditional
        };
        index.models.iter().filter(of)
    };
    let plane = of_first(false).find(|model| model.latent_size == 2);
    let plane = plane.or_else(|| of_first(false).next());
    let at_once: Vec<&str> = [plane, of_first(true).next()]
        .into_iter()
        .flatten()
        .map(|model| model.file.as_str())
        .collect();
    let (small, later): (Vec<&Entry>, Vec<&Entry>) = index
        .models
        .iter()
        .partition(|model| at_once.contains(&model.file.as_str()));
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
    if !index.models.is_empty() {
        println!("(The last are downloaded when they are selected.)");
    }
    if total[1] > LARGEST {
        println!(
            "That is more than {LARGEST} bytes: models with weights of 16 bits are half as large"
        );
    }
    Ok(())
}

/// Writes a compressed copy of a file beside it, and prints both sizes.
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
