use std::{io, path::PathBuf};

/// What can be wrong with a picture or with the place where it is to be saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pixels are not `[images, height, width]`.
    #[error(
        "{pixels} pixels are not {images} images × {height} × {width}: give one number for each \
         pixel, image after image, row after row"
    )]
    PixelCount {
        /// How many pixels were given.
        pixels: usize,
        /// How many images they were said to be.
        images: usize,
        /// The height of an image, in pixels.
        height: usize,
        /// The width of an image, in pixels.
        width: usize,
    },

    /// The labels are not one for each row, column or image.
    #[error("{labels} {what} were given for {expected} {places}: give one for each, in order")]
    LabelCount {
        /// What kind of label.
        what: &'static str,
        /// How many were given.
        labels: usize,
        /// How many were needed.
        expected: usize,
        /// What the labels are for.
        places: &'static str,
    },

    /// The points of a scatter plot are not two numbers for each label.
    #[error(
        "{values} coordinates are not 2 for each of {labels} labels: give x and y of each point, \
         point after point"
    )]
    PointCount {
        /// How many coordinates were given.
        values: usize,
        /// How many labels were given.
        labels: usize,
    },

    /// The latents of a scatter plot are not `[points, dimensions]`.
    #[error(
        "{values} latent values are not {points} points × {dimensions} dimensions: give the \
         latents of the same points, point after point"
    )]
    LatentCount {
        /// How many values were given.
        values: usize,
        /// How many points the plot has.
        points: usize,
        /// How many dimensions the latents were said to have.
        dimensions: usize,
    },

    /// A label is not a digit.
    #[error("label {label} of point {point} is not a digit: labels are 0 to 9")]
    NotADigit {
        /// The label.
        label: u8,
        /// The index of its point.
        point: usize,
    },

    /// A series of a panel has not one value for each x.
    #[error(
        "series `{series}` of panel `{panel}` has {values} values for {rows} x values: give one \
         for each, and NaN where there is none"
    )]
    SeriesLength {
        /// The title of the panel.
        panel: String,
        /// The name of the series.
        series: String,
        /// How many values it has.
        values: usize,
        /// How many x values there are.
        rows: usize,
    },

    /// The file name does not say which format is wanted.
    #[error("`{}` has no known extension, which are .png, .svg and .npy", path.display())]
    UnknownFormat {
        /// The path that was given.
        path: PathBuf,
    },

    /// There is a folder where the file should be.
    #[error("`{}` is a folder", path.display())]
    IsFolder {
        /// The path that was given.
        path: PathBuf,
    },

    /// The folder of the file cannot be made.
    #[error(
        "cannot make the folder `{}`: {source}",
        folder.display()
    )]
    CreateFolder {
        /// The folder that is needed.
        folder: PathBuf,
        /// Why it cannot be made.
        source: io::Error,
    },

    /// The file cannot be written; a file that was there before is as it was.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The path that was given.
        path: PathBuf,
        /// Why it cannot be written.
        source: io::Error,
    },

    /// The chart cannot be laid out or drawn.
    #[error("cannot draw the chart: {0}")]
    Chart(Box<dyn std::error::Error + Send + Sync>),

    /// The picture is too large to be drawn as pixels.
    #[error("a picture of {width} × {height} pixels is too large")]
    Size {
        /// The width of the picture, in pixels.
        width: i32,
        /// The height of the picture, in pixels.
        height: i32,
    },

    /// The pixels cannot be packed as a PNG: the picture is too large.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] png::EncodingError),
}
