use crate::{
    Error, Format, Picture,
    axes::{Area, Plot, extremes, is_drawable, padded},
    canvas::{Anchor, Canvas, Point, TextStyle},
    format::npy,
    palette::DIGITS,
};

/// The sides of the square in which points are drawn, in pixels.
const SIDE: f32 = 900.0;
/// How far apart, at least, two marks of digits are.
const APART: f32 = 34.0;

/// Points of a plane, each coloured by its digit: a latent space with two dimensions, or two
/// dimensions of one.
///
/// Both axes have the same scale. A large digit stands at the median of each class, so that colour
/// is not the only thing to tell classes by; a legend shows all ten. Points that are not finite are
/// not drawn, and the picture says how many there are.
///
/// Saved as `.npy`, it is the latents as `float32 [points, dimensions]`, with the labels beside
/// them in `NAME.labels.npy` as `int64 [points]`.
///
/// ```
/// use latent_visualisation::Scatter;
///
/// let scatter = Scatter::new([0.1, -1.2, 0.8, 2.0], [7, 3])?.title("Test images");
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scatter {
    points: Vec<f32>,
    labels: Vec<u8>,
    latents: Option<(Vec<f32>, usize)>,
    title: String,
    x_label: String,
    y_label: String,
}

impl Scatter {
    /// A plot of the points `[points, 2]`, row-major, with a digit from 0 to 9 for each.
    pub fn new(points: impl Into<Vec<f32>>, labels: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let (points, labels) = (points.into(), labels.into());
        if labels.len().checked_mul(2) != Some(points.len()) {
            return Err(Error::PointCount {
                values: points.len(),
                labels: labels.len(),
            });
        }
        if let Some((point, &label)) = labels.iter().enumerate().find(|&(_, &label)| label > 9) {
            return Err(Error::NotADigit { label, point });
        }
        Ok(Self {
            points,
            labels,
            latents: None,
            title: String::new(),
            x_label: "z₁".to_owned(),
            y_label: "z₂".to_owned(),
        })
    }

    /// What `.npy` files hold in place of the points that are drawn: the whole latents
    /// `[points, dimensions]` that the points were made from, by leaving out dimensions or by
    /// projecting.
    pub fn latents(
        mut self,
        latents: impl Into<Vec<f32>>,
        dimensions: usize,
    ) -> Result<Self, Error> {
        let (latents, points) = (latents.into(), self.labels.len());
        if points.checked_mul(dimensions) != Some(latents.len()) {
            return Err(Error::LatentCount {
                values: latents.len(),
                points,
                dimensions,
            });
        }
        self.latents = Some((latents, dimensions));
        Ok(self)
    }

    /// A line above everything.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the x axis; `z₁` unless told.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// The name of the y axis; `z₂` unless told.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    fn draw(&self) -> Canvas {
        let points: Vec<([f64; 2], u8)> = (self.points.chunks_exact(2).zip(&self.labels))
            .map(|(point, &label)| ([f64::from(point[0]), f64::from(point[1])], label))
            .filter(|(point, _)| point.iter().all(|&value| is_drawable(value)))
            .collect();
        let [x, y] = [0, 1].map(|axis| padded(extremes(points.iter().map(|(p, _)| p[axis]))));
        // One scale for both: the shorter range gets as long as the longer.
        let half = ((x.1 - x.0) / 2.0).max((y.1 - y.0) / 2.0);
        let [x, y] = [x, y]
            .map(|(low, high)| low.midpoint(high))
            .map(|m| (m - half, m + half));
        let area = Area {
            left: 0.0,
            top: 0.0,
            width: SIDE,
            height: SIDE,
        };
        let plot = Plot::new(area, x, y, false);

        let mut canvas = Canvas::default();
        plot.draw(&mut canvas, &self.x_label, &self.y_label);
        let places: Vec<(Point, u8)> = points
            .iter()
            .map(|&([x, y], label)| (plot.place(x, y), label))
            .collect();
        let radius = (45.0 / (places.len() as f32 + 1.0).cbrt()).clamp(2.2, 7.0);
        for &(place, label) in shuffled(&places) {
            canvas.disc(place, radius, DIGITS[label as usize], 0.65);
        }
        for (place, digit) in marks(&places) {
            let at = (place.0, place.1 + TextStyle::MARK.drop());
            canvas.text(&digit.to_string(), TextStyle::MARK, Anchor::Middle, at);
        }

