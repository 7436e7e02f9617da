use crate::{
    Error, Format, Picture,
    canvas::Canvas,
    format::npy,
    map_axes::{label, thinned, tick_names},
    palette::{ALARM, Colour, WHITE},
    shape::{Anchor, TextStyle},
};

const LABEL: TextStyle = TextStyle::LABEL;

/// The maximum width and height of a figure without labels, unless its images are larger. Wide
/// figures are preferred to high ones.
const WIDEST: usize = 1520;
const HIGHEST: usize = 1200;
/// The maximum magnification: the side of a drawn pixel.
const MAGNIFICATION: usize = 10;

/// A grid of grey images: samples, reconstructions, or the decoder's output over a latent plane.
///
/// Each pixel is drawn as a sharp square, as large as possible for a figure of about 1,200 pixels
/// in width. As `.npy`, the images are saved as `float32 [images, height, width]`, in their order.
///
/// ```
/// use latent_visualisation::ImageGrid;
///
/// // Two rows of three images of 2 × 2 pixels.
/// let grid = ImageGrid::new([0.5; 24], [6, 2, 2])?
///     .columns(3)
///     .title("Original and reconstruction")
///     .row_labels(["original", "reconstruction"]);
/// # Ok::<(), latent_visualisation::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageGrid {
    images: Vec<f32>,
    shape: [usize; 3],
    columns: usize,
    gap: Option<usize>,
    title: String,
    row_labels: Vec<String>,
    column_labels: Vec<String>,
    cell_titles: Vec<String>,
    axes: Option<[Axis; 2]>,
}

#[derive(Debug, Clone)]
struct Axis {
    name: String,
    values: Vec<f32>,
}

impl ImageGrid {
    /// Creates a grid of images `[images, height, width]`, row-major, from 0 (black) to 1 (white).
    /// Numbers beyond are clamped, and NaN is red, so that it is noticed.
    ///
    /// ```
    /// # use latent_visualisation::ImageGrid;
    /// let error = ImageGrid::new(vec![0.0; 100], [2, 7, 7]).unwrap_err();
    /// assert!(error.to_string().starts_with("100 pixels are not 2 images × 7 × 7"));
    /// ```
    pub fn new(images: impl Into<Vec<f32>>, shape: [usize; 3]) -> Result<Self, Error> {
        let images = images.into();
        let [count, height, width] = shape;
        if count
            .checked_mul(height)
            .and_then(|rows| rows.checked_mul(width))
            != Some(images.len())
        {
            return Err(Error::PixelCount {
                pixels: images.len(),
                images: count,
                height,
                width,
            });
        }
        Ok(Self {
            images,
            shape,
            columns: 10,
            gap: None,
            title: String::new(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            cell_titles: Vec::new(),
            axes: None,
        })
    }

    /// The images, `[images, height, width]`, row-major.
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// The number of images, and their height and width.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Sets the number of images in a row: at least 1, by default 10.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Sets the distance between images in pixels: by default 4, and 0 with [axes](Self::axes).
    #[must_use]
    pub fn gap(mut self, pixels: usize) -> Self {
        self.gap = Some(pixels);
        self
    }

    /// Sets the title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets a label for each row of images, from the first to the last.
    #[must_use]
    pub fn row_labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.row_labels = strings(labels);
        self
    }

