//! Image grids, scatter plots of latent spaces, confusion matrices and training curves, as PNG, SVG and NumPy files.
//!
//! ```
//! use latent_visualisation::{Curves, ImageGrid, Picture, Scatter};
//!
//! # let folder = tempfile::tempdir()?;
//! # let figures = folder.path();
//! // Twenty grey images of 28 × 28 pixels, from 0 (black) to 1 (white).
//! let images = vec![0.5; 20 * 28 * 28];
//! ImageGrid::new(images, [20, 28, 28])?
//!     .title("Samples")
//!     .save(&figures.join("samples.png"))?;
//!
//! // The latents of three images, and their digits.
//! Scatter::new([0.3, -1.2, 0.8, 2.0, -0.5, 0.1], [7, 3, 3])?
//!     .title("Latent space of the test images")
//!     .save(&figures.join("latents.svg"))?;
//!
//! // What was measured after each epoch; the .npy file holds the numbers for NumPy.
//! let curves = Curves::new([1.0, 2.0, 3.0])
//!     .y_label("nats per image")
//!     .panel("loss", &[("train", &[190.0, 170.0, 165.0]), ("test", &[180.0, 171.0, 168.0])])?;
//! curves.save(&figures.join("curves.png"))?;
//! curves.save(&figures.join("curves.npy"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate knows pictures and no models: it takes slices and vectors of numbers. Each kind of
//! picture is a [`Picture`], which is rendered to bytes or saved; the extension of the path chooses
//! the [`Format`]. The same picture gives the same bytes on every run.
//!
//! Charts are drawn by [plotters], and on any of its backends (bitmaps, SVG, windows, HTML canvas)
//! with [`Curves::draw_on`], [`Scatter::draw_on`] and [`ConfusionMatrix::draw_on`]:
//!
//! ```
//! use latent_visualisation::{Curves, plotters::prelude::{IntoDrawingArea, WHITE}};
//! use plotters_svg::SVGBackend;
//!
//! let mut svg = String::new();
//! {
//!     let area = SVGBackend::with_string(&mut svg, (640, 480)).into_drawing_area();
//!     area.fill(&WHITE)?;
//!     Curves::new([1.0, 2.0, 3.0])
//!         .panel("loss", &[("train", &[190.0, 170.0, 165.0])])?
//!         .draw_on(&area)?;
//!     area.present()?;
//! }
//! assert!(svg.contains("train"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every picture has a white background, so that it reads on a dark page too, and is as large as
//! what is on it: no label is ever cut off. Texts are set in the font Inter, which is compiled in. An SVG holds the
//! outlines of its glyphs, so that every program shows it as the PNG is, whatever fonts there are; the same text
//! is there unseen, so that it can be searched, selected and read aloud.

mod axes;
mod backend;
mod canvas;
mod chart;
mod confusion_matrix;
mod curves;
mod error;
mod font;
mod format;
mod image_grid;
mod map_axes;
mod number;
mod palette;
mod raster;
mod scatter;
mod shape;

pub use confusion_matrix::ConfusionMatrix;
pub use curves::Curves;
pub use error::Error;
pub use format::{Format, Picture};
pub use image_grid::ImageGrid;
pub use palette::DIGITS;
pub use plotters;
pub use scatter::Scatter;
