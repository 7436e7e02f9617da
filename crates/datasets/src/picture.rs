use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage};
use latent_kernels::Shape;
use rayon::prelude::*;

use crate::{Dataset, Error, ImageOptions, Size};

/// A decoded picture, `[height, width, channels]` with one or three channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedPicture {
    /// The shape: one channel if the picture is grey, otherwise three.
    pub shape: Shape,
    /// The pixels.
    pub pixels: Vec<u8>,
    /// What was converted, without loss of what the picture shows.
    pub conversions: Vec<Conversion>,
}

/// A conversion of a picture to 8 bits for grey, or for red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Conversion {
    /// More than 8 bits for each channel were rounded to 8.
    EightBits,
    /// Transparent pixels were put on white.
    OnWhite,
    /// Cyan, magenta, yellow and black became red, green and blue.
    FromCmyk,
    /// The picture was turned as its EXIF orientation says.
    Turned,
    /// The picture was scaled to the size of the options.
    Scaled,
    /// Colours became grey, as the options say.
    Grey,
}

impl fmt::Display for Conversion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EightBits => "rounded to 8 bits",
            Self::OnWhite => "transparent pixels put on white",
            Self::FromCmyk => "converted from CMYK",
            Self::Turned => "turned as their EXIF orientation says",
            Self::Scaled => "scaled to the size",
            Self::Grey => "colours converted to grey",
        })
    }
}

/// The largest width and height of a picture: more than a camera's, but a decoded picture fits into
/// memory.
const LARGEST_SIDE: u32 = 16_384;
/// The largest size of a decoded picture in bytes: a few kilobytes can decode to any size.
const LARGEST_BYTES: u64 = 1 << 28;