    /// Sets a label for each column, from left to right.
    #[must_use]
    pub fn column_labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.column_labels = strings(labels);
        self
    }

    /// Sets a short text above each image, such as its label.
    #[must_use]
    pub fn cell_titles(mut self, titles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.cell_titles = strings(titles);
        self
    }

    /// Adds axes of a plane: the title of each axis and the coordinate of each column and of each
    /// row.
    ///
    /// The images are in the order `for y in y_values { for x in x_values { … } }`. The first row
    /// is at the bottom, so an ascending `y_values` increases upwards. This also sets the number of
    /// columns.
    #[must_use]
    pub fn axes(
        mut self,
        (x_name, x_values): (&str, &[f32]),
        (y_name, y_values): (&str, &[f32]),
    ) -> Self {
        self.axes = Some(
            [(x_name, x_values), (y_name, y_values)].map(|(name, values)| Axis {
                name: name.to_owned(),
                values: values.to_vec(),
            }),
        );
        self.columns(x_values.len())
    }

    fn check(&self, columns: usize, rows: usize) -> Result<(), Error> {
        let images = self.shape[0];
        let [x_values, y_values] = match &self.axes {
            Some(axes) => axes.each_ref().map(|axis| Some(axis.values.len())),
            None => [None; 2],
        };
        let given = |labels: &[String]| Some(labels.len()).filter(|&count| count > 0);
        for (what, labels, places, expected) in [
            ("row labels", given(&self.row_labels), "rows", rows),
            (
                "column labels",
                given(&self.column_labels),
                "columns",
                columns,
            ),
            ("cell titles", given(&self.cell_titles), "images", images),
            ("x values", x_values, "columns", columns),
            ("y values", y_values, "rows", rows),
        ] {
            if let Some(labels) = labels.filter(|&labels| labels != expected) {
                return Err(Error::LabelCount {
                    what,
                    labels,
                    expected,
                    places,
                });
            }
        }
        Ok(())
    }

    fn layout(&self) -> Result<Layout, Error> {
        let [count, height, width] = self.shape;
        let is_map = self.axes.is_some();
        let columns = if is_map && count > 0 {
            self.columns
        } else {
            self.columns.min(count)
        };
        let rows = count.div_ceil(columns.max(1));
        self.check(columns, rows)?;

        let gap = self.gap.unwrap_or(if is_map { 0 } else { 4 });
        let fits = |magnification: &usize| {
            columns * (width * magnification + gap) <= WIDEST
                && rows * (height * magnification + gap) <= HIGHEST
        };
        let magnification = (1..=MAGNIFICATION).rev().find(fits).unwrap_or(1);
        let cell = [width, height].map(|side| side * magnification);
        let widest = LABEL.widest(self.column_labels.iter().chain(&self.cell_titles));
        let label = if widest > 0.0 {
            widest.ceil() as usize + 10
        } else {
            0
        };
        let title = if self.cell_titles.is_empty() { 0 } else { 24 };
        Ok(Layout {
            columns,
            rows,
            magnification,
            cell,
            pitch: [(cell[0] + gap).max(label), cell[1] + gap + title],
            is_map,
        })
    }

    fn draw(&self) -> Result<Canvas, Error> {
        let layout = self.layout()?;
        let mut canvas = Canvas::default();
        self.draw_images(&mut canvas, &layout);

        let mut top = if self.cell_titles.is_empty() {
            -12.0
        } else {
            -36.0
        };
        for (column, label) in self.column_labels.iter().enumerate() {
            canvas.text(label, LABEL, Anchor::Middle, (layout.middle_x(column), top));
        }
        if !self.column_labels.is_empty() {
            top -= 32.0;
        }
        let mut left = 0.0;
        if let Some([x, y]) = &self.axes {
            let ticks = |axis: &Axis, middle: &dyn Fn(usize) -> f32| {
                let names = tick_names(&axis.values).into_iter().enumerate();
                let ticks = names.map(|(place, name)| (middle(place), name)).collect();
                thinned(ticks, |name| TextStyle::TICK.width(name))
            };
            let x_ticks = ticks(x, &|column| layout.middle_x(column));
            let y_ticks = ticks(y, &|row| layout.middle_y(row));
            let [x, y] = [(x, &x_ticks), (y, &y_ticks)]
                .map(|(axis, ticks)| (axis.name.as_str(), &ticks[..]));
            left = label(&mut canvas, layout.size(), x, y);
        }
        for (row, label) in self.row_labels.iter().enumerate() {
            let at = (left - 14.0, layout.middle_y(row) + LABEL.drop());
            canvas.text(label, LABEL, Anchor::End, at);
        }
        if !self.title.is_empty() {
            canvas.text(
                &self.title,
                TextStyle::TITLE,
                Anchor::Start,
                (0.0, top - 8.0),
            );
        }
        Ok(canvas)
    }

    fn draw_images(&self, canvas: &mut Canvas, layout: &Layout) {
        let Layout {
            columns,
            rows,
            cell,
            pitch,
            ..
        } = *layout;
        let count = self.shape[0];
        if pitch == cell {
            // A single image: SVG viewers would show seams between several.
            let image = |column, row| Some(layout.row(row) * columns + column);
            let image = |column, row| image(column, row).filter(|&index| index < count);
            let pixels = self.pixels(layout.magnification, columns, rows, image);
            canvas.image((0.0, 0.0), columns * cell[0], pixels);
            return;
        }
        for index in 0..count {
            let (column, row) = (index % columns, index / columns);
            let (middle, top) = (layout.middle_x(column), (layout.row(row) * pitch[1]) as f32);
            let corner = ((middle - cell[0] as f32 / 2.0).floor(), top);
            let pixels = self.pixels(layout.magnification, 1, 1, |_, _| Some(index));
            canvas.image(corner, cell[0], pixels);
            if let Some(title) = self.cell_titles.get(index) {
                canvas.text(title, LABEL, Anchor::Middle, (middle, top - 7.0));
            }
        }
    }

    /// The magnified pixels of adjacent images; `image` returns the index at a column and a row.
    fn pixels(
        &self,
        magnification: usize,
        columns: usize,
        rows: usize,
        image: impl Fn(usize, usize) -> Option<usize>,
    ) -> Vec<Colour> {
        let [_, height, width] = self.shape;
        let mut pixels = Vec::new();
        for y in 0..rows * height {
            let mut line = Vec::with_capacity(columns * width * magnification);
            for x in 0..columns * width {
                let index = image(x / width, y / height);
                let start = index.map(|index| (index * height + y % height) * width);
                let colour = start.map_or(WHITE, |start| grey(self.images[start + x % width]));
                line.extend([colour].repeat(magnification));
            }
            pixels.extend(line.repeat(magnification));
        }
        pixels
    }
}

