use crate::{
    Error, Format, Picture,
    canvas::{Anchor, Canvas, TextStyle},
    format::npy,
    palette::{Colour, WHITE},
};

/// The side of a cell, in pixels.
const CELL: usize = 84;
const CLASSES: usize = 10;
/// What a cell is coloured that all images of its row are in: dark enough for white text.
const FULL: Colour = [0x1f, 0x4e, 0x8c];

/// How often each digit was taken for each: a row for what an image shows, a column for what it was
/// taken for.
///
/// The colour of a cell is its share of its row. Saved as `.npy`, it is the counts as `int64 [10, 10]`.
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
    counts: [[u64; CLASSES]; CLASSES],
    title: String,
}

impl ConfusionMatrix {
    /// Counts what images show, digits from 0 to 9, against what they were taken for.
    pub fn new(shown: impl AsRef<[u8]>, taken_for: impl AsRef<[u8]>) -> Result<Self, Error> {
        let (shown, taken_for) = (shown.as_ref(), taken_for.as_ref());
        if shown.len() != taken_for.len() {
            return Err(Error::LabelCount {
                what: "digits that images were taken for",
                labels: taken_for.len(),
                expected: shown.len(),
                places: "images",
            });
        }
        let mut counts = [[0; CLASSES]; CLASSES];
        for (point, (&row, &column)) in shown.iter().zip(taken_for).enumerate() {
            let label = row.max(column);
            if usize::from(label) >= CLASSES {
                return Err(Error::NotADigit { label, point });
            }
            counts[usize::from(row)][usize::from(column)] += 1;
        }
        Ok(Self {
            counts,
            title: String::new(),
        })
    }

    /// A line above everything.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// The share of images that were taken for what they show; NaN if there are none.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..CLASSES).map(|digit| self.counts[digit][digit]).sum();
        let all: u64 = self.counts.iter().flatten().sum();
        right as f64 / all as f64
    }

    /// The counts: `[shown][taken for]`.
    pub fn counts(&self) -> &[[u64; CLASSES]; CLASSES] {
        &self.counts
    }

    fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        let side = CELL * CLASSES;
        let shares = self.counts.map(|row| {
            let all = row.iter().sum::<u64>().max(1) as f32;
            row.map(|count| count as f32 / all)
        });
        // One image without seams, which viewers of SVG would show between many.
        let pixels = (0..side * side)
            .map(|index| shade(shares[index / side / CELL][index % side / CELL]))
            .collect();
        canvas.image((0.0, 0.0), side, pixels);

        let middle = |place: usize| (place * CELL + CELL / 2) as f32;
        for (row, (counts, shares)) in self.counts.iter().zip(&shares).enumerate() {
            let y = middle(row) + TextStyle::LABEL.drop();
            for (column, (count, &share)) in counts.iter().zip(shares).enumerate() {
                let mut style = TextStyle::LABEL;
                if share > 0.5 {
                    style = style.coloured(WHITE);
                }
                if *count > 0 {
                    canvas.text(
                        &count.to_string(),
                        style,
                        Anchor::Middle,
                        (middle(column), y),
                    );
                }
            }
            let digit = row.to_string();
            canvas.text(&digit, TextStyle::LABEL, Anchor::End, (-16.0, y));
            let below = (middle(row), side as f32 + 34.0);
            canvas.text(&digit, TextStyle::LABEL, Anchor::Middle, below);
        }
        let half = side as f32 / 2.0;
        let below = (half, side as f32 + 72.0);
        canvas.text("taken for", TextStyle::LABEL, Anchor::Middle, below);
        canvas.upwards_text("shows", TextStyle::LABEL, (-52.0, half));
        if !self.title.is_empty() {
            canvas.text(&self.title, TextStyle::TITLE, Anchor::Start, (0.0, -24.0));
        }
        canvas
    }
}

/// From white to [`FULL`], fast at first: a few errors are what one looks for.
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
            Format::Png => self.draw().png(),
            Format::Svg => self.draw().svg(),
            Format::Npy => {
                let counts = self.counts.iter().flatten();
                let bytes = counts.flat_map(|&count| count.cast_signed().to_le_bytes());
                Ok(npy("<i8", &[CLASSES, CLASSES], bytes))
            }
        }
    }
}
