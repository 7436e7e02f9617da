//! Axes: round numbers to put beside them, and the lines and names around a plot.

use crate::{
    canvas::{Anchor, Canvas, Point, TextStyle},
    palette::{GREY, PALE},
};

/// About how many ticks an axis of this length, in pixels, has room for and needs.
fn wanted_ticks(length: f32) -> usize {
    (length as usize / 80).min(7)
}

/// Where a tick is, in pixels along its axis, and what it says.
pub(crate) type Tick = (f32, String);

/// Whether a number can have a place in a plot: infinite and nearly infinite ones cannot.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.abs() < 1e100
}

/// The lowest and the highest of some numbers, those apart that cannot be drawn.
pub(crate) fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|&value| is_drawable(value))
        .fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        })
}

/// A range with a little air on both sides, wider than nothing even where all numbers are equal.
pub(crate) fn padded(range: Option<(f64, f64)>) -> (f64, f64) {
    let (low, high) = range.unwrap_or((0.0, 1.0));
    let largest = low.abs().max(high.abs());
    let padding = if high - low > 1e-9 * largest {
        0.05 * (high - low)
    } else {
        (0.05 * largest).max(0.5)
    };
    (low - padding, high + padding)
}

/// Multiples of 1, 2 or 5 times a power of ten between two numbers, about as many as are `wanted`,
/// with their names. `whole`: no fractions.
pub(crate) fn ticks(low: f64, high: f64, wanted: usize, whole: bool) -> Vec<(f64, String)> {
    let rough = (high - low) / wanted.max(1) as f64;
    let mut power = rough.log10().floor() as i32;
    let mut digit = rough / 10f64.powi(power);
    // A few ticks more than asked for are better than half as many.
    digit = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|round| digit <= 1.4 * round)
        .unwrap_or(10.0);
    if digit >= 10.0 {
        (digit, power) = (1.0, power + 1);
    }
    if whole && power < 0 {
        (digit, power) = (1.0, 0);
    }
    let step = digit * 10f64.powi(power);
    let [first, last] = [(low / step - 1e-6).ceil(), (high / step + 1e-6).floor()];
    (first as i64..=last as i64)
        .map(|count| {
            let value = count as f64 * step;
            (value, name(value, power))
        })
        .collect()
}

