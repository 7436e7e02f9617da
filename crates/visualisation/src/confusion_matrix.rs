use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::{Rectangle, Text},
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
    chart::{Drawn, Sheet, TITLE, below, rgb},
    format::npy,
    palette::{Colour, WHITE},
    shape::TextStyle,
};

/// The side of all cells together, in pixels, for any number of classes.
const SIDE: f64 = 840.0;
/// The width and the height at the natural size.
const SIZE: (f64, f64) = (SIDE + 80.0, TITLE + SIDE + below(X_LABEL));
const X_LABEL: &str = "predicted label";
const Y_LABEL: &str = "true label";
/// The colour of a cell with all images of its row: dark enough for white text.
const FULL: Colour = [0x1f, 0x4e, 0x8c];

/// The confusion matrix of a classifier: a row for each true label, a column for each predicted
/// one.
///
/// The colour of a cell is its share of its row. As `.npy`, it is saved as counts,
/// `int64 [classes, classes]`.
///
/// ```
/// use latent_visualisation::ConfusionMatrix;
///
/// let matrix = ConfusionMatrix::new([7, 3, 3], [7, 3, 8])?.title("Test images");
/// assert!((matrix.accuracy() - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConfusionMatrix {
    classes: Vec<u8>,
    counts: Vec<Vec<u64>>,
    title: String,
}

impl ConfusionMatrix {
    /// Counts pairs of a true and a predicted label, both from 0 to 9, one pair for each image.
    ///
    /// # Errors
    /// The numbers of true and predicted labels differ, or a label is above 9.
    pub fn new(truth: impl AsRef<[u8]>, predicted: impl AsRef<[u8]>) -> Result<Self, Error> {
        let digits: Vec<u8> = (0..=9).collect();
        Self::of_classes(digits, truth, predicted)
    }

    /// Creates a matrix for images of these classes only, with rows and columns in their order.
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
        for (point, (&row, &column)) in truth.iter().zip(predicted).enumerate() {
            let place = |label: u8| {
                let place = classes.iter().position(|&class| class == label);
                place.ok_or(Error::NotADigit { label, point })
            };
            counts[place(row)?][place(column)?] += 1;
        }
        Ok(Self {
            classes,
            counts,
            title: String::new(),
        })
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
        let sheet = Sheet::new(area, SIZE);
        let digits: Vec<String> = self.classes.iter().map(u8::to_string).collect();
        let (x, y) = (
            Axis::categories(&digits),
            Axis::categories(&digits).reversed(),
        );
        let left = sheet.left_of(&y, Y_LABEL);
        let sheet = sheet.below_title(&self.title, left)?;
        let (width, height) = sheet.size();
        let side = (height - below(X_LABEL)).min(width - left).min(SIDE);
        let sheet = sheet.part(0.0, 0.0, left + side, side + below(X_LABEL));
        let chart = sheet.axes(left, (x, X_LABEL), (y, Y_LABEL))?;
        let area = chart.plotting_area();
        for (row, counts) in (0..).zip(&self.counts) {
            let row = f64::from(row);
            let all = counts.iter().sum::<u64>().max(1);
            for (column, &count) in (0..).zip(counts) {
                let column = f64::from(column);
                let share = count as f32 / all as f32;
                let corners = [(column, row), (column + 1.0, row + 1.0)];
                area.draw(&Rectangle::new(corners, rgb(shade(share)).filled()))?;
                let mut style = TextStyle::LABEL;
                if share > 0.5 {
                    style.colour = WHITE;
                }
                if count > 0 {
                    let style = sheet.style(style, (HPos::Center, VPos::Center));
                    let middle = (column + 0.5, row + 0.5);
                    area.draw(&Text::new(count.to_string(), middle, style))?;
                }
            }
        }
        Ok(())
    }

    fn draw(&self) -> Result<Canvas, Error> {
        record(SIZE, |area| self.draw_on(area))
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
