//! The `latent` command: train, judge and play with small latent-variable models.
//!
//! Every subcommand is a short file in [`commands`] that composes the workspace's crates.

mod arguments;
mod card;
mod commands;
mod comparison;
mod context;
mod error;
mod experiments;
mod figures;
mod pretrained;
mod process;
mod progress;
mod projection;
mod report;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;
use crate::context::{Context, Globals};
use crate::error::Error;

/// Train, judge and play with small latent-variable models.
///
/// An experiment (see `latent experiments`, or a TOML file of your own) becomes a run: a directory
/// with the weights, the metrics and the figures. Every other command takes a MODEL: a run
/// directory, a .safetensors file, the name of a pretrained model (`latent models list`), or of one on a hub. Losses are nats per image everywhere.
#[derive(Parser)]
#[command(
    name = "latent",
    version,
    max_term_width = 100,
    after_help = "\
Try:
  latent train vae-2d                    train and draw, with MNIST if it is on this computer
  latent scatter runs/vae-2d             where the digits lie in the latent plane
  latent manifold runs/vae-2d --quantiles
  latent evaluate runs/vae-2d --json"
)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    process::prepare();
    let arguments = Arguments::parse();
    let run = || {
        process::check_threads()?;
        arguments.command.run(&Context::new(&arguments.globals)?)
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // What a shell reports of a program that Ctrl-C ended.
        Err(Error::Interrupted) => ExitCode::from(130),
        Err(error) => {
            context::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
