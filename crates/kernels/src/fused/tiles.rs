//! Matrix products whose left factor lies in memory in its own way, as the patches of an image do:
//! nothing is copied to bring it into the form of a matrix.

#![expect(
    unsafe_code,
    reason = "the offsets of a matrix are checked once, not for each of its elements, threads write to \
              columns of one matrix, and memory that is about to be written is not zeroed first"
)]

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use crate::element::Element;
use crate::fused::elementwise::produced;
use crate::fused::parallel::{Shared, share};

/// Rows and columns of a part of the product that is summed in registers: of the sixteen that hold
/// eight 32-bit floats each, it takes twelve.
const ROWS: usize = 6;
const COLUMNS: usize = PANEL;

/// Columns of a panel.
pub(crate) const PANEL: usize = 16;

/// A matrix whose element (i, j) is number `rows[i] + columns[j]` of a slice.
#[derive(Clone, Copy)]
pub(crate) struct Indexed<'a, T> {
    values: &'a [T],
    rows: &'a [usize],
    columns: &'a [usize],
}

impl<'a, T> Indexed<'a, T> {
    pub(crate) fn new(values: &'a [T], rows: &'a [usize], columns: &'a [usize]) -> Self {
        if let (Some(row), Some(column)) = (rows.iter().max(), columns.iter().max()) {
            let last = row.checked_add(*column);
            assert!(last.is_some_and(|last| last < values.len()));
        }
        Self {
            values,
            rows,
            columns,
        }
    }
}

impl<T: Element> Indexed<'_, T> {
    /// The product of the rows from number `first` on and of a panel. Where they are fewer than a tile
    /// has, the last one is computed several times over.
    #[inline(always)]
    fn tile<const FUSED: bool>(self, first: usize, panel: &[T]) -> [[T; COLUMNS]; ROWS] {
        let mut sums = [[T::zero(); COLUMNS]; ROWS];
        let starts: [*const T; ROWS] = std::array::from_fn(|i| {
            let start = self.rows[(first + i).min(self.rows.len() - 1)];
            self.values.as_ptr().wrapping_add(start)
        });
        // By index, since iterators would keep the sums in memory.
        for (&offset, b) in self.columns.iter().zip(panel.as_chunks::<COLUMNS>().0) {
            for i in 0..ROWS {
                // SAFETY: where any row starts plus the offset of any column is the number of an
                // element, as `Indexed::new` has seen to.
                let a = unsafe { *starts[i].add(offset) };
                for j in 0..COLUMNS {
                    sums[i][j] = if FUSED {
                        a.mul_add(b[j], sums[i][j])
                    } else {
                        a * b[j] + sums[i][j]
                    };
                }
            }
        }
        sums
    }
}

/// A matrix in panels of as many columns as are summed at once, each row by row, the last one filled
/// up with zeros.
pub(crate) struct Panels<T> {
    values: Vec<T>,
    rows: usize,
    columns: usize,
}

impl<T: Element> Panels<T> {
    /// Panels of a matrix.
    pub(crate) fn new(matrix: Indexed<T>) -> Self {
        let (rows, columns) = (matrix.rows.len(), matrix.columns.len());
        let mut values = vec![T::zero(); columns.div_ceil(COLUMNS) * rows * COLUMNS];
        for (panel, columns) in values
            .chunks_exact_mut((rows * COLUMNS).max(1))
            .zip(matrix.columns.chunks(COLUMNS))
        {
            for (row, &start) in panel.chunks_exact_mut(COLUMNS).zip(matrix.rows) {
                for (element, &offset) in row.iter_mut().zip(columns) {
                    *element = matrix.values[start + offset];
                }
            }
        }
        Self {
            values,
            rows,
            columns,
        }
    }

