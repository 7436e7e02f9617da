use latent_models::Shape;
use wasm_bindgen::{JsError, JsValue};

/// What the page cannot do, in words for who looks at it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model of images that the page does not draw.
    #[error(
        "{name} is a model of images of {}×{} pixels and {} channel(s), and the page draws 28×28 grey ones: \
         choose one that was trained on MNIST",
        shape.height,
        shape.width,
        shape.channels
    )]
    ImageShape {
        /// The model.
        name: String,
        /// The shape of its images.
        shape: Shape,
    },
    /// Numbers that are not as many as an image, a latent or a list of them has.
    #[error("{found} numbers are no {what}, which has {expected}")]
    Count {
        /// What they should be.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many it takes.
        expected: usize,
    },
    /// A path that is not one of those that exist.
    #[error("there is no path `{0}`: it is linear, sinusoidal or spherical")]
    Path(String),
    /// More images than a page should draw.
    #[error("{0} images are too many for a page: draw 1,000 or fewer")]
    TooMany(usize),
    /// The model's file is not what it should be.
    #[error(transparent)]
    File(#[from] latent_training::Error),
    /// The model cannot do it.
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    /// The figure cannot be made.
    #[error(transparent)]
    Figure(#[from] latent_figures::Error),
    /// The picture cannot be drawn.
    #[error(transparent)]
    Picture(#[from] latent_visualisation::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// In the browser it is an exception with the message.
impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        // The first line says it; a backtrace may follow.
        let message = error.to_string();
        JsError::new(message.lines().next().unwrap_or_default()).into()
    }
}
