use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::Text,
    style::{
        Color as _,
        text_anchor::{HPos, VPos},
    },
};
use plotters_backend::DrawingBackend;

use crate::{
    Error, Format, Picture,
    axes::{extremes, is_drawable, padded},
    backend::record,
    canvas::Canvas,
    chart::{Drawn, Sheet, TITLE, below, rgb, y_axis},
    format::npy,
    palette::{DIGITS, WHITE},
    shape::TextStyle,
};

/// The side of the square of points, in pixels.
const SIDE: f64 = 900.0;
/// The width of the legend.
const LEGEND: f64 = 72.0;
/// The width and the height of a chart at its natural size.
const SIZE: (f64, f64) = (SIDE + 150.0 + LEGEND, TITLE + SIDE + below("z"));
/// The radius of the white disc behind a class's digit. The discs do not overlap.
const MARK: f64 = 16.0;

/// A scatter plot of points in the plane, coloured by label: a two-dimensional latent space, or two
/// dimensions of a latent space.
///
/// Both axes have the same scale. A large digit is drawn at the median of each class, so that
/// classes are recognisable without colour; a legend shows all ten. Points that are not finite are
/// not drawn; a note gives their number.
///
/// The plotted points are saved as `NAME.npy`, `float32 [points, 2]`, their labels as
/// `NAME.labels.npy`, `int64 [points]`, and the [latents](Self::latents) before a projection as
/// `NAME.latents.npy`, `float32 [points, dimensions]`.
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
    /// Creates a plot of points `[points, 2]`, row-major, with a label from 0 to 9 for each.
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

    /// Adds the latents `[points, dimensions]` that were projected to the points, to be saved as
    /// `NAME.latents.npy`.
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

    /// The points, `[points, 2]`, row-major.
    pub fn points(&self) -> &[f32] {
        &self.points
    }

    /// The latents, `[points, dimensions]`, row-major: the points themselves unless they are a projection.
    pub fn full_latents(&self) -> &[f32] {
        self.latents
            .as_ref()
            .map_or(&self.points, |(latents, _)| latents)
    }

    /// The label of each point.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the title of the x axis; the default is `z₁`.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Sets the title of the y axis; the default is `z₂`.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// A NumPy file of `size` numbers for each point.
    fn floats(&self, values: &[f32], size: usize) -> Vec<u8> {
        let bytes = values.iter().copied().flat_map(f32::to_le_bytes);
        npy("<f4", &[self.labels.len(), size], bytes)
    }

    /// Draws the chart on an area of any plotters backend, as large as fits. Fill the area with
    /// white first.
    ///
    /// The font is the backend's for [`FontFamily::SansSerif`](plotters::style::FontFamily).
    pub fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let points: Vec<((f64, f64), u8)> = (self.points.chunks_exact(2).zip(&self.labels))
            .map(|(point, &label)| ((f64::from(point[0]), f64::from(point[1])), label))
            .filter(|((x, y), _)| is_drawable(*x) && is_drawable(*y))
            .collect();
        let x = padded(extremes(points.iter().map(|((x, _), _)| *x)));
        let y = padded(extremes(points.iter().map(|((_, y), _)| *y)));
        // Equal scales: the shorter range is extended to the length of the longer.
        let half = ((x.1 - x.0) / 2.0).max((y.1 - y.0) / 2.0);
        let [x, y] = [x, y]
            .map(|(low, high)| low.midpoint(high))
            .map(|m| (m - half, m + half));

        let sheet = Sheet::new(area, SIZE);
        let (width, height) = sheet.size();
        let title = if self.title.is_empty() { 0.0 } else { TITLE };
        let side = (height - title - below(&self.x_label)).min(SIDE);
        let y = y_axis(y, side);
        let left = sheet.left_of(&y, &self.y_label);
        let side = side.min(width - left - LEGEND);
        let sheet = sheet.below_title(&self.title, left)?;
        let plot = sheet.part(0.0, 0.0, left + side, side + below(&self.x_label));
        let x = plot.x_axis(x, false, side);
        let chart = plot.axes(left, (x, &self.x_label), (y, &self.y_label))?;

        let area = chart.plotting_area();
        let radius = (45.0 / (points.len() as f64 + 1.0).cbrt()).clamp(2.2, 7.0);
        for &(point, label) in shuffled(&points) {
            let colour = rgb(DIGITS[usize::from(label)]).mix(0.65);
            plot.disc(area, point, radius, colour)?;
        }
        let places: Vec<(Point, u8)> = points
            .iter()
            .map(|(point, label)| (area.map_coordinate(point), *label))
            .map(|((x, y), label)| ((f64::from(x), f64::from(y)), label))
            .collect();
        let screen = area.use_screen_coord();
        let style = plot.style(TextStyle::MARK, (HPos::Center, VPos::Center));
        for ((x, y), digit) in marks(&places, 2.0 * f64::from(plot.units(MARK))) {
            let at = (x.round() as i32, y.round() as i32);
            plot.disc(&screen, at, MARK, rgb(WHITE).mix(0.75))?;
            screen.draw(&Text::new(digit.to_string(), at, &style))?;
        }
        let hidden = self.labels.len() - points.len();
        if hidden > 0 {
            let note = format!("{hidden} of {} points are not finite", self.labels.len());
            let at = (left + side - 8.0, side - 8.0);
            plot.text(&note, TextStyle::TICK, (HPos::Right, VPos::Bottom), at)?;
        }
        legend(&sheet.part(left + side, 0.0, LEGEND, side), &self.labels)
    }

    fn draw(&self) -> Result<Canvas, Error> {
        record(SIZE, |area| self.draw_on(area))
    }
}

