//! Trains a small conditional VAE and draws figures of it: analogies with custom titles, and the
//! latents as a table.

use std::{env, fs, process};

use candle_core::Device;
use latent_figures::latent_datasets::synthetic;
use latent_figures::latent_training::{Experiment, Run, Silent, train};
use latent_figures::{
    AnalogyOptions, Error, Format, Grid, ImageFigure, LatentsOptions, ManifoldOptions, Picture,
    PosteriorOptions, SampleOptions, Split, analogies, latents, load_model, manifold, posterior,
    samples, training_curves,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = env::temp_dir().join(format!("outside-figures-{}", process::id()));
    fs::create_dir(&directory)?;
    let experiment = Experiment::parse(
        "name = 'small'\n\
         [model]\nkind = 'conditional-vae'\nhidden = [64]\nlatent_size = 2\n\
         [training]\nepochs = 3\nbatch_size = 50\n\
         [data]\nsource = 'synthetic'\n",
        "small",
        &[],
    )?;
    let data = synthetic(1, 1000, 200);
    let run = Run::create(&directory.join("run"), &experiment, &data, None, false)?;
    train(&run, &data, &Device::Cpu, &mut Silent)?;
    let model = load_model(run.directory(), &Device::Cpu)?;

    // A custom title, and every format from the same data.
    let options = AnalogyOptions {
        indices: Some(vec![0, 1, 2]),
        ..AnalogyOptions::default()
    };
    let ImageFigure {
        grid,
        latents: styles,
    } = analogies(&model, &data.test, &options)?;
    assert_eq!(styles.dims(), [3, 2]);
    assert_eq!(grid.shape(), [3 * 11, 28, 28]);
    let grid = grid.title("Three styles");
    for name in ["styles.png", "styles.svg", "styles.npy"] {
        grid.save(&directory.join(name))?;
    }
    let svg = fs::read_to_string(directory.join("styles.svg"))?;
    assert!(svg.contains("Three styles"));
    let npy = fs::metadata(directory.join("styles.npy"))?.len();
    assert_eq!(npy, 128 + 4 * 33 * 784);

    // The points of a scatter plot as a table.
    let options = LatentsOptions {
        count: 50,
        split: Split::None,
        ..LatentsOptions::default()
    };
    let scatter = latents(&model, &data.test, &options)?;
    let points = scatter.points().chunks_exact(2).zip(scatter.labels());
    let table: Vec<String> = points
        .map(|(point, label)| format!("{label},{},{}", point[0], point[1]))
        .collect();
    assert_eq!(table.len(), 50);

    // A curve for each metric, and the active dimensions.
    training_curves(&run.metrics()?)?.save(&directory.join("curves.png"))?;
    let figure = posterior(&model, &data.test, &PosteriorOptions::default())?;
    assert!(figure.active_dimensions().is_some_and(|active| active <= 2));
    assert_eq!(figure.fitted.mean.len(), 2);
    assert!(figure.render(Format::Png)?.starts_with(b"\x89PNG"));

    // The manifold of one label, and figures that are impossible.
    let threes = ManifoldOptions { label: Some(3) };
    let figure = manifold(&model, &Grid::symmetric(2.0, 5), &threes)?;
    assert_eq!(figure.latents.dims(), [25, 2]);
    let unknown = SampleOptions {
        labels: Some(vec![10]),
        ..SampleOptions::default()
    };
    assert!(matches!(samples(&model, &unknown), Err(Error::Training(_))));
    fs::remove_dir_all(directory)?;
    Ok(())
}
