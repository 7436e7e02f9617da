//! One short file a subcommand.

mod bench;
mod curves;
mod data;
mod evaluate;
mod experiments;
mod gallery;
mod interpolate;
mod manifold;
mod reconstruct;
mod sample;
mod scatter;
mod train;

use clap::Subcommand;

use crate::{Context, Error};

#[derive(Subcommand)]
pub(crate) enum Command {
    Train(train::Train),
    Evaluate(evaluate::Evaluate),
    Sample(sample::Sample),
    Reconstruct(reconstruct::Reconstruct),
    Interpolate(interpolate::Interpolate),
    Manifold(manifold::Manifold),
    Scatter(scatter::Scatter),
    Gallery(gallery::Gallery),
    Curves(curves::Curves),
    #[command(subcommand)]
    Data(data::Data),
    Experiments(experiments::Experiments),
    Bench(bench::Bench),
}

impl Command {
    pub(crate) fn run(&self, context: &Context) -> Result<(), Error> {
        match self {
            Self::Train(command) => command.run(context),
            Self::Evaluate(command) => command.run(context),
            Self::Sample(command) => command.run(context),
            Self::Reconstruct(command) => command.run(context),
            Self::Interpolate(command) => command.run(context),
            Self::Manifold(command) => command.run(context),
            Self::Scatter(command) => command.run(context),
            Self::Gallery(command) => command.run(context),
            Self::Curves(command) => command.run(context),
            Self::Data(command) => command.run(context),
            Self::Experiments(command) => command.run(context),
            Self::Bench(command) => command.run(context),
        }
    }
}
