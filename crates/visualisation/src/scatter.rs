use std::collections::BTreeMap;

use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::{PathElement, Text},
    style::{
        Color as _,
        text_anchor::{HPos, VPos},
    },
};
use plotters_backend::DrawingBackend;

use crate::{
    Error, Field, Format, Picture,
    axes::{extremes, is_drawable, padded},
    backend::record,
    canvas::Canvas,
    chart::{Drawn, Sheet, TITLE, below, rgb, y_axis},
    format::npy,
    legend::Legend,
    names::ClassNames,
    palette::{INK, UNLABELLED, WHITE, class_colour},
    shape::TextStyle,
};

/// The side of the square of points, in pixels.
const SIDE: f64 = 900.0;
/// The width and the height of a chart without a legend at its natural size.
const SIZE: (f64, f64) = (SIDE + 150.0, TITLE + SIDE + below("z"));
/// The maximum numbers of classes, and the radius of the white disc behind a class's mark. The discs
/// do not overlap.
const MARKS: [(usize, f64); 3] = [(10, 16.0), (30, 14.0), (usize::MAX, 12.0)];

/// A scatter plot of points in the plane, coloured by label: a two-dimensional latent space, or two
/// dimensions of a latent space.
///
/// Both axes have the same scale. Each class has its [`class_colour`] and a mark at its median, so
/// that it is recognisable without colour: its name if no name has more than three characters,
/// otherwise its number. The legend gives the number and the name of each class that occurs; names
/// that are too long are shortened. Points without labels have one colour, and no legend. Points that
/// are not finite are not drawn; a note gives their number.
///
/// The plotted points are saved as `NAME.npy`, `float32 [points, 2]`, their labels as
/// `NAME.labels.npy`, `int64 [points]`, and the [latents](Self::latents) before a projection as
/// `NAME.latents.npy`, `float32 [points, dimensions]`.
///
/// ```
/// use latent_visualisation::Scatter;
///
/// let scatter = Scatter::new([0.1, -1.2, 0.8, 2.0], [7, 3])?.title("Test images");
///
/// let named = Scatter::new([0.1, -1.2, 0.8, 2.0], [1, 0])?.class_names(["red circle", "blue square"]);
/// let plain = Scatter::unlabelled([0.1, -1.2, 0.8, 2.0])?;
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scatter {
    points: Vec<f32>,
    /// `None` for points without labels.
    labels: Option<Vec<u8>>,
    names: ClassNames,
    latents: Option<(Vec<f32>, usize)>,
    /// Segments of contour lines.
    lines: Vec<[Point; 2]>,
    title: String,
    x_label: String,
    y_label: String,
}

impl Scatter {
    /// Creates a plot of points `[points, 2]`, row-major, with a label for each.
    ///
    /// # Errors
    /// The number of coordinates is not twice that of the labels.
    pub fn new(points: impl Into<Vec<f32>>, labels: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let (points, labels) = (points.into(), labels.into());
        if labels.len().checked_mul(2) != Some(points.len()) {
            return Err(Error::PointCount {
                values: points.len(),
                labels: labels.len(),
            });
        }
        Ok(Self::of(points, Some(labels)))
    }

    /// Creates a plot of points `[points, 2]`, row-major, without labels.
    ///
    /// # Errors
    /// The number of coordinates is odd.
    pub fn unlabelled(points: impl Into<Vec<f32>>) -> Result<Self, Error> {
        let points = points.into();
        if !points.len().is_multiple_of(2) {
            return Err(Error::OddCoordinates {
                values: points.len(),
            });
        }
        Ok(Self::of(points, None))
    }

    fn of(points: Vec<f32>, labels: Option<Vec<u8>>) -> Self {
        Self {
            points,
            labels,
            names: ClassNames::default(),
            latents: None,
            lines: Vec::new(),
            title: String::new(),
            x_label: "z₁".to_owned(),
            y_label: "z₂".to_owned(),
        }
    }

