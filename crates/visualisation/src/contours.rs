//! Contour lines of a function on a grid: marching squares.

/// The values of a function of two variables at the points of a grid, for its contour lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The columns' coordinates, ascending.
    pub x: Vec<f64>,
    /// The rows' coordinates, ascending.
    pub y: Vec<f64>,
    /// The value of each point, row by row: `[y, x]`.
    pub values: Vec<f64>,
}

/// A position in the plane.
type Point = (f64, f64);

impl Field {
    /// The segments of the line on which the function has the value `level`, by linear interpolation on the edges of cells.
    /// A cell with a value that is not finite has none.
    pub(crate) fn contour(&self, level: f64) -> Vec<[Point; 2]> {
        let mut segments = Vec::new();
        for (row, y) in self.y.windows(2).enumerate() {
            for (column, x) in self.x.windows(2).enumerate() {
                let value = |down: usize, right: usize| {
                    let index = (row + down) * self.x.len() + column + right;
                    self.values.get(index).copied().unwrap_or(f64::NAN)
                };
                // Around the cell.
                let corners = [
                    ((x[0], y[0]), value(0, 0)),
                    ((x[1], y[0]), value(0, 1)),
                    ((x[1], y[1]), value(1, 1)),
                    ((x[0], y[1]), value(1, 0)),
                ];
                cell(corners, level, &mut segments);
            }
        }
        segments
    }
}

/// Adds the segments of a cell whose corners are given in order.
fn cell(corners: [(Point, f64); 4], level: f64, segments: &mut Vec<[Point; 2]>) {
    if corners.iter().any(|(_, value)| !value.is_finite()) {
        return;
    }
    let crossing = |edge: usize| {
        let (from, a) = corners[edge];
        let (to, b) = corners[(edge + 1) % 4];
        let share = (level - a) / (b - a);
        let crosses = (a < level) != (b < level);
        let at = (
            from.0 + share * (to.0 - from.0),
            from.1 + share * (to.1 - from.1),
        );
        crosses.then_some(at)
    };
    let edges = [0, 1, 2, 3].map(crossing);
    if let [Some(a), Some(b), Some(c), Some(d)] = edges {
        // A saddle: the mean of the corners tells which of them are connected.
        let middle = corners.iter().map(|(_, value)| value).sum::<f64>() / 4.0;
        let first_is_connected = (corners[0].1 < level) == (middle < level);
        segments.extend(if first_is_connected {
            [[a, b], [c, d]]
        } else {
            [[d, a], [b, c]]
        });
        return;
    }
    let mut ends = edges.into_iter().flatten();
    if let (Some(from), Some(to)) = (ends.next(), ends.next()) {
        segments.push([from, to]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(f: impl Fn(f64, f64) -> f64) -> Field {
        let axis: Vec<f64> = (0..41).map(|i| -2.0 + 0.1 * f64::from(i)).collect();
        let values = axis.iter().flat_map(|&y| axis.iter().map(move |&x| (x, y)));
        Field {
            values: values.map(|(x, y)| f(x, y)).collect(),
            x: axis.clone(),
            y: axis,
        }
    }

    #[test]
    fn contours_of_a_cone_are_circles_of_the_right_length() {
        let cone = field(f64::hypot);
        for radius in [0.55, 1.0, 1.73] {
            let segments = cone.contour(radius);
            let mut length = 0.0;
            for [a, b] in segments {
                // Linear interpolation on an edge of 0.1 of a function with a curvature of 1/r.
                let bound = 0.1 * 0.1 / 8.0 / 0.4;
                for (x, y) in [a, b] {
                    assert!((x.hypot(y) - radius).abs() < bound, "{x} {y} {radius}");
                }
                length += (a.0 - b.0).hypot(a.1 - b.1);
            }
            let circumference = std::f64::consts::TAU * radius;
            assert!((length / circumference - 1.0).abs() < 0.02, "{length}");
        }
    }

    #[test]
    fn every_end_inside_is_shared_by_two_segments() {
        // Saddles in abundance.
        let waves = field(|x, y| (5.0 * x).sin() * (5.0 * y).cos() + 0.01 * x);
        let mut ends = std::collections::HashMap::new();
        for segment in waves.contour(0.003) {
            for (x, y) in segment {
                let key = ((x * 1e9).round() as i64, (y * 1e9).round() as i64);
                *ends.entry(key).or_insert(0) += 1;
            }
        }
        assert!(ends.len() > 100);
        for ((x, y), count) in ends {
            let border = [x, y].iter().any(|v| (v.abs() - 2_000_000_000).abs() < 10);
            assert_eq!(count, if border { 1 } else { 2 }, "{x} {y}");
        }
    }

    #[test]
    fn constants_and_values_that_are_not_finite_have_no_contours() {
        assert!(field(|_, _| 1.0).contour(1.0).is_empty());
        assert!(field(|_, _| f64::NAN).contour(1.0).is_empty());
        assert!(field(|x, _| 1.0 / (x - x)).contour(1.0).is_empty());
        let nothing = Field {
            x: vec![0.0, 1.0],
            y: Vec::new(),
            values: Vec::new(),
        };
        assert!(nothing.contour(0.0).is_empty());
    }
}
