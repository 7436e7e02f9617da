use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::{PathElement, Rectangle, Text},
    style::{
        Color as _,
        text_anchor::{HPos, VPos},
    },
};
use plotters_backend::DrawingBackend;

use crate::{
    Error, Format, Picture,
    axes::Axis,
    backend::record,
    canvas::Canvas,
    chart::{Drawn, Sheet, TITLE, TO_LABELS, below, beside, rgb},
    format::npy,
    names::{ClassNames, shortened},
    palette::{Colour, PALE, WHITE},
    shape::TextStyle,
};

/// The side of all cells together, in pixels, unless the cells of many classes need more.
const SIDE: f64 = 840.0;
/// The minimum side of a cell, and the maximum side of all cells, which takes precedence.
const CELL: f64 = 12.0;
const LARGEST: f64 = 1680.0;
/// The width of a y axis with numbers.
const LEFT: f64 = 80.0;
/// The maximum width of the name of a class; longer names are shortened.
const NAME: f64 = 150.0;
/// Above this number of classes, lines after every tenth guide the eye from a cell to its names.
const GUIDED: usize = 30;
/// The minimum size of a text.
const SMALLEST: f64 = 9.0;
const X_LABEL: &str = "predicted label";
const Y_LABEL: &str = "true label";
/// The colour of a cell with all images of its row: dark enough for white text.
const FULL: Colour = [0x1f, 0x4e, 0x8c];

/// The confusion matrix of a classifier: a row for each true label, a column for each predicted
/// one.
///
/// The colour of a cell is its share of its row. Counts are written into the cells if all of them
/// fit. Names of classes are at both axes, and are shortened if they are long; of many numbered
/// classes only every second, fifth or tenth has its number. As `.npy`, it is saved as counts,
/// `int64 [classes, classes]`.
///
/// ```
/// use latent_visualisation::ConfusionMatrix;
///
/// let matrix = ConfusionMatrix::new([7, 3, 3], [7, 3, 8])?.title("Test images");
/// assert!((matrix.accuracy() - 2.0 / 3.0).abs() < 1e-12);
///
/// let animals = ConfusionMatrix::of_classes([0, 1], [0, 1], [0, 0])?.class_names(["cat", "dog"]);
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConfusionMatrix {
    classes: Vec<u8>,
    counts: Vec<Vec<u64>>,
    names: ClassNames,
    title: String,
    y_label: String,
}

impl ConfusionMatrix {
    /// Creates a matrix of the ten classes 0 to 9 from the true and the predicted label of each
    /// image.
    ///
    /// # Errors
    /// The numbers of true and predicted labels differ, or a label is above 9.
    pub fn new(truth: impl AsRef<[u8]>, predicted: impl AsRef<[u8]>) -> Result<Self, Error> {
        let ten: Vec<u8> = (0..=9).collect();
        Self::of_classes(ten, truth, predicted)
    }

    /// Creates a matrix of these classes, with rows and columns in their order, from the true and
    /// the predicted label of each image.
    ///
    /// ```
    /// use latent_visualisation::ConfusionMatrix;
    ///
    /// let matrix = ConfusionMatrix::of_classes([3, 7], [7, 3, 3], [7, 3, 7])?;
    /// assert_eq!(matrix.counts(), [[1, 1], [0, 1]]);
    /// # Ok::<(), latent_visualisation::Error>(())
    /// ```
    ///
    /// # Errors
    /// The numbers of true and predicted labels differ, or a label is not one of the classes.
    pub fn of_classes(
        classes: impl Into<Vec<u8>>,
        truth: impl AsRef<[u8]>,
        predicted: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        let classes = classes.into();
        let (truth, predicted) = (truth.as_ref(), predicted.as_ref());
        if truth.len() != predicted.len() {
            return Err(Error::LabelCount {
                what: "predicted labels",
                labels: predicted.len(),
                expected: truth.len(),
                places: "images",
            });
        }
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        for (image, (&row, &column)) in truth.iter().zip(predicted).enumerate() {
            let place = |label: u8| {
                let place = classes.iter().position(|&class| class == label);
                place.ok_or(Error::UnknownClass { label, image })
            };
            counts[place(row)?][place(column)?] += 1;
        }
        Ok(Self {
            classes,
            counts,
            names: ClassNames::default(),
            title: String::new(),
            y_label: Y_LABEL.to_owned(),
        })
    }

