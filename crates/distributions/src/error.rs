use candle_core::Shape;

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
    /// An operation on tensors failed: shapes, dtypes or devices do not fit.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