/// Draws the legend: the colour of each label that occurs.
fn legend<B: DrawingBackend>(sheet: &Sheet<B>, labels: &[u8]) -> Drawn<B> {
    let anchor = (HPos::Left, VPos::Center);
    sheet.text("label", TextStyle::TICK, anchor, (28.0, 12.0))?;
    let occurs = |(digit, _): &(usize, _)| labels.iter().any(|&label| usize::from(label) == *digit);
    let occurring = DIGITS.into_iter().enumerate().filter(occurs);
    for (row, (digit, colour)) in occurring.enumerate() {
        let row = 48.0 + 34.0 * row as f64;
        let centre = (sheet.units(38.0), sheet.units(row));
        sheet.disc(&sheet.area, centre, 9.0, rgb(colour).mix(1.0))?;
        sheet.text(&digit.to_string(), TextStyle::LABEL, anchor, (58.0, row))?;
    }
    Ok(())
}

/// A position in units of a backend.
type Point = (f64, f64);

impl Picture for Scatter {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw()?.png(),
            Format::Svg => self.draw()?.svg(),
            Format::Npy => Ok(self.floats(&self.points, 2)),
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
        let labels = npy("<i8", &[self.labels.len()], labels);
        let latents = self.latents.as_ref();
        let latents = latents.map(|(latents, size)| ("latents.npy", self.floats(latents, *size)));
        [("labels.npy", labels)]
            .into_iter()
            .chain(latents)
            .collect()
    }
}

/// The points in a fixed order that mixes classes: in sorted order, the last class would cover all
/// others.
fn shuffled<T>(points: &[T]) -> impl Iterator<Item = &T> {
    // Steps of a prime length, larger than any number of points, visit each point once.
    let count = points.len() as u64;
    (0..count).map(move |step| &points[(step * 2_654_435_761 % count) as usize])
}

/// The position of each class's digit: the median, moved by the least distance that keeps digits of
/// overlapping classes at least `apart` from each other.
fn marks(places: &[(Point, u8)], apart: f64) -> Vec<(Point, u8)> {
    let median = |digit: u8, coordinate: fn(&Point) -> f64| {
        let class = places.iter().filter(|(_, label)| *label == digit);
        let mut values: Vec<f64> = class.map(|(place, _)| coordinate(place)).collect();
        values.sort_by(f64::total_cmp);
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
                if distance >= apart {
                    continue;
                }
                let direction = if distance > 0.003 * apart {
                    ((ax - bx) / distance, (ay - by) / distance)
                } else {
                    ((a as f64).cos(), (a as f64).sin())
                };
                let push = (apart - distance) / 2.0;
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
    fn marks_are_at_the_medians_and_do_not_overlap() {
        let apart = [
            ((0.0, 0.0), 3),
            ((100.0, 50.0), 3),
            ((2.0, 9.0), 3),
            ((500.0, 0.0), 4),
        ];
        assert_eq!(marks(&apart, 34.0), [((2.0, 9.0), 3), ((500.0, 0.0), 4)]);

        let heap: Vec<_> = (0..10).map(|digit| ((7.0, 7.0), digit)).collect();
        let marks = marks(&heap, 34.0);
        assert_eq!(marks.len(), 10);
        for a in 0..10 {
            for b in 0..a {
                let ((ax, ay), (bx, by)) = (marks[a].0, marks[b].0);
                assert!(
                    (ax - bx).hypot(ay - by) > 0.9 * 34.0,
                    "{a} and {b}: {marks:?}"
                );
            }
        }
    }
}
