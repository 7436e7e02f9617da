//! One short file a subcommand.

mod bench;
mod classify;
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
mod reconstruct;
mod restyle;
mod sample;
mod scatter;
mod train;

use clap::Subcommand;

pub(crate) use evaluate::with_errors;

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
    Gallery(gallery::Gallery),
    Neighbours(neighbours::Neighbours),
    Restyle(restyle::Restyle),
    Classify(classify::Classify),
    Judge(judge::Judge),
    Curves(curves::Curves),
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
        match self {
            Self::Train(command) => command.run(context),
            Self::Evaluate(command) => command.run(context),
            Self::Sample(command) => command.run(context),
            Self::Digit(command) => command.run(context),
            Self::Reconstruct(command) => command.run(context),
            Self::Interpolate(command) => command.run(context),
            Self::Manifold(command) => command.run(context),
            Self::Scatter(command) => command.run(context),
            Self::Gallery(command) => command.run(context),
            Self::Neighbours(command) => command.run(context),
            Self::Restyle(command) => command.run(context),
            Self::Classify(command) => command.run(context),
            Self::Judge(command) => command.run(context),
            Self::Curves(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Data(command) => command.run(context),
            Self::Experiments(command) => command.run(context),
            Self::Models(command) => command.run(context),
            Self::Bench(command) => command.run(context),
        }
    }
}
