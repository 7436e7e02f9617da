//! Rasterises a canvas: shapes with tiny-skia, texts by the coverage of their glyphs.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect,
    Stroke, Transform,
};

use crate::{Error, font, palette::Colour, shape::Shape};

/// The pixels of a PNG, initially white.
pub(crate) struct Raster {
    pixmap: Pixmap,
    /// The position of the first pixel on the canvas.
    left: i32,
    top: i32,
}

impl Raster {
    pub(crate) fn new([left, top]: [i32; 2], [width, height]: [i32; 2]) -> Result<Self, Error> {
        let pixmap = Pixmap::new(width.unsigned_abs(), height.unsigned_abs());
        let mut pixmap = pixmap.ok_or(Error::Size { width, height })?;
        pixmap.fill(Color::WHITE);
        Ok(Self { pixmap, left, top })
    }

    pub(crate) fn pixels(&self) -> Vec<Colour> {
        let pixels = self.pixmap.pixels().iter();
        pixels
            .map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
            .collect()
    }

    pub(crate) fn draw(&mut self, shape: &Shape) {
        let transform = Transform::from_translate(-self.left as f32, -self.top as f32);
        match shape {
            Shape::Line {
                points,
                width,
                colour,
            } => {
                let mut path = PathBuilder::new();
                for (index, &(x, y)) in points.iter().enumerate() {
                    if index == 0 {
                        path.move_to(x, y);
                    } else {
                        path.line_to(x, y);
                    }
                }
                let stroke = Stroke {
                    width: *width,
                    line_cap: LineCap::Round,
                    line_join: LineJoin::Round,
                    ..Stroke::default()
                };
                // A line of length zero has no path.
                if let Some(path) = path.finish() {
                    let paint = paint(*colour, 1.0);
                    self.pixmap
                        .stroke_path(&path, &paint, &stroke, transform, None);
                }
            }
            Shape::Rectangle {
                corners: [low, high],
                colour,
                opacity,
            } => {
                if let Some(rectangle) = Rect::from_ltrb(low.0, low.1, high.0, high.1) {
                    let mut paint = paint(*colour, *opacity);
                    // Antialiasing would leave seams between adjacent rectangles.
                    paint.anti_alias = false;
                    self.pixmap.fill_rect(rectangle, &paint, transform, None);
                }
            }
            Shape::Disc {
                centre,
                radius,
                colour,
                opacity,
            } => {
                if let Some(path) = PathBuilder::from_circle(centre.0, centre.1, *radius) {
                    let paint = paint(*colour, *opacity);
                    self.pixmap
                        .fill_path(&path, &paint, FillRule::Winding, transform, None);
                }
            }
            Shape::Text {
                text,
                style,
                anchor,
                at: (x, y),
                upwards,
            } => {
                let before = style.width(text) * anchor.before();
                // A baseline between two rows of pixels would blur every letter.
                let start = if *upwards {
                    (-before, 0.0)
                } else {
                    (x - before, y.round())
                };
                font::paint(
                    text,
                    style.size,
                    style.weight,
                    start,
                    |column, row, coverage| {
                        let (column, row) = if *upwards {
                            (x.round() as i32 + row, y.round() as i32 - 1 - column)
                        } else {
                            (column, row)
                        };
                        self.blend(column, row, style.colour, coverage);
                    },
                );
            }
            Shape::Image {
                corner,
                width,
                pixels,
            } => {
                for (row, line) in (corner.1 as i32..).zip(pixels.chunks(*width)) {
                    for (column, &pixel) in (corner.0 as i32..).zip(line) {
                        self.blend(column, row, pixel, 1.0);
                    }
                }
            }
        }
    }

    fn blend(&mut self, column: i32, row: i32, colour: Colour, opacity: f32) {
        let (column, row) = (column - self.left, row - self.top);
        let width = self.pixmap.width();
        if column < 0 || row < 0 || column as u32 >= width || opacity <= 0.0 {
            return;
        }
        let index = row as usize * width as usize + column as usize;
        if let Some(pixel) = self.pixmap.pixels_mut().get_mut(index) {
            let below = [pixel.red(), pixel.green(), pixel.blue()];
            let [red, green, blue] = std::array::from_fn(|channel| {
                let (low, high) = (f32::from(below[channel]), f32::from(colour[channel]));
                (low + (high - low) * opacity.min(1.0)).round() as u8
            });
            // Opaque pixels are valid in every colour.
            if let Some(blended) = PremultipliedColorU8::from_rgba(red, green, blue, u8::MAX) {
                *pixel = blended;
            }
        }
    }
}

fn paint([red, green, blue]: Colour, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}
