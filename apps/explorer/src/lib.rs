//! What the page computes in the browser: drawings as MNIST would show them, and what trained models make
//! of them.
//!
//! The page in `page/` runs it compiled for the browser; it is tested as a library like any other:
//!
//! ```
//! use latent_explorer::{draw, example};
//!
//! // Strokes are the x and y of their points, on a page of side 1, with NaN between two strokes.
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

/// Rows and columns of an image.
pub const SIDE: usize = 28;

/// The strokes of a drawing as MNIST would show it, 784 grey levels: the x and y of each point, on a page of
/// side 1, with NaN for both between two strokes.
#[wasm_bindgen]
pub fn draw(strokes: &[f32]) -> Vec<u8> {
    /// What is smaller than this share of the page is a dot or a mistake, and not made large.
    const SMALLEST: f32 = 0.12;
    let (points, _) = strokes.as_chunks::<2>();
    let strokes: Vec<Vec<[f32; 2]>> = points
        .split(|point| point.iter().any(|value| value.is_nan()))
        .map(<[_]>::to_vec)
        .collect();
    draw_strokes(&strokes, SMALLEST).to_vec()
}

/// Strokes of a digit for who has no pen, in a hand that depends on the seed.
#[wasm_bindgen]
pub fn example(digit: u8, seed: u32) -> Vec<f32> {
    let strokes = digit_strokes(digit, &mut Generator::new(seed.into()));
    strokes.join(&[f32::NAN; 2]).into_flattened()
}

/// The colour of each digit: red, green and blue of ten.
#[wasm_bindgen]
pub fn colours() -> Vec<u8> {
    DIGITS.as_flattened().to_vec()
}

/// What the test images nearest to a point of a plane show, most of them: `points` are the x and y of each, and
/// `labels` their digits.
///
/// # Errors
/// There are no points, or not a label for each.
#[wasm_bindgen(js_name = nearestDigit)]
pub fn nearest_digit(points: &[f32], labels: &[u8], x: f32, y: f32) -> Result<u8, Error> {
    const NEIGHBOURS: usize = 15;
    let here = Tensor::new(&[[x, y]], &Device::Cpu)?;
    let points = Tensor::from_slice(points, (points.len() / 2, 2), &Device::Cpu)?;
    let found = nearest_labels(&here, &points, labels, NEIGHBOURS)?;
    Ok(found.first().copied().unwrap_or_default())
}
