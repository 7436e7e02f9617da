use crate::{
    Error, Format, Picture,
    axes::{Area, Plot, extremes, is_drawable, padded},
    canvas::{Anchor, Canvas, Point, TextStyle},
    format::npy,
    palette::{LINES, WHITE},
};

/// More panels than this go into a second row.
const PANELS_IN_A_ROW: usize = 3;
/// The height of the area of a panel, in pixels.
const HEIGHT: f32 = 400.0;
/// Series with at most this many points show each of them as a disc.
const MARKED: usize = 30;

/// Curves over the epochs of a training: one panel or several, each with one series or several.
///
/// The first name of a series that is given stands for a full line, the second for a dashed one,
/// and so on in turns; a name has the same colour in all panels. Values that are not finite are
/// left out, and the line goes on to the next one.
///
/// Saved as `.npy`, it is `float64 [rows, columns]`: x in the first column, then the series, panel
/// after panel, in the order in which they were given.
///
/// ```
/// use latent_visualisation::Curves;
///
/// let curves = Curves::new([1.0, 2.0, 3.0])
///     .title("Training")
///     .y_label("nats per image")
///     .panel("total", &[("train", &[190.0, 170.0, 165.0]), ("test", &[180.0, 171.0, 168.0])])?
///     .panel("KL", &[("train", &[4.0, 5.0, 5.5]), ("test", &[4.5, 5.2, 5.6])])?;
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Curves {
    x: Vec<f64>,
    panels: Vec<Panel>,
    title: String,
    x_label: String,
    y_label: String,
    from_zero: bool,
}

#[derive(Debug, Clone)]
struct Panel {
    title: String,
    series: Vec<(String, Vec<f64>)>,
}

impl Curves {
    /// Curves over these x, which all series share. Where all are whole numbers, so are the ticks.
    pub fn new(x: impl Into<Vec<f64>>) -> Self {
        Self {
            x: x.into(),
            panels: Vec::new(),
            title: String::new(),
            x_label: "epoch".to_owned(),
            y_label: String::new(),
            from_zero: false,
        }
    }

    /// Adds a panel: its title, and the name and the values of each series, one value for each x
    /// and NaN where there is none.
    pub fn panel(
        mut self,
        title: impl Into<String>,
        series: &[(&str, &[f64])],
    ) -> Result<Self, Error> {
        let title = title.into();
        let rows = self.x.len();
        if let Some((name, values)) = series.iter().find(|(_, values)| values.len() != rows) {
            let series = (*name).to_owned();
            return Err(Error::SeriesLength {
                panel: title,
                series,
                values: values.len(),
                rows,
            });
        }
        let series = series
            .iter()
            .map(|(name, values)| ((*name).to_owned(), values.to_vec()));
        self.panels.push(Panel {
            title,
            series: series.collect(),
        });
        Ok(self)
    }

    /// A line above everything.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The name of the x axes; `epoch` unless told.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// The name and the unit of the y axes, such as `nats per image`.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Lets the y axes begin at zero: for amounts, whose ratios a reader compares.
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// The names of all series, each once.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.panels.iter().flat_map(|panel| &panel.series) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        let names = self.names();
        let mut marked = vec![false; names.len()];
        let width = match self.panels.len() {
            0 | 1 => 800.0,
            2 => 560.0,
            _ => 400.0,
        };
        let x_range = padded(extremes(self.x.iter().copied()));
        let whole_x = self.x.iter().all(|x| x.fract() == 0.0 || !is_drawable(*x));
        let mut left = 0.0;
        for (index, panel) in self.panels.iter().enumerate() {
            let (column, row) = (index % PANELS_IN_A_ROW, index / PANELS_IN_A_ROW);
            let y_label = if column == 0 {
                self.y_label.as_str()
            } else {
                ""
            };
            let values = panel.series.iter().flat_map(|(_, y)| y.iter().copied());
            let range = extremes(values);
            let mut y_range = padded(range);
            if let (true, Some((low, high))) = (self.from_zero, range) {
                y_range.0 = if low >= 0.0 { 0.0 } else { y_range.0 };
                y_range.1 = if high <= 0.0 { 0.0 } else { y_range.1 };
            }
            let top = row as f32 * (HEIGHT + 140.0);
            let area = Area {
                left: 0.0,
                top,
                width,
                height: HEIGHT,
            };
            let mut plot = Plot::new(area, x_range, y_range, whole_x);
            // Panels below each other are aligned; beside each other, they make room for labels.
            left = if column == 0 {
                0.0
            } else {
                left + plot.left_of_area(y_label).round()
            };
            plot.move_right(left);
            plot.draw(&mut canvas, &self.x_label, y_label);
            canvas.text(
                &panel.title,
                TextStyle::HEADING,
                Anchor::Start,
                (left, top - 18.0),
            );
            for (name, y) in &panel.series {
                let points: Vec<Point> = (self.x.iter().zip(y))
                    .filter(|&(&x, &y)| is_drawable(x) && is_drawable(y))
                    .map(|(&x, &y)| plot.place(x, y))
                    .collect();
                let style = names.iter().position(|other| other == name).unwrap_or(0);
                let mark = points.len() <= MARKED;
                marked[style] |= mark;
                series(&mut canvas, points, style, mark);
            }
            left += width + 36.0;
        }