    /// Names the classes, in the order of their labels. A class without a name has its number.
    #[must_use]
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = ClassNames::new(names);
        self
    }

    /// Adds the latents `[points, dimensions]` that were projected to the points, to be saved as
    /// `NAME.latents.npy`.
    pub fn latents(
        mut self,
        latents: impl Into<Vec<f32>>,
        dimensions: usize,
    ) -> Result<Self, Error> {
        let (latents, points) = (latents.into(), self.len());
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

    /// Adds the contour lines of a function at these levels, in the coordinates of the points.
    #[must_use]
    pub fn contours(mut self, field: &Field, levels: impl IntoIterator<Item = f64>) -> Self {
        let lines = levels.into_iter().flat_map(|level| field.contour(level));
        self.lines.extend(lines);
        self
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

    /// The label of each point; empty without labels.
    pub fn labels(&self) -> &[u8] {
        self.labels.as_deref().unwrap_or_default()
    }

    /// The number of points.
    fn len(&self) -> usize {
        self.points.len() / 2
    }

    /// The labels that occur, in ascending order.
    fn classes(&self) -> Vec<u8> {
        let mut classes = self.labels().to_vec();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// The legend; `None` without labels.
    fn legend(&self) -> Option<Legend> {
        self.labels.as_ref()?;
        let classes = self.classes();
        let numbered = !self.names.are_short(&classes);
        Some(Legend::new(&classes, &self.names, numbered, SIDE))
    }

    /// The width and the height at the natural size.
    fn size(&self) -> (f64, f64) {
        let legend = self.legend().map_or(0.0, |legend| legend.width);
        (SIZE.0 + legend, SIZE.1)
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
        npy("<f4", &[self.len(), size], bytes)
    }

    /// Draws the chart on an area of any plotters backend, as large as fits. Fill the area with
    /// white first.
    ///
    /// The font is the backend's for [`FontFamily::SansSerif`](plotters::style::FontFamily).
    pub fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let labels = self.labels().iter().copied().map(Some);
        let labels = labels.chain(std::iter::repeat(None));
        let points: Vec<(Point, Option<u8>)> = (self.points.chunks_exact(2).zip(labels))
            .map(|(point, label)| ((f64::from(point[0]), f64::from(point[1])), label))
            .filter(|((x, y), _)| is_drawable(*x) && is_drawable(*y))
            .collect();
        let legend = self.legend();
        let legend_width = legend.as_ref().map_or(0.0, |legend| legend.width);
        let ends = self.lines.iter().flatten().copied();
        let places = || points.iter().map(|&(point, _)| point).chain(ends.clone());
        let x = padded(extremes(places().map(|(x, _)| x)));
        let y = padded(extremes(places().map(|(_, y)| y)));
        // Equal scales: the shorter range is extended to the length of the longer.
        let half = ((x.1 - x.0) / 2.0).max((y.1 - y.0) / 2.0);
        let [x, y] = [x, y]
            .map(|(low, high)| low.midpoint(high))
            .map(|m| (m - half, m + half));

        let sheet = Sheet::new(area, self.size());
        let (width, height) = sheet.size();
        let title = if self.title.is_empty() { 0.0 } else { TITLE };
        let side = (height - title - below(&self.x_label)).min(SIDE);
        let y = y_axis(y, side);
        let left = sheet.left_of(&y, &self.y_label);
        let side = side.min(width - left - legend_width);
        let sheet = sheet.below_title(&self.title, left)?;
        let plot = sheet.part(0.0, 0.0, left + side, side + below(&self.x_label));
        let x = plot.x_axis(x, false, side);
        let sizes = (left, below(&self.x_label));
        let chart = plot.axes(sizes, (x, &self.x_label), (y, &self.y_label))?;

        let area = chart.plotting_area();
        let radius = (45.0 / (points.len() as f64 + 1.0).cbrt()).clamp(2.2, 7.0);
        for &(point, label) in shuffled(&points) {
            let colour = rgb(label.map_or(UNLABELLED, class_colour)).mix(0.65);
            plot.disc(area, point, radius, colour)?;
        }
        for &line in &self.lines {
            area.draw(&PathElement::new(line, plot.stroke(INK, 2.0)))?;
        }
        let places: Vec<(Point, u8)> = points
            .iter()
            .filter_map(|&(point, label)| Some((area.map_coordinate(&point), label?)))
            .map(|((x, y), label)| ((f64::from(x), f64::from(y)), label))
            .collect();
        self.draw_marks(&plot, &area.use_screen_coord(), &places)?;
        let hidden = self.len() - points.len();
        if hidden > 0 {
            let note = format!("{hidden} of {} points are not finite", self.len());
            let at = (left + side - 8.0, side - 8.0);
            plot.text(&note, TextStyle::TICK, (HPos::Right, VPos::Bottom), at)?;
        }
        legend.map_or(Ok(()), |legend| {
            legend.draw(&sheet.part(left + side, 0.0, legend_width, side))
        })
    }

    /// Draws the name or the number of each class at its median, on a white disc.
    fn draw_marks<B: DrawingBackend>(
        &self,
        plot: &Sheet<B>,
        screen: &DrawingArea<B, Shift>,
        places: &[(Point, u8)],
    ) -> Drawn<B> {
        /// The maximum width of a text relative to the radius of its disc.
        const WIDTH: f64 = 1.8;

        let classes = self.classes();
        let is_short = self.names.are_short(&classes);
        let text = |label: u8| {
            if is_short {
                self.names.name(label)
            } else {
                label.to_string()
            }
        };
        let radius = MARKS
            .iter()
            .find(|(count, _)| classes.len() <= *count)
            .map_or(MARKS[0].1, |&(_, radius)| radius);
        let full = TextStyle {
            size: TextStyle::MARK.size * (radius / MARKS[0].1) as f32,
            ..TextStyle::MARK
        };
        let texts: Vec<String> = classes.iter().copied().map(text).collect();
        let fitting = WIDTH * radius / f64::from(full.widest(&texts)).max(1.0);
        let style = TextStyle {
            size: full.size * fitting.min(1.0) as f32,
            ..full
        };
        let style = plot.style(style, (HPos::Center, VPos::Center));
        for ((x, y), label) in marks(places, 2.0 * f64::from(plot.units(radius))) {
            let at = (x.round() as i32, y.round() as i32);
            plot.disc(screen, at, radius, rgb(WHITE).mix(0.75))?;
            screen.draw(&Text::new(text(label), at, &style))?;
        }
        Ok(())
    }

    fn draw(&self) -> Result<Canvas, Error> {
        record(self.size(), |area| self.draw_on(area))
    }
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
        let labels = self.labels.as_ref().map(|labels| {
            let bytes = labels.iter().copied().map(i64::from);
            let bytes = bytes.flat_map(i64::to_le_bytes);
            ("labels.npy", npy("<i8", &[labels.len()], bytes))
        });
        let latents = self.latents.as_ref();
        let latents = latents.map(|(latents, size)| ("latents.npy", self.floats(latents, *size)));
        labels.into_iter().chain(latents).collect()
    }
}

/// The points in a fixed order that mixes classes: in sorted order, the last class would cover all
/// others.
fn shuffled<T>(points: &[T]) -> impl Iterator<Item = &T> {
    // Steps of a prime length, larger than any number of points, visit each point once.
    let count = points.len() as u64;
    (0..count).map(move |step| &points[(step * 2_654_435_761 % count) as usize])
}

/// The position of each class's mark: the median, moved by the least distance that keeps marks of
/// overlapping classes at least `apart` from each other.
fn marks(places: &[(Point, u8)], apart: f64) -> Vec<(Point, u8)> {
    let mut classes: BTreeMap<u8, Vec<Point>> = BTreeMap::new();
    for &(place, label) in places {
        classes.entry(label).or_default().push(place);
    }
    let median = |class: &[Point], coordinate: fn(&Point) -> f64| {
        let mut values: Vec<f64> = class.iter().map(coordinate).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let mut marks: Vec<(Point, u8)> = classes
        .iter()
        .map(|(&label, class)| ((median(class, |p| p.0), median(class, |p| p.1)), label))
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