    /// Panels of the transpose of a matrix that lies row by row and has so many columns.
    fn turned(values: &[T], columns: usize) -> Self {
        let size = columns * COLUMNS;
        let count = values.len() / columns;
        // SAFETY: a row of the matrix fills a column of the panel, and zeros those that are left.
        let turned = unsafe {
            produced(count.div_ceil(COLUMNS) * size, size, |start, panel| {
                let panel = panel.as_chunks_mut::<COLUMNS>().0;
                let rows = values[start..].chunks_exact(columns);
                let found = rows.len();
                for (column, row) in rows.take(COLUMNS).enumerate() {
                    for (element, &value) in panel.iter_mut().zip(row) {
                        element[column].write(value);
                    }
                }
                for column in found..COLUMNS {
                    for element in &mut *panel {
                        element[column].write(T::zero());
                    }
                }
            })
        };
        Self {
            values: turned,
            rows: columns,
            columns: count,
        }
    }

    /// Panels of no rows yet, for matrices of so many columns.
    pub(crate) fn empty(columns: usize) -> Self {
        Self {
            values: Vec::new(),
            rows: 0,
            columns,
        }
    }

    /// Puts a matrix that lies row by row in the place of this one.
    pub(crate) fn set(&mut self, values: &[T]) {
        assert_eq!(values.len() % self.columns, 0);
        self.rows = values.len() / self.columns;
        let size = self.rows * COLUMNS;
        let len = self.columns.div_ceil(COLUMNS) * size;
        self.values.clear();
        self.values.reserve(len);
        let panels = self.values.spare_capacity_mut()[..len].chunks_exact_mut(size.max(1));
        for (index, panel) in panels.enumerate() {
            fill(panel, index, values, self.columns);
        }
        // SAFETY: every panel was filled, and there is none of another size.
        unsafe { self.values.set_len(len) };
    }

    /// Panels of a matrix that lies row by row and has so many columns, made on all threads.
    fn of_rows(values: &[T], columns: usize) -> Self {
        let rows = values.len() / columns;
        let size = rows * COLUMNS;
        // SAFETY: `fill` writes all of the panel.
        let panels = unsafe {
            produced(columns.div_ceil(COLUMNS) * size, size, |start, panel| {
                fill(panel, start / size, values, columns);
            })
        };
        Self {
            values: panels,
            rows,
            columns,
        }
    }

    /// How many columns there are.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }
}

/// Writes all of a panel: its part of the rows of a matrix that has so many columns, as many rows as
/// the panel has.
fn fill<T: Element>(panel: &mut [MaybeUninit<T>], index: usize, values: &[T], columns: usize) {
    let panel = panel.as_chunks_mut::<COLUMNS>().0;
    assert_eq!(panel.len() * columns, values.len());
    for (element, row) in panel.iter_mut().zip(values.chunks_exact(columns)) {
        let row = &row[index * COLUMNS..];
        // Of a known length, which most are, it is copied as vectors.
        if let Some(whole) = row.first_chunk::<COLUMNS>() {
            *element = whole.map(MaybeUninit::new);
        } else {
            let (given, rest) = element.split_at_mut(row.len());
            for (element, &value) in given.iter_mut().zip(row) {
                element.write(value);
            }
            for element in rest {
                element.write(T::zero());
            }
        }
    }
}

/// C = A B or, with `accumulate`, C += A B, where C lies row by row in `result`.
pub(crate) fn product_of<T: Element>(
    a: Indexed<T>,
    b: &Panels<T>,
    result: &mut [T],
    accumulate: bool,
) {
    assert_eq!(result.len(), a.rows.len() * b.columns);
    for_each_row(
        a,
        b,
        #[inline(always)]
        |place, sums| {
            for (result, &sum) in result[place..][..sums.len()].iter_mut().zip(sums) {
                *result = if accumulate { *result + sum } else { sum };
            }
        },
    );
}

/// Rows of a product that one thread takes at a time.
const SHARE: usize = 8 * ROWS;

