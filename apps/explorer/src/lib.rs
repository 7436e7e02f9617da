//! The WebAssembly module of the explorer: drawings and pictures as images of a model's shape, and trained models.
//!
//! The page in `page/` calls it in the browser. It is also a library for tests:
//!
//! ```
//! use latent_explorer::{draw_image, example};
//!
//! // Strokes are x and y of their points in [0, 1], with a NaN pair between two strokes.
//! let strokes = example(7, 1);
//! let image = draw_image(&strokes, 28, 28, 1); // grey levels, like MNIST's
//! assert_eq!(image.len(), 784);
//! let image = draw_image(&strokes, 40, 24, 3); // rows, columns, channels
//! assert_eq!(image.len(), 40 * 24 * 3);
//! ```

mod error;
mod image;
mod model;

use candle_core::{Device, Tensor};
use latent_datasets::digit_strokes;
use latent_distributions::Generator;
use latent_models::latent_space::nearest_labels;
use latent_visualisation::class_colour;
use wasm_bindgen::prelude::wasm_bindgen;

pub use error::Error;
pub use image::{draw_image, from_picture, pen_width};
pub use model::{Interpolation, Model, Samples};

/// The height and width of MNIST's images in pixels.
const SIDE: usize = 28;

/// Synthetic strokes of a digit, whose style depends on the seed.
#[wasm_bindgen]
pub fn example(digit: u8, seed: u32) -> Vec<f32> {
    let strokes = digit_strokes(digit, &mut Generator::new(seed.into()));
    strokes.join(&[f32::NAN; 2]).into_flattened()
}

/// The colours of all 256 possible classes, the same as in figures: red, green and blue of each.
#[wasm_bindgen(js_name = classColours)]
pub fn class_colours() -> Vec<u8> {
    (0..=u8::MAX).flat_map(class_colour).collect()
}

/// The most frequent label among the 15 points nearest to (x, y). `points` are x and y of each point, `labels` their
/// labels.
///
/// # Errors
/// There are no points, or the numbers of points and labels differ.
#[wasm_bindgen(js_name = nearestLabel)]
pub fn nearest_label(points: &[f32], labels: &[u8], x: f32, y: f32) -> Result<u8, Error> {
    const NEIGHBOURS: usize = 15;
    let here = Tensor::new(&[[x, y]], &Device::Cpu)?;
    let points = Tensor::from_slice(points, (points.len() / 2, 2), &Device::Cpu)?;
    let found = nearest_labels(&here, &points, labels, NEIGHBOURS)?;
    Ok(found.first().copied().unwrap_or_default())
}
