use std::fmt;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage};
use latent_kernels::Shape;

use crate::picture::DecodedPicture;

/// Which steps [`prepare_drawing`] may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawingOptions {
    /// Whether a picture with a bright border is inverted.
    pub invert: bool,
    /// Whether the strokes are scaled and centred; otherwise the whole picture is scaled.
    pub centre: bool,
}

impl Default for DrawingOptions {
    /// All steps.
    fn default() -> Self {
        Self {
            invert: true,
            centre: true,
        }
    }
}

/// A drawing prepared as MNIST's images: bright strokes on black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedDrawing {
    /// The pixels, `[height, width]`, from 0 for the background to 255 for full ink.
    pub pixels: Vec<u8>,
    /// The steps that were taken, in their order.
    pub steps: Vec<DrawingStep>,
}

/// A step of [`prepare_drawing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrawingStep {
    /// Colours became grey.
    Grey,
    /// The border was bright, so each pixel p became 255 − p.
    Inverted,
    /// The background became 0 and the strokes 255.
    Stretched,
    /// The strokes were cut out and scaled to a box of this size, in pixels.
    Boxed {
        /// The height and the width of the box.
        side: usize,
    },
    /// The centre of mass was moved to the centre.
    Centred,
    /// The whole picture was scaled.
    Scaled,
}

impl fmt::Display for DrawingStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grey => formatter.write_str("converted to grey"),
            Self::Inverted => formatter.write_str("inverted"),
            Self::Stretched => formatter.write_str("contrast stretched"),
            Self::Boxed { side } => write!(formatter, "strokes scaled to {side} × {side} pixels"),
            Self::Centred => formatter.write_str("centred by mass"),
            Self::Scaled => formatter.write_str("scaled"),
        }
    }
}

/// Of MNIST's 28 pixels, its digits fill a box of 20.
const BOX: (usize, usize) = (20, 28);
/// Differences from the background below this share of the contrast are paper, not strokes.
const PAPER: f32 = 0.2;
/// Differences below this number of standard deviations of the border's noise are paper, too: of a million pixels of normal
/// noise, less than one is above.
const NOISE: f32 = 5.0;
/// The least difference between strokes and background, of 255.
const LEAST_CONTRAST: f32 = 8.0;

/// Prepares a drawing as the images of MNIST were prepared (LeCun et al. 1998, section III-A, and
/// <http://yann.lecun.com/exdb/mnist/>): grey, bright strokes on black, scaled to a box of 20 of 28
/// pixels with their aspect ratio, and with the centre of mass in the centre.
///
/// The background is the median of the border. A picture with a bright one is inverted. The contrast
/// is stretched so that the background is 0 and the strokes, but for their brightest hundredth, reach
/// 255. What differs from the background by less than a fifth of the contrast, or by less than five
/// standard deviations of the border's noise, becomes background.
///
/// # Errors
/// `None` for a picture without strokes: all pixels are equal, or nearly.
pub fn prepare_drawing(
    picture: &DecodedPicture,
    (height, width): (usize, usize),
    options: DrawingOptions,
) -> Option<PreparedDrawing> {
    let mut steps = Vec::new();
    let mut drawing = in_grey(picture)?;
    if picture.shape.channels > 1 {
        steps.push(DrawingStep::Grey);
    }
    let mut background = median(border(&drawing))?;
    if options.invert && background > 127 {
        imageops::invert(&mut drawing);
        background = u8::MAX - background;
        steps.push(DrawingStep::Inverted);
    }
    if !options.centre {
        let scaled = imageops::resize(&drawing, width as u32, height as u32, FilterType::Triangle);
        steps.push(DrawingStep::Scaled);
        return Some(PreparedDrawing {
            pixels: scaled.into_raw(),
            steps,
        });
    }
    let noise = deviation(border(&drawing), background);
    stretch(&mut drawing, background, noise)?;
    steps.push(DrawingStep::Stretched);

    let strokes = cut_out(&drawing)?;
    let side = (height.min(width) * BOX.0).div_ceil(BOX.1).max(1);
    let scale = side as f64 / f64::from(strokes.width().max(strokes.height()));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let (wide, high) = (scaled(strokes.width()), scaled(strokes.height()));
    let mut strokes = imageops::resize(&strokes, wide, high, FilterType::Triangle);
    // Thin strokes become faint where they are scaled down.
    brighten(&mut strokes);
    steps.push(DrawingStep::Boxed { side });

    let (x, y) = centre_of_mass(&strokes);
    let mut canvas = GrayImage::new(width as u32, height as u32);
    // Pixels beyond the edges are cut off, as in MNIST.
    let left = (width as f64 / 2.0 - x).round() as i64;
    let top = (height as f64 / 2.0 - y).round() as i64;
    imageops::replace(&mut canvas, &strokes, left, top);
    steps.push(DrawingStep::Centred);
    Some(PreparedDrawing {
        pixels: canvas.into_raw(),
        steps,
    })
}

