use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use candle_core::utils::barrier_pool;
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use latent_datasets::{Dataset, Source};
use latent_distributions::Generator;
use latent_models::{
    CLASSES, Condition, ConvolutionalVaeConfig, Flow, FlowConfig, LatentModel, Parameters, Vae,
    VaeConfig,
};
use latent_training::{Trainer, TrainingConfig};
use latent_visualisation::{Curves, Picture};
use serde_json::{Value, json};

use crate::arguments::{DataArguments, Trimmed, paths};
use crate::paths::picture_path;
use crate::process::MOST_THREADS;
use crate::progress::thousands;
use crate::{Context, Error};

/// Measure how many images a second this machine trains on
///
/// Whole steps: assembling the batch, noise, loss, gradients, and Adam's update. Drawing samples is
/// measured as well. For figures worth quoting, let nothing else run, and take the median of several
/// calls.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure [default: all of them]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Name>,
    /// Images in a batch; several sizes, with commas between them, are measured one after the other
    #[arg(long, value_name = "N", default_value = "128", value_delimiter = ',', value_parser = Trimmed(clap::value_parser!(u64).range(1..=65_536)))]
    batch_size: Vec<u64>,
    /// Steps to time, after a tenth as many that are not [default: 100, or for several batch sizes as
    /// many as take 8,192 images]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: Option<u64>,
    /// Threads to compute with, one number or several [default: as many as there are processors]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = Trimmed(clap::value_parser!(u64).range(1..=MOST_THREADS)))]
    threads: Vec<u64>,
    /// Draw images a second over the batch size: .png, .svg, or .npy for the numbers
    #[arg(long, value_name = "FILE", value_parser = picture_path())]
    out: Option<PathBuf>,
    #[command(flatten)]
    data: DataArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Fully connected, 784-512-2 and its mirror
    MlpVae,
    /// Convolutions to 32 and 64 channels, a linear layer of 16, two latent dimensions
    ConvVae,
    /// The same, conditional on the label
    ConvCvae,
    /// Five affine couplings with two networks 392-512-512-392 each
    #[value(name = "realnvp-5")]
    RealNvp5,
    /// Ten of them
    #[value(name = "realnvp-10")]
    RealNvp10,
}

impl Bench {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let results = match &self.threads[..] {
            [] => self.measure_all(context)?,
            &[threads]
                if std::env::var_os(THREADS).is_some_and(|value| value == *threads.to_string()) =>
            {
                self.measure_all(context)?
            }
            several => {
                let results = several.iter().map(|&threads| with_threads(threads));
                results.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        let mut words = table(&results);
        if let Some(path) = &self.out {
            for file in paths(&scaling(&results)?.save(path)?) {
                words.extend(["\n", &file]);
            }
        }
        let mut threads: Vec<&Value> = results.iter().map(|result| &result["threads"]).collect();
        threads.dedup();
        let threads = match threads[..] {
            [threads] => threads.clone(),
            _ => json!(threads),
        };
        context.result(&words, &json!({ "threads": threads, "results": results }))
    }

    /// All models at all batch sizes, with the threads of this process.
    fn measure_all(&self, context: &Context) -> Result<Vec<Value>, Error> {
        let names = match &self.names[..] {
            [] => Name::value_variants(),
            names => names,
        };
        let splits = self.data.load(Source::Auto, context)?.splits;
        let train = splits.train;
        let checksum = train.checksum();
        let mut results = Vec::new();
        for &name in names {
            for &batch_size in &self.batch_size {
                let steps = self.steps.unwrap_or(match self.batch_size[..] {
                    [_] => 100,
                    _ => 8192_u64.div_ceil(batch_size).max(4),
                });
                let timing = Timing {
                    name,
                    batch_size: batch_size as usize,
                    steps: steps as usize,
                };
                let mut result = timing.measure(&train, context)?;
                result["data"] = json!(splits.name);
                result["checksum"] = json!(checksum);
                result["split"] = json!("train");
                results.push(result);
            }
        }
        Ok(results)
    }
}

/// One thing to measure.
struct Timing {
    name: Name,
    batch_size: usize,
    steps: usize,
}

impl Timing {
    fn measure(&self, train: &Dataset, context: &Context) -> Result<Value, Error> {
        let pixels = train.height() * train.width();
        let image = (train.height(), train.width());
        let convolutional = ConvolutionalVaeConfig::default();
        match self.name {
            Name::MlpVae => self.measure_model(train, context, |builder| {
                Vae::new(pixels, &VaeConfig::default(), builder)
            }),
            Name::ConvVae => self.measure_model(train, context, |builder| {
                Vae::convolutional(image, &convolutional, builder)
            }),
            Name::ConvCvae => self.measure_model(train, context, |builder| {
                Vae::conditional_convolutional(image, &convolutional, builder)
            }),
            Name::RealNvp5 => self.measure_model(train, context, |builder| {
                Flow::new(image, &FlowConfig::real_nvp(5), builder)
            }),
            Name::RealNvp10 => self.measure_model(train, context, |builder| {
                Flow::new(image, &FlowConfig::real_nvp(10), builder)
            }),
        }
    }

