use latent_datasets::Dataset;
use latent_distributions::StandardNormal;
use latent_models::LatentModel;
use latent_models::latent_space::Grid;
use latent_training::Model;
use latent_visualisation::{Format, ImageGrid, Picture};

use crate::{Error, LatentsOptions, latents};

/// The number of latents in each cell of a grid over the latent plane.
#[derive(Clone, Debug)]
pub struct CoverageFigure {
    /// The cells as images, with the layout of a [`manifold`](crate::manifold).
    pub grid: ImageGrid,
    /// The number of latents in each cell, in the order of [`Grid::latents`].
    pub counts: Vec<usize>,
    /// The fraction of cells with at least one latent.
    pub covered: f64,
    /// The expected fraction of cells with at least one of as many draws from N(0, I).
    pub covered_by_prior: f64,
    /// The fraction of latents in the grid.
    pub inside: f64,
    /// The expected fraction of draws from N(0, I) in the grid.
    pub inside_by_prior: f64,
    /// The number of latents.
    pub images: usize,
}

impl Picture for CoverageFigure {
    fn render(&self, format: Format) -> Result<Vec<u8>, latent_visualisation::Error> {
        self.grid.render(format)
    }
}

/// The density of the latents of images over a grid with equal steps in a two-dimensional latent space, with the layout
/// of [`manifold`](crate::manifold): z₁ to the right, z₂ upwards.
///
/// The cell of a point reaches half a step in every direction. Its brightness is the square root of its number of latents
/// relative to the largest number. The images and their encoding are those of [`latents`].
///
/// # Errors
/// The latent space does not have two dimensions, the grid has fewer than two steps, or there are no images or, for a
/// conditional model, no labels.
pub fn coverage(
    model: &Model,
    data: &Dataset,
    grid: &Grid,
    options: &LatentsOptions,
) -> Result<CoverageFigure, Error> {
    if model.model.latent_size() != 2 {
        return Err(Error::NotAPlane {
            dimensions: model.model.latent_size(),
        });
    }
    let scatter = latents(model, data, options)?;
    let axes = [&grid.first, &grid.second];
    let [Some(columns), Some(rows)] = axes.map(|values| Axis::of(values)) else {
        return Err(Error::NoSteps);
    };
    let mut counts = vec![0usize; columns.cells * rows.cells];
    for point in scatter.points().chunks_exact(2) {
        let cell = |axis: &Axis, value: f32| axis.cell(f64::from(value));
        if let (Some(column), Some(row)) = (cell(&columns, point[0]), cell(&rows, point[1])) {
            counts[row * columns.cells + column] += 1;
        }
    }
    let images = scatter.points().len() / 2;
    let probabilities = rows.probabilities().into_iter().flat_map(|row| {
        let columns = columns.probabilities().into_iter();
        columns.map(move |column| row * column)
    });
    let probabilities: Vec<f64> = probabilities.collect();
    let is_hit = |probability: &f64| 1.0 - (1.0 - probability).powf(images as f64);
    let cells = counts.len() as f64;
    let inside: usize = counts.iter().sum();
    Ok(CoverageFigure {
        grid: picture(model, grid, &counts)?.title(format!(
            "Density of {} in latent space (square root scale)",
            options.split.count(images)
        )),
        covered: counts.iter().filter(|&&count| count > 0).count() as f64 / cells,
        covered_by_prior: probabilities.iter().map(is_hit).sum::<f64>() / cells,
        inside: inside as f64 / images as f64,
        inside_by_prior: probabilities.iter().sum(),
        counts,
        images,
    })
}

/// The cells of a grid in one dimension.
struct Axis {
    low: f64,
    step: f64,
    cells: usize,
}

impl Axis {
    fn of(values: &[f64]) -> Option<Self> {
        let (&[first, second, ..], Some(last)) = (values, values.last()) else {
            return None;
        };
        let step = (last - first) / (values.len() - 1) as f64;
        (second > first).then_some(Self {
            low: first - 0.5 * step,
            step,
            cells: values.len(),
        })
    }

    fn cell(&self, value: f64) -> Option<usize> {
        let cell = ((value - self.low) / self.step).floor();
        (cell >= 0.0 && cell < self.cells as f64).then_some(cell as usize)
    }

    /// The probability of each cell under N(0, 1).
    fn probabilities(&self) -> Vec<f64> {
        let edge = |index: usize| StandardNormal::cdf(self.low + self.step * index as f64);
        (0..self.cells)
            .map(|cell| edge(cell + 1) - edge(cell))
            .collect()
    }
}

fn picture(model: &Model, grid: &Grid, counts: &[usize]) -> Result<ImageGrid, Error> {
    let shape = model.metadata.data.shape;
    let pixels = shape.height * shape.width;
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let brightness = counts
        .iter()
        .map(|&count| (count as f32 / most as f32).sqrt());
    let images: Vec<f32> = brightness
        .flat_map(|value| std::iter::repeat_n(value, pixels))
        .collect();
    let values = |axis: &[f64]| axis.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let grid_of_cells = ImageGrid::new(images, [counts.len(), shape.height, shape.width])?;
    Ok(grid_of_cells.axes(("z₁", &values(&grid.first)), ("z₂", &values(&grid.second))))
}