/// Decodes the picture in a file: PNG, JPEG, GIF (its first frame), BMP or WebP, recognised by its
/// content.
///
/// # Errors
/// [`Error::Unreadable`]; [`Error::Picture`] for a file that is not a picture, is damaged, or is
/// larger than 16,384 pixels a side or 256 MiB.
pub fn decode_picture(path: &Path, options: &ImageOptions) -> Result<DecodedPicture, Error> {
    if path.is_dir() {
        return Err(Error::IsDirectory {
            path: path.to_owned(),
        });
    }
    let file = File::open(path).map_err(|reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    decode(BufReader::new(file), options).map_err(|reason| Error::Picture {
        path: path.to_owned(),
        reason,
    })
}

/// As [`decode_picture`], from any reader.
///
/// # Errors
/// The reason, in words: not a picture, damaged, or larger than 16,384 pixels a side or 256 MiB.
pub(crate) fn decode(
    mut file: impl BufRead + Seek,
    options: &ImageOptions,
) -> Result<DecodedPicture, String> {
    let unreadable = |error: io::Error| error.to_string();
    let is_cmyk = jpeg_components(&mut file) == Some(4);
    file.rewind().map_err(unreadable)?;
    let mut reader = ImageReader::new(file)
        .with_guessed_format()
        .map_err(unreadable)?;
    if reader.format().is_none() {
        return Err("its content is not PNG, JPEG, GIF, BMP or WebP".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(2 * LARGEST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| said(&error))?;
    // Not every decoder respects `max_alloc`.
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > LARGEST_BYTES || width.max(height) > LARGEST_SIDE {
        return Err(format!(
            "it has {width} × {height} pixels, more than {} MiB in memory",
            LARGEST_BYTES >> 20
        ));
    }
    if width == 0 || height == 0 {
        return Err("it has no pixels".to_owned());
    }
    // A picture whose orientation cannot be read is taken as it is.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| said(&error))?;
    picture.apply_orientation(orientation);

    let mut conversions = Vec::new();
    if orientation != Orientation::NoTransforms {
        conversions.push(Conversion::Turned);
    }
    if is_cmyk {
        conversions.push(Conversion::FromCmyk);
    }
    // Bytes of each channel in memory: 1 for 8 bits.
    let color = picture.color();
    if color.bytes_per_pixel() > color.channel_count() {
        conversions.push(Conversion::EightBits);
    }
    if on_white(&mut picture) {
        conversions.push(Conversion::OnWhite);
    }
    if options.grey && !is_grey(&picture) {
        conversions.push(Conversion::Grey);
    }
    if let Some(size) = options.size
        && (picture.height(), picture.width()) != (size.height, size.width)
    {
        picture = scaled(&picture, size);
        conversions.push(Conversion::Scaled);
    }
    conversions.sort_unstable();
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let (channels, pixels) = if options.grey || is_grey(&picture) {
        (1, picture.into_luma8().into_raw())
    } else {
        (3, picture.into_rgb8().into_raw())
    };
    let shape = Shape {
        channels,
        height,
        width,
    };
    Ok(DecodedPicture {
        shape,
        pixels,
        conversions,
    })
}

impl DecodedPicture {
    /// The picture with three channels.
    pub fn into_colour(self) -> Vec<u8> {
        if self.shape.channels == 3 {
            return self.pixels;
        }
        self.pixels.into_iter().flat_map(|grey| [grey; 3]).collect()
    }
}

/// Scales a picture until it covers the size, and cuts its middle out.
fn scaled(picture: &DynamicImage, Size { height, width }: Size) -> DynamicImage {
    picture.resize_to_fill(width, height, FilterType::Triangle)
}

/// Scales all images as [`decode`] scales pictures.
pub(crate) fn scaled_dataset(images: &Dataset, size: Size) -> Result<Dataset, Error> {
    let Shape {
        channels,
        height,
        width,
    } = images.shape();
    let (height, width) = (height as u32, width as u32);
    let image = |pixels: &[u8]| {
        let pixels = pixels.to_vec();
        // The number of bytes is right, so that there is a picture.
        let picture = if channels == 1 {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        } else {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        };
        let picture = scaled(&picture.unwrap_or_default(), size);
        if channels == 1 {
            picture.into_luma8().into_raw()
        } else {
            picture.into_rgb8().into_raw()
        }
    };
    let shape = Shape {
        channels,
        height: size.height as usize,
        width: size.width as usize,
    };
    let all = images.images().par_chunks_exact(images.pixels());
    images.with_images(shape, all.flat_map_iter(image).collect())
}

/// The number of colour channels that a JPEG declares; `None` for other files. The decoder converts four to three without
/// saying so.
fn jpeg_components(file: &mut impl Read) -> Option<u8> {
    let mut bytes = |count: usize| {
        let mut bytes = vec![0; count];
        file.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    if bytes(2)? != [0xff, 0xd8] {
        return None;
    }
    loop {
        let header = bytes(4)?;
        if header[0] != 0xff {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([header[2], header[3]])).checked_sub(2)?;
        let segment = bytes(length)?;
        // A start of frame: precision, height, width, number of components. Three markers of its range are others.
        if (0xc0..=0xcf).contains(&header[1]) && ![0xc4, 0xc8, 0xcc].contains(&header[1]) {
            return segment.get(5).copied();
        }
    }
}

fn said(error: &image::ImageError) -> String {
    format!("it is damaged or not supported: {error}")
}

/// Whether all colours are grey, also where they are stored as red, green and blue.
fn is_grey(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => true,
        DynamicImage::ImageRgb8(pixels) => {
            let mut pixels = pixels.pixels();
            pixels.all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
        }
        other => {
            let pixels = other.to_rgb8();
            pixels
                .pixels()
                .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
        }
    }
}

/// Puts transparent pixels on white, as programs that show pictures do, and drops the alpha channel.
/// Returns whether there was a transparent pixel.
fn on_white(picture: &mut DynamicImage) -> bool {
    if !picture.color().has_alpha() {
        return false;
    }
    let mut pixels = picture.to_rgba8();
    let is_transparent = pixels.pixels().any(|pixel| pixel[3] < u8::MAX);
    for pixel in pixels.pixels_mut() {
        let alpha = u32::from(pixel[3]);
        for channel in &mut pixel.0[..3] {
            let value = u32::from(*channel) * alpha + 255 * (255 - alpha);
            *channel = ((value + 127) / 255) as u8;
        }
        pixel[3] = u8::MAX;
    }
    *picture = DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(pixels).into_rgb8());
    is_transparent
}
