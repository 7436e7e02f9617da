use candle_core::{D, DType, Tensor};

/// An error of building or evaluating a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of a configuration is invalid.
    #[error("`{key}` is {value}: {remedy}")]
    Config {
        /// The field of the configuration.
        key: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        remedy: &'static str,
    },
    /// The arguments of a function of [`latent_space`](crate::latent_space) are invalid.
    #[error("{0}")]
    LatentSpace(String),
    /// An operation on labels was requested of an unconditional model.
    #[error("the model is not conditional and has no labels")]
    NotConditional,
    /// A likelihood or a score is infinite or NaN, so the most probable class is undefined.
    #[error("{what} is infinite or NaN: the model's weights or the images are out of range")]
    NotFinite {
        /// The quantity.
        what: &'static str,
    },
    /// An estimate with 0 draws was requested.
    #[error("the number of draws is 0, expected 1 or more")]
    NoSamples,
    /// The parameters of a distribution are invalid.
    #[error(transparent)]
    Distribution(#[from] latent_distributions::Error),
    /// An operation on tensors failed: shapes, dtypes or devices do not fit.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// Checks that a size is not 0: empty tensors cause errors that are hard to understand.
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

/// Checks that the number of draws is not 0: the mean of no draws is NaN.
pub(crate) fn refuse_no_samples(samples: usize) -> Result<(), Error> {
    if samples == 0 {
        return Err(Error::NoSamples);
    }
    Ok(())
}

/// Limits the number of weights, so that a mistake in a configuration does not exhaust the memory. `key` with its
/// `value` is the setting that makes the model large.
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

/// Limits the number of residual blocks after a layer.
pub(crate) fn refuse_too_many_blocks(blocks: usize) -> Result<(), Error> {
    const BLOCKS: usize = 100;
    if blocks > BLOCKS {
        return Err(Error::Config {
            key: "blocks",
            value: blocks.to_string(),
            remedy: "use 100 residual blocks after a layer or fewer",
        });
    }
    Ok(())
}

/// The index of the highest score of each row, `[n]` (u32); an error if a score is infinite or NaN.
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
