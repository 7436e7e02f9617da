//! Figures of trained VAEs and normalizing flows: each is a function of a model, a data set and
//! options, and returns the figure with its data.
//!
//! ```
//! use candle_core::Device;
//! use latent_figures::{Picture, ReconstructionOptions, SampleOptions, reconstructions, samples};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! // A run directory or a .safetensors file by `load_model`, or a pretrained model:
//! let model = latent_pretrained::load("cvae-conv", &Device::Cpu)?;
//! let data = latent_datasets::synthetic(1, 1000, 100);
//!
//! // Two samples for each of three labels, as an image and as numbers.
//! let options = SampleOptions {
//!     labels: Some(vec![3, 1, 4]),
//!     count: Some(2),
//!     ..SampleOptions::default()
//! };
//! let figure = samples(&model, &options)?;
//! figure.save(&folder.join("samples.png"))?;
//! figure.save(&folder.join("samples.npy"))?;
//! assert_eq!(figure.grid.shape(), [6, 28, 28]);
//! assert_eq!(figure.latents.dims(), [6, 2]);
//!
//! // The first ten test images above their reconstructions.
//! let figure = reconstructions(&model, &data.test, &ReconstructionOptions::default())?;
//! figure.save(&folder.join("reconstructions.svg"))?;
//! # Ok(())
//! # }
//! ```
//!
//! | function | shows | returns |
//! |---|---|---|
//! | [`samples`] | samples of the prior, decoded | [`ImageFigure`] |
//! | [`reconstructions`] | images above their reconstructions | [`ImageFigure`] |
//! | [`interpolations`] | paths between the latents of images | [`ImageFigure`] |
//! | [`manifold`] | a grid over a latent plane, decoded | [`ImageFigure`] |
//! | [`prototypes`] | exemplars of each class | [`PrototypeFigure`] |
//! | [`perturbations`] | perturbations around the latent of an image | [`ImageFigure`] |
//! | [`analogies`] | style transfer: the same latent with every label | [`ImageFigure`] |
//! | [`traversals`] | one latent dimension varies, for each label | [`TraversalFigure`] |
//! | [`latents`] | the latents of images in a plane | [`Scatter`] |
//! | [`coverage`] | the density of latents over a grid | [`CoverageFigure`] |
//! | [`alignment`] | the latents of two models, aligned | [`AlignmentFigure`] |
//! | [`posterior`] | the aggregate posterior and the prior | [`PosteriorFigure`] |
//! | [`training_curves`], [`setting_curves`], [`comparison_curves`] | metrics of runs | [`Curves`] |
//! | [`throughput_curves`] | training speed over the batch size | [`Curves`] |
//! | [`model_figures`] | every figure that suits a model | all of them |
//!
//! Every return value is a [`Picture`], which is rendered or saved as PNG, SVG or NumPy file from
//! the same data. The methods of [`ImageGrid`], [`Scatter`] and [`Curves`] replace titles and
//! labels. The same model, data, options and seed give the same bytes.
//!
//! Images may be grey or colour, of any height and width. Labels become the names of classes in every
//! title and label, if the data set has names. Images without labels have every figure except
//! prototypes, interpolations between labels and those of conditional models
//! ([`Error::NoLabels`]).
//!
//! Figures are computed on the model's device. Random numbers depend on the seed in the options, by
//! default the seed of the model's experiment.
//!
//! # Features
//! `t-sne` (default) adds t-SNE by bhtsne; `x86-v4` (default) compiles kernels for AVX-512; `cuda`
//! and `metal` forward to candle. Without default features the crate builds for WebAssembly.
//!
//! Rust 1.94 or later. Main dependencies: candle-core, latent-datasets, latent-models,
//! latent-training, latent-visualisation. Status: part of the `latent` workspace, below 1.0; minor
//! versions may break the interface.

mod alignment;
mod analogies;
mod coverage;
mod curves;
mod decoded;
mod error;
mod image_figure;
mod image_moments;
mod interpolations;
mod latents;
mod manifold;
mod model_figures;
mod perturbations;
mod posterior;
mod prior;
mod projection;
mod prototypes;
mod reconstructions;
mod samples;
mod speed;
mod split;
#[cfg(feature = "t-sne")]
mod t_sne;
mod traversals;

pub use alignment::{AlignmentFigure, NEIGHBOURS, alignment};
pub use analogies::{AnalogyOptions, analogies};
pub use coverage::{CoverageFigure, coverage};
pub use curves::{comparison_curves, setting_curves, training_curves};
pub use decoded::decoded;
pub use error::Error;
pub use image_figure::{ImageFigure, MAX_IMAGES};
pub use image_moments::ImageMoments;
pub use interpolations::{InterpolationOptions, Pairs, interpolations};
pub use latent_datasets::{self, Dataset};
pub use latent_models::latent_space::{Grid, Path};
pub use latent_training::{self, EpochRecord, Model, load_model, parse_model};
pub use latent_visualisation::{self, Curves, Format, ImageGrid, Picture, Scatter};
pub use latents::{Encoding, LatentsOptions, latents};
pub use manifold::{ManifoldOptions, covering_grid, manifold, quantile_grid};
pub use model_figures::{NamedFigure, model_figures};
pub use perturbations::{PerturbationOptions, perturbations};
pub use posterior::{ACTIVE_NATS, PosteriorFigure, PosteriorOptions, posterior};
pub use prior::{REGIONS, prior};
pub use projection::Projection;
pub use prototypes::{PrototypeFigure, PrototypeOptions, prototypes};
pub use reconstructions::{ReconstructionOptions, reconstructions};
pub use samples::{Pixels, SampleOptions, samples};
pub use speed::throughput_curves;
pub use split::Split;
#[cfg(feature = "t-sne")]
pub use t_sne::MIN_TSNE_IMAGES;
pub use traversals::{Correlations, TraversalFigure, TraversalOptions, traversals};

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
