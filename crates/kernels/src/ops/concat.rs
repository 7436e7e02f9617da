use candle_core::{Result, Tensor, bail};

use crate::{composed, fused};

/// A range of columns: `[..., d]` becomes `[..., count]`, starting at column `first`.
///
/// # Errors
/// The range exceeds the columns.
pub fn narrow(vectors: &Tensor, first: usize, count: usize) -> Result<Tensor> {
    let Some(&width) = vectors.dims().last() else {
        bail!("a scalar has no columns");
    };
    if first.checked_add(count).is_none_or(|end| end > width) {
        bail!("{count} columns from column {first} on are out of range: the vectors have {width}");
    }
    composed::narrow(vectors, first, count)
}

/// Concatenates along the last dimension: `[..., a]` and `[..., b]` become `[..., a + b]`.
///
/// # Errors
/// Other dimensions, dtypes or devices differ.
pub fn concat(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    composed::concat(left, right)
}

/// Transposes matrices of blocks: `[n, a, b, size]` becomes `[n, b, a, size]`.
///
/// # Errors
/// The tensor does not have four dimensions.
pub fn transpose_blocks(tensor: &Tensor) -> Result<Tensor> {
    fused::transpose_blocks(tensor)?.map_or_else(|| composed::transpose_blocks(tensor), Ok)
}
