use candle_core::{D, Shape, Tensor};

/// What can go wrong with a distribution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two parameters of one distribution differ in shape.
    #[error(
        "the {first_name} has shape {first:?} and the {second_name} {second:?}: \
         give both parameters one shape, broadcasting them beforehand where needed"
    )]
    ParameterShapes {
        /// What the first parameter is called.
        first_name: &'static str,
        /// Its shape.
        first: Shape,
        /// What the second parameter is called.
        second_name: &'static str,
        /// Its shape.
        second: Shape,
    },
    /// Two events that cannot be compared.
    #[error(
        "events of {found} components cannot be compared with events of {expected}: use one size for both"
    )]
    EventSize {
        /// Components of the one event.
        found: usize,
        /// Components of the other.
        expected: usize,
    },
    /// A coupling of vectors that cannot be divided.
    #[error(
        "a vector of {size} columns is divided so that one part has none: a coupling needs one column \
         or more to transform, and one or more that it is given"
    )]
    Mask {
        /// How many columns there are.
        size: usize,
    },
    /// An order of columns in which one is missing.
    #[error("an order of {size} columns names each of 0 to {size} − 1 once, and this one does not")]
    Permutation {
        /// How many columns there are.
        size: usize,
    },
    /// Data without the statistic that a normalisation needs.
    #[error("no vectors have no mean to initialise a normalisation by: one or more are needed")]
    NoVectors,
    /// A distance from the ends of an interval that leaves nothing between them.
    #[error("λ is {0}: how far a logit keeps away from 0 and 1 is at least 0 and less than 1/2")]
    Lambda(f64),
    /// An operation on tensors failed: shapes, dtypes or devices do not fit.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Two events, the last dimension of each, that have to be of one size: one of size 1 would be
    /// repeated by broadcasting, as if it had more components than it has.
    pub(crate) fn refuse_different_events(found: &Tensor, expected: &Tensor) -> Result<(), Self> {
        let (found, expected) = (found.dim(D::Minus1)?, expected.dim(D::Minus1)?);
        if found == expected {
            return Ok(());
        }
        Err(Self::EventSize { found, expected })
    }

    /// Two parameters of one distribution, with what they are called, that have to be alike.
    pub(crate) fn refuse_different(
        (first_name, first): (&'static str, &Tensor),
        (second_name, second): (&'static str, &Tensor),
    ) -> Result<(), Self> {
        if first.shape() == second.shape() {
            return Ok(());
        }
        Err(Self::ParameterShapes {
            first_name,
            first: first.shape().clone(),
            second_name,
            second: second.shape().clone(),
        })
    }
}
