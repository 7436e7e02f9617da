//! One short file a subcommand.

mod bench;
mod classify;
mod compare;
mod curves;
mod data;
mod digit;
mod evaluate;
mod experiments;
mod gallery;
mod import;
mod interpolate;
mod judge;
mod manifold;
mod models;
mod neighbours;
mod posterior;
mod reconstruct;
mod report;
mod restyle;
mod sample;
mod scatter;
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
    Digit(digit::Digit),
    Reconstruct(reconstruct::Reconstruct),
    Interpolate(interpolate::Interpolate),
    Manifold(manifold::Manifold),
    Scatter(scatter::Scatter),
    Posterior(posterior::Posterior),
    Gallery(gallery::Gallery),
    Neighbours(neighbours::Neighbours),
    Restyle(restyle::Restyle),
    Classify(classify::Classify),
    Judge(judge::Judge),
    Curves(curves::Curves),
    Compare(compare::Compare),
    Report(report::Report),
    Import(import::Import),
    #[command(subcommand)]
    Data(data::Data),
    Experiments(experiments::Experiments),
    #[command(subcommand)]
    Models(models::Pretrained),
    Bench(bench::Bench),
}

impl Command {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        match self.show(context)? {
            Some(shown) => shown.print(context),
            None => Ok(()),
        }
    }

    /// What the command shows, neither saved nor printed; nothing of one that prints what it does
    /// while it does it.
    pub(crate) fn show(&self, context: &Context) -> Result<Option<Shown>, Error> {
        let shown = match self {
            Self::Evaluate(command) => command.show(context),
            Self::Sample(command) => command.show(context),
            Self::Digit(command) => command.show(context),
            Self::Reconstruct(command) => command.show(context),
            Self::Interpolate(command) => command.show(context),
            Self::Manifold(command) => command.show(context),
            Self::Scatter(command) => command.show(context),
            Self::Posterior(command) => command.show(context),
            Self::Gallery(command) => command.show(context),
            Self::Neighbours(command) => command.show(context),
            Self::Restyle(command) => command.show(context),
            Self::Classify(command) => command.show(context),
            Self::Judge(command) => command.show(context),
            Self::Curves(command) => command.show(),
            Self::Compare(command) => command.show(),
            Self::Data(command) => return command.show(context),
            Self::Report(command) => return command.run(run, context).map(|()| None),
            Self::Train(command) => return command.run(context).map(|()| None),
            Self::Import(command) => return command.run(context).map(|()| None),
            Self::Models(command) => return command.run(context).map(|()| None),
            Self::Experiments(command) => return command.run(context).map(|()| None),
            Self::Bench(command) => return command.run(context).map(|()| None),
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

/// Runs a command line of a report: trains a run unless it is finished, and gives back what any other command shows.
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
