use latent_datasets::Dataset;
use latent_models::LatentModel;
use latent_models::latent_space::PrincipalComponents;
use latent_training::Model;
use latent_visualisation::Picture;

use crate::{
    Error, InterpolationOptions, LatentsOptions, ManifoldOptions, PrototypeOptions,
    ReconstructionOptions, SampleOptions, covering_grid, interpolations, latents, manifold,
    prototypes, reconstructions, samples,
};

/// A figure and its name, such as "reconstructions".
pub type NamedFigure = (&'static str, Box<dyn Picture>);

/// The number of rows and columns of the manifold.
const MANIFOLD_SIZE: usize = 15;

/// The figures that suit a model and its test images, with default options.
///
/// Every model has samples and reconstructions. Prototypes need labels, interpolations two images, latents at least two latent
/// dimensions (and not more than principal components are computed for), a manifold exactly two.
///
/// # Errors
/// Those of the figures, such as [`Error::NoImages`] and, for a conditional model, [`Error::NoLabels`].
pub fn model_figures(model: &Model, test: &Dataset) -> Result<Vec<NamedFigure>, Error> {
    let mut figures: Vec<NamedFigure> = Vec::new();
    let mut add = |name, figure| figures.push((name, figure));
    add(
        "samples",
        Box::new(samples(model, &SampleOptions::default())?),
    );
    let options = ReconstructionOptions::default();
    add(
        "reconstructions",
        Box::new(reconstructions(model, test, &options)?),
    );
    if test.len() >= 2 {
        let options = InterpolationOptions::default();
        add(
            "interpolations",
            Box::new(interpolations(model, test, &options)?),
        );
    }
    if test.is_labelled() {
        let options = PrototypeOptions::default();
        add("prototypes", Box::new(prototypes(model, test, &options)?));
    }
    let size = model.model.latent_size();
    if (2..=PrincipalComponents::MAX_DIMENSIONS).contains(&size) && test.len() >= 2 {
        let options = LatentsOptions::default();
        add("latents", Box::new(latents(model, test, &options)?));
    }
    if size == 2 {
        let grid = covering_grid(model, test, MANIFOLD_SIZE, None)?;
        let options = ManifoldOptions::default();
        add("manifold", Box::new(manifold(model, &grid, &options)?));
    }
    Ok(figures)
}