/// The picture in grey; `None` only if its fields contradict each other.
fn in_grey(picture: &DecodedPicture) -> Option<GrayImage> {
    let Shape {
        channels,
        height,
        width,
    } = picture.shape;
    let (height, width) = (u32::try_from(height).ok()?, u32::try_from(width).ok()?);
    let pixels = picture.pixels.clone();
    if channels == 1 {
        return GrayImage::from_raw(width, height, pixels);
    }
    let colour = image::RgbImage::from_raw(width, height, pixels)?;
    Some(DynamicImage::ImageRgb8(colour).into_luma8())
}

/// The pixels of the edge.
fn border(picture: &GrayImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let is_edge = |x: u32, y: u32| x == 0 || y == 0 || x + 1 == width || y + 1 == height;
    let pixels = picture.enumerate_pixels();
    let edge = pixels.filter(|(x, y, _)| is_edge(*x, *y));
    edge.map(|(_, _, pixel)| pixel[0]).collect()
}

fn median(mut values: Vec<u8>) -> Option<u8> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Stretches the contrast of bright strokes on a dark background; `None` if there is none.
fn stretch(drawing: &mut GrayImage, background: u8, noise: f32) -> Option<()> {
    let background = f32::from(background);
    let brightest = drawing.pixels().map(|pixel| pixel[0]).max()?;
    let least = background + PAPER * (f32::from(brightest) - background);
    let full = f32::from(full_ink(drawing, least)?);
    if full - background < LEAST_CONTRAST {
        return None;
    }
    let paper = (NOISE * noise / (full - background)).clamp(PAPER, 0.5);
    for pixel in drawing.pixels_mut() {
        let share = (f32::from(pixel[0]) - background) / (full - background);
        let share = ((share - paper) / (1.0 - paper)).clamp(0.0, 1.0);
        pixel[0] = (share * 255.0).round() as u8;
    }
    Some(())
}

/// Multiplies all pixels so that full ink is 255.
fn brighten(drawing: &mut GrayImage) {
    let Some(full) = full_ink(drawing, 1.0) else {
        return;
    };
    for pixel in drawing.pixels_mut() {
        pixel[0] = (f32::from(pixel[0]) / f32::from(full) * 255.0)
            .round()
            .min(255.0) as u8;
    }
}

/// The brightness that all but the brightest hundredth of the strokes, pixels of at least `least`, do not exceed.
fn full_ink(drawing: &GrayImage, least: f32) -> Option<u8> {
    let pixels = drawing.pixels().map(|pixel| pixel[0]);
    let mut strokes: Vec<u8> = pixels.filter(|&pixel| f32::from(pixel) >= least).collect();
    strokes.sort_unstable();
    strokes
        .get(strokes.len().checked_sub(1 + strokes.len() / 100)?)
        .copied()
}

/// The standard deviation of normal noise around `median`, from the median of the absolute differences, which strokes that
/// touch the border do not change.
fn deviation(values: Vec<u8>, middle: u8) -> f32 {
    let differences = values.into_iter().map(|value| value.abs_diff(middle));
    1.4826 * median(differences.collect()).map_or(0.0, f32::from)
}

/// The smallest rectangle with all pixels that are not 0.
fn cut_out(drawing: &GrayImage) -> Option<GrayImage> {
    let inked = drawing
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel[0] > 0);
    let (mut low, mut high) = ((u32::MAX, u32::MAX), (0, 0));
    for (x, y, _) in inked {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let (width, height) = (
        high.0.checked_sub(low.0)? + 1,
        high.1.checked_sub(low.1)? + 1,
    );
    Some(imageops::crop_imm(drawing, low.0, low.1, width, height).to_image())
}

/// The centre of mass, x and y in pixels from the upper left corner.
fn centre_of_mass(drawing: &GrayImage) -> (f64, f64) {
    let (mut mass, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
    for (x, y, pixel) in drawing.enumerate_pixels() {
        let ink = f64::from(pixel[0]);
        mass += ink;
        x_sum += ink * (f64::from(x) + 0.5);
        y_sum += ink * (f64::from(y) + 0.5);
    }
    (x_sum / mass, y_sum / mass)
}