/// A Bᵀ, row by row, of matrices that lie row by row and have `inner` columns each.
///
/// It is computed as the transpose of B Aᵀ: the larger matrix, which the weights B of a layer mostly
/// are beside its inputs A, is read as it lies, and the smaller one turned.
pub(crate) fn product_of_rows<T: Element>(a: &[T], b: &[T], inner: usize) -> Vec<T> {
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let a = Panels::turned(a, inner);
    let inner: Vec<usize> = (0..inner).collect();
    let mut result: Vec<T> = Vec::with_capacity(rows * columns);
    let pointer = Shared(result.as_mut_ptr());
    let pointer = &pointer;
    share(columns.div_ceil(SHARE), |index| {
        let start = index * SHARE;
        let count = SHARE.min(columns - start);
        let b = &b[start * inner.len()..][..count * inner.len()];
        let starts: Vec<usize> = (0..count).map(|row| row * inner.len()).collect();
        for_each_tile(Indexed::new(b, &starts, &inner), &a, |column, row, sums| {
            for j in 0..COLUMNS.min(rows - row) {
                let place = (row + j) * columns + start + column;
                for (i, sums) in sums[..ROWS.min(count - column)].iter().enumerate() {
                    // SAFETY: row + j < rows and start + column + i < columns; and the columns from
                    // `start` on, `count` of them, are this unit's alone.
                    unsafe { pointer.0.add(place + i).write(sums[j]) };
                }
            }
        });
    });
    // SAFETY: the units have written all columns, and the tiles of each all its rows.
    unsafe { result.set_len(rows * columns) };
    result
}

/// Aᵀ B, row by row, of matrices that lie row by row and have `inner` rows each.
pub(crate) fn product_of_columns<T: Element>(a: &[T], b: &[T], inner: usize) -> Vec<T> {
    let (rows, columns) = (a.len() / inner, b.len() / inner);
    let b = Panels::of_rows(b, columns);
    // SAFETY: of each piece, which is whole rows of the product, all numbers are written.
    unsafe {
        produced(rows * columns, SHARE * columns, |start, result| {
            let (start, count) = (start / columns, result.len() / columns);
            // Close together: a number of each row of A, which may lie as far apart as the first cache
            // has lines that it can keep, would be fetched anew for every tile.
            let mut near = Vec::with_capacity(inner * count);
            for row in 0..inner {
                near.extend_from_slice(&a[row * rows + start..][..count]);
            }
            let (starts, offsets): (Vec<usize>, Vec<usize>) = (
                (0..count).collect(),
                (0..inner).map(|row| row * count).collect(),
            );
            for_each_row(
                Indexed::new(&near, &starts, &offsets),
                &b,
                #[inline(always)]
                |place, sums| {
                    for (result, &sum) in result[place..][..sums.len()].iter_mut().zip(sums) {
                        result.write(sum);
                    }
                },
            );
        })
    }
}

/// Calls `put` with every number of A B: with the place of the first in the product, which lies row by
/// row, and with up to sixteen that are side by side there.
fn for_each_row<T: Element>(a: Indexed<T>, b: &Panels<T>, mut put: impl FnMut(usize, &[T])) {
    let (rows, columns) = (a.rows.len(), b.columns);
    for_each_tile(
        a,
        b,
        #[inline(always)]
        |row, first, sums| {
            let width = COLUMNS.min(columns - first);
            for (row, sums) in (row..rows).zip(sums) {
                // Of a known length, which most are, they are stored as vectors.
                match width {
                    COLUMNS => put(row * columns + first, sums),
                    _ => put(row * columns + first, &sums[..width]),
                }
            }
        },
    );
}

/// Calls `place` with the row and the column where a tile of A B starts, and with the tile: all that
/// the same rows have a part in, one after the other.
fn for_each_tile<T: Element>(
    a: Indexed<T>,
    b: &Panels<T>,
    place: impl FnMut(usize, usize, &[[T; COLUMNS]; ROWS]),
) {
    assert_eq!(a.columns.len(), b.rows);
    let tiles = Tiles { a, b, place };
    // Miri knows no processor to ask.
    if cfg!(miri) {
        tiles.run::<false>();
    } else {
        pulp::Arch::new().dispatch(tiles);
    }
}

