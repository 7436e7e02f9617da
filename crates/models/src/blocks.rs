use candle_core::Tensor;

use crate::Error;

/// The number of rows in a block outside of training. It bounds the memory for hidden layers and outputs, which
/// take many times the memory of the result.
pub(crate) const ROWS: usize = 2000;

/// Computes `total` rows in blocks of at most `at_once` and concatenates the results along dimension `dim`.
///
/// `compute` takes the first row of a block and the number of rows. It is called in order, so the draws from a
/// generator are the same as in a single block.
pub(crate) fn in_blocks(
    total: usize,
    at_once: usize,
    dim: usize,
    mut compute: impl FnMut(usize, usize) -> Result<Tensor, Error>,
) -> Result<Tensor, Error> {
    let at_once = at_once.max(1);
    if total <= at_once {
        return compute(0, total);
    }
    let blocks = (0..total)
        .step_by(at_once)
        .map(|first| compute(first, at_once.min(total - first)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::cat(&blocks, dim)?)
}