        canvas.text("digit", TextStyle::TICK, Anchor::Start, (SIDE + 28.0, 18.0));
        for (digit, colour) in DIGITS.into_iter().enumerate() {
            let (column, row) = (SIDE + 38.0, 48.0 + 34.0 * digit as f32);
            canvas.disc((column, row), 9.0, colour, 1.0);
            let at = (column + 20.0, row + TextStyle::LABEL.drop());
            canvas.text(&digit.to_string(), TextStyle::LABEL, Anchor::Start, at);
        }
        if !self.title.is_empty() {
            canvas.text(&self.title, TextStyle::TITLE, Anchor::Start, (0.0, -24.0));
        }
        let hidden = self.labels.len() - points.len();
        if hidden > 0 {
            let note = format!(
                "not drawn, since not finite: {hidden} of {}",
                self.labels.len()
            );
            canvas.text(
                &note,
                TextStyle::TICK,
                Anchor::End,
                (SIDE - 8.0, SIDE - 12.0),
            );
        }
        canvas
    }
}

impl Picture for Scatter {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw().png(),
            Format::Svg => self.draw().svg(),
            Format::Npy => {
                let drawn = (&self.points, 2);
                let latents = self
                    .latents
                    .as_ref()
                    .map(|(latents, dimensions)| (latents, *dimensions));
                let (values, dimensions) = latents.unwrap_or(drawn);
                let bytes = values.iter().copied().flat_map(f32::to_le_bytes);
                Ok(npy("<f4", &[self.labels.len(), dimensions], bytes))
            }
        }
    }

    fn companions(&self, format: Format) -> Vec<(&'static str, Vec<u8>)> {
        if format != Format::Npy {
            return Vec::new();
        }
        let labels = self
            .labels
            .iter()
            .copied()
            .map(i64::from)
            .flat_map(i64::to_le_bytes);
        vec![("labels.npy", npy("<i8", &[self.labels.len()], labels))]
    }
}

/// The points in an order, always the same, that mixes classes: were the points sorted by class,
/// the last class would cover all others.
fn shuffled<T>(points: &[T]) -> impl Iterator<Item = &T> {
    // Steps of a prime length, larger than any number of points, visit each point once.
    let count = points.len() as u64;
    (0..count).map(move |step| &points[(step * 2_654_435_761 % count) as usize])
}

/// Where the digit of each class that has points stands: at the median, moved just as far as keeps
/// the digits of classes that lie upon each other readable.
fn marks(places: &[(Point, u8)]) -> Vec<(Point, u8)> {
    let median = |digit: u8, coordinate: fn(&Point) -> f32| {
        let class = places.iter().filter(|(_, label)| *label == digit);
        let mut values: Vec<f32> = class.map(|(place, _)| coordinate(place)).collect();
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let mut marks: Vec<(Point, u8)> = (0..10)
        .filter_map(|digit| Some(((median(digit, |p| p.0)?, median(digit, |p| p.1)?), digit)))
        .collect();
    for _ in 0..200 {
        for a in 0..marks.len() {
            for b in 0..a {
                let ((ax, ay), (bx, by)) = (marks[a].0, marks[b].0);
                let distance = (ax - bx).hypot(ay - by);
                if distance >= APART {
                    continue;
                }
                let direction = if distance > 0.1 {
                    ((ax - bx) / distance, (ay - by) / distance)
                } else {
                    ((a as f32).cos(), (a as f32).sin())
                };
                let push = (APART - distance) / 2.0;
                marks[a].0 = (ax + push * direction.0, ay + push * direction.1);
                marks[b].0 = (bx - push * direction.0, by - push * direction.1);
            }
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_once() {
        for count in [0, 1, 2, 10, 9_999] {
            let points: Vec<usize> = (0..count).collect();
            let mut seen: Vec<usize> = shuffled(&points).copied().collect();
            seen.sort_unstable();
            assert_eq!(seen, points);
        }
    }

    #[test]
    fn marks_are_at_the_medians_and_never_on_each_other() {
        let apart = [
            ((0.0, 0.0), 3),
            ((100.0, 50.0), 3),
            ((2.0, 9.0), 3),
            ((500.0, 0.0), 4),
        ];
        assert_eq!(marks(&apart), [((2.0, 9.0), 3), ((500.0, 0.0), 4)]);

        let heap: Vec<_> = (0..10).map(|digit| ((7.0, 7.0), digit)).collect();
        let marks = marks(&heap);
        assert_eq!(marks.len(), 10);
        for a in 0..10 {
            for b in 0..a {
                let ((ax, ay), (bx, by)) = (marks[a].0, marks[b].0);
                assert!(
                    (ax - bx).hypot(ay - by) > 0.9 * APART,
                    "{a} and {b}: {marks:?}"
                );
            }
        }
    }
}
