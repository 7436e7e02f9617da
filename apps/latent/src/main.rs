//! The command line of `latent`: train, evaluate and explore small latent-variable models.
//!
//! Each subcommand is a file in [`commands`] that parses its arguments, calls a library and prints the result.

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

/// Train, evaluate and explore small latent-variable models.
///
/// `latent train` turns an experiment (`latent experiments` lists them, or a TOML file) into a run: a directory with
/// weights, metrics and figures. The other commands take a MODEL: a run directory, a .safetensors file, the name of a
/// pretrained model (`latent models list`), or a file on a hub. Losses are in nats per image.
#[derive(Parser)]
#[command(
    name = "latent",
    version,
    max_term_width = 80,
    after_help = "\
Examples:
  latent train vae-2d                 train a model and draw its figures
  latent plot latents runs/vae-2d     scatter plot of the latent space
  latent sample cvae-conv --labels 7  sample from a pretrained model
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
        // The exit status of a program that was ended by Ctrl-C.
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

/// Parses a negative number after an option as its value, so that the error message is about the value.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| {
            let takes_values = argument.get_action().takes_values();
            argument.allow_negative_numbers(takes_values)
        })
        .mut_subcommands(with_negative_numbers)
}

/// Prints help, the version or a usage error, and exits.
fn refuse(error: &clap::Error) -> ! {
    // The message quotes arguments. Control characters are removed from them first, so that clap can print its colours.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_commands_in_messages_exist() {
        fn collect(command: &clap::Command, options: &mut Vec<String>, names: &mut Vec<String>) {
            let arguments = command.get_arguments();
            options.extend(arguments.filter_map(|argument| Some(argument.get_long()?.to_owned())));
            for inner in command.get_subcommands() {
                names.push(inner.get_name().to_owned());
                collect(inner, options, names);
            }
        }
        // Options of cargo.
        let (mut options, mut names) = (vec!["features".to_owned()], Vec::new());
        collect(&Arguments::command(), &mut options, &mut names);
        let sources = [
            include_str!("remedy.rs"),
            include_str!("error.rs"),
            include_str!("pretrained.rs"),
        ];
        let mut found = 0;
        for text in sources {
            // Words that start with two dashes after a quotation mark, a backquote or a space.
            for (_, rest) in text
                .match_indices("--")
                .map(|(at, _)| text.split_at(at + 2))
            {
                let word = |c: char| c.is_ascii_lowercase() || c == '-';
                let name: String = rest.chars().take_while(|&c| word(c)).collect();
                if !name.is_empty() {
                    found += 1;
                    assert!(options.contains(&name), "--{name}");
                }
            }
            for (_, rest) in text
                .match_indices("`latent ")
                .map(|(at, _)| text.split_at(at + 8))
            {
                let name: String = rest.chars().take_while(|&c| c != ' ' && c != '`').collect();
                found += 1;
                assert!(names.contains(&name), "latent {name}");
            }
        }
        assert!(found > 30, "{found}");
    }
}