    /// Names the classes, in the order of their labels (not of the rows). A class without a name has
    /// its number.
    #[must_use]
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = ClassNames::new(names);
        self
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The accuracy: the share of images whose predicted label is the true one; NaN without images.
    pub fn accuracy(&self) -> f64 {
        let places = 0..self.classes.len();
        let right: u64 = places.map(|place| self.counts[place][place]).sum();
        let all: u64 = self.counts.iter().flatten().sum();
        right as f64 / all as f64
    }

    /// Sets the title of the y axis; the default is `true label`.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// The counts: `[true label][predicted label]`.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// The classes, in the order of the rows and columns.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Draws the matrix on an area of any plotters backend, as large as fits. Fill the area with
    /// white first.
    ///
    /// The font is the backend's for [`FontFamily::SansSerif`](plotters::style::FontFamily).
    pub fn draw_on<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let layout = self.layout();
        let sheet = Sheet::new(area, layout.size);
        let (mut x, mut y) = (
            Axis::categories(&layout.names, layout.step),
            Axis::categories(&layout.names, layout.step).reversed(),
        );
        let mut sizes = (sheet.left_of(&y, Y_LABEL), below(X_LABEL));
        if let Some(small) = &layout.small {
            let names = layout.names.iter().map(String::as_str);
            sizes = small.sizes(sheet.widest(names, small.style));
            (x, y) = (x.without_ticks(), y.without_ticks());
        }
        let (left, bottom) = sizes;
        let sheet = sheet.below_title(&self.title, left)?;
        let (width, height) = sheet.size();
        let side = (height - bottom).min(width - left).min(layout.side);
        let sheet = sheet.part(0.0, 0.0, left + side, side + bottom);
        let chart = sheet.axes(sizes, (x, X_LABEL), (y, &self.y_label))?;
        if let Some(Small { style, upwards }) = layout.small {
            let cell = side / layout.names.len() as f64;
            for (index, name) in layout.names.iter().enumerate().step_by(layout.step) {
                let middle = (index as f64 + 0.5) * cell;
                let anchor = (HPos::Right, VPos::Center);
                sheet.text(name, style, anchor, (left - TO_LABELS, middle))?;
                let end = (left + middle, side + TO_LABELS);
                if upwards {
                    sheet.upwards_text(name, style, HPos::Right, end)?;
                } else {
                    sheet.text(name, style, (HPos::Center, VPos::Top), end)?;
                }
            }
        }
        let area = chart.plotting_area();
        if self.classes.len() > GUIDED {
            let count = self.classes.len();
            let end = count as f64;
            for place in (10..count).step_by(10).map(|place| place as f64) {
                for line in [[(place, 0.0), (place, end)], [(0.0, place), (end, place)]] {
                    area.draw(&PathElement::new(line, sheet.stroke(PALE, 1.0)))?;
                }
            }
        }
        for (row, counts) in (0..).zip(&self.counts) {
            let row = f64::from(row);
            let all = counts.iter().sum::<u64>().max(1);
            for (column, &count) in (0..).zip(counts) {
                // The white cells of many classes would be most of an SVG.
                if count == 0 && counts.len() > 10 {
                    continue;
                }
                let column = f64::from(column);
                let share = count as f32 / all as f32;
                let corners = [(column, row), (column + 1.0, row + 1.0)];
                area.draw(&Rectangle::new(corners, rgb(shade(share)).filled()))?;
                if let (Some(mut style), true) = (layout.counts, count > 0) {
                    if share > 0.5 {
                        style.colour = WHITE;
                    }
                    let style = sheet.style(style, (HPos::Center, VPos::Center));
                    let middle = (column + 0.5, row + 0.5);
                    area.draw(&Text::new(count.to_string(), middle, style))?;
                }
            }
        }
        Ok(())
    }

    fn layout(&self) -> Layout {
        let count = self.classes.len().max(1) as f64;
        let side = (CELL * count).clamp(SIDE, LARGEST);
        let cell = side / count;
        let tick = TextStyle::TICK;
        let shortened = |style: TextStyle| -> Vec<String> {
            let width = |text: &str| f64::from(style.width(text));
            let names = self.classes.iter().map(|&label| self.names.name(label));
            names.map(|name| shortened(&name, NAME, width)).collect()
        };
        let mut names = shortened(tick);
        let widest = f64::from(tick.widest(&names));
        // The space for a name in both directions.
        let needed = (widest + 8.0).max(1.3 * f64::from(tick.size));
        let (step, small) = if needed <= cell {
            (1, None)
        } else if self.names.are_numbers(&self.classes) {
            let steps = [1, 2, 5, 10, 20, 50].into_iter();
            let mut fitting = steps.filter(|&step| f64::from(step) * cell >= needed);
            (fitting.next().unwrap_or(100) as usize, None)
        } else {
            let step = (SMALLEST / (0.9 * cell)).ceil().max(1.0);
            let pitch = cell * step;
            let high = (0.9 * pitch).min(tick.size.into());
            // Names that are nearly narrow enough are smaller instead of upwards.
            let wide = f64::from(tick.size) * (pitch - 1.0) / widest;
            let upwards = wide < SMALLEST.max(0.75 * high);
            let size = if upwards { high } else { high.min(wide) };
            let style = TextStyle {
                size: size as f32,
                ..tick
            };
            names = shortened(style);
            (step as usize, Some(Small { style, upwards }))
        };
        let (left, bottom) = match &small {
            None => (beside(widest, Y_LABEL), below(X_LABEL)),
            Some(small) => small.sizes(small.style.widest(&names).into()),
        };
        // Widths in the units of a backend are rounded up.
        let left = LEFT.max(left.ceil() + 1.0);
        Layout {
            side,
            size: (side + left, TITLE + side + bottom),
            names,
            step,
            small,
            counts: self.count_style(cell),
        }
    }

    /// The style of counts; `None` if they do not fit into cells of this side.
    fn count_style(&self, cell: f64) -> Option<TextStyle> {
        let full = TextStyle::LABEL;
        let counts: Vec<String> = self.counts.iter().flatten().map(u64::to_string).collect();
        let widest = f64::from(full.widest(&counts));
        let size = f64::from(full.size);
        let fitting = (size * (cell - 4.0) / widest.max(1.0)).min(0.6 * cell);
        (fitting >= SMALLEST).then(|| TextStyle {
            size: fitting.min(size) as f32,
            ..full
        })
    }

    fn draw(&self) -> Result<Canvas, Error> {
        record(self.layout().size, |area| self.draw_on(area))
    }
}

