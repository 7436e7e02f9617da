/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No assignment has this name.
    #[error("there is no assignment `{0}`")]
    UnknownAssignment(String),
    /// An answer quotes a number that no command of the assignment printed, and no run recorded.
    #[error("{0} was not measured")]
    NotMeasured(String),
    /// An experiment is unknown.
    #[error(transparent)]
    Pretrained(Box<latent_pretrained::Error>),
    /// A run cannot be read.
    #[error(transparent)]
    Training(Box<latent_training::Error>),
    /// A figure cannot be rendered.
    #[error(transparent)]
    Figure(#[from] latent_visualisation::Error),
    /// A check of an answer cannot be computed.
    #[error(transparent)]
    Check(#[from] latent_distributions::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// The source code of a function that a report shows does not contain it.
    #[error("the function {0} is not in its source file")]
    Excerpt(String),
    /// A template cannot be rendered.
    #[error("a template of the report cannot be rendered: {0}")]
    Template(askama::Error),
}

impl From<latent_pretrained::Error> for Error {
    fn from(error: latent_pretrained::Error) -> Self {
        Self::Pretrained(Box::new(error))
    }
}

impl From<latent_training::Error> for Error {
    fn from(error: latent_training::Error) -> Self {
        Self::Training(Box::new(error))
    }
}
