//! The shapes of a canvas: lines, rectangles, discs, texts and images.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    font::{self, Weight},
    number::decimal,
    palette::{Colour, GREY, INK},
};

/// A point in pixels to the right and down from an arbitrary origin.
pub(crate) type Point = (f32, f32);

#[derive(Debug, Clone, Copy)]
pub(crate) struct TextStyle {
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Colour,
}

impl TextStyle {
    pub(crate) const TITLE: Self = Self::new(26.0, Weight::SemiBold, INK);
    pub(crate) const HEADING: Self = Self::new(21.0, Weight::SemiBold, INK);
    pub(crate) const LABEL: Self = Self::new(20.0, Weight::Regular, INK);
    pub(crate) const TICK: Self = Self::new(18.0, Weight::Regular, GREY);
    pub(crate) const MARK: Self = Self::new(27.0, Weight::SemiBold, INK);

    const fn new(size: f32, weight: Weight, colour: Colour) -> Self {
        Self {
            size,
            weight,
            colour,
        }
    }

    pub(crate) fn width(self, text: &str) -> f32 {
        font::width(text, self.size, self.weight)
    }

    /// The width of the widest of some texts; 0 if there are none.
    pub(crate) fn widest<'a>(self, texts: impl IntoIterator<Item = &'a String>) -> f32 {
        texts
            .into_iter()
            .map(|text| self.width(text))
            .fold(0.0, f32::max)
    }

    /// The glyphs of a text that starts at `start`, as SVG that refers to their outlines, which are
    /// added to `outlines`.
    pub(crate) fn glyphs(
        self,
        text: &str,
        start: f32,
        outlines: &mut BTreeMap<String, String>,
    ) -> String {
        let weight = match self.weight {
            Weight::Regular => "regular",
            Weight::SemiBold => "semibold",
        };
        let mut svg = String::new();
        for (glyph, place) in font::glyphs(text, self.size, self.weight) {
            let name = format!("glyph-{weight}-{}-{glyph}", self.size);
            if !outlines.contains_key(&name) {
                let Some(outline) = font::path(glyph, self.size, self.weight) else {
                    continue;
                };
                outlines.insert(name.clone(), outline);
            }
            _ = write!(
                svg,
                "<use href=\"#{name}\" x=\"{}\"/>",
                decimal(start + place)
            );
        }
        svg
    }

    /// The distance from the middle of a line of capitals and digits down to the baseline.
    pub(crate) fn drop(self) -> f32 {
        0.36 * self.size
    }
}

/// The part of a text that is placed at the given point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    /// The share of the text before the point.
    pub(crate) fn before(self) -> f32 {
        match self {
            Self::Start => 0.0,
            Self::Middle => 0.5,
            Self::End => 1.0,
        }
    }
}

pub(crate) enum Shape {
    Line {
        points: Vec<Point>,
        width: f32,
        colour: Colour,
    },
    Rectangle {
        corners: [Point; 2],
        colour: Colour,
        opacity: f32,
    },
    Disc {
        centre: Point,
        radius: f32,
        colour: Colour,
        opacity: f32,
    },
    Text {
        text: String,
        style: TextStyle,
        anchor: Anchor,
        at: Point,
        upwards: bool,
    },
    Image {
        corner: Point,
        width: usize,
        pixels: Vec<Colour>,
    },
}