struct Layout {
    /// The side of all cells together, in pixels.
    side: f64,
    /// The width and the height at the natural size.
    size: (f64, f64),
    /// The names of the classes, shortened.
    names: Vec<String>,
    /// The distance between two classes whose names are drawn.
    step: usize,
    /// `None` for names of the usual size at ticks.
    small: Option<Small>,
    /// The style of counts; `None` if they do not fit.
    counts: Option<TextStyle>,
}

/// Names that are too long or too many for ticks.
struct Small {
    style: TextStyle,
    /// Whether those at the x axis read upwards.
    upwards: bool,
}

impl Small {
    /// The width of the y axis and the height of the x axis.
    fn sizes(&self, widest: f64) -> (f64, f64) {
        let size = f64::from(self.style.size);
        let bottom = if self.upwards { widest.max(size) } else { size };
        (
            beside(widest, Y_LABEL).ceil(),
            beside(bottom, X_LABEL).ceil(),
        )
    }
}

/// A colour between white and [`FULL`], steep at first so that a few errors are visible.
fn shade(share: f32) -> Colour {
    let depth = share.clamp(0.0, 1.0).powf(0.6);
    std::array::from_fn(|i| {
        let (white, full) = (f32::from(WHITE[i]), f32::from(FULL[i]));
        (white + depth * (full - white)).round() as u8
    })
}

impl Picture for ConfusionMatrix {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw()?.png(),
            Format::Svg => self.draw()?.svg(),
            Format::Npy => {
                let counts = self.counts.iter().flatten();
                let bytes = counts.flat_map(|&count| count.cast_signed().to_le_bytes());
                let size = self.classes.len();
                Ok(npy("<i8", &[size, size], bytes))
            }
        }
    }
}
