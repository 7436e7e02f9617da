use candle_core::{D, DType, Tensor};

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
    /// A question about labels, to a model that knows none.
    #[error("the model is not conditional, and takes no labels")]
    NotConditional,
    /// A figure from which nothing can be told.
    #[error(
        "{what} is infinite or no number: the model's weights, or the images, are out of all proportion"
    )]
    NotFinite {
        /// The figure.
        what: &'static str,
    },
    /// An estimate from no draws.
    #[error("an estimate from 0 draws does not exist: it takes 1 or more")]
    NoSamples,
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

/// The mean of no draws is no number.
pub(crate) fn refuse_no_samples(samples: usize) -> Result<(), Error> {
    if samples == 0 {
        return Err(Error::NoSamples);
    }
    Ok(())
}

/// No computer that this is for could train a network with more weights, or hold them while it is
/// trained: `key` with its `value` is what makes it so large.
pub(crate) fn refuse_too_many(
    weights: usize,
    key: &'static str,
    value: &dyn ToString,
) -> Result<(), Error> {
    const WEIGHTS: usize = 1 << 28;
    if weights > WEIGHTS {
        let value = value.to_string();
        let remedy = "the model would have more than 268 million weights: make it smaller";
        return Err(Error::Config { key, value, remedy });
    }
    Ok(())
}

/// The most probable class of each row of scores: none is, where one of them is no number.
pub(crate) fn most_probable(scores: &Tensor, what: &'static str) -> Result<Tensor, Error> {
    let sum = scores
        .abs()?
        .sum_all()?
        .to_dtype(DType::F32)?
        .to_scalar::<f32>()?;
    if !sum.is_finite() {
        return Err(Error::NotFinite { what });
    }
    Ok(scores.argmax(D::Minus1)?)
}
