//! A list of shapes that is rendered as a PNG or an SVG of the size of its content.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Error,
    number::decimal,
    palette::Colour,
    raster::Raster,
    shape::{Anchor, Point, Shape, TextStyle},
};

/// The width of the white border.
const MARGIN: f32 = 28.0;

#[derive(Default)]
pub(crate) struct Canvas {
    shapes: Vec<Shape>,
}

impl Canvas {
    /// Adds a polyline with round ends and corners.
    pub(crate) fn line(&mut self, points: Vec<Point>, width: f32, colour: Colour) {
        self.shapes.push(Shape::Line {
            points,
            width,
            colour,
        });
    }

    /// Adds a filled rectangle between its upper left and its lower right corner.
    pub(crate) fn rectangle(&mut self, corners: [Point; 2], colour: Colour, opacity: f32) {
        self.shapes.push(Shape::Rectangle {
            corners,
            colour,
            opacity,
        });
    }

    pub(crate) fn disc(&mut self, centre: Point, radius: f32, colour: Colour, opacity: f32) {
        self.shapes.push(Shape::Disc {
            centre,
            radius,
            colour,
            opacity,
        });
    }

    /// Adds a text whose baseline passes through the point `at`.
    pub(crate) fn text(&mut self, text: &str, style: TextStyle, anchor: Anchor, at: Point) {
        self.shapes.push(Shape::Text {
            text: text.to_owned(),
            style,
            anchor,
            at,
            upwards: false,
        });
    }

    /// Adds a text that reads from bottom to top and whose baseline passes through the point `at`.
    pub(crate) fn upwards_text(&mut self, text: &str, style: TextStyle, anchor: Anchor, at: Point) {
        self.shapes.push(Shape::Text {
            text: text.to_owned(),
            style,
            anchor,
            at,
            upwards: true,
        });
    }

    /// Adds an image of `width` pixels.
    pub(crate) fn image(&mut self, corner: Point, width: usize, pixels: Vec<Colour>) {
        if !pixels.is_empty() {
            self.shapes.push(Shape::Image {
                corner,
                width,
                pixels,
            });
        }
    }

    /// Left, top, width and height of all shapes and the margin, in whole pixels.
    fn extent(&self) -> [i32; 4] {
        let boxes = self.shapes.iter().flat_map(Shape::corners);
        let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        for (x, y) in boxes {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        if low.0 > high.0 {
            (low, high) = ((0.0, 0.0), (0.0, 0.0));
        }
        let (left, top) = (
            (low.0 - MARGIN).floor() as i32,
            (low.1 - MARGIN).floor() as i32,
        );
        let (right, bottom) = (
            (high.0 + MARGIN).ceil() as i32,
            (high.1 + MARGIN).ceil() as i32,
        );
        [left, top, right - left, bottom - top]
    }

    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        let [left, top, width, height] = self.extent();
        let mut raster = Raster::new([left, top], [width, height])?;
        for shape in &self.shapes {
            raster.draw(shape);
        }
        encode_png(width as usize, &raster.pixels())
    }

    pub(crate) fn svg(&self) -> Result<Vec<u8>, Error> {
        let [left, top, width, height] = self.extent();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"{left} {top} {width} {height}\" \
             font-family=\"Inter, Helvetica, Arial, sans-serif\">\n\
             <rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" \
             fill=\"#ffffff\"/>\n"
        );
        let mut glyphs = BTreeMap::new();
        let mut shapes = String::new();
        for shape in &self.shapes {
            shapes.push_str(&shape.svg(&mut glyphs)?);
            shapes.push('\n');
        }
        if !glyphs.is_empty() {
            svg.push_str("<defs>\n");
            for (name, path) in glyphs {
                _ = writeln!(svg, "<path id=\"{name}\" d=\"{path}\"/>");
            }
            svg.push_str("</defs>\n");
        }
        svg.push_str(&shapes);
        svg.push_str("</svg>\n");
        Ok(svg.into_bytes())
    }
}

