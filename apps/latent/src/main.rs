//! The `latent` command: train, judge and play with small latent-variable models.
//!
//! Every subcommand is a short file in [`commands`] that composes the workspace's crates.

mod arguments;
mod commands;
mod comparison;
mod context;
mod error;
mod experiments;
mod paths;
mod pretrained;
mod process;
mod progress;
mod remedy;
mod report;
mod rerun;
mod runs;
mod shell;
mod suggestion;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

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
    shell::set_grammar(Arguments::command());
    let arguments = match parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => refuse(&error),
    };
    let run = || {
        process::check_threads()?;
        arguments.command.run(&Context::new(&arguments.globals)?)
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // What a shell reports of a program that Ctrl-C ended.
        Err(Error::Interrupted) => ExitCode::from(130),
        Err(error) => {
            terminal::say(&format!("error: {error}"));
            if let Some(remedy) = remedy::of(&error) {
                terminal::say(&format!("help: {remedy}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn parse(words: impl Iterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let matches = with_negative_numbers(Arguments::command()).try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

/// A negative number after an option is a value, which the option refuses in its own words, and no option.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| {
            let takes_values = argument.get_action().takes_values();
            argument.allow_negative_numbers(takes_values)
        })
        .mut_subcommands(with_negative_numbers)
}

/// Prints help, the version, or why the arguments cannot be used, and exits.
fn refuse(error: &clap::Error) -> ! {
    // The message quotes arguments: those of cleaned arguments are safe to print, and keep their colours.
    let cleaned = |word: OsString| match word.to_str() {
        Some(text) => terminal::clean(text).into_owned().into(),
        None => word,
    };
    if let Err(error) = parse(std::env::args_os().map(cleaned)) {
        error.exit();
    }
    terminal::say(&error.to_string());
    std::process::exit(error.exit_code());
}
