//! Data sets that are not MNIST, drawn from a seed: what a user's own data may look like.

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use ab_glyph::{Font, FontRef, Glyph, PxScale};
use image::{ExtendedColorType, save_buffer};
use latent_datasets::{Dataset, Shape};

const REGULAR: &[u8] = include_bytes!("../../crates/visualisation/assets/Inter-Regular.ttf");
const SEMI_BOLD: &[u8] = include_bytes!("../../crates/visualisation/assets/Inter-SemiBold.ttf");

/// The names of the classes of [`shapes`].
pub const SHAPES: [&str; 6] = ["circle", "cross", "ring", "square", "stripes", "triangle"];

/// Coloured shapes on a dark background, 32 × 32 pixels in red, green and blue: `count` images, the
/// [classes](SHAPES) in turn.
pub fn shapes(seed: u64, count: usize) -> Dataset {
    const SIDE: usize = 32;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut images = Vec::with_capacity(count * 3 * SIDE * SIDE);
    let mut labels = Vec::with_capacity(count);
    for index in 0..count {
        let label = index % SHAPES.len();
        labels.push(label as u8);
        let colour = hue(random.f32());
        let paper = 40.0 * random.f32();
        let size = 8.0 + 3.0 * random.f32();
        let (x, y) = (13.0 + 6.0 * random.f32(), 13.0 + 6.0 * random.f32());
        let angle = 0.5 * (random.f32() - 0.5);
        let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
        for place in 0..SIDE * SIDE {
            let inside = share(place / SIDE, place % SIDE, |row, column| {
                let (right, down) = ((column - x) / size, (row - y) / size);
                is_inside(label, cos * right + sin * down, cos * down - sin * right)
            });
            images.extend(colour.map(|value| (paper + inside * (value - paper)) as u8));
        }
    }
    let shape = Shape {
        channels: 3,
        height: SIDE,
        width: SIDE,
    };
    named(shape, SHAPES.map(str::to_owned).to_vec(), images, labels)
}

/// Whether a point is in a shape whose size is 1.
fn is_inside(label: usize, x: f32, y: f32) -> bool {
    let radius = libm::sqrtf(x * x + y * y);
    let is_in_square = x.abs().max(y.abs()) < 0.85;
    match SHAPES[label] {
        "circle" => radius < 1.0,
        "cross" => x.abs().min(y.abs()) < 0.3 && x.abs().max(y.abs()) < 1.0,
        "ring" => (0.55..1.0).contains(&radius),
        "square" => is_in_square,
        "stripes" => is_in_square && ((0.17..0.5).contains(&libm::fabsf(y)) || y > 0.8),
        _ => y < 0.8 && y > -1.0 && x.abs() < 0.55 * (y + 1.0),
    }
}

/// A saturated colour, from 0 to 255.
fn hue(turn: f32) -> [f32; 3] {
    [0.0, 1.0, 2.0].map(|channel: f32| {
        let distance = libm::fabsf(libm::fmodf(6.0 * turn + 2.0 * channel, 6.0) - 3.0);
        70.0 + 185.0 * (distance - 1.0).clamp(0.0, 1.0)
    })
}

/// The share of a pixel's points for which `is_inside` holds, by row and column.
fn share(row: usize, column: usize, is_inside: impl Fn(f32, f32) -> bool) -> f32 {
    const POINTS: usize = 4;
    let at = |place: usize, part: usize| place as f32 + (part as f32 + 0.5) / POINTS as f32;
    let points = (0..POINTS * POINTS)
        .filter(|part| is_inside(at(row, part / POINTS), at(column, part % POINTS)));
    points.count() as f32 / (POINTS * POINTS) as f32
}

