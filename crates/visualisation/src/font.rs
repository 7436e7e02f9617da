//! Inter, the font of every figure: the width, pixel coverage and outlines of texts.

use std::{fmt::Write as _, sync::LazyLock};

use ab_glyph::{Font, FontRef, Glyph, GlyphId, OutlineCurve, PxScale, ScaleFont, point};

use crate::number::decimal;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    Regular,
    SemiBold,
}

#[expect(
    clippy::expect_used,
    reason = "the fonts are compiled in, and a test reads both"
)]
fn font(weight: Weight) -> &'static FontRef<'static> {
    type Parsed = LazyLock<FontRef<'static>>;
    static REGULAR: Parsed = LazyLock::new(|| {
        FontRef::try_from_slice(include_bytes!("../assets/Inter-Regular.ttf")).expect("a font")
    });
    static SEMI_BOLD: Parsed = LazyLock::new(|| {
        FontRef::try_from_slice(include_bytes!("../assets/Inter-SemiBold.ttf")).expect("a font")
    });
    match weight {
        Weight::Regular => &REGULAR,
        Weight::SemiBold => &SEMI_BOLD,
    }
}

/// The glyphs of a text whose baseline starts at `(x, y)`, and the x of its end.
fn layout(text: &str, size: f32, weight: Weight, (x, y): (f32, f32)) -> (Vec<Glyph>, f32) {
    let font = font(weight);
    // ab_glyph scales the height from ascender to descender; font sizes refer to the em.
    let scale = PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(1.0));
    let scaled = font.as_scaled(scale);
    let mut end = x;
    let mut glyphs: Vec<Glyph> = Vec::new();
    for character in text.chars() {
        let id = font.glyph_id(character);
        end += glyphs.last().map_or(0.0, |last| scaled.kern(last.id, id));
        glyphs.push(id.with_scale_and_position(scale, point(end, y)));
        end += scaled.h_advance(id);
    }
    (glyphs, end)
}

/// The width of a text of this size, in pixels.
pub(crate) fn width(text: &str, size: f32, weight: Weight) -> f32 {
    layout(text, size, weight, (0.0, 0.0)).1
}

/// Calls `paint` with each pixel of a text whose baseline starts at `start`, and with the coverage
/// of the pixel, from 0 to 1.
pub(crate) fn paint(
    text: &str,
    size: f32,
    weight: Weight,
    start: (f32, f32),
    mut paint: impl FnMut(i32, i32, f32),
) {
    for glyph in layout(text, size, weight, start).0 {
        if let Some(outline) = font(weight).outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                paint(
                    (corner.x + x as f32) as i32,
                    (corner.y + y as f32) as i32,
                    coverage,
                );
            });
        }
    }
}

/// The glyphs of a text with their horizontal positions, relative to the start of the text.
pub(crate) fn glyphs(text: &str, size: f32, weight: Weight) -> Vec<(u16, f32)> {
    let (glyphs, _) = layout(text, size, weight, (0.0, 0.0));
    let placed = glyphs.into_iter();
    placed.map(|glyph| (glyph.id.0, glyph.position.x)).collect()
}

/// The outline of a glyph at the origin of the baseline, as the data of an SVG path; `None` for a
/// glyph without an outline, such as a space.
pub(crate) fn path(glyph: u16, size: f32, weight: Weight) -> Option<String> {
    let font = font(weight);
    let scale = size / font.units_per_em().unwrap_or(1.0);
    let place = |point: ab_glyph::Point| (decimal(point.x * scale), decimal(-point.y * scale));
    let (mut path, mut last) = (String::new(), None);
    for curve in font.outline(GlyphId(glyph))?.curves {
        let (start, rest) = match curve {
            // A closing line of a contour that is already closed.
            OutlineCurve::Line(a, b) if a == b => continue,
            OutlineCurve::Line(a, b) => (a, vec![b]),
            OutlineCurve::Quad(a, b, c) => (a, vec![b, c]),
            OutlineCurve::Cubic(a, b, c, d) => (a, vec![b, c, d]),
        };
        if last != Some(start) {
            let (x, y) = place(start);
            let end = if path.is_empty() { "" } else { "Z" };
            _ = write!(path, "{end}M{x} {y}");
        }
        last = rest.last().copied();
        path.push(['L', 'Q', 'C'][rest.len() - 1]);
        let points: Vec<_> = rest
            .into_iter()
            .map(|point| {
                let (x, y) = place(point);
                format!("{x} {y}")
            })
            .collect();
        path += &points.join(" ");
    }
    (!path.is_empty()).then(|| path + "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_have_every_character_that_pictures_of_latent_spaces_use() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            for character in "Az09 z₁z₂zₖ10⁻³ −×±≤≥≈≠′″→←↑↓ µμσβλεθΣ ½é…–—“”’·".chars()
            {
                assert_ne!(
                    font(weight).glyph_id(character).0,
                    0,
                    "{weight:?} lacks `{character}`"
                );
            }
        }
    }

    #[test]
    fn kerning_reduces_the_width_of_pairs() {
        let [pair, apart] = ["To", "oT"].map(|text| width(text, 100.0, Weight::Regular));
        assert!(pair < apart + 1.0);
        let sum: f32 = ["T", "o"]
            .map(|text| width(text, 100.0, Weight::Regular))
            .iter()
            .sum();
        assert!(pair < sum - 5.0, "{pair} is not closer than {sum}");
    }

    #[test]
    fn ink_stays_within_the_measured_width() {
        let end = width("latent", 40.0, Weight::SemiBold);
        paint("latent", 40.0, Weight::SemiBold, (0.0, 0.0), |x, y, _| {
            assert!(
                (-1..=end as i32 + 1).contains(&x) && (-40..12).contains(&y),
                "({x}, {y})"
            );
        });
    }
}
