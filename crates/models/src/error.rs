/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that no model can be built from.
    #[error("`{key}` is {value}: {remedy}")]
    Config {
        /// The configuration's field.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        remedy: &'static str,
    },
    /// A picture or a path was asked for that the latent space does not have.
    #[error("{0}")]
    LatentSpace(String),
    /// A distribution refused its parameters.
    #[error(transparent)]
    Distribution(#[from] latent_distributions::Error),
    /// An operation on tensors failed: shapes, dtypes or devices do not fit.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A size of 0 makes tensors that hold nothing, and would fail much later.
pub(crate) fn positive(key: &'static str, value: usize) -> Result<(), Error> {
    if value == 0 {
        return Err(Error::Config {
            key,
            value: value.to_string(),
            remedy: "it must be 1 or more",
        });
    }
    Ok(())
}
