use candle_core::{D, Shape, Tensor};

/// An error of a distribution or a bijector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of two parameters of a distribution differ.
    #[error(
        "the {first_name} has shape {first:?} and the {second_name} {second:?}; \
         broadcast both to the same shape first"
    )]
    ParameterShapes {
        /// The first parameter's name.
        first_name: &'static str,
        /// Its shape.
        first: Shape,
        /// The second parameter's name.
        second_name: &'static str,
        /// Its shape.
        second: Shape,
    },
    /// The event sizes do not match.
    #[error("events have {found} components, expected {expected}")]
    EventSize {
        /// The number of components found.
        found: usize,
        /// The number of components expected.
        expected: usize,
    },
    /// A partition with an empty part.
    #[error(
        "a partition of {size} columns has an empty part; a coupling needs at least one transformed \
         and at least one column to condition on"
    )]
    Mask {
        /// The number of columns.
        size: usize,
    },
    /// An order that is not a permutation.
    #[error("the order of {size} columns is not a permutation of 0 to {size} − 1")]
    Permutation {
        /// The number of columns.
        size: usize,
    },
    /// A squeeze of an image with an odd side.
    #[error("an image of {height}×{width} pixels has an odd side, which cannot be halved")]
    OddImage {
        /// The number of rows.
        height: usize,
        /// The number of columns.
        width: usize,
    },
    /// Data-dependent initialisation without data.
    #[error("data-dependent initialisation needs at least one data vector, and there are none")]
    NoVectors,
    /// λ is not in [0, ½).
    #[error("λ is {0}; it must be at least 0 and less than 1/2")]
    Lambda(f64),
    /// An operation on tensors failed: shapes, dtypes or devices do not fit.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Refuses events (last dimensions) of different sizes: broadcasting would silently repeat an
    /// event of size 1.
    pub(crate) fn refuse_different_events(found: &Tensor, expected: &Tensor) -> Result<(), Self> {
        let (found, expected) = (found.dim(D::Minus1)?, expected.dim(D::Minus1)?);
        if found == expected {
            return Ok(());
        }
        Err(Self::EventSize { found, expected })
    }

    /// Refuses parameters of different shapes.
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
