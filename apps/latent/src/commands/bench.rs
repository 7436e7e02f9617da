use std::process::Command;
use std::time::Instant;

use candle_core::utils::barrier_pool;
use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use clap::{Args, ValueEnum};
use latent_datasets::{Dataset, Source};
use latent_distributions::Generator;
use latent_models::{
    CLASSES, Condition, ConvolutionalConfig, LatentModel, Parameters, RealNvp, RealNvpConfig, Vae,
    VaeConfig,
};
use latent_training::{Trainer, TrainingConfig};
use serde_json::{Value, json};

use crate::arguments::DataArguments;
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
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    batch_size: u64,
    /// Steps to time, after a tenth as many that are not
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: u64,
    /// Threads to compute with [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
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
        if let Some(threads) = self.threads.map(|threads| threads.to_string())
            && std::env::var_os(THREADS).is_none_or(|value| value != *threads)
        {
            return again_with(&threads);
        }
        let names = match &self.names[..] {
            [] => Name::value_variants(),
            names => names,
        };
        let train = self.data.load(Source::Auto, context)?.splits.train;
        let results: Vec<Value> = names
            .iter()
            .map(|&name| self.measure(name, &train, context))
            .collect::<Result<_, _>>()?;

        let threads = barrier_pool().n_workers() + 1;
        let words = table(threads, &results);
        context.result(&words, &json!({ "threads": threads, "results": results }))
    }

    fn measure(&self, name: Name, train: &Dataset, context: &Context) -> Result<Value, Error> {
        let pixels = train.height() * train.width();
        let convolutional = ConvolutionalConfig {
            image: (train.height(), train.width()),
            ..ConvolutionalConfig::default()
        };
        let flow = |couplings| RealNvpConfig {
            couplings,
            ..RealNvpConfig::default()
        };
        match name {
            Name::MlpVae => self.measure_model(name, train, context, |builder| {
                Vae::new(pixels, &VaeConfig::default(), builder)
            }),
            Name::ConvVae => self.measure_model(name, train, context, |builder| {
                Vae::convolutional(&convolutional, builder)
            }),
            Name::ConvCvae => self.measure_model(name, train, context, |builder| {
                Vae::conditional_convolutional(&convolutional, builder)
            }),
            Name::RealNvp5 => self.measure_model(name, train, context, |builder| {
                RealNvp::new(pixels, &flow(5), builder)
            }),
            Name::RealNvp10 => self.measure_model(name, train, context, |builder| {
                RealNvp::new(pixels, &flow(10), builder)
            }),
        }
    }

    fn measure_model<M: LatentModel<Condition: Condition>>(
        &self,
        name: Name,
        train: &Dataset,
        context: &Context,
        build: impl Fn(&VarBuilder) -> Result<M, latent_models::Error>,
    ) -> Result<Value, Error> {
        forget_peak_memory();
        let (batch_size, steps) = (self.batch_size as usize, self.steps as usize);
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

        let name = name.to_possible_value();
        Ok(json!({
            "name": name.as_ref().map(clap::builder::PossibleValue::get_name),
            "batch_size": batch_size,
            "steps": steps,
            "images_per_second": images_per_second,
            "samples_per_second": (batch_size * warm_up) as f64 / sampling,
            "peak_memory_bytes": peak_memory(),
        }))
    }
}

/// The results for people.
fn table(threads: usize, results: &[Value]) -> String {
    let number = |figure: &Value, unit: f64| {
        let figure = figure.as_f64();
        figure.map_or_else(|| "?".to_owned(), |figure| thousands(figure / unit))
    };
    let row = |result: &Value| {
        format!(
            "\n{:<12}{:>7}{:>16}{:>16}{:>10}",
            result["name"].as_str().unwrap_or_default(),
            number(&result["batch_size"], 1.0),
            number(&result["images_per_second"], 1.0),
            number(&result["samples_per_second"], 1.0),
            number(&result["peak_memory_bytes"], f64::from(1 << 20)),
        )
    };
    let head = format!(
        "{:<12}{:>7}{:>16}{:>16}{:>10}   ({threads} threads)",
        "", "batch", "trained on/s", "drawn/s", "MiB"
    );
    head + &results.iter().map(row).collect::<String>()
}

/// Where candle, whose pool of threads computes everything, looks for their number: once, so that a
/// process cannot change it.
const THREADS: &str = "CANDLE_NUM_THREADS";

/// Runs this very command in a process of so many threads.
fn again_with(threads: &str) -> Result<(), Error> {
    let again = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(THREADS, threads)
            .status()
    });
    match again.map_err(Error::Again)?.code() {
        Some(0) => Ok(()),
        // It has said why itself.
        code => std::process::exit(code.unwrap_or(1)),
    }
}

/// The most memory that this process has had since [`forget_peak_memory`], where the system says.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn forget_peak_memory() {
    // Where that is not possible, the peak is that of the whole process.
    _ = std::fs::write("/proc/self/clear_refs", "5");
}