        let above = -72.0;
        let mut legend = 0.0;
        for (style, name) in names.iter().enumerate() {
            let middle = above - TextStyle::LABEL.drop();
            let sample = vec![(legend + 5.0, middle), (legend + 49.0, middle)];
            series(&mut canvas, sample, style, marked[style]);
            canvas.text(
                name,
                TextStyle::LABEL,
                Anchor::Start,
                (legend + 62.0, above),
            );
            legend += 62.0 + TextStyle::LABEL.width(name) + 36.0;
        }
        if !self.title.is_empty() {
            canvas.text(
                &self.title,
                TextStyle::TITLE,
                Anchor::Start,
                (0.0, above - 44.0),
            );
        }
        canvas
    }
}

impl Picture for Curves {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw().png(),
            Format::Svg => self.draw().svg(),
            Format::Npy => {
                let series = self
                    .panels
                    .iter()
                    .flat_map(|panel| &panel.series)
                    .map(|(_, y)| y);
                let columns: Vec<&Vec<f64>> = std::iter::once(&self.x).chain(series).collect();
                let rows = 0..self.x.len();
                let values = rows.flat_map(|row| columns.iter().map(move |column| column[row]));
                Ok(npy(
                    "<f8",
                    &[self.x.len(), columns.len()],
                    values.flat_map(f64::to_le_bytes),
                ))
            }
        }
    }
}

/// Draws a series in the style of the name at this place among all names: full lines and dashed
/// ones in turns. `mark`: each point is a disc, on dashed lines a hollow one.
fn series(canvas: &mut Canvas, points: Vec<Point>, style: usize, mark: bool) {
    let colour = LINES[style % LINES.len()];
    let dashed = !style.is_multiple_of(2);
    let lines = if dashed {
        dashes(&points, 9.0, 8.0)
    } else {
        vec![points.clone()]
    };
    for line in lines {
        canvas.line(line, 3.0, colour);
    }
    if mark {
        for point in points {
            canvas.disc(point, 5.0, colour, 1.0);
            if dashed {
                canvas.disc(point, 2.6, WHITE, 1.0);
            }
        }
    }
}

/// The pieces of a line, each `on` pixels long, with gaps of `off` between them.
fn dashes(points: &[Point], on: f32, off: f32) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut drawing, mut rest) = (true, on);
    for ends in points.windows(2) {
        let (a, b) = (ends[0], ends[1]);
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        let mut walked = 0.0;
        while walked + rest < length {
            walked += rest;
            let part = walked / length;
            piece.push((a.0 + part * (b.0 - a.0), a.1 + part * (b.1 - a.1)));
            let corner = piece[piece.len() - 1];
            let finished = std::mem::replace(&mut piece, vec![corner]);
            if drawing {
                pieces.push(finished);
            }
            drawing = !drawing;
            rest = if drawing { on } else { off };
        }
        rest -= length - walked;
        piece.push(b);
    }
    if drawing {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_round_corners_and_keep_their_length() {
        let corner = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)];
        assert_eq!(
            dashes(&corner, 6.0, 2.0),
            [
                vec![(0.0, 0.0), (6.0, 0.0)],
                vec![(8.0, 0.0), (10.0, 0.0), (10.0, 4.0)],
                vec![(10.0, 6.0), (10.0, 10.0)],
            ]
        );
        assert_eq!(dashes(&[(1.0, 1.0)], 6.0, 2.0), [vec![(1.0, 1.0)]]);
    }
}
