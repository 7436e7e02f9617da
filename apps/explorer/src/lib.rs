//! The WebAssembly module of the explorer: drawings in MNIST's format, and trained models.
//!
//! The page in `page/` calls it in the browser. It is also a library for tests:
//!
//! ```
//! use latent_explorer::{draw, example};
//!
//! // Strokes are x and y of their points in [0, 1], with a NaN pair between two strokes.
//! let strokes = example(7, 1);
//! let image = draw(&strokes); // 28 × 28 grey levels
//! assert_eq!(image.len(), 784);
//! ```

mod error;
mod model;

use candle_core::{Device, Tensor};
use latent_datasets::{digit_strokes, draw_strokes};
use latent_distributions::Generator;
use latent_models::latent_space::nearest_labels;
use latent_visualisation::DIGITS;
use wasm_bindgen::prelude::wasm_bindgen;

pub use error::Error;
pub use model::{Interpolation, Model, Samples};

/// The height and width of an image in pixels.
pub const SIDE: usize = 28;

/// Renders a drawing like an MNIST image, 784 grey levels. `strokes` are x and y of each point in [0, 1], with a NaN
/// pair between two strokes.
#[wasm_bindgen]
pub fn draw(strokes: &[f32]) -> Vec<u8> {
    /// Smaller drawings, such as dots, are not enlarged.
    const SMALLEST: f32 = 0.12;
    let (points, _) = strokes.as_chunks::<2>();
    let strokes: Vec<Vec<[f32; 2]>> = points
        .split(|point| point.iter().any(|value| value.is_nan()))
        .map(<[_]>::to_vec)
        .collect();
    draw_strokes(&strokes, SMALLEST).to_vec()
}

/// Synthetic strokes of a digit, whose style depends on the seed.
#[wasm_bindgen]
pub fn example(digit: u8, seed: u32) -> Vec<f32> {
    let strokes = digit_strokes(digit, &mut Generator::new(seed.into()));
    strokes.join(&[f32::NAN; 2]).into_flattened()
}

/// The colours of the ten digits: red, green and blue of each.
#[wasm_bindgen]
pub fn colours() -> Vec<u8> {
    DIGITS.as_flattened().to_vec()
}

/// The most frequent digit among the 15 points nearest to (x, y). `points` are x and y of each point, `labels` their
/// digits.
///
/// # Errors
/// There are no points, or the numbers of points and labels differ.
#[wasm_bindgen(js_name = nearestDigit)]
pub fn nearest_digit(points: &[f32], labels: &[u8], x: f32, y: f32) -> Result<u8, Error> {
    const NEIGHBOURS: usize = 15;
    let here = Tensor::new(&[[x, y]], &Device::Cpu)?;
    let points = Tensor::from_slice(points, (points.len() / 2, 2), &Device::Cpu)?;
    let found = nearest_labels(&here, &points, labels, NEIGHBOURS)?;
    Ok(found.first().copied().unwrap_or_default())
}
