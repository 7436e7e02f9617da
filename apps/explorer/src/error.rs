use latent_models::Shape;
use wasm_bindgen::{JsError, JsValue};

/// An error that the page shows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The images of a model are neither grey nor in red, green and blue.
    #[error(
        "{name} is a model of images with {} channels; the page shows 1 (grey) or 3 (red, green and blue)",
        shape.channels
    )]
    Channels {
        /// The name of the model.
        name: String,
        /// The shape of its images.
        shape: Shape,
    },
    /// An image or a latent has the wrong number of values.
    #[error("the {what} has {found} values, expected {expected}")]
    Count {
        /// The kind of input.
        what: &'static str,
        /// The number of values that were given.
        found: usize,
        /// The required number of values.
        expected: usize,
    },
    /// An interpolation method is unknown.
    #[error("there is no interpolation method `{0}`, expected linear, arc or slerp")]
    Path(String),
    /// More images were requested than the page can show.
    #[error("{0} images are too many for a page: request 1,000 or fewer")]
    TooMany(usize),
    /// The model file is invalid, or the labels are.
    #[error(transparent)]
    File(#[from] latent_training::Error),
    /// The model cannot perform the operation.
    #[error(transparent)]
    Model(#[from] latent_models::Error),
    /// Computing a figure failed.
    #[error(transparent)]
    Figure(#[from] latent_figures::Error),
    /// Rendering a picture failed.
    #[error(transparent)]
    Picture(#[from] latent_visualisation::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Converts an error to a JavaScript exception with its message.
impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        // Only the first line: a backtrace may follow.
        let message = error.to_string();
        JsError::new(message.lines().next().unwrap_or_default()).into()
    }
}
