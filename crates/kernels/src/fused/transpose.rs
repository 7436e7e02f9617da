//! The transposition of blocks.

use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::CHUNK;
use crate::fused::operation::{Gradient, Operation, apply1, is_fused};
use crate::fused::parallel::share_rows;

/// [`transpose_blocks`](crate::transpose_blocks).
pub(crate) fn transpose_blocks(tensor: &Tensor) -> Result<Option<Tensor>> {
    let (count, rows, columns, size) = tensor.dims4()?;
    if !is_fused(&[tensor]) || rows * columns * size == 0 {
        return Ok(None);
    }
    let transpose = Transpose {
        rows,
        columns,
        size,
    };
    Ok(Some(apply1(
        transpose,
        tensor,
        (count, columns, rows, size),
    )?))
}

struct Transpose {
    rows: usize,
    columns: usize,
    size: usize,
}

impl Transpose {
    /// The transposition of each matrix of blocks of the input.
    fn apply<T: Element>(&self, input: &[T]) -> Vec<T> {
        let &Self {
            rows,
            columns,
            size,
        } = self;
        let mut output = vec![T::zero(); input.len()];
        let width = rows * columns * size;
        let together = (CHUNK / width).max(1);
        share_rows([&mut output], [width], together, |index, [output]| {
            let input = &input[index * together * width..][..output.len()];
            let matrices = output
                .chunks_exact_mut(width)
                .zip(input.chunks_exact(width));
            for (output, input) in matrices {
                for (column, output) in output.chunks_exact_mut(rows * size).enumerate() {
                    for (row, block) in output.chunks_exact_mut(size).enumerate() {
                        block.copy_from_slice(&input[(row * columns + column) * size..][..size]);
                    }
                }
            }
        });
        output
    }
}

impl Operation<1> for Transpose {
    const NAME: &'static str = "transpose_blocks";

    fn forward<T: Element>(&self, [input]: [&[T]; 1]) -> Vec<T> {
        self.apply(input)
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 1],
        _: &[T],
        gradient: &[T],
        _: [bool; 1],
    ) -> [Gradient<T>; 1] {
        let inverse = Self {
            rows: self.columns,
            columns: self.rows,
            size: self.size,
        };
        [Gradient::Values(inverse.apply(gradient))]
    }
}