struct Tiles<'a, T, P> {
    a: Indexed<'a, T>,
    b: &'a Panels<T>,
    place: P,
}

impl<T: Element, P: FnMut(usize, usize, &[[T; COLUMNS]; ROWS])> WithSimd for Tiles<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Where the processor multiplies and adds in one step; elsewhere that is a slow function.
        if S::F32_LANES >= 8 || cfg!(target_arch = "aarch64") {
            self.run::<true>();
        } else {
            self.run::<false>();
        }
    }
}

impl<T: Element, P: FnMut(usize, usize, &[[T; COLUMNS]; ROWS])> Tiles<'_, T, P> {
    #[inline(always)]
    fn run<const FUSED: bool>(mut self) {
        let size = self.b.rows * COLUMNS;
        for row in (0..self.a.rows.len()).step_by(ROWS) {
            for (index, first) in (0..self.b.columns).step_by(COLUMNS).enumerate() {
                let panel = &self.b.values[index * size..][..size];
                let sums = self.a.tile::<FUSED>(row, panel);
                (self.place)(row, first, &sums);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fused::product::{Matrix, product};

    #[test]
    fn products_are_sums_of_products_wherever_the_numbers_lie() {
        for (rows, inner, columns) in [(1, 1, 1), (6, 5, 16), (7, 9, 33), (13, 0, 3), (0, 2, 2)] {
            let values: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17)).collect();
            let row_offsets: Vec<usize> = (0..rows).map(|i| i * 5 % 11).collect();
            let column_offsets: Vec<usize> = (0..inner).map(|j| j * 7 % 29).collect();
            let b: Vec<f64> = (0..inner * columns).map(|i| (i % 7) as f64).collect();
            let a = Indexed::new(&values, &row_offsets, &column_offsets);
            let expected: Vec<f64> = (0..rows * columns)
                .map(|index| {
                    let (i, j) = (index / columns, index % columns);
                    (0..inner)
                        .map(|k| values[row_offsets[i] + column_offsets[k]] * b[k * columns + j])
                        .sum()
                })
                .collect();
            let mut result = vec![f64::NAN; rows * columns];
            let (b_rows, b_columns) = (
                (0..inner).map(|i| i * columns).collect::<Vec<_>>(),
                (0..columns).collect::<Vec<_>>(),
            );
            let panels = Panels::new(Indexed::new(&b, &b_rows, &b_columns));
            product_of(a, &panels, &mut result, false);
            assert_eq!(result, expected);
            let mut other = Panels::empty(columns);
            other.set(&vec![1.0; 3 * columns]);
            other.set(&b);
            assert_eq!(other.values, panels.values);
            product_of(a, &panels, &mut result, true);
            assert!(result.iter().zip(&expected).all(|(r, e)| *r == 2.0 * e));
        }
    }

    #[test]
    fn products_of_rows_and_of_columns_are_those_of_the_transposes() {
        for (rows, inner, columns) in [(1, 1, 1), (6, 5, 16), (17, 3, 49), (33, 8, 101)] {
            // Small integers: sums are exact, in whatever order.
            let numbers =
                |count: usize| -> Vec<f64> { (0..count).map(|i| (i * i % 11) as f64).collect() };
            let (a, b) = (numbers(rows * inner), numbers(inner * columns));
            let turned = |values: &[f64], columns: usize| -> Vec<f64> {
                let rows = values.len() / columns;
                (0..values.len())
                    .map(|i| values[i % rows * columns + i / rows])
                    .collect()
            };
            let expected = product(
                Matrix::new(&a, rows, inner),
                Matrix::new(&b, inner, columns),
            );
            let of_rows = product_of_rows(&a, &turned(&b, columns), inner);
            let of_columns = product_of_columns(&turned(&a, inner), &b, inner);
            assert_eq!(of_rows, expected);
            assert_eq!(of_columns, expected);
        }
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn an_offset_beyond_the_slice_is_refused() {
        Indexed::new(&[0.0; 10], &[0, 4], &[6]);
    }
}