    fn measure_model<M: LatentModel<Condition: Condition>>(
        &self,
        train: &Dataset,
        context: &Context,
        build: impl Fn(&VarBuilder) -> Result<M, latent_models::Error>,
    ) -> Result<Value, Error> {
        forget_peak_memory();
        let (batch_size, steps) = (self.batch_size, self.steps);
        let config = TrainingConfig {
            batch_size,
            learning_rate: 1e-4,
            ..TrainingConfig::default()
        };
        let parameters = Parameters::seeded(1, &context.device);
        let mut trainer = Trainer::new(&config, false, 1, parameters, build)?;
        let warm_up = steps.div_ceil(10);
        trainer.images_per_second(train, warm_up)?;
        let images_per_second = trainer.images_per_second(train, steps)?;

        let model = trainer.evaluated();
        let labels: Vec<u32> = (0..batch_size).map(|i| (i % CLASSES) as u32).collect();
        let labels = Tensor::new(labels, &context.device)?;
        let condition = M::Condition::from_labels(&labels, DType::F32)?;
        let mut generator = Generator::new(1);
        let start = Instant::now();
        for _ in 0..warm_up {
            let latents = model.sample_prior(batch_size, &mut generator)?;
            model.decode(&latents, &condition)?;
        }
        let sampling = start.elapsed().as_secs_f64();

        Ok(json!({
            "name": self.name.to_string(),
            "threads": barrier_pool().n_workers() + 1,
            "batch_size": batch_size,
            "steps": steps,
            "images_per_second": images_per_second,
            "samples_per_second": (batch_size * warm_up) as f64 / sampling,
            "peak_memory_bytes": peak_memory(),
        }))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", PossibleValue::get_name))
    }
}

/// The results for people.
fn table(results: &[Value]) -> String {
    let number = |figure: &Value, unit: f64| {
        let figure = figure.as_f64();
        figure.map_or_else(|| "?".to_owned(), |figure| thousands(figure / unit))
    };
    let row = |result: &Value| {
        format!(
            "\n{:<12}{:>9}{:>7}{:>16}{:>16}{:>10}",
            result["name"].as_str().unwrap_or_default(),
            number(&result["threads"], 1.0),
            number(&result["batch_size"], 1.0),
            number(&result["images_per_second"], 1.0),
            number(&result["samples_per_second"], 1.0),
            number(&result["peak_memory_bytes"], f64::from(1 << 20)),
        )
    };
    let head = format!(
        "{:<12}{:>9}{:>7}{:>16}{:>16}{:>10}",
        "", "threads", "batch", "trained on/s", "drawn/s", "MiB"
    );
    head + &results.iter().map(row).collect::<String>()
}

/// Images a second over the batch size: a panel a model, a line a number of threads.
fn scaling(results: &[Value]) -> Result<Curves, Error> {
    let distinct = |key: &str| {
        let mut values: Vec<&Value> = Vec::new();
        for value in results.iter().map(|result| &result[key]) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    };
    let sizes = distinct("batch_size");
    let logarithm = |size: &&Value| size.as_f64().map_or(f64::NAN, f64::log2);
    let mut curves = Curves::new(sizes.iter().map(logarithm).collect::<Vec<_>>())
        .title("Training")
        .x_label("log₂ of the batch size")
        .y_label("images a second")
        .from_zero();
    for name in distinct("name") {
        let lines: Vec<(String, Vec<f64>)> = distinct("threads")
            .into_iter()
            .map(|threads| {
                let at = |size: &&Value| {
                    let found = results.iter().find(|result| {
                        [&result["name"], &result["threads"], &result["batch_size"]]
                            == [name, threads, size]
                    });
                    let speed = found.and_then(|result| result["images_per_second"].as_f64());
                    speed.unwrap_or(f64::NAN)
                };
                let plural = if threads == 1 { "" } else { "s" };
                let label = format!("{threads} thread{plural}");
                (label, sizes.iter().map(at).collect())
            })
            .collect();
        let lines: Vec<(&str, &[f64])> = lines
            .iter()
            .map(|(label, speeds)| (label.as_str(), speeds.as_slice()))
            .collect();
        curves = curves.panel(name.as_str().unwrap_or_default(), &lines)?;
    }
    Ok(curves)
}

/// Where candle, whose pool of threads computes everything, looks for their number: once, so that a
/// process cannot change it.
const THREADS: &str = "CANDLE_NUM_THREADS";

/// What this very command measures in a process of so many threads.
fn with_threads(threads: u64) -> Result<Vec<Value>, Error> {
    let threads = threads.to_string();
    let mut arguments = Vec::new();
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        match text.split('=').next() {
            // These two are said anew, or not meant for a part of the whole.
            Some("--threads" | "--out") => {
                if !text.contains('=') {
                    given.next();
                }
            }
            Some("--json") => {}
            _ => arguments.push(argument),
        }
    }
    let again = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(arguments)
            .args(["--json", "--threads", &threads])
            .env(THREADS, &threads)
            .stderr(Stdio::inherit())
            .output()
    });
    let output = again.map_err(Error::Again)?;
    match output.status.code() {
        Some(0) => {}
        // It has said why itself.
        code => std::process::exit(code.unwrap_or(1)),
    }
    let results: Option<Vec<Value>> = serde_json::from_slice(&output.stdout)
        .ok()
        .and_then(|mut value: Value| serde_json::from_value(value["results"].take()).ok());
    results.ok_or_else(|| Error::Again(std::io::Error::other("its results cannot be read")))
}

/// The most memory that this process has had since [`forget_peak_memory`]: on Linux alone.
fn peak_memory() -> Option<u64> {
    // Wine shows Linux's files, which say nothing of a program of Windows.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn forget_peak_memory() {
    // Where that is not possible, the peak is that of the whole process.
    _ = std::fs::write("/proc/self/clear_refs", "5");
}
