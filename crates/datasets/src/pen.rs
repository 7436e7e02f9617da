//! Rasterises pen strokes in MNIST's frame: fitted into 20×20 pixels and centred by mass on 28×28.

use std::ops::{Add, Mul};

/// Side of the finished image, in pixels.
pub(crate) const IMAGE_SIDE: usize = 28;
/// Side of the box into which the ink is fitted, in pixels.
pub(crate) const BOX_SIDE: usize = 20;
/// Half the width of a typical pen, in pixels of the finished image.
pub(crate) const RADIUS: f32 = 1.18;
/// Width of a stroke's soft edge, in pixels. MNIST's edges are this soft because its images were
/// downscaled.
const EDGE: f32 = 1.2;

/// Draws pen strokes as a 28×28 grey image in MNIST's frame: fitted into 20×20 pixels, with the
/// centre of mass in the middle. Row-major, 0 = background, 255 = full ink.
///
/// Each stroke is a list of points `[x, y]`, x to the right and y downwards; the position and scale
/// of the coordinates do not matter. Only a drawing smaller than `smallest` is scaled as if it had
/// that size, so that a dot remains a dot. The pen has MNIST's typical width, whatever the scale.
/// Points that are not finite are skipped; without points the image is blank.
///
/// ```
/// use latent_datasets::draw_strokes;
///
/// let seven = vec![[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]];
/// let image = draw_strokes(&[seven], 0.1);
/// assert!(image.iter().filter(|&&grey| grey > 127).count() > 60);
/// ```
pub fn draw_strokes(strokes: &[Vec<[f32; 2]>], smallest: f32) -> [u8; IMAGE_SIDE * IMAGE_SIDE] {
    let finite = |point: &&[f32; 2]| point.iter().all(|value| value.is_finite());
    let curve = |stroke: &Vec<[f32; 2]>| -> Vec<Point> {
        let points = stroke.iter().filter(finite);
        points.map(|&[x, y]| Point { x, y }).collect()
    };
    let curves: Vec<Vec<Point>> = strokes.iter().map(curve).collect();
    frame(&ink(&curves, smallest, RADIUS, |_| 1.0))
}

/// The grey levels of the box, from 0 (background) to 1 (full ink).
type Ink = [f32; BOX_SIDE * BOX_SIDE];

/// Draws curves with a round pen, as large as the box allows; curves smaller than `smallest` are
/// scaled as if they had that size. The pressure at each point multiplies the pen's radius
/// (pixels).
pub(crate) fn ink(
    curves: &[Vec<Point>],
    smallest: f32,
    radius: f32,
    pressure: impl Fn(Point) -> f32,
) -> Ink {
    let (mut left, mut right) = (f32::MAX, f32::MIN);
    let (mut top, mut bottom) = (f32::MAX, f32::MIN);
    for curve in curves {
        for point in curve {
            (left, right) = (left.min(point.x), right.max(point.x));
            (top, bottom) = (top.min(point.y), bottom.max(point.y));
        }
    }
    let size = (right - left).max(bottom - top).max(smallest);
    let scale = (BOX_SIDE as f32 - 2.0 * radius) / size.max(f32::EPSILON);
    let middle = Point {
        x: left + right,
        y: top + bottom,
    } * 0.5;
    let box_middle = Point { x: 0.5, y: 0.5 } * BOX_SIDE as f32;
    let fit = |point: Point| (point + middle * -1.0) * scale + box_middle;

    let mut ink = [0.0; BOX_SIDE * BOX_SIDE];
    for curve in curves {
        if let &[dot] = &curve[..] {
            draw_line(&mut ink, fit(dot), fit(dot), radius * pressure(dot));
        }
        for piece in curve.windows(2) {
            let radius = radius * pressure(piece[0]);
            draw_line(&mut ink, fit(piece[0]), fit(piece[1]), radius);
        }
    }
    ink
}

