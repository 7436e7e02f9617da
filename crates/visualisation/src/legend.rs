//! The legend of classes of a scatter plot: colours, numbers and names in one or several columns.

use plotters::style::{
    Color as _,
    text_anchor::{HPos, VPos},
};
use plotters_backend::DrawingBackend;

use crate::{
    chart::{Drawn, Sheet, rgb},
    names::{ClassNames, shortened},
    palette::class_colour,
    shape::TextStyle,
};

/// The smallest width: that of ten digits.
const NARROWEST: f64 = 72.0;
/// The distance from the chart to the first column.
const LEFT: f64 = 28.0;
/// The height of the title, down to the middle of the first row.
const TOP: f64 = 48.0;
/// The distance from the middle of a colour to its number or name.
const TO_TEXT: f64 = 20.0;
/// The distance from a number to its name.
const TO_NAME: f64 = 9.0;
/// The distance between two columns.
const GAP: f64 = 26.0;

/// The size of an entry.
struct Size {
    pitch: f64,
    radius: f64,
    text: f32,
    /// The maximum number of columns of this size.
    columns: usize,
    /// The maximum width of a name.
    name: f64,
}

/// Many entries are small.
static SIZES: [Size; 3] = [
    Size {
        pitch: 34.0,
        radius: 9.0,
        text: TextStyle::LABEL.size,
        columns: 1,
        name: 200.0,
    },
    Size {
        pitch: 26.0,
        radius: 8.0,
        text: 17.0,
        columns: 2,
        name: 170.0,
    },
    Size {
        pitch: 21.0,
        radius: 6.5,
        text: 14.0,
        columns: usize::MAX,
        name: 140.0,
    },
];

/// The layout of a legend.
pub(crate) struct Legend {
    entries: Vec<Entry>,
    size: &'static Size,
    rows: usize,
    /// The width of the numbers with their distance to the names.
    numbers: f64,
    /// The distance from one column to the next.
    pitch: f64,
    /// The width of all columns, with the distance to the chart.
    pub(crate) width: f64,
}

struct Entry {
    label: u8,
    /// The number of the class, if the name does not contain it.
    number: Option<String>,
    name: String,
}

impl Legend {
    /// The legend of these classes, with numbers if `numbered`, beside a chart of this height.
    pub(crate) fn new(labels: &[u8], names: &ClassNames, numbered: bool, height: f64) -> Self {
        let rows = |size: &Size| (((height - TOP) / size.pitch + 0.5) as usize).max(1);
        let fits = |size: &&Size| labels.len().div_ceil(rows(size)) <= size.columns;
        let size = SIZES.iter().find(fits).unwrap_or(&SIZES[2]);
        let columns = labels.len().div_ceil(rows(size)).max(1);
        let style = size.style();
        let width = |text: &str| f64::from(style.width(text));
        let entries: Vec<Entry> = labels
            .iter()
            .map(|&label| Entry {
                label,
                number: numbered.then(|| label.to_string()),
                name: shortened(&names.name(label), size.name, width),
            })
            .collect();
        let numbers = entries.iter().filter_map(|entry| entry.number.as_deref());
        let numbers = numbers
            .map(|text| width(text) + TO_NAME)
            .fold(0.0, f64::max);
        let widest = entries.iter().map(|entry| width(&entry.name));
        let column = size.radius + 1.0 + TO_TEXT + numbers + widest.fold(0.0, f64::max);
        let pitch = (column + GAP).ceil();
        Self {
            rows: labels.len().div_ceil(columns),
            size,
            numbers,
            pitch,
            width: NARROWEST.max(LEFT + pitch * columns as f64 - GAP),
            entries,
        }
    }

    pub(crate) fn draw<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Drawn<B> {
        let &Self {
            size,
            rows,
            numbers,
            pitch,
            ..
        } = self;
        let style = size.style();
        let anchor = (HPos::Left, VPos::Center);
        sheet.text("label", TextStyle::TICK, anchor, (LEFT, 12.0))?;
        for (index, entry) in self.entries.iter().enumerate() {
            let x = LEFT + size.radius + 1.0 + pitch * (index / rows) as f64;
            let y = TOP + size.pitch * (index % rows) as f64;
            let centre = (sheet.units(x), sheet.units(y));
            let colour = rgb(class_colour(entry.label)).mix(1.0);
            sheet.disc(&sheet.area, centre, size.radius, colour)?;
            let x = x + TO_TEXT;
            if let Some(number) = &entry.number {
                let style = TextStyle {
                    colour: TextStyle::TICK.colour,
                    ..style
                };
                let end = (x + numbers - TO_NAME, y);
                sheet.text(number, style, (HPos::Right, VPos::Center), end)?;
            }
            // Another backend may have a wider font.
            let space = pitch - GAP / 2.0 - size.radius - 1.0 - TO_TEXT - numbers;
            let name = sheet.shortened(&entry.name, space, style);
            sheet.text(&name, style, anchor, (x + numbers, y))?;
        }
        Ok(())
    }
}

impl Size {
    fn style(&self) -> TextStyle {
        TextStyle {
            size: self.text,
            ..TextStyle::LABEL
        }
    }
}
