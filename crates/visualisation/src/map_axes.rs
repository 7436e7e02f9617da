//! The axis labels of an image grid over a plane.

use crate::{
    canvas::Canvas,
    number::number,
    shape::{Anchor, TextStyle},
};

/// The position of a tick along its axis, in pixels, and its label.
pub(crate) type Tick = (f32, String);

/// The title of an axis and its ticks.
pub(crate) type MapAxis<'a> = (&'a str, &'a [Tick]);

/// Draws ticks and titles below and to the left of a grid of this width and height, and returns the
/// x at which they start.
pub(crate) fn label(canvas: &mut Canvas, [width, height]: [f32; 2], x: MapAxis, y: MapAxis) -> f32 {
    let style = TextStyle::TICK;
    for (at, text) in x.1 {
        canvas.text(text, style, Anchor::Middle, (*at, height + 26.0));
    }
    if !x.0.is_empty() {
        let at = (width / 2.0, height + 58.0);
        canvas.text(x.0, TextStyle::LABEL, Anchor::Middle, at);
    }
    for (at, text) in y.1 {
        canvas.text(text, style, Anchor::End, (-10.0, at + style.drop()));
    }
    let left = -10.0 - style.widest(y.1.iter().map(|(_, text)| text));
    if y.0.is_empty() {
        return left;
    }
    let at = (left - 14.0, height / 2.0);
    canvas.upwards_text(y.0, TextStyle::LABEL, Anchor::Middle, at);
    left - 14.0 - TextStyle::LABEL.size
}

/// Removes ticks evenly until the remaining labels fit.
pub(crate) fn thinned(ticks: Vec<Tick>, size: impl Fn(&str) -> f32) -> Vec<Tick> {
    let widest = ticks.iter().map(|(_, text)| size(text)).fold(0.0, f32::max);
    let pitch = ticks
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).abs())
        .fold(f32::MAX, f32::min);
    let every = ((widest + 10.0) / pitch).ceil().max(1.0) as usize;
    // About as many are removed before the first as after the last.
    let skipped = ticks.len().saturating_sub(1) % every / 2;
    ticks.into_iter().skip(skipped).step_by(every).collect()
}

/// Coordinates with the fewest decimals that distinguish neighbours.
pub(crate) fn tick_names(values: &[f32]) -> Vec<String> {
    let steps = values.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let tolerance = 0.05 * f64::from(steps.filter(|&step| step > 0.0).fold(f32::MAX, f32::min));
    let is_close = |value: f64, decimals: i32| {
        let power = 10f64.powi(decimals);
        ((value * power).round() / power - value).abs() <= tolerance.min(0.01)
    };
    let enough = |decimals: &i32| {
        values
            .iter()
            .all(|&value| is_close(f64::from(value), *decimals))
    };
    let decimals = (0..6).find(enough).unwrap_or(2);
    values
        .iter()
        .map(|&value| number(f64::from(value), decimals as usize))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_ticks_do_not_overlap() {
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
}
