//! Subcommands, one file each.

mod bench;
mod classify;
mod compare;
mod data;
mod decode;
mod encode;
mod evaluate;
mod evaluate_samples;
mod experiments;
mod generate;
mod import;
mod interpolate;
mod models;
mod plot;
mod reconstruct;
mod report;
mod sample;
mod score;
mod train;

use clap::{Parser, Subcommand};

use crate::arguments::Shown;
use crate::report::typed;
use crate::shell::CommandLine;
use crate::{Context, Error};

#[derive(Subcommand)]
pub(crate) enum Command {
    Train(train::Train),
    Evaluate(evaluate::Evaluate),
    Sample(sample::Sample),
    Reconstruct(reconstruct::Reconstruct),
    Interpolate(interpolate::Interpolate),
    Encode(encode::Encode),
    Decode(decode::Decode),
    Score(score::Score),
    #[command(subcommand)]
    Plot(plot::Plot),
    Classify(classify::Classify),
    EvaluateSamples(evaluate_samples::EvaluateSamples),
    Compare(compare::Compare),
    Report(report::Report),
    Import(import::Import),
    #[command(subcommand)]
    Data(data::Data),
    Experiments(experiments::Experiments),
    #[command(subcommand)]
    Models(models::Pretrained),
    Bench(bench::Bench),
    #[command(subcommand, hide = true)]
    Generate(generate::Generate),
}

impl Command {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        match self.show(context)? {
            Some(shown) => shown.print(context),
            None => Ok(()),
        }
    }

    /// Runs the command and returns its result, without saving or printing it; `None` for a command that prints while it runs.
    pub(crate) fn show(&self, context: &Context) -> Result<Option<Shown>, Error> {
        let shown = match self {
            Self::Evaluate(command) => command.show(context),
            Self::Sample(command) => command.show(context),
            Self::Reconstruct(command) => command.show(context),
            Self::Interpolate(command) => command.show(context),
            Self::Encode(command) => command.show(context),
            Self::Decode(command) => command.show(context),
            Self::Score(command) => command.show(context),
            Self::Plot(command) => command.show(context),
            Self::Classify(command) => command.show(context),
            Self::EvaluateSamples(command) => command.show(context),
            Self::Compare(command) => command.show(),
            Self::Data(command) => return command.show(context),
            Self::Report(command) => return command.run(run, context).map(|()| None),
            Self::Train(command) => return command.run(context).map(|()| None),
            Self::Import(command) => return command.run(context).map(|()| None),
            Self::Models(command) => return command.run(context).map(|()| None),
            Self::Experiments(command) => return command.run(context).map(|()| None),
            Self::Bench(command) => return command.run(context).map(|()| None),
            Self::Generate(command) => return command.run().map(|()| None),
        };
        shown.map(Some)
    }
}

/// A command line without the program's name.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// Runs a command of a report: trains a run unless it is complete, and returns the result of any other command.
fn run(line: &CommandLine, context: &Context) -> Result<Option<Shown>, Error> {
    let parsed = Line::try_parse_from(line.words()).map_err(|reason| Error::Outline {
        command: typed(line),
        reason: reason.to_string(),
    })?;
    match parsed.command {
        Command::Train(train) => {
            if train.finished(context)?.is_none() {
                train.train(context)?;
            }
            Ok(None)
        }
        command => command.show(context),
    }
}
