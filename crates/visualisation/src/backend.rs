//! A plotters backend that records drawings on a canvas.

use std::convert::Infallible;

use plotters::{
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea},
};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform, rasterizer,
    text_anchor::{HPos, VPos},
};

use crate::{
    Error,
    canvas::Canvas,
    chart::MARGIN,
    font::Weight,
    palette::Colour,
    shape::{Anchor, Point, TextStyle},
};

/// The units of plotters' integer coordinates in a pixel, in each direction.
const UNITS: f32 = 64.0;
/// The share of a text's size above the baseline, and the share below.
const ABOVE: f32 = 0.78;
const BELOW: f32 = 0.22;

/// Records a drawing on a canvas of `width` × `height` pixels with a margin.
pub(crate) fn record(
    (width, height): (f64, f64),
    draw: impl FnOnce(&DrawingArea<Recorder<'_>, Shift>) -> Result<(), DrawingAreaErrorKind<Infallible>>,
) -> Result<Canvas, Error> {
    let mut canvas = Canvas::default();
    let units = |side: f64| ((side + 2.0 * MARGIN) * f64::from(UNITS)).round() as u32;
    let recorder = Recorder {
        canvas: &mut canvas,
        size: (units(width), units(height)),
    };
    draw(&recorder.into_drawing_area()).map_err(|error| Error::Chart(Box::new(error)))?;
    Ok(canvas)
}

/// Records shapes and texts on a canvas, with [`UNITS`] to a pixel. Texts are measured and drawn in
/// the canvas's font, whatever family the style names: plotters' own font features need fonts of
/// the system, and on WebAssembly the page's DOM.
pub(crate) struct Recorder<'a> {
    canvas: &'a mut Canvas,
    size: (u32, u32),
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn pixels((x, y): BackendCoord) -> Point {
    (x as f32 / UNITS, y as f32 / UNITS)
}

fn text_style(style: &impl BackendTextStyle) -> TextStyle {
    TextStyle {
        size: style.size() as f32 / UNITS,
        weight: match style.style() {
            FontStyle::Bold => Weight::SemiBold,
            FontStyle::Normal | FontStyle::Oblique | FontStyle::Italic => Weight::Regular,
        },
        colour: style.color().rgb.into(),
    }
}

/// The colour and the opacity of a style.
fn colour(style: &impl BackendStyle) -> (Colour, f32) {
    let BackendColor { alpha, rgb } = style.color();
    (rgb.into(), alpha as f32)
}

impl DrawingBackend for Recorder<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_circle(point, 1, &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S) -> Drawn {
        self.draw_path([a, b], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let (colour, opacity) = colour(style);
        let width = style.stroke_width() as f32 / UNITS;
        let mut points: Vec<Point> = path.into_iter().map(pixels).collect();
        if let ([a, b], true) = (&mut points[..], width <= 1.0) {
            // Grid lines of one pixel are centred in a pixel.
            if a.0 == b.0 {
                a.0 = a.0.floor() + 0.5;
                b.0 = a.0;
            } else if a.1 == b.1 {
                a.1 = a.1.floor() + 0.5;
                b.1 = a.1;
            }
        }
        if opacity > 0.0 {
            self.canvas.line(points, width, colour);
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        low: BackendCoord,
        high: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if !fill {
            return rasterizer::draw_rect(self, low, high, style, fill);
        }
        let (colour, opacity) = colour(style);
        let corners = [pixels(low), pixels(high)];
        self.canvas.rectangle(corners, colour, opacity);
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if !fill {
            return rasterizer::draw_circle(self, centre, radius, style, fill);
        }
        let (colour, opacity) = colour(style);
        let radius = radius as f32 / UNITS;
        self.canvas.disc(pixels(centre), radius, colour, opacity);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let (x, y) = pixels(at);
        let (position, transform, style) = (style.anchor(), style.transform(), text_style(style));
        let down = match position.v_pos {
            VPos::Top => ABOVE * style.size,
            VPos::Center => style.drop(),
            VPos::Bottom => -BELOW * style.size,
        };
        let anchor = match position.h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        match transform {
            FontTransform::Rotate270 => {
                self.canvas.upwards_text(text, style, anchor, (x + down, y));
            }
            _ => self.canvas.text(text, style, anchor, (x, y + down)),
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = text_style(style).width(text) * UNITS;
        Ok((width.ceil() as u32, style.size().ceil() as u32))
    }
}