/// The name of a multiple of ten to the `power`.
fn name(value: f64, power: i32) -> String {
    if (-6..6).contains(&power) {
        return number(value, -power.min(0) as usize);
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (value.abs().log10() + 1e-9).floor() as i32 - power;
    format!("{value:.*e}", digits.max(0) as usize).replace('-', "−")
}

/// A number as people write it: `−0.5`, `1300`, `12,000`; never `-0`.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let point = digits.find('.').unwrap_or(digits.len());
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut text = String::from(if value < 0.0 && !is_zero { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if point > 4 && place > 0 && place < point && (point - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The part of the canvas in which data are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Area {
    /// Writes ticks and names below and left of the area, and returns the x where they begin.
    pub(crate) fn label(&self, canvas: &mut Canvas, x: (&str, &[Tick]), y: (&str, &[Tick])) -> f32 {
        let style = TextStyle::TICK;
        let (middle, bottom) = (self.left + self.width / 2.0, self.top + self.height);
        for (at, text) in x.1 {
            canvas.text(text, style, Anchor::Middle, (*at, bottom + 26.0));
        }
        if !x.0.is_empty() {
            canvas.text(
                x.0,
                TextStyle::LABEL,
                Anchor::Middle,
                (middle, bottom + 58.0),
            );
        }
        for (at, text) in y.1 {
            canvas.text(
                text,
                style,
                Anchor::End,
                (self.left - 10.0, at + style.drop()),
            );
        }
        if !y.0.is_empty() {
            let column = self.left - left_of_area("", y.1) - 14.0;
            canvas.upwards_text(
                y.0,
                TextStyle::LABEL,
                (column, self.top + self.height / 2.0),
            );
        }
        self.left - left_of_area(y.0, y.1)
    }
}

/// How wide the labels of a y axis are.
fn left_of_area(name: &str, ticks: &[Tick]) -> f32 {
    let name = if name.is_empty() {
        0.0
    } else {
        14.0 + TextStyle::LABEL.size
    };
    10.0 + TextStyle::TICK.widest(ticks.iter().map(|(_, text)| text)) + name
}

/// Leaves out ticks, evenly, until what is left has room in a row.
pub(crate) fn thinned(ticks: Vec<Tick>, size: impl Fn(&str) -> f32) -> Vec<Tick> {
    let widest = ticks.iter().map(|(_, text)| size(text)).fold(0.0, f32::max);
    let pitch = ticks
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).abs())
        .fold(f32::MAX, f32::min);
    let every = ((widest + 10.0) / pitch).ceil().max(1.0) as usize;
    // The same number is left out before the first and after the last, as nearly as can be.
    let skipped = ticks.len().saturating_sub(1) % every / 2;
    ticks.into_iter().skip(skipped).step_by(every).collect()
}

/// An area with a scale along both sides.
pub(crate) struct Plot {
    pub(crate) area: Area,
    x: (f64, f64),
    y: (f64, f64),
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

impl Plot {
    /// `x` and `y` are the numbers at the ends of the sides.
    pub(crate) fn new(area: Area, x: (f64, f64), y: (f64, f64), whole_x: bool) -> Self {
        let mut plot = Self {
            area,
            x,
            y,
            x_ticks: Vec::new(),
            y_ticks: Vec::new(),
        };
        // Ticks at rounder numbers and further apart, until the longest label has room.
        let tries = (1..=wanted_ticks(area.width)).rev();
        for wanted in tries {
            let ticks = ticks(x.0, x.1, wanted, whole_x);
            let count = ticks.len();
            let ticks = ticks
                .into_iter()
                .map(|(value, text)| (plot.place(value, y.0).0, text));
            plot.x_ticks = thinned(ticks.collect(), |text| TextStyle::TICK.width(text) + 14.0);
            if plot.x_ticks.len() == count {
                break;
            }
        }
        let ticks = ticks(y.0, y.1, wanted_ticks(area.height), false).into_iter();
        plot.y_ticks = ticks
            .map(|(value, text)| (plot.place(x.0, value).1, text))
            .collect();
        plot
    }

    /// Moves everything to the right.
    pub(crate) fn move_right(&mut self, by: f32) {
        self.area.left += by;
        for (at, _) in &mut self.x_ticks {
            *at += by;
        }
    }

    /// Where on the canvas a pair of numbers is.
    pub(crate) fn place(&self, x: f64, y: f64) -> Point {
        let part = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)) as f32;
        (
            self.area.left + self.area.width * part(x, self.x),
            self.area.top + self.area.height * (1.0 - part(y, self.y)),
        )
    }

    /// How far the labels of the y axis reach to the left of the area.
    pub(crate) fn left_of_area(&self, y_name: &str) -> f32 {
        left_of_area(y_name, &self.y_ticks)
    }

    /// Draws the grid, the axes and their labels.
    pub(crate) fn draw(&self, canvas: &mut Canvas, x_name: &str, y_name: &str) {
        let Area {
            left,
            top,
            width,
            height,
        } = self.area;
        let (right, bottom) = (left + width, top + height);
        // Lines one pixel wide lie in the middle of a pixel.
        let crisp = |at: f32| at.floor() + 0.5;
        for (x, _) in &self.x_ticks {
            canvas.line(vec![(crisp(*x), top), (crisp(*x), bottom)], 1.0, PALE);
        }
        for (y, _) in &self.y_ticks {
            canvas.line(vec![(left, crisp(*y)), (right, crisp(*y))], 1.0, PALE);
        }
        let corner = (crisp(left), crisp(bottom));
        canvas.line(vec![(corner.0, top), corner, (right, corner.1)], 1.0, GREY);
        _ = self
            .area
            .label(canvas, (x_name, &self.x_ticks), (y_name, &self.y_ticks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(low: f64, high: f64, wanted: usize, whole: bool) -> Vec<String> {
        ticks(low, high, wanted, whole)
            .into_iter()
            .map(|(_, name)| name)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            names(150.2, 160.9, 6, false),
            ["152", "154", "156", "158", "160"]
        );
        assert_eq!(
            names(-0.31, 0.31, 6, false),
            ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(names(0.5, 1.5, 8, true), ["1"]);
        assert_eq!(names(0.9, 5.1, 10, true), ["1", "2", "3", "4", "5"]);
        assert_eq!(
            names(-1500.0, -1000.0, 3, false),
            ["−1400", "−1200", "−1000"]
        );
        assert_eq!(
            names(0.0, 30_000.0, 3, false),
            ["0", "10,000", "20,000", "30,000"]
        );
        assert_eq!(names(0.0, 3e-7, 3, false), ["0", "1e−7", "2e−7", "3e−7"]);
        assert_eq!(
            names(0.0, 2e7, 4, false),
            ["0", "5e6", "1.0e7", "1.5e7", "2.0e7"]
        );
    }

    #[test]
    fn ticks_keep_their_laws_on_every_scale() {
        for power in -90..90 {
            for offset in [-1.5, 0.0, 0.3, 700.0] {
                let scale = 10f64.powi(power);
                let (low, high) = padded(Some((offset * scale, (offset + 1.7) * scale)));
                let ticks = ticks(low, high, 7, false);
                assert!((2..=11).contains(&ticks.len()), "{ticks:?}");
                for pair in ticks.windows(2) {
                    assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{ticks:?}");
                }
                let outside =
                    |tick: &f64| *tick < low - 1e-5 * scale || *tick > high + 1e-5 * scale;
                assert!(!ticks.iter().any(|(tick, _)| outside(tick)), "{ticks:?}");
            }
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-1234.5, 1), "−1234.5");
        assert_eq!(number(-1_234_567.0, 0), "−1,234,567");
    }

    #[test]
    fn thinned_ticks_never_touch() {
        for count in 0..60 {
            for pitch in [3.0, 14.0, 56.0] {
                let all = (0..count)
                    .map(|i| (i as f32 * pitch, "−1.25".to_owned()))
                    .collect();
                let left = thinned(all, |_| 40.0);
                assert!(left.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 50.0));
                assert_eq!(left.is_empty(), count == 0);
            }
        }
    }

    #[test]
    fn ranges_are_never_empty() {
        for range in [
            None,
            Some((0.0, 0.0)),
            Some((155.9, 155.9)),
            Some((-1e99, 1e99)),
        ] {
            let (low, high) = padded(range);
            assert!(low < high && (high - low).is_finite());
        }
        assert_eq!(
            extremes([f64::NAN, 2.0, f64::INFINITY, 1.0].into_iter()),
            Some((1.0, 2.0))
        );
    }
}