/// Draws a line segment: the grey level of a pixel depends on its distance to the segment.
fn draw_line(ink: &mut Ink, from: Point, to: Point, radius: f32) {
    let reach = radius + EDGE / 2.0;
    let touched = |a: f32, b: f32| {
        // Casts to integers saturate, so the indices stay in the box.
        let first = (a.min(b) - reach) as usize;
        let end = (a.max(b) + reach).ceil() as usize;
        first..end.min(BOX_SIDE)
    };
    let line = to + from * -1.0;
    let length_squared = line.dot(line).max(f32::EPSILON);
    for row in touched(from.y, to.y) {
        for column in touched(from.x, to.x) {
            let centre = Point {
                x: column as f32 + 0.5,
                y: row as f32 + 0.5,
            };
            let offset = centre + from * -1.0;
            let nearest = (offset.dot(line) / length_squared).clamp(0.0, 1.0);
            let gap = offset + line * -nearest;
            let cover = (reach - gap.dot(gap).sqrt()) / EDGE;
            let pixel = &mut ink[row * BOX_SIDE + column];
            *pixel = pixel.max(cover.min(1.0));
        }
    }
}

/// Places the box on a blank image with its centre of mass in the middle, or as near to it as the
/// edges allow.
pub(crate) fn frame(ink: &Ink) -> [u8; IMAGE_SIDE * IMAGE_SIDE] {
    let (mut mass, mut moment) = (f32::EPSILON, Point { x: 0.0, y: 0.0 });
    for (index, &grey) in ink.iter().enumerate() {
        let (row, column) = (index / BOX_SIDE, index % BOX_SIDE);
        mass += grey;
        moment = moment
            + Point {
                x: column as f32,
                y: row as f32,
            } * grey;
    }
    // MNIST's centre is the centre of pixel (14, 14).
    let margin = |moment: f32| {
        let margin = (IMAGE_SIDE / 2) as f32 - moment / mass;
        (margin.round() as usize).min(IMAGE_SIDE - BOX_SIDE)
    };
    let (left, top) = (margin(moment.x), margin(moment.y));
    let mut image = [0; IMAGE_SIDE * IMAGE_SIDE];
    for (row, line) in ink.chunks_exact(BOX_SIDE).enumerate() {
        let start = (top + row) * IMAGE_SIDE + left;
        for (pixel, grey) in image[start..].iter_mut().zip(line) {
            *pixel = (grey * 255.0).round() as u8;
        }
    }
    image
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

impl Point {
    /// The point at the fraction `share` between this point and `other`.
    pub(crate) fn towards(self, other: Self, share: f32) -> Self {
        self * (1.0 - share) + other * share
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }
}

impl Add for Point {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }
}

impl Mul<f32> for Point {
    type Output = Self;

    fn mul(self, factor: f32) -> Self {
        Self {
            x: self.x * factor,
            y: self.y * factor,
        }
    }
}

#[cfg(test)]
mod tests {
    use latent_distributions::Generator;
    use proptest::prelude::*;
    use rand::RngExt;

    use super::*;
    use crate::{digit_strokes, draw_digit};

    type Strokes = Vec<Vec<[f32; 2]>>;

    fn moved(strokes: &Strokes, scale: f32, by: [f32; 2]) -> Strokes {
        let point = |&[x, y]: &[f32; 2]| [x * scale + by[0], y * scale + by[1]];
        let stroke = |stroke: &Vec<[f32; 2]>| stroke.iter().map(point).collect();
        strokes.iter().map(stroke).collect()
    }

    /// The image and its shifts by one pixel: at a sum near a half, rounding decides.
    fn beside(image: &[u8; 784]) -> impl Iterator<Item = [u8; 784]> {
        let steps = [0, 1, 27, 28, 29, 755, 756, 757, 783];
        steps.into_iter().map(move |step| {
            let mut moved = *image;
            moved.rotate_right(step);
            moved
        })
    }

