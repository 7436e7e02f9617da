//! Figures of custom numbers, as bytes for a server: without a model, candle or a file.

use latent_visualisation::{Curves, Error, Format, ImageGrid, Picture};

/// The height and the width of an image.
const SIDE: usize = 32;
/// The number of images of the wave.
const MOMENTS: usize = 12;

/// The height of a pixel at this phase of the wave.
fn height(pixel: usize, phase: f64) -> f64 {
    let [x, y] = [pixel % SIDE, pixel / SIDE].map(|place| place as f64 / 2.0 - 8.0);
    0.5 + 0.5 * (x.hypot(y) - phase).cos()
}

fn main() -> Result<(), Error> {
    let full = std::f64::consts::TAU;
    let phases: Vec<f64> = (0..MOMENTS)
        .map(|i| full * i as f64 / MOMENTS as f64)
        .collect();

    let image = |&phase: &f64| (0..SIDE * SIDE).map(move |pixel| height(pixel, phase) as f32);
    let images: Vec<f32> = phases.iter().flat_map(image).collect();
    let grid = ImageGrid::new(images, [MOMENTS, SIDE, SIDE])?
        .columns(4)
        .title("A wave");
    let png = grid.render(Format::Png)?;
    assert!(png.starts_with(b"\x89PNG"));

    let corner: Vec<f64> = phases.iter().map(|&phase| height(0, phase)).collect();
    let curves = Curves::new(phases)
        .x_label("phase")
        .panel("height of a corner", &[("wave", &corner)])?;
    let svg = String::from_utf8_lossy(&curves.render(Format::Svg)?).into_owned();
    assert!(svg.contains("<svg") && svg.contains("height of a corner"));
    Ok(())
}
