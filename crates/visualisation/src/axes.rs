//! Axes of charts: the range of the data, and ticks with labels that do not overlap.

use std::ops::Range;

use plotters::coord::{
    ranged1d::{
        BoldPoints, KeyPointHint, KeyPointWeight, NoDefaultFormatting, Ranged, ValueFormatter,
    },
    types::RangedCoordf64,
};

use crate::number::multiple;

/// Whether a number can be drawn in a chart: NaN, infinite and nearly infinite numbers cannot.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.abs() < 1e100
}

/// The minimum and the maximum of the numbers that can be drawn.
pub(crate) fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|&value| is_drawable(value))
        .fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        })
}

/// The range with padding on both sides; never empty.
pub(crate) fn padded(range: Option<(f64, f64)>) -> (f64, f64) {
    let (low, high) = range.unwrap_or((0.0, 1.0));
    let largest = low.abs().max(high.abs());
    let padding = if high - low > (1e-9 * largest).max(1e-100) {
        0.05 * (high - low)
    } else {
        (0.05 * largest).max(0.5)
    };
    (low - padding, high + padding)
}

/// A linear axis: plotters' coordinates and key points, with as many ticks as fit.
///
/// plotters does not check labels for overlap, and compares with `f64::EPSILON` at every scale.
/// Therefore the ticks are chosen here, and coordinates are in units of a power of ten for which
/// the range is 1 to 10 units long.
#[derive(Clone)]
pub(crate) struct Axis {
    range: RangedCoordf64,
    unit: f64,
    ticks: Vec<(f64, String)>,
    /// Whether the grid has a line at each tick.
    pub(crate) has_mesh: bool,
}

impl Axis {
    /// Creates an axis of `length` pixels over a range that is not empty. `room` is the number of
    /// pixels that the widest of some labels needs along the axis; `whole` excludes ticks at
    /// fractions.
    pub(crate) fn new(
        (low, high): (f64, f64),
        whole: bool,
        length: f64,
        room: impl Fn(&[(f64, String)]) -> f64,
    ) -> Self {
        // The last bits of a logarithm and of a power differ between systems: no tick at an end of the range depends on
        // them.
        const ROUNDING: f64 = 1e-9;
        let power = ((high - low).log10() + ROUNDING).floor() as i32;
        let unit = 10f64.powi(power);
        let (start, end) = (low / unit, high / unit);
        let range = RangedCoordf64::from(start..end);
        let slack = ROUNDING * (end - start);
        let widened = RangedCoordf64::from(start - slack..end + slack);
        let most = ((length / 55.0) as usize).clamp(1, 9);
        let ticks = (1..=most).rev().find_map(|most| {
            let places = widened.key_points(BoldPoints(most));
            let ticks = labelled(&places, power);
            let is_whole = |&(value, _): &(f64, String)| (value - value.round()).abs() < 1e-6;
            let pitch = match places[..] {
                [first, second, ..] => length * (second - first) * unit / (high - low),
                _ => f64::INFINITY,
            };
            ((!whole || ticks.iter().all(is_whole)) && room(&ticks) <= pitch).then_some(ticks)
        });
        Self {
            range,
            unit,
            ticks: ticks.unwrap_or_default(),
            has_mesh: true,
        }
    }

    /// Creates an axis of segments of length 1; every `step`-th has its label at its centre.
    pub(crate) fn categories(labels: &[String], step: usize) -> Self {
        let ticks = (0..).zip(labels).step_by(step);
        Self {
            range: RangedCoordf64::from(0.0..labels.len() as f64),
            unit: 1.0,
            ticks: ticks
                .map(|(place, label)| (f64::from(place) + 0.5, label.clone()))
                .collect(),
            has_mesh: false,
        }
    }

    /// Removes the ticks, whose labels are drawn otherwise.
    pub(crate) fn without_ticks(self) -> Self {
        Self {
            ticks: Vec::new(),
            ..self
        }
    }

    /// Reverses the direction of the axis.
    pub(crate) fn reversed(self) -> Self {
        let Range { start, end } = self.range.range();
        Self {
            range: RangedCoordf64::from(end..start),
            ..self
        }
    }

