//! Figures of a model or a run.

mod alignment;
mod analogies;
mod coverage;
mod curves;
mod latents;
mod manifold;
mod perturbations;
mod posterior;
mod prior;
mod prototypes;
mod traversals;

use clap::Subcommand;

use crate::arguments::Shown;
use crate::{Context, Error};

/// Draw a figure of a model or a run
#[derive(Subcommand)]
#[command(after_help = "Example:\n  latent plot latents runs/vae-2d")]
pub(crate) enum Plot {
    Curves(curves::Curves),
    Latents(latents::Latents),
    Manifold(manifold::Manifold),
    Posterior(posterior::Posterior),
    Prior(prior::Prior),
    Prototypes(prototypes::Prototypes),
    Perturbations(perturbations::Perturbations),
    Analogies(analogies::Analogies),
    Traversals(traversals::Traversals),
    Coverage(coverage::Coverage),
    Alignment(alignment::Alignment),
}

impl Plot {
    pub(crate) fn show(&self, context: &Context) -> Result<Shown, Error> {
        match self {
            Self::Curves(command) => command.show(),
            Self::Latents(command) => command.show(context),
            Self::Manifold(command) => command.show(context),
            Self::Posterior(command) => command.show(context),
            Self::Prior(command) => command.show(context),
            Self::Prototypes(command) => command.show(context),
            Self::Perturbations(command) => command.show(context),
            Self::Analogies(command) => command.show(context),
            Self::Traversals(command) => command.show(context),
            Self::Coverage(command) => command.show(context),
            Self::Alignment(command) => command.show(context),
        }
    }
}
