//! Image grids, scatter plots of latent spaces, confusion matrices and training curves, as PNG, SVG and NumPy files.
//!
//! ```
//! use latent_visualisation::{Curves, ImageGrid, Picture, Scatter};
//!
//! # let folder = tempfile::tempdir()?;
//! # let figures = folder.path();
//! // Twenty grey images of 28 × 28 pixels, from 0 (black) to 1 (white). Colour images have the
//! // shape [images, height, width, 3].
//! let images = vec![0.5; 20 * 28 * 28];
//! ImageGrid::new(images, [20, 28, 28])?
//!     .title("Samples")
//!     .save(&figures.join("samples.png"))?;
//!
//! // The latents of three images, and their labels.
//! Scatter::new([0.3, -1.2, 0.8, 2.0, -0.5, 0.1], [7, 3, 3])?
//!     .title("Latent space of the test images")
//!     .save(&figures.join("latents.svg"))?;
//!
//! // Metrics of each epoch; the .npy file contains the numbers for NumPy.
//! let curves = Curves::new([1.0, 2.0, 3.0])
//!     .y_label("nats per image")
//!     .panel("loss", &[("train", &[190.0, 170.0, 165.0]), ("test", &[180.0, 171.0, 168.0])])?;
//! curves.save(&figures.join("curves.png"))?;
//! curves.save(&figures.join("curves.npy"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate is independent of models: it takes slices and vectors of numbers. Each kind of figure
//! implements [`Picture`], with methods that render bytes or save a file; the extension of the path
//! selects the [`Format`]. The same figure gives the same bytes in every run.
//!
//! Charts are drawn by [plotters]. [`Curves::draw_on`], [`Scatter::draw_on`] and
//! [`ConfusionMatrix::draw_on`] draw on any of its backends (bitmaps, SVG, windows, HTML canvas):
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
//! Every figure has a white background, so that it is readable on a dark page, and is as large as
//! its content. Only class names that are too long for a legend or an axis are shortened, with an
//! ellipsis. Texts use the embedded font Inter. An SVG contains the
//! outlines of the glyphs, so it looks like the PNG in every program, and the same text invisibly,
//! for searching, selecting and reading aloud.
//!
//! The crate has no features. Rust 1.94 or later. Main dependencies: plotters, tiny-skia,
//! `ab_glyph`. Status: part of the `latent` workspace, below 1.0; minor versions may break the
//! interface.

mod axes;
mod backend;
mod canvas;
mod chart;
mod confusion_matrix;
mod contours;
mod curves;
mod error;
mod font;
mod format;
mod image_grid;
mod legend;
mod map_axes;
mod names;
mod number;
mod palette;
mod raster;
mod scatter;
mod shape;
mod text_image;

pub use confusion_matrix::ConfusionMatrix;
pub use contours::Field;
pub use curves::Curves;
pub use error::Error;
pub use format::{Format, Picture, npy_file};
pub use image_grid::{GridShape, ImageGrid};
pub use palette::{DIGITS, class_colour};
pub use plotters;
pub use scatter::Scatter;
pub use text_image::text_image;

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