    proptest! {
        #[test]
        fn position_scale_and_direction_of_the_strokes_do_not_matter(
            digit in 0..10u8,
            seed in any::<u64>(),
            scale in 0.3f32..40.0,
            x in -50f32..50.0,
            y in -50f32..50.0,
        ) {
            let strokes = digit_strokes(digit, &mut Generator::new(seed));
            let image = draw_strokes(&strokes, 0.1);
            let mut turned = moved(&strokes, scale, [x, y]);
            for stroke in &mut turned {
                stroke.reverse();
            }
            turned.reverse();
            let again = draw_strokes(&turned, 0.1);
            let is_same = |moved: [u8; 784]| image.iter().zip(moved).all(|(a, b)| a.abs_diff(b) <= 2);
            let same = beside(&again).any(is_same);
            prop_assert!(same);
        }

        #[test]
        fn every_drawing_fits_into_the_box_with_its_mass_centred(
            strokes in prop::collection::vec(
                prop::collection::vec([-3e4f32..3e4, -3e4f32..3e4], 0..9),
                0..5,
            ),
        ) {
            let image = draw_strokes(&strokes, 0.1);
            let (mut rows, mut columns) = ([0u8; IMAGE_SIDE], [0u8; IMAGE_SIDE]);
            let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
            for (index, &grey) in image.iter().enumerate() {
                let (row, column) = (index / IMAGE_SIDE, index % IMAGE_SIDE);
                rows[row] = grey.max(rows[row]);
                columns[column] = grey.max(columns[column]);
                let grey = f64::from(grey);
                mass += grey;
                x += grey * column as f64;
                y += grey * row as f64;
            }
            let blank = strokes.iter().all(Vec::is_empty);
            prop_assert_eq!(mass == 0.0, blank);
            if !blank {
                for (greys, moment) in [(rows, y), (columns, x)] {
                    let first = greys.iter().position(|&grey| grey > 0).unwrap();
                    let last = greys.iter().rposition(|&grey| grey > 0).unwrap();
                    prop_assert!(last - first < BOX_SIDE);
                    // A lopsided drawing is limited by the edge of the image.
                    let centred = (moment / mass - 14.0).abs() < 0.52;
                    prop_assert!(centred || first == 0 || last == IMAGE_SIDE - 1 || last - first < 19);
                }
            }
        }
    }

    #[test]
    fn a_dot_remains_a_dot_and_non_finite_points_are_skipped() {
        let mass = |image: [u8; 784]| image.into_iter().map(u32::from).sum::<u32>() / 255;
        let dot = draw_strokes(&[vec![[3.0, 4.0]]], 0.1);
        assert!((3..8).contains(&mass(dot)), "{}", mass(dot));
        assert!(dot[14 * IMAGE_SIDE + 14] > 200);
        // A trembling tap is hardly larger.
        let tap = draw_strokes(&[vec![[3.0, 4.0], [3.004, 4.0]]], 0.1);
        assert!((3..10).contains(&mass(tap)), "{}", mass(tap));

        let nonsense = vec![[f32::NAN, 0.0], [f32::INFINITY, 1.0], [3.0, 4.0]];
        assert_eq!(draw_strokes(&[nonsense], 0.1), dot);
        assert_eq!(draw_strokes(&[], 0.1), [0; 784]);
        assert_eq!(draw_strokes(&[vec![]], 0.0), [0; 784]);
        let apart = vec![[f32::MAX, f32::MIN], [f32::MIN, f32::MAX]];
        draw_strokes(&[apart], f32::NAN);
    }

    #[test]
    fn drawing_the_strokes_of_a_digit_gives_that_digit() {
        for digit in 0..10 {
            let seed = Generator::new(4).random();
            let drawn = draw_strokes(&digit_strokes(digit, &mut Generator::new(seed)), 0.1);
            let digit = draw_digit(digit, &mut Generator::new(seed));
            // Only the pen differs.
            let product = |a: [u8; 784], b: [u8; 784]| -> f64 {
                let products = a
                    .into_iter()
                    .zip(b)
                    .map(|(a, b)| f64::from(a) * f64::from(b));
                products.sum()
            };
            let lengths = product(drawn, drawn) * product(digit, digit);
            let cosine = |moved| product(drawn, moved) / lengths.sqrt();
            assert!(beside(&digit).any(|moved| cosine(moved) > 0.85));
        }
    }
}
