use std::fmt;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use latent_figures::throughput_curves;
use latent_models::{ConvolutionalVaeConfig, FlowConfig, ModelConfig, VaeConfig};
use latent_pretrained::experiment;
use latent_training::{DataConfig, Throughput, thousands};
use latent_visualisation::{Curves, Picture};
use serde_json::{Value, json};

use crate::arguments::{DataArguments, Trimmed, paths};
use crate::paths::picture_path;
use crate::process::{MAX_THREADS, THREADS_VARIABLE, forget_peak_memory, peak_memory};
use crate::rerun::with_threads;
use crate::{Context, Error};

/// Measure the speed of training and sampling, in images per second
///
/// A training step is the whole step: batch, noise, loss, gradients, and update. For figures to quote, run nothing else, and
/// take the median of several calls.
#[derive(Args)]
#[command(after_help = "Example:\n  latent bench mlp-vae --batch-size 32,128 --threads 1,2")]
pub(crate) struct Bench {
    /// Models to measure [default: all]
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Name>,
    /// Batch size, or several separated by commas
    #[arg(long, value_name = "N", default_value = "128", value_delimiter = ',', value_parser = Trimmed(clap::value_parser!(u64).range(1..=65_536)))]
    batch_size: Vec<u64>,
    /// Number of timed steps, after a tenth as many untimed ones [default: 100, or 8,192 images for several batch
    /// sizes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: Option<u64>,
    /// Number of threads, or several separated by commas [default: the number of processors]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = Trimmed(clap::value_parser!(u64).range(1..=MAX_THREADS)))]
    threads: Vec<u64>,
    /// File for the plot of the training speed over the batch size: .png, .svg, or .npy for the numbers
    #[arg(short, long, value_name = "FILE", value_parser = picture_path())]
    output: Option<PathBuf>,
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
    /// The experiment of this name: residual convolutions, a flow as prior
    VaeFlowPrior,
    /// The experiment of this name: three levels of latents
    VaeLadder,
    /// The experiment of this name: convolutional mixture couplings
    #[value(name = "flow-multiscale")]
    FlowMultiScale,
}

impl Bench {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        let results = match &self.threads[..] {
            [] => self.measure_all(context)?,
            &[threads]
                if std::env::var_os(THREADS_VARIABLE)
                    .is_some_and(|value| value == *threads.to_string()) =>
            {
                self.measure_all(context)?
            }
            several => {
                let results = several.iter().map(|&threads| with_threads(threads));
                results.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        let mut words = table(&results);
        if let Some(path) = &self.output {
            for file in paths(&chart(&results)?.save(path)?) {
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
        let splits = self.data.load(&DataConfig::default(), context)?.splits;
        let train = splits.train;
        let checksum = train.checksum();
        let mut results = Vec::new();
        for &name in names {
            for &batch_size in &self.batch_size {
                let steps = self.steps.unwrap_or(match self.batch_size[..] {
                    [_] => 100,
                    _ => 8192_u64.div_ceil(batch_size).max(4),
                });
                forget_peak_memory();
                let (batch_size, steps) = (batch_size as usize, steps as usize);
                let throughput = Throughput::measure(
                    &name.model()?,
                    &train,
                    batch_size,
                    steps,
                    &context.device,
                )?;
                let mut result = json!(throughput);
                result["name"] = json!(name.to_string());
                result["peak_memory_bytes"] = json!(peak_memory());
                result["data"] = json!(splits.name);
                result["checksum"] = json!(checksum);
                result["split"] = json!("train");
                results.push(result);
            }
        }
        Ok(results)
    }
}

impl Name {
    /// The model that is measured.
    fn model(self) -> Result<ModelConfig, Error> {
        Ok(match self {
            Self::MlpVae => ModelConfig::Vae(VaeConfig::default()),
            Self::ConvVae => ModelConfig::ConvolutionalVae(ConvolutionalVaeConfig::default()),
            Self::ConvCvae => {
                ModelConfig::ConditionalConvolutionalVae(ConvolutionalVaeConfig::default())
            }
            Self::RealNvp5 => ModelConfig::Flow(FlowConfig::real_nvp(5)),
            Self::RealNvp10 => ModelConfig::Flow(FlowConfig::real_nvp(10)),
            Self::VaeFlowPrior | Self::VaeLadder | Self::FlowMultiScale => {
                experiment(&self.to_string(), &[])?.model
            }
        })
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
        figure.map_or_else(
            || "?".to_owned(),
            |figure| thousands((figure / unit).round_ties_even() as usize),
        )
    };
    let row = |result: &Value| {
        format!(
            "\n{:<16}{:>9}{:>7}{:>16}{:>16}{:>10}",
            result["name"].as_str().unwrap_or_default(),
            number(&result["threads"], 1.0),
            number(&result["batch_size"], 1.0),
            number(&result["images_per_second"], 1.0),
            number(&result["samples_per_second"], 1.0),
            number(&result["peak_memory_bytes"], f64::from(1 << 20)),
        )
    };
    let head = format!(
        "{:<16}{:>9}{:>7}{:>16}{:>16}{:>10}",
        "", "threads", "batch", "training/s", "sampling/s", "peak MiB"
    );
    head + &results.iter().map(row).collect::<String>()
}

/// Training speed over the batch size.
fn chart(results: &[Value]) -> Result<Curves, Error> {
    let mut measured = Vec::new();
    for result in results {
        let throughput = serde_json::from_value::<Throughput>(result.clone());
        let throughput = throughput.map_err(|reason| Error::Again(reason.into()))?;
        measured.push((result["name"].as_str().unwrap_or_default(), throughput));
    }
    Ok(throughput_curves(&measured)?)
}