    /// The values of the ticks and their labels.
    pub(crate) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

/// The values and labels of ticks at these multiples of ten to the `power`.
fn labelled(places: &[f64], power: i32) -> Vec<(f64, String)> {
    // The largest power of ten that divides all ticks.
    let is_multiple = |place: &f64, power: i32| {
        let count = place / 10f64.powi(power);
        (count - count.round()).abs() < 1e-3
    };
    let step = (-3..=1)
        .rev()
        .find(|&step| places.iter().all(|place| is_multiple(place, step)))
        .unwrap_or(-3);
    let values = places.iter().map(|place| place * 10f64.powi(power));
    values
        .map(|value| (value, multiple(value, power + step)))
        .collect()
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limits: (i32, i32)) -> i32 {
        self.range.map(&(value / self.unit), limits)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight() {
            KeyPointWeight::Bold => self.ticks.iter().map(|&(value, _)| value).collect(),
            // There is no finer grid.
            KeyPointWeight::Any => Vec::new(),
        }
    }

    fn range(&self) -> Range<f64> {
        let Range { start, end } = self.range.range();
        start * self.unit..end * self.unit
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| tick == value);
        tick.map_or_else(|| value.to_string(), |(_, label)| label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, length: f64, whole: bool) -> Vec<String> {
        let axis = Axis::new((low, high), whole, length, |_| 0.0);
        axis.ticks()
            .iter()
            .map(|(_, label)| label.clone())
            .collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            labels(150.2, 160.9, 400.0, false),
            ["152", "154", "156", "158", "160"]
        );
        assert_eq!(
            labels(-0.31, 0.31, 400.0, false),
            ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"]
        );
        assert_eq!(labels(0.5, 1.5, 900.0, true), ["1"]);
        assert_eq!(labels(0.9, 5.1, 900.0, true), ["1", "2", "3", "4", "5"]);
        assert_eq!(
            labels(0.0, 30_000.0, 240.0, false),
            ["0", "10,000", "20,000", "30,000"]
        );
        assert_eq!(
            labels(0.0, 3e-7, 240.0, false),
            ["0", "1e−7", "2e−7", "3e−7"]
        );
        assert_eq!(
            labels(0.0, 2e7, 300.0, false),
            ["0", "5e6", "1.0e7", "1.5e7", "2.0e7"]
        );
    }

    #[test]
    fn ticks_have_their_properties_at_every_scale() {
        for power in (-99..99).chain([-320]) {
            for offset in [-1.5, 0.0, 0.3, 700.0, 1e8] {
                let scale = 10f64.powi(power);
                let (low, high) = padded(Some((offset * scale, (offset + 1.7) * scale)));
                let axis = Axis::new((low, high), false, 400.0, |_| 0.0);
                let ticks = axis.ticks();
                assert!((2..=7).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
                for pair in ticks.windows(2) {
                    assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{ticks:?}");
                }
                let slack = 1e-5 * (high - low);
                let outside = |tick: f64| tick < low - slack || tick > high + slack;
                assert!(!ticks.iter().any(|&(tick, _)| outside(tick)), "{ticks:?}");
                for (tick, end) in [(low, 0), (high, 64_000)] {
                    assert!((axis.map(&tick, (0, 64_000)) - end).abs() <= 1);
                }
            }
        }
    }

    #[test]
    fn tick_labels_do_not_overlap() {
        for length in [0.0, 1.0, 30.0, 200.0, 400.0, 900.0] {
            let axis = Axis::new((0.0, 0.7), false, length, |_| 100.0);
            let places: Vec<i32> = axis
                .ticks()
                .iter()
                .map(|(tick, _)| axis.map(tick, (0, length as i32)))
                .collect();
            assert!(
                places.windows(2).all(|pair| pair[1] - pair[0] >= 99),
                "{places:?}"
            );
            assert!(length < 200.0 || places.len() >= 2, "{places:?}");
        }
    }

    #[test]
    fn ranges_are_never_empty() {
        for range in [
            None,
            Some((0.0, 0.0)),
            Some((155.9, 155.9)),
            Some((0.0, f64::MIN_POSITIVE)),
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
