use latent_datasets::{Dataset, Shape, draw_strokes};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Error, SIDE};

/// The width of the pen of [`draw_image`], as a share of the shorter side of the image. Wider than that of digits, since
/// images of other data have filled shapes.
const PEN: f32 = 0.11;

/// Renders a drawing as an image of this shape, `[height, width, channels]`. `strokes` are x and y of each point, as shares of
/// the width and the height, with a NaN pair between two strokes.
///
/// A grey image of 28 × 28 pixels is rendered like MNIST's ([`draw_strokes`]): scaled to a box of 20 × 20 pixels and centred.
/// In every other shape the drawing keeps its place: the pen is round and white on black, and [`pen_width`] wide.
#[wasm_bindgen(js_name = drawImage)]
pub fn draw_image(strokes: &[f32], height: usize, width: usize, channels: usize) -> Vec<u8> {
    /// Smaller drawings, such as dots, are not enlarged.
    const SMALLEST: f32 = 0.12;
    let (points, _) = strokes.as_chunks::<2>();
    let strokes: Vec<Vec<[f32; 2]>> = points
        .split(|point| point.iter().any(|value| value.is_nan()))
        .map(<[_]>::to_vec)
        .collect();
    if is_drawing(height, width, channels) {
        return draw_strokes(&strokes, SMALLEST).to_vec();
    }
    let grey = draw_in_place(&strokes, height, width);
    grey.into_iter()
        .flat_map(|level| std::iter::repeat_n(level, channels))
        .collect()
}

/// The width of the pen of [`draw_image`] as a share of the shorter side of the image; images of 28 × 28 grey pixels have
/// MNIST's.
#[wasm_bindgen(js_name = penWidth)]
pub fn pen_width() -> f32 {
    PEN
}

/// Converts a picture to the channels of an image, 1 or 3. `pixels` are red, green, blue and opacity of each pixel, as a
/// browser's canvas has them; the opacity is ignored. Grey is the luminance, as with `latent train --grey`.
///
/// # Errors
/// The number of values is not a multiple of four, or the picture is empty.
#[wasm_bindgen(js_name = fromPicture)]
pub fn from_picture(pixels: &[u8], channels: usize) -> Result<Vec<u8>, Error> {
    let (found, (pixels, rest)) = (pixels.len(), pixels.as_chunks::<4>());
    if !rest.is_empty() {
        let (what, expected) = ("picture", 4 * pixels.len());
        return Err(Error::Count {
            what,
            found,
            expected,
        });
    }
    let colours = pixels
        .iter()
        .flat_map(|&[red, green, blue, _]| [red, green, blue]);
    let shape = Shape {
        channels: 3,
        height: 1,
        width: pixels.len(),
    };
    let picture =
        Dataset::unlabelled(shape, colours.collect()).map_err(latent_figures::Error::from)?;
    let picture = if channels == 1 {
        picture.in_grey()
    } else {
        picture
    };
    Ok(picture.images().to_vec())
}

/// Whether images of this shape are drawn like MNIST's.
pub(crate) fn is_drawing(height: usize, width: usize, channels: usize) -> bool {
    (height, width, channels) == (SIDE, SIDE, 1)
}

/// Draws strokes with a round pen, `[height, width]`: the level of a pixel is the share of it that the pen covers, up to its
/// soft edge of one pixel.
fn draw_in_place(strokes: &[Vec<[f32; 2]>], height: usize, width: usize) -> Vec<u8> {
    let size = [width as f32, height as f32];
    let radius = PEN * size[0].min(size[1]) / 2.0;
    let scaled = |&[x, y]: &[f32; 2]| [x * size[0], y * size[1]];
    let mut image = vec![0u8; height * width];
    for stroke in strokes {
        let is_finite = |point: &&[f32; 2]| point.iter().all(|value| value.is_finite());
        let points: Vec<[f32; 2]> = stroke.iter().filter(is_finite).map(scaled).collect();
        // A single point is a dot.
        let dot = points.first().map(|&point| (point, point));
        let lines = points.windows(2).map(|pair| (pair[0], pair[1]));
        for (start, end) in dot.into_iter().chain(lines) {
            // Only the pixels that the pen may touch.
            let touched = |axis: usize, limit: usize| {
                let (low, high) = (start[axis].min(end[axis]), start[axis].max(end[axis]));
                // Casts to integers saturate, so the indices are in the image.
                ((low - radius - 1.0) as usize)..((high + radius + 1.0).ceil() as usize).min(limit)
            };
            for row in touched(1, height) {
                for column in touched(0, width) {
                    let centre = [column as f32 + 0.5, row as f32 + 0.5];
                    let cover = (radius + 0.5 - distance(centre, start, end)).clamp(0.0, 1.0);
                    let level = &mut image[row * width + column];
                    *level = (*level).max((255.0 * cover).round() as u8);
                }
            }
        }
    }
    image
}

/// The distance of a point from a line segment.
fn distance(point: [f32; 2], start: [f32; 2], end: [f32; 2]) -> f32 {
    let [x, y] = [end[0] - start[0], end[1] - start[1]];
    let [right, down] = [point[0] - start[0], point[1] - start[1]];
    let length = (x * x + y * y).max(f32::EPSILON);
    let share = ((right * x + down * y) / length).clamp(0.0, 1.0);
    let [right, down] = [right - share * x, down - share * y];
    (right * right + down * down).sqrt()
}
