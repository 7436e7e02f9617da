use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of an image: channels, height and width.
///
/// In memory the pixels are in rows from the top, channels last: `[height, width, channels]`, the
/// order of image files and of the convolutions of this crate.
///
/// ```
/// use latent_kernels::Shape;
///
/// let shape = Shape::grey(28, 28);
/// assert_eq!(shape.elem_count(), 784);
/// assert_eq!(Shape { channels: 3, ..shape }.to_string(), "3 × 28 × 28");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// The number of channels: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// The height in pixels.
    pub height: usize,
    /// The width in pixels.
    pub width: usize,
}

impl Shape {
    /// The shape of grey images.
    pub const fn grey(height: usize, width: usize) -> Self {
        Self {
            channels: 1,
            height,
            width,
        }
    }

    /// The number of elements, channels × height × width, or the largest `usize` if it exceeds
    /// that.
    pub const fn elem_count(self) -> usize {
        self.channels
            .saturating_mul(self.height)
            .saturating_mul(self.width)
    }

    /// As [`Self::elem_count`], but `None` if the image is empty or exceeds the address space.
    pub fn checked_elem_count(self) -> Option<usize> {
        let pixels = self.height.checked_mul(self.width)?;
        pixels.checked_mul(self.channels).filter(|&count| count > 0)
    }
}

/// Channels × height × width.
impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            channels,
            height,
            width,
        } = self;
        write!(formatter, "{channels} × {height} × {width}")
    }
}
