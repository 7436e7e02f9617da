use std::{io, path::PathBuf};

/// An error of a figure or of saving it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values is not images × height × width × channels.
    #[error(
        "{pixels} pixels are not {images} images × {height} × {width}{}: give one number for each \
         pixel{}, image after image, row after row",
        if *channels == 1 { String::new() } else { format!(" × {channels}") },
        if *channels == 1 { "" } else { " and channel" }
    )]
    PixelCount {
        /// The number of values: pixels × channels.
        pixels: usize,
        /// The number of images.
        images: usize,
        /// The height of an image, in pixels.
        height: usize,
        /// The width of an image, in pixels.
        width: usize,
        /// The number of channels.
        channels: usize,
    },

    /// Images are neither grey nor of red, green and blue.
    #[error("images of {channels} channels cannot be drawn: give 1 (grey) or 3 (red, green, blue)")]
    Channels {
        /// The number of channels.
        channels: usize,
    },

    /// The number of labels differs from the number of rows, columns or images.
    #[error("{labels} {what} were given for {expected} {places}: give one for each, in order")]
    LabelCount {
        /// The kind of label.
        what: &'static str,
        /// The number of labels.
        labels: usize,
        /// The number required.
        expected: usize,
        /// What the labels belong to.
        places: &'static str,
    },

    /// The number of coordinates is not two for each label.
    #[error(
        "{values} coordinates are not 2 for each of {labels} labels: give x and y of each point, \
         point after point"
    )]
    PointCount {
        /// The number of coordinates.
        values: usize,
        /// The number of labels.
        labels: usize,
    },

    /// The number of coordinates of points without labels is odd.
    #[error("{values} coordinates are not 2 for each point: give x and y, point after point")]
    OddCoordinates {
        /// The number of coordinates.
        values: usize,
    },

    /// The number of latent values is not points × dimensions.
    #[error(
        "{values} latent values are not {points} points × {dimensions} dimensions: give the \
         latents of the same points, point after point"
    )]
    LatentCount {
        /// The number of values.
        values: usize,
        /// The number of points.
        points: usize,
        /// The number of dimensions of the latents.
        dimensions: usize,
    },

    /// A label is not one of the classes of a confusion matrix.
    #[error("label {label} of image {image} is not one of the classes of the confusion matrix")]
    UnknownClass {
        /// The label.
        label: u8,
        /// The index of its image.
        image: usize,
    },

    /// A series does not have one value for each x.
    #[error(
        "series `{series}` of panel `{panel}` has {values} y values for {rows} x values: give \
         one for each, and NaN where one is missing"
    )]
    SeriesLength {
        /// The title of the panel.
        panel: String,
        /// The name of the series.
        series: String,
        /// The number of values.
        values: usize,
        /// The number of x values.
        rows: usize,
    },

    /// The file name has no supported extension.
    #[error("`{}` does not end in .png, .svg or .npy", path.display())]
    UnknownFormat {
        /// The path.
        path: PathBuf,
    },

    /// The path is a directory.
    #[error("`{}` is a directory", path.display())]
    IsDirectory {
        /// The path.
        path: PathBuf,
    },

    /// The directory of the file cannot be created.
    #[error(
        "cannot create the directory `{}`: {source}",
        directory.display()
    )]
    CreateDirectory {
        /// The directory.
        directory: PathBuf,
        /// The reason.
        source: io::Error,
    },

    /// The file cannot be written; an existing file is unchanged.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },

    /// The chart cannot be laid out or drawn.
    #[error("cannot draw the chart: {0}")]
    Chart(Box<dyn std::error::Error + Send + Sync>),

    /// The figure is too large to be rasterised.
    #[error("a picture of {width} × {height} pixels is too large")]
    Size {
        /// The width of the figure, in pixels.
        width: i32,
        /// The height of the figure, in pixels.
        height: i32,
    },

    /// The pixels cannot be encoded as a PNG: the figure is too large.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] png::EncodingError),
}