impl Shape {
    /// The corners of a box around the shape.
    fn corners(&self) -> Vec<Point> {
        let around = |(x, y): Point, r: f32| [(x - r, y - r), (x + r, y + r)];
        match self {
            Self::Line { points, width, .. } => points
                .iter()
                .flat_map(|&point| around(point, width / 2.0))
                .collect(),
            Self::Rectangle { corners, .. } => corners.to_vec(),
            Self::Disc { centre, radius, .. } => around(*centre, *radius).into(),
            Self::Text {
                text,
                style,
                anchor,
                at: (x, y),
                upwards,
            } => {
                let width = style.width(text);
                let (start, end) = (-width * anchor.before(), width * (1.0 - anchor.before()));
                let (above, below) = (-0.78 * style.size, 0.22 * style.size);
                let turned = |(along, down): Point| {
                    if *upwards {
                        (x + down, y - along)
                    } else {
                        (x + along, y + down)
                    }
                };
                vec![turned((start, above)), turned((end, below))]
            }
            Self::Image {
                corner,
                width,
                pixels,
            } => {
                let height = pixels.len() / width;
                vec![
                    *corner,
                    (corner.0 + *width as f32, corner.1 + height as f32),
                ]
            }
        }
    }

    /// The shape as an SVG element; outlines of its glyphs are added to `glyphs` by their names.
    fn svg(&self, glyphs: &mut BTreeMap<String, String>) -> Result<String, Error> {
        Ok(match self {
            Self::Line {
                points,
                width,
                colour,
            } => {
                let points: Vec<_> = points
                    .iter()
                    .map(|&(x, y)| format!("{},{}", decimal(x), decimal(y)))
                    .collect();
                format!(
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
                     stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
                    points.join(" "),
                    hex(*colour),
                    decimal(*width)
                )
            }
            Self::Rectangle {
                corners: [low, high],
                colour,
                opacity,
            } => format!(
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" \
                 fill-opacity=\"{}\" shape-rendering=\"crispEdges\"/>",
                decimal(low.0),
                decimal(low.1),
                decimal(high.0 - low.0),
                decimal(high.1 - low.1),
                hex(*colour),
                decimal(*opacity)
            ),
            Self::Disc {
                centre,
                radius,
                colour,
                opacity,
            } => format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" fill-opacity=\"{}\"/>",
                decimal(centre.0),
                decimal(centre.1),
                decimal(*radius),
                hex(*colour),
                decimal(*opacity)
            ),
            Self::Text {
                text,
                style,
                anchor,
                at: (x, y),
                upwards,
            } => {
                let width = style.width(text);
                let before = width * anchor.before();
                let transform = if *upwards {
                    format!("translate({} {}) rotate(-90)", x.round(), y.round())
                } else {
                    format!("translate({} {})", decimal(x - before), y.round())
                };
                let start = if *upwards { -before } else { 0.0 };
                let ink = style.glyphs(text, start, glyphs);
                let mut svg = format!(
                    "<g fill=\"{}\" transform=\"{transform}\">",
                    hex(style.colour)
                );
                svg += &ink;
                // Invisible text as wide as the glyphs, for searching, selecting, copying and
                // reading aloud.
                _ = write!(
                    svg,
                    "<text x=\"{}\" font-size=\"{}\" fill-opacity=\"0\"",
                    decimal(start),
                    style.size
                );
                if width > 0.0 {
                    _ = write!(
                        svg,
                        " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
                        decimal(width)
                    );
                }
                svg + ">" + &escape(text) + "</text></g>"
            }
            Self::Image {
                corner,
                width,
                pixels,
            } => format!(
                "<image x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{}\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
                corner.0,
                corner.1,
                pixels.len() / width,
                STANDARD.encode(encode_png(*width, pixels)?)
            ),
        })
    }
}

fn encode_png(width: usize, pixels: &[Colour]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, (pixels.len() / width) as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.as_flattened())?;
    writer.finish()?;
    Ok(bytes)
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Escapes text for XML; control characters, which XML does not allow, become spaces.
fn escape(text: &str) -> String {
    let text = text.replace(|character: char| character.is_control(), " ");
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
