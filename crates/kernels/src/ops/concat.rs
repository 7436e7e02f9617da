use candle_core::{Result, Tensor, bail};

use crate::composed;

/// Some columns of vectors: `[..., d]` becomes `[..., count]`, from column number `first` on.
///
/// # Errors
/// There are no such columns.
pub fn narrow(vectors: &Tensor, first: usize, count: usize) -> Result<Tensor> {
    let Some(&width) = vectors.dims().last() else {
        bail!("a single number has no columns");
    };
    if first.checked_add(count).is_none_or(|end| end > width) {
        bail!("there are {width} columns, not {count} of them from number {first} on");
    }
    composed::narrow(vectors, first, count)
}

/// Vectors beside vectors: `[..., a]` and `[..., b]` become `[..., a + b]`.
///
/// # Errors
/// They differ in another dimension than the last, in dtype or in device.
pub fn concat(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    composed::concat(left, right)
}
