use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    style::text_anchor::{HPos, VPos},
};
use plotters_backend::DrawingBackend;

use crate::{
    Error, Format, Picture,
    axes::{Axis, extremes, is_drawable, padded},
    backend::record,
    canvas::Canvas,
    chart::{Drawn, Sheet, TITLE, below, y_axis},
    format::npy,
    shape::TextStyle,
};

/// The number of panels in a row; further panels start a second row.
const PANELS_IN_A_ROW: usize = 3;
/// The height of a panel's area, in pixels.
const HEIGHT: f64 = 400.0;
/// The distance between panels, horizontally and vertically.
const GAP: (f64, f64) = (36.0, 40.0);
/// The height of a panel's title line.
const HEADING: f64 = 34.0;
/// The height of a line of the legend.
const LEGEND: f64 = 34.0;
/// Series with at most this many points are drawn with a disc at each point.
const MARKED: usize = 30;

/// Training curves: one or several panels over the epochs, each with one or several series.
///
/// Solid and dashed lines alternate in the order in which the names of series first occur; a name
/// has the same colour in all panels. Values that are not finite are skipped, and the line
/// continues at the next one.
///
/// As `.npy`, the curves are `float64 [rows, columns]`: x in the first column, then the series,
/// panel after panel, in their order.
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
    /// Creates curves over these x values, which all series share. If all are integers, so are the
    /// ticks.
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

    /// Adds a panel with its title and the name and values of each series: one value for each x,
    /// NaN if there is none.
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

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the title of the x axes; the default is `epoch`.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Sets the title of the y axes, with the unit, such as `nats per image`.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Starts the y axes at zero, for quantities whose ratios matter.
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// The names of all series, without duplicates.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.panels.iter().flat_map(|panel| &panel.series) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The numbers of panels in a row and in a column.
    fn shape(&self) -> (usize, usize) {
        let columns = self.panels.len().clamp(1, PANELS_IN_A_ROW);
        (columns, self.panels.len().div_ceil(columns))
    }

    /// The width and the height of the chart at its natural size.
    fn size(&self) -> (f64, f64) {
        let (columns, rows) = self.shape();
        let width = [890.0, 1290.0, 1430.0][columns - 1];
        let row = HEADING + HEIGHT + below(&self.x_label) + GAP.1;
        (width, TITLE + LEGEND + 20.0 + rows as f64 * row - GAP.1)
    }

    /// Draws the chart on an area of any plotters backend, as large as fits. Fill the area with
    /// white first.
    ///
    /// The font is the backend's for [`FontFamily::SansSerif`](plotters::style::FontFamily).
    pub fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let (columns, rows) = self.shape();
        let sheet = Sheet::new(area, self.size());
        let y_label = |column| if column == 0 { &self.y_label } else { "" };
        let axes: Vec<Axis> = self
            .panels
            .iter()
            .map(|panel| y_axis(self.y_range(panel), HEIGHT))
            .collect();
        // Panels in a column are aligned.
        let lefts: Vec<f64> = (0..columns)
            .map(|column| {
                let axes = axes.iter().skip(column).step_by(columns);
                let needed = axes.map(|axis| sheet.left_of(axis, y_label(column)));
                needed.fold(0.0, f64::max)
            })
            .collect();

        let sheet = sheet.below_title(&self.title, lefts[0])?;
        let sheet = self.below_legend(&sheet, lefts[0])?;
        let (width, height) = sheet.size();
        let gaps = GAP.0 * (columns - 1) as f64;
        let panel_width = (width - lefts.iter().sum::<f64>() - gaps) / columns as f64;
        let pitch = (height + GAP.1) / rows as f64;
        let x_range = padded(extremes(self.x.iter().copied()));
        let is_whole = self.x.iter().all(|x| x.fract() == 0.0 || !is_drawable(*x));
        let names = self.names();
        for ((index, panel), y) in self.panels.iter().enumerate().zip(axes) {
            let (column, row) = (index % columns, index / columns);
            let left = lefts[..column].iter().sum::<f64>() + (panel_width + GAP.0) * column as f64;
            let sheet = sheet.part(
                left,
                pitch * row as f64,
                lefts[column] + panel_width,
                pitch - GAP.1,
            );
            let anchor = (HPos::Left, VPos::Top);
            sheet.text(
                &panel.title,
                TextStyle::HEADING,
                anchor,
                (lefts[column], 0.0),
            )?;
            let (width, height) = sheet.size();
            let plot = sheet.part(0.0, HEADING, width, height - HEADING);
            let x = plot.x_axis(x_range, is_whole, panel_width);
            let y = (y, y_label(column));
            let chart = plot.axes((lefts[column], below(&self.x_label)), (x, &self.x_label), y)?;
            for (name, y) in &panel.series {
                let points = self.points(y);
                let place = names.iter().position(|other| other == name).unwrap_or(0);
                let mark = points.len() <= MARKED;
                plot.series(chart.plotting_area(), points, place, mark)?;
            }
        }
        Ok(())
    }

    /// The range of the y axis of a panel.
    fn y_range(&self, panel: &Panel) -> (f64, f64) {
        let values = panel.series.iter().flat_map(|(_, y)| y.iter().copied());
        let range = extremes(values);
        let mut padded = padded(range);
        if let (true, Some((low, high))) = (self.from_zero, range) {
            padded.0 = if low >= 0.0 { 0.0 } else { padded.0 };
            padded.1 = if high <= 0.0 { 0.0 } else { padded.1 };
        }
        padded
    }

    /// The points of a series that can be drawn.
    fn points(&self, y: &[f64]) -> Vec<(f64, f64)> {
        let points = self.x.iter().copied().zip(y.iter().copied());
        points
            .filter(|&(x, y)| is_drawable(x) && is_drawable(y))
            .collect()
    }

    /// Draws the names of all series in lines that start at `left`, and returns the rest of the
    /// sheet. plotters' own legend is inside one panel and measures texts without the backend.
    fn below_legend<B: DrawingBackend>(&self, sheet: &Sheet<B>, left: f64) -> Drawn<B, Sheet<B>> {
        let (width, height) = sheet.size();
        let (mut x, mut top) = (left, 0.0);
        for (place, name) in self.names().into_iter().enumerate() {
            let length = 62.0 + sheet.widest([name].into_iter(), TextStyle::LABEL);
            if x + length > width && x > left {
                (x, top) = (left, top + LEGEND);
            }
            let middle = sheet.units(top + 10.0);
            let sample = [x + 5.0, x + 49.0].map(|x| (sheet.units(x), middle));
            let mut series = self.panels.iter().flat_map(|panel| &panel.series);
            let mark = series.any(|(other, y)| other == name && self.points(y).len() <= MARKED);
            sheet.series(&sheet.area, sample.to_vec(), place, mark)?;
            let anchor = (HPos::Left, VPos::Center);
            sheet.text(name, TextStyle::LABEL, anchor, (x + 62.0, top + 10.0))?;
            x += length + 36.0;
        }
        let used = if x > left { top + LEGEND + 20.0 } else { 0.0 };
        Ok(sheet.part(0.0, used, width, height - used))
    }

    fn draw(&self) -> Result<Canvas, Error> {
        record(self.size(), |area| self.draw_on(area))
    }
}

impl Picture for Curves {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw()?.png(),
            Format::Svg => self.draw()?.svg(),
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