/// Positions in the figure, in pixels.
struct Layout {
    columns: usize,
    rows: usize,
    magnification: usize,
    /// The width and the height of an image.
    cell: [usize; 2],
    /// The distance from one image to the next, horizontally and vertically.
    pitch: [usize; 2],
    /// Whether the first row is at the bottom.
    is_map: bool,
}

impl Layout {
    /// Converts between the index of a row of images and its position from the top.
    fn row(&self, row: usize) -> usize {
        if self.is_map {
            self.rows - 1 - row
        } else {
            row
        }
    }

    fn middle_x(&self, column: usize) -> f32 {
        (column * self.pitch[0]) as f32 + self.cell[0] as f32 / 2.0
    }

    fn middle_y(&self, row: usize) -> f32 {
        (self.row(row) * self.pitch[1]) as f32 + self.cell[1] as f32 / 2.0
    }

    /// The width and the height of all images with their gaps.
    fn size(&self) -> [f32; 2] {
        [(0, self.columns), (1, self.rows)].map(|(axis, places)| {
            (places.saturating_sub(1) * self.pitch[axis] + self.cell[axis]) as f32
        })
    }
}

impl Picture for ImageGrid {
    fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Png => self.draw()?.png(),
            Format::Svg => self.draw()?.svg(),
            Format::Npy => Ok(npy(
                "<f4",
                &self.shape,
                self.images.iter().copied().flat_map(f32::to_le_bytes),
            )),
        }
    }
}

fn strings(labels: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    labels.into_iter().map(Into::into).collect()
}

fn grey(value: f32) -> Colour {
    if value.is_nan() {
        ALARM
    } else {
        [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]
    }
}