/// The 26 capital letters in two weights of a font, turned, sheared, scaled and moved, 28 × 28 pixels
/// in grey: `count` images, the letters in turn.
pub fn letters(seed: u64, count: usize) -> Dataset {
    const SIDE: usize = 28;
    let mut random = fastrand::Rng::with_seed(seed);
    let names: Vec<String> = ('A'..='Z').map(String::from).collect();
    let (mut images, mut labels) = (Vec::with_capacity(count * SIDE * SIDE), Vec::new());
    for index in 0..count {
        let label = index % names.len();
        labels.push(label as u8);
        let text = GlyphPicture::new(names[label].chars().next().unwrap_or('A'), random.bool());
        let between = |random: &mut fastrand::Rng, least: f32, most: f32| {
            least + (most - least) * random.f32()
        };
        let pen = Pen {
            height: between(&mut random, 15.0, 20.0),
            angle: between(&mut random, -0.2, 0.2),
            shear: between(&mut random, -0.2, 0.2),
            x: SIDE as f32 / 2.0 + between(&mut random, -2.0, 2.0),
            y: SIDE as f32 / 2.0 + between(&mut random, -2.0, 2.0),
        };
        images.extend(
            text.drawn(SIDE, SIDE, &pen)
                .map(|share| (255.0 * share) as u8),
        );
    }
    named(Shape::grey(SIDE, SIDE), names, images, labels)
}

/// Bright ellipses without labels, 40 × 24 pixels in grey.
pub fn ellipses(seed: u64, count: usize) -> Dataset {
    let shape = Shape::grey(40, 24);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut images = Vec::with_capacity(count * shape.elem_count());
    for _ in 0..count {
        let (high, wide) = (6.0 + 10.0 * random.f32(), 4.0 + 6.0 * random.f32());
        let (x, y) = (12.0 + 2.0 * random.f32(), 20.0 + 6.0 * (random.f32() - 0.5));
        images.extend((0..shape.elem_count()).map(|place| {
            let (row, column) = (place / shape.width, place % shape.width);
            let inside = share(row, column, |row, column| {
                let (right, down) = ((column - x) / wide, (row - y) / high);
                right * right + down * down < 1.0
            });
            (255.0 * inside) as u8
        }));
    }
    match Dataset::unlabelled(shape, images) {
        Ok(dataset) => dataset,
        Err(error) => unreachable!("{error}"),
    }
}

/// How a character is put on a picture.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// The height of the character in pixels.
    pub height: f32,
    /// The angle by which it is turned to the right, in radians.
    pub angle: f32,
    /// How far the top is moved to the right, as a share of the height.
    pub shear: f32,
    /// The place of its middle, in pixels from the left edge.
    pub x: f32,
    /// The place of its middle, in pixels from the top edge.
    pub y: f32,
}

/// A character as a large picture.
pub struct GlyphPicture {
    width: usize,
    height: usize,
    shares: Vec<f32>,
}

impl GlyphPicture {
    /// Renders a character of Inter, in its regular or semi-bold weight.
    ///
    /// # Panics
    /// The font has no outline of the character.
    pub fn new(character: char, is_bold: bool) -> Self {
        const SCALE: f32 = 128.0;
        let file = if is_bold { SEMI_BOLD } else { REGULAR };
        let font = FontRef::try_from_slice(file).expect("the font is valid");
        let glyph: Glyph = font.glyph_id(character).with_scale(PxScale::from(SCALE));
        let outline = font
            .outline_glyph(glyph)
            .expect("the character has an outline");
        let bounds = outline.px_bounds();
        let (width, height) = (
            bounds.width().ceil() as usize,
            bounds.height().ceil() as usize,
        );
        let mut shares = vec![0.0; width * height];
        outline.draw(|x, y, share| {
            if let Some(place) = shares.get_mut(y as usize * width + x as usize) {
                *place = share;
            }
        });
        Self {
            width,
            height,
            shares,
        }
    }

    /// The share of each pixel that the character covers, `[height, width]`.
    pub fn drawn(&self, height: usize, width: usize, pen: &Pen) -> impl Iterator<Item = f32> {
        const POINTS: usize = 4;
        let scale = self.height as f32 / pen.height;
        let (sin, cos) = (libm::sinf(pen.angle), libm::cosf(pen.angle));
        (0..height * width).map(move |place| {
            let mut sum = 0.0;
            for part in 0..POINTS * POINTS {
                let at =
                    |place: usize, part: usize| place as f32 + (part as f32 + 0.5) / POINTS as f32;
                let right = at(place % width, part % POINTS) - pen.x;
                let down = at(place / width, part / POINTS) - pen.y;
                let (right, down) = (cos * right + sin * down, cos * down - sin * right);
                let x = (right + pen.shear * down) * scale + self.width as f32 / 2.0;
                let y = down * scale + self.height as f32 / 2.0;
                if x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height {
                    sum += self.shares[y as usize * self.width + x as usize];
                }
            }
            sum / (POINTS * POINTS) as f32
        })
    }
}

