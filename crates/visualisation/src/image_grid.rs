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
/// Images are not reduced to a longer side below the first of these, or a shorter side below the
/// second: they would not be recognisable.
const REDUCED: [usize; 2] = [64, 16];
/// Column labels up to this width, or that of a column, do not read upwards.
const NARROW: f32 = 60.0;

/// The shape of the images of an [`ImageGrid`].
///
/// It converts from `[images, height, width]` for grey images and from
/// `[images, height, width, channels]` for 1 channel (grey) or 3 channels (red, green, blue).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridShape {
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl From<[usize; 3]> for GridShape {
    fn from([images, height, width]: [usize; 3]) -> Self {
        Self::from([images, height, width, 1])
    }
}

impl From<[usize; 4]> for GridShape {
    fn from([images, height, width, channels]: [usize; 4]) -> Self {
        Self {
            images,
            height,
            width,
            channels,
        }
    }
}

/// A grid of images: samples, reconstructions, or the decoder's output over a latent plane.
///
/// Each pixel is drawn as a sharp square, as large as possible for a figure of about 1,200 pixels
/// in width. Images of which a figure would be much wider or higher are drawn smaller: each drawn
/// pixel is the mean of a square of pixels. As `.npy`, all pixels are saved, as
/// `float32 [images, height, width]` or, for colour images, `float32 [images, height, width, 3]`, in
/// their order.
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
    shape: GridShape,
    /// The dimensions of the images as an array.
    dimensions: Vec<usize>,
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
    /// Creates a grid of images: grey ones `[images, height, width]`, from 0 (black) to 1 (white),
    /// or images of red, green and blue `[images, height, width, 3]`, row-major. Numbers beyond are
    /// clamped, and a pixel with NaN is red, so that it is noticed.
    ///
    /// ```
    /// # use latent_visualisation::ImageGrid;
    /// let error = ImageGrid::new(vec![0.0; 100], [2, 7, 7]).unwrap_err();
    /// assert!(error.to_string().starts_with("100 pixels are not 2 images × 7 × 7"));
    ///
    /// // One image of a red pixel above a blue one.
    /// let colour = ImageGrid::new([1.0, 0.0, 0.0, 0.0, 0.0, 1.0], [1, 2, 1, 3])?;
    /// assert_eq!(colour.shape(), [1, 2, 1, 3]);
    /// # Ok::<(), latent_visualisation::Error>(())
    /// ```
    ///
    /// # Errors
    /// The images have another number of channels than 1 or 3, or their number of values is not that
    /// of the shape.
    pub fn new(images: impl Into<Vec<f32>>, shape: impl Into<GridShape>) -> Result<Self, Error> {
        let (images, shape) = (images.into(), shape.into());
        let GridShape {
            images: count,
            height,
            width,
            channels,
        } = shape;
        if channels != 1 && channels != 3 {
            return Err(Error::Channels { channels });
        }
        let expected = [height, width, channels]
            .into_iter()
            .try_fold(count, usize::checked_mul);
        if expected != Some(images.len()) {
            return Err(Error::PixelCount {
                pixels: images.len(),
                images: count,
                height,
                width,
                channels,
            });
        }
        let mut dimensions = vec![count, height, width];
        dimensions.extend(Some(channels).filter(|&channels| channels > 1));
        Ok(Self {
            images,
            shape,
            dimensions,
            columns: 10,
            gap: None,
            title: String::new(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            cell_titles: Vec::new(),
            axes: None,
        })
    }

    /// The images, row-major, of the [shape](Self::shape).
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// `[images, height, width]` of grey images, `[images, height, width, 3]` of colour images.
    pub fn shape(&self) -> &[usize] {
        &self.dimensions
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

    /// Sets a label for each column, from left to right. If long labels would make the figure too wide,
    /// all read upwards.
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
        let images = self.shape.images;
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
        let GridShape {
            images: count,
            height,
            width,
            ..
        } = self.shape;
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
        let is_small = |reduction: &usize| {
            let [width, height] = [width, height].map(|side| side.div_ceil(*reduction));
            // Only figures far beyond the maximum lose pixels.
            let fits = 2 * columns * (width + gap) <= 3 * WIDEST
                && 2 * rows * (height + gap) <= 3 * HIGHEST;
            fits || width.max(height) <= REDUCED[0] || width.min(height) <= REDUCED[1]
        };
        let reduction = (1..=width.max(height)).find(is_small).unwrap_or(1);
        let cell = [width, height].map(|side| side.div_ceil(reduction) * magnification);
        let widest = LABEL.widest(&self.column_labels);
        let upwards = widest > NARROW.max(cell[0] as f32)
            && columns as f32 * (widest + 10.0) > 1.2 * WIDEST as f32;
        let columns_width = if upwards { LABEL.size } else { widest };
        let widest = LABEL.widest(&self.cell_titles).max(columns_width);
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
            reduction,
            upwards,
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
            let middle = layout.middle_x(column);
            if layout.upwards {
                let at = (middle + LABEL.drop(), top);
                canvas.upwards_text(label, LABEL, Anchor::Start, at);
            } else {
                canvas.text(label, LABEL, Anchor::Middle, (middle, top));
            }
        }
        if layout.upwards {
            top -= LABEL.widest(&self.column_labels).ceil() + 12.0;
        } else if !self.column_labels.is_empty() {
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
        let count = self.shape.images;
        if pitch == cell {
            // A single image: SVG viewers would show seams between several.
            let image = |column, row| Some(layout.row(row) * columns + column);
            let image = |column, row| image(column, row).filter(|&index| index < count);
            let pixels = self.pixels(layout, columns, rows, image);
            canvas.image((0.0, 0.0), columns * cell[0], pixels);
            return;
        }
        for index in 0..count {
            let (column, row) = (index % columns, index / columns);
            let (middle, top) = (layout.middle_x(column), (layout.row(row) * pitch[1]) as f32);
            let corner = ((middle - cell[0] as f32 / 2.0).floor(), top);
            let pixels = self.pixels(layout, 1, 1, |_, _| Some(index));
            canvas.image(corner, cell[0], pixels);
            if let Some(title) = self.cell_titles.get(index) {
                canvas.text(title, LABEL, Anchor::Middle, (middle, top - 7.0));
            }
        }
    }

    /// The magnified pixels of adjacent images; `image` returns the index at a column and a row.
    fn pixels(
        &self,
        layout: &Layout,
        columns: usize,
        rows: usize,
        image: impl Fn(usize, usize) -> Option<usize>,
    ) -> Vec<Colour> {
        let &Layout {
            magnification,
            reduction,
            cell,
            ..
        } = layout;
        let [width, height] = cell.map(|side| side / magnification);
        let mut pixels = Vec::new();
        for y in 0..rows * height {
            let mut line = Vec::with_capacity(columns * width * magnification);
            for x in 0..columns * width {
                let index = image(x / width, y / height);
                let colour = |index| self.colour(index, [x % width, y % height], reduction);
                line.extend([index.map_or(WHITE, colour)].repeat(magnification));
            }
            pixels.extend(line.repeat(magnification));
        }
        pixels
    }

    /// The colour of a drawn pixel: the mean of a square of pixels of an image with the side
    /// `reduction`.
    fn colour(&self, index: usize, [column, row]: [usize; 2], reduction: usize) -> Colour {
        let GridShape {
            height,
            width,
            channels,
            ..
        } = self.shape;
        let range = |place: usize, side: usize| {
            let start = place * reduction;
            start..(start + reduction).min(side)
        };
        let (mut sums, mut count) = ([0.0; 3], 0.0);
        for row in range(row, height) {
            for column in range(column, width) {
                let start = ((index * height + row) * width + column) * channels;
                let pixel = &self.images[start..start + channels];
                for (sum, value) in sums.iter_mut().zip(pixel.iter().cycle()) {
                    *sum += value.clamp(0.0, 1.0);
                }
                count += 1.0;
            }
        }
        // The sum with a NaN is NaN.
        if sums.iter().any(|sum| sum.is_nan()) {
            return ALARM;
        }
        sums.map(|sum: f32| (sum / count * 255.0).round() as u8)
    }
}

/// Positions in the figure, in pixels.
struct Layout {
    columns: usize,
    rows: usize,
    magnification: usize,
    /// The side of the square of pixels of which each drawn pixel is the mean.
    reduction: usize,
    /// Whether column labels read upwards.
    upwards: bool,
    /// The width and the height of a drawn image.
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
                &self.dimensions,
                self.images.iter().copied().flat_map(f32::to_le_bytes),
            )),
        }
    }
}

fn strings(labels: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    labels.into_iter().map(Into::into).collect()
}
