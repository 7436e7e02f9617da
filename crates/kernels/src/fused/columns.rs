#![expect(
    unsafe_code,
    reason = "memory that is about to be written is not zeroed first"
)]

use std::mem::MaybeUninit;

use candle_core::{Result, Tensor};

use crate::element::Element;
use crate::fused::elementwise::{CHUNK, produced};
use crate::fused::operation::{Gradient, Operation, apply1, apply2, is_fused};

/// See [`columns`](crate::columns).
pub(crate) fn columns(vectors: &Tensor, first: usize, count: usize) -> Result<Option<Tensor>> {
    let Some((&width, leading)) = vectors.dims().split_last() else {
        return Ok(None);
    };
    if !is_fused(&[vectors]) || count == 0 {
        return Ok(None);
    }
    let shape = [leading, &[count]].concat();
    let select = Select([first, count, width - first - count]);
    apply1(select, vectors, shape).map(Some)
}

/// See [`side_by_side`](crate::side_by_side).
pub(crate) fn side_by_side(left: &Tensor, right: &Tensor) -> Result<Option<Tensor>> {
    if !is_fused(&[left, right]) {
        return Ok(None);
    }
    match (left.dims().split_last(), right.dims().split_last()) {
        (Some((&a, leading)), Some((&b, others))) if leading == others && a > 0 && b > 0 => {
            let shape = [leading, &[a + b]].concat();
            apply2(Join([a, b]), [left, right], shape).map(Some)
        }
        _ => Ok(None),
    }
}

/// The columns between so many on the left, so many that are wanted, and so many on the right.
struct Select([usize; 3]);

impl Operation<1> for Select {
    const NAME: &'static str = "columns";

    fn forward<T: Element>(&self, [values]: [&[T]; 1]) -> Vec<T> {
        let [before, count, after] = self.0;
        joined([Columns::Of(values, [before, count, after])])
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 1],
        _: &[T],
        gradient: &[T],
        _: [bool; 1],
    ) -> [Gradient<T>; 1] {
        let [before, count, after] = self.0;
        [Gradient::Values(joined([
            Columns::Zeros(before),
            Columns::Of(gradient, [0, count, 0]),
            Columns::Zeros(after),
        ]))]
    }
}

/// So many columns beside so many.
struct Join([usize; 2]);

impl Operation<2> for Join {
    const NAME: &'static str = "side_by_side";

    fn forward<T: Element>(&self, [left, right]: [&[T]; 2]) -> Vec<T> {
        let [a, b] = self.0;
        joined([Columns::Of(left, [0, a, 0]), Columns::Of(right, [0, b, 0])])
    }

    fn backward<T: Element>(
        &self,
        _: [&[T]; 2],
        _: &[T],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Gradient<T>; 2] {
        let [a, b] = self.0;
        let part = |parts| joined([Columns::Of(gradient, parts)]);
        [
            Gradient::when(wanted[0], || part([0, a, b])),
            Gradient::when(wanted[1], || part([a, b, 0])),
        ]
    }
}

/// Columns of a matrix.
#[derive(Clone, Copy)]
enum Columns<'a, T> {
    /// So many of zeros.
    Zeros(usize),
    /// Those of a matrix, row by row, that lie between so many others: the second number is theirs.
    Of(&'a [T], [usize; 3]),
}

impl<T> Columns<'_, T> {
    fn count(self) -> usize {
        match self {
            Self::Zeros(count) | Self::Of(_, [_, count, _]) => count,
        }
    }
}

/// A matrix of columns side by side, row by row.
fn joined<T: Element, const N: usize>(parts: [Columns<T>; N]) -> Vec<T> {
    let count = parts.iter().find_map(|part| match part {
        Columns::Zeros(_) => None,
        Columns::Of(values, counts) => Some(values.len() / counts.iter().sum::<usize>()),
    });
    let width: usize = parts.iter().map(|part| part.count()).sum();
    assert!(width > 0);
    let rows = (CHUNK / width).max(1);
    // SAFETY: a piece is whole rows, and a row is as wide as its parts, each of which writes all that it
    // takes.
    unsafe {
        produced(count.unwrap_or(0) * width, rows * width, |start, chunk| {
            for (row, chunk) in (start / width..).zip(chunk.chunks_exact_mut(width)) {
                let mut rest = chunk;
                for part in parts {
                    let (here, after) = rest.split_at_mut(part.count());
                    rest = after;
                    match part {
                        Columns::Zeros(_) => here.fill(MaybeUninit::new(T::zero())),
                        Columns::Of(values, [before, count, after]) => {
                            let values = &values[row * (before + count + after) + before..];
                            for (element, &value) in here.iter_mut().zip(&values[..count]) {
                                element.write(value);
                            }
                        }
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_joined_matrix_comes_from_its_column() {
        // More rows than one thread takes at a time, and columns of no width.
        let rows = if cfg!(miri) { 20 } else { 3000 };
        let left: Vec<f64> = (0..rows * 3).map(|i| i as f64).collect();
        let right: Vec<f64> = left.iter().map(|x| -x).collect();
        let both = joined([
            Columns::Of(&left, [1, 2, 0]),
            Columns::Zeros(1),
            Columns::Of(&right, [0, 1, 2]),
            Columns::Zeros(0),
        ]);
        assert_eq!(both.len(), rows * 4);
        for (row, found) in both.chunks_exact(4).enumerate() {
            let first = 3.0 * row as f64;
            assert_eq!(found, [first + 1.0, first + 2.0, 0.0, -first]);
        }
        assert!(joined([Columns::Of(&[] as &[f64], [0, 2, 1])]).is_empty());
    }
}