fn named(shape: Shape, names: Vec<String>, images: Vec<u8>, labels: Vec<u8>) -> Dataset {
    let dataset =
        Dataset::new(shape, names.len(), images, labels).expect("images have their shape");
    dataset.with_class_names(names).expect("the names differ")
}

/// A picture of a digit in black on grey paper, off the centre: 120 pixels high, 160 wide.
pub fn digit_picture(digit: char) -> Vec<u8> {
    let pen = Pen {
        height: 60.0,
        angle: 0.1,
        shear: 0.1,
        x: 50.0,
        y: 60.0,
    };
    let ink = GlyphPicture::new(digit, false);
    let ink = ink.drawn(120, 160, &pen);
    ink.map(|share| (230.0 - 200.0 * share) as u8).collect()
}

/// Writes a grey picture as PNG.
///
/// # Errors
/// The file cannot be written.
pub fn save_grey(pixels: &[u8], [height, width]: [u32; 2], path: &Path) -> Result<()> {
    save_buffer(path, pixels, width, height, ExtendedColorType::L8).map_err(Error::other)
}

/// Writes a data set as a folder of PNG files, each class in a folder of its name.
///
/// # Errors
/// A file cannot be written.
pub fn save_pictures(dataset: &Dataset, directory: &Path) -> Result<()> {
    let shape = dataset.shape();
    let colour = match shape.channels {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    for index in 0..dataset.len() {
        let class = dataset
            .labels()
            .get(index)
            .map(|&label| dataset.class_name(label));
        let place = directory.join(class.unwrap_or_default());
        fs::create_dir_all(&place)?;
        let file = place.join(format!("{index:05}.png"));
        let pixels = dataset.image(index).unwrap_or_default();
        let saved = save_buffer(
            file,
            pixels,
            shape.width as u32,
            shape.height as u32,
            colour,
        );
        saved.map_err(Error::other)?;
    }
    Ok(())
}

/// Writes a data set as an archive of NumPy with `images` and, if there are some, `labels`.
///
/// # Errors
/// The file cannot be written.
pub fn save_arrays(dataset: &Dataset, path: &Path) -> Result<()> {
    use std::io::Write;
    let Shape {
        channels,
        height,
        width,
    } = dataset.shape();
    let images = [dataset.len(), height, width, channels];
    let images = if channels == 1 {
        &images[..3]
    } else {
        &images[..]
    };
    let labels = [dataset.labels().len()];
    let mut archive = zip::ZipWriter::new(fs::File::create(path)?);
    for (name, shape, data) in [
        ("images", images, dataset.images()),
        ("labels", &labels[..], dataset.labels()),
    ] {
        if data.is_empty() {
            continue;
        }
        let sizes: Vec<String> = shape.iter().map(|size| format!("{size},")).collect();
        let sizes = sizes.join(" ");
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({sizes}), }}\n");
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options)?;
        archive.write_all(b"\x93NUMPY\x01\0")?;
        archive.write_all(&(header.len() as u16).to_le_bytes())?;
        archive.write_all(header.as_bytes())?;
        archive.write_all(data)?;
    }
    if !dataset.class_names().is_empty() {
        let longest = dataset
            .class_names()
            .iter()
            .map(|name| name.chars().count())
            .max();
        let longest = longest.unwrap_or(1);
        let count = dataset.class_names().len();
        let header =
            format!("{{'descr': '<U{longest}', 'fortran_order': False, 'shape': ({count},), }}\n");
        archive.start_file("class_names.npy", zip::write::SimpleFileOptions::default())?;
        archive.write_all(b"\x93NUMPY\x01\0")?;
        archive.write_all(&(header.len() as u16).to_le_bytes())?;
        archive.write_all(header.as_bytes())?;
        for name in dataset.class_names() {
            for character in name.chars().chain(std::iter::repeat('\0')).take(longest) {
                archive.write_all(&u32::from(character).to_le_bytes())?;
            }
        }
    }
    archive.finish()?;
    Ok(())
}
