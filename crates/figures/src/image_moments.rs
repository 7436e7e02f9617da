/// Geometric properties of the stroke in an image, from its moments (Hu 1962). Lengths are in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageMoments {
    /// The horizontal shift per unit of height: the tangent of the angle from the vertical, positive to the right.
    pub slant: f64,
    /// The mean width of the stroke: twice the area divided by the total variation, which is the length of the outline.
    pub stroke_width: f64,
    /// The root mean square distance of the stroke from its centre.
    pub size: f64,
}

impl ImageMoments {
    /// The properties of an image of `width` columns, row by row from the top; `None` if it is black, or a horizontal
    /// line without height.
    pub fn of(image: &[f32], width: usize) -> Option<Self> {
        let value = |row: usize, column: usize| f64::from(image[row * width + column]);
        let height = image.len() / width;
        let (mut mass, mut x_sum, mut y_sum) = (0.0, 0.0, 0.0);
        for row in 0..height {
            for column in 0..width {
                mass += value(row, column);
                x_sum += value(row, column) * column as f64;
                y_sum += value(row, column) * row as f64;
            }
        }
        let (x_mean, y_mean) = (x_sum / mass, y_sum / mass);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for row in 0..height {
            for column in 0..width {
                // Upwards, as in a plane.
                let (x, y) = (column as f64 - x_mean, y_mean - row as f64);
                xx += value(row, column) * x * x;
                xy += value(row, column) * x * y;
                yy += value(row, column) * y * y;
            }
        }
        (mass > 0.0 && yy > 0.0).then(|| Self {
            slant: xy / yy,
            stroke_width: 2.0 * mass / total_variation(image, width),
            size: ((xx + yy) / mass).sqrt(),
        })
    }
}

/// The sum of the gradient's magnitude, with a black border around the image.
fn total_variation(image: &[f32], width: usize) -> f64 {
    let height = image.len() / width;
    // Rows and columns are counted from 1, so that 0 is in the border.
    let value = |row: usize, column: usize| {
        if (1..=height).contains(&row) && (1..=width).contains(&column) {
            f64::from(image[(row - 1) * width + column - 1])
        } else {
            0.0
        }
    };
    let mut total = 0.0;
    for row in 0..=height {
        for column in 0..=width {
            let here = value(row, column);
            total += (value(row, column + 1) - here).hypot(value(row + 1, column) - here);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image of 40×40 pixels with a bar from row 5 to row 34, sheared by `slant`.
    fn bar(width: f64, slant: f64) -> Vec<f32> {
        let pixel = |row: usize, column: usize| {
            let middle = 19.5 + slant * (19.5 - row as f64);
            let covered = (width / 2.0 + 0.5 - (column as f64 - middle).abs()).clamp(0.0, 1.0);
            if (5..35).contains(&row) {
                covered as f32
            } else {
                0.0
            }
        };
        (0..1600).map(|i| pixel(i / 40, i % 40)).collect()
    }

    #[test]
    fn the_moments_of_a_bar_are_its_slant_width_and_size() {
        for (width, slant) in [(2.0, 0.0), (4.0, 0.0), (4.0, 0.3), (6.0, -0.2)] {
            let found = ImageMoments::of(&bar(width, slant), 40).unwrap();
            // Pixels cover parts of a bar: a hundredth of its length.
            assert!((found.slant - slant).abs() < 0.01, "{found:?}");
            // The outline of a bar of length 30 has two short sides too.
            let expected = width * 30.0 / (30.0 + width);
            assert!(
                (found.stroke_width / expected - 1.0).abs() < 0.1,
                "{width}: {found:?}"
            );
            // Of a bar of length l and width w, sheared: √((l² (1 + slant²) + w²) / 12).
            let size = ((900.0 * (1.0 + slant * slant) + width * width) / 12.0).sqrt();
            assert!((found.size / size - 1.0).abs() < 0.01, "{size}: {found:?}");
        }
    }

    #[test]
    fn a_black_image_has_no_moments() {
        assert_eq!(ImageMoments::of(&[0.0; 16], 4), None);
        let mut line = [0.0; 16];
        line[5] = 1.0;
        assert_eq!(ImageMoments::of(&line, 4), None);
    }
}
