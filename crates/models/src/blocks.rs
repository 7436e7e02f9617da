use candle_core::Tensor;

use crate::Error;

/// Images or latents that are computed at once where nothing is learnt, so that memory does not grow with
/// what is asked for: a network's hidden layers and outputs take many times the memory of its result.
pub(crate) const ROWS: usize = 2000;

/// What `compute` makes of `total` rows, in blocks of at most `at_once` that are joined along dimension
/// `dim`. It is given the first row of a block and their number, and called in order, so that draws from a
/// generator are those of one block of all rows.
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
