use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How pictures become images of one shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageOptions {
    /// The size to which each picture is scaled; by default all must have one size. A picture of
    /// another aspect ratio is scaled until it covers the size, and its middle is cut out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Whether colours are converted to grey. By default images are grey if all pictures are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// Whether each pixel p becomes 255 − p: for dark strokes on a bright background.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub invert: bool,
}

/// Height and width in pixels, written `HEIGHTxWIDTH`: `28x28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    /// The height.
    pub height: u32,
    /// The width.
    pub width: u32,
}

impl Size {
    /// The largest height and width: an image of it has 3 MiB.
    const LARGEST: u32 = 1024;
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.height, self.width)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| {
            let side: u32 = text.trim().parse().ok()?;
            (1..=Self::LARGEST).contains(&side).then_some(side)
        };
        let sides = text
            .split_once(['x', 'X', '×'])
            .and_then(|(height, width)| Some((side(height)?, side(width)?)));
        let (height, width) = sides.ok_or_else(|| {
            let largest = Self::LARGEST;
            format!("expected HEIGHTxWIDTH, such as 28x28, each from 1 to {largest}")
        })?;
        Ok(Self { height, width })
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}
