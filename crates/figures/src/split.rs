use std::fmt::{self, Display, Formatter};

use latent_training::thousands;

/// The split that images come from, as shown in titles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Training images.
    Training,
    /// Validation images.
    Validation,
    /// Test images.
    Test,
    /// No split: titles say "images".
    None,
}

impl Split {
    /// "test images"
    pub(crate) fn images(self) -> String {
        format!("{self}images")
    }

    /// "test image 3"
    pub(crate) fn image(self, index: usize) -> String {
        format!("{self}image {index}")
    }

    /// "5,000 test images"
    pub(crate) fn count(self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        format!("{} {self}image{plural}", thousands(count))
    }
}

/// The word before "images" in titles.
impl Display for Split {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Training => "training ",
            Self::Validation => "validation ",
            Self::Test => "test ",
            Self::None => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_count_images() {
        assert_eq!(Split::Test.count(5000), "5,000 test images");
        assert_eq!(Split::Training.count(1), "1 training image");
        assert_eq!(Split::None.count(1_234_567), "1,234,567 images");
        assert_eq!(Split::Validation.count(0), "0 validation images");
        assert_eq!(Split::None.image(12), "image 12");
        assert_eq!(Split::Test.images(), "test images");
    }
}
