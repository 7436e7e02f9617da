//! Matrix products, by the gemm crate.

#![expect(
    unsafe_code,
    reason = "gemm takes pointers, and memory that it is about to write is not zeroed first"
)]

#[cfg(not(miri))]
use gemm::{Parallelism, gemm};

use crate::element::Element;
use crate::fused::parallel::{Shared, share};

/// A matrix whose elements are in a slice, in row-major or column-major order.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major matrix of `rows` × `columns` elements.
    pub(crate) fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self {
            values,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// `count` rows, starting at row `first`.
    fn rows_from(self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.rows);
        Self {
            values: &self.values[first * self.row_stride..],
            rows: count,
            ..self
        }
    }

    /// The transpose, without a copy.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A B, row-major.
pub(crate) fn product<T: Element>(a: Matrix<T>, b: Matrix<T>) -> Vec<T> {
    let len = a.rows * b.columns;
    let mut result = Vec::with_capacity(len);
    if a.columns == 0 {
        // The empty sum; gemm would not write its output.
        result.resize(len, T::zero());
        return result;
    }
    // SAFETY: the capacity is `len`, and `multiply` without accumulation writes all elements before
    // they are read.
    unsafe {
        multiply(result.as_mut_ptr(), a, b, false);
        result.set_len(len);
    }
    result
}

/// C = A B or, with `accumulate`, C += A B, where `result` is C in row-major order.
pub(crate) fn product_into<T: Element>(
    result: &mut [T],
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
) {
    assert_eq!(result.len(), a.rows * b.columns);
    // SAFETY: the slice has the size of the whole product, as asserted.
    unsafe { multiply(result.as_mut_ptr(), a, b, accumulate) };
}

/// As [`product_into`], for callers that already run on several threads.
pub(crate) fn product_into_on_one_thread<T: Element>(
    result: &mut [T],
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
) {
    assert_eq!(a.columns, b.rows);
    assert_eq!(result.len(), a.rows * b.columns);
    // SAFETY: the slice has the size of the whole product, as asserted.
    unsafe { part(result.as_mut_ptr(), b.columns, a, b, accumulate) };
}

/// # Safety
/// `result` is valid for writes of `a.rows * b.columns` elements, which with `accumulate` are
/// initialised.
unsafe fn multiply<T: Element>(result: *mut T, a: Matrix<T>, b: Matrix<T>, accumulate: bool) {
    /// The number of columns or rows of a part for one thread: a multiple of gemm's tiles.
    const COLUMNS: usize = 32;
    const ROWS: usize = 48;
    /// The number of multiplications below which one thread is faster than two.
    const ALONE: usize = if cfg!(miri) { 1 << 8 } else { 1 << 17 };

    assert_eq!(a.columns, b.rows);
    let (rows, columns) = (a.rows, b.columns);
    let result = Shared(result);
    let result = &result;
    if rows * columns * a.columns <= ALONE {
        // SAFETY: guaranteed by the caller.
        unsafe { part(result.0, columns, a, b, accumulate) };
    } else if columns >= 2 * COLUMNS {
        // gemm copies the parts of B, which are disjoint, and reads A in place.
        share(columns.div_ceil(COLUMNS), |index| {
            let first = index * COLUMNS;
            let b = b
                .transposed()
                .rows_from(first, COLUMNS.min(columns - first))
                .transposed();
            // SAFETY: the part starts and ends at columns of the product.
            unsafe { part(result.0.add(first), columns, a, b, accumulate) };
        });
    } else {
        share(rows.div_ceil(ROWS), |index| {
            let first = index * ROWS;
            let a = a.rows_from(first, ROWS.min(rows - first));
            // SAFETY: the part starts and ends at rows of the product.
            unsafe { part(result.0.add(first * columns), columns, a, b, accumulate) };
        });
    }
}

/// A B on one thread, in rows that are `stride` elements apart.
///
/// # Safety
/// `result` is valid for writes of `a.rows` such rows of `b.columns` elements, which with
/// `accumulate` are initialised.
unsafe fn part<T: Element>(
    result: *mut T,
    stride: usize,
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
) {
    // gemm queries the processor, which Miri does not support.
    #[cfg(miri)]
    for i in 0..a.rows {
        for j in 0..b.columns {
            let mut sum = T::zero();
            for k in 0..a.columns {
                sum += a.values[i * a.row_stride + k * a.column_stride]
                    * b.values[k * b.row_stride + j * b.column_stride];
            }
            // SAFETY: i and j are less than the numbers of rows and columns that the caller
            // guarantees.
            unsafe {
                let element = result.add(i * stride + j);
                element.write(if accumulate {
                    element.read() + sum
                } else {
                    sum
                });
            }
        }
    }
    // SAFETY: gemm reads within the slices, which `Matrix` guarantees; the caller guarantees the
    // output, which overlaps neither, since they are borrowed.
    #[cfg(not(miri))]
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            result,
            1,
            stride.cast_signed(),
            accumulate,
            a.values.as_ptr(),
            a.column_stride.cast_signed(),
            a.row_stride.cast_signed(),
            b.values.as_ptr(),
            b.column_stride.cast_signed(),
            b.row_stride.cast_signed(),
            T::one(),
            T::one(),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use latent_tolerance::{DOUBLE, rounding};

    use super::*;

    fn numbers(count: usize, start: usize) -> Vec<f64> {
        (start..start + count)
            .map(|i| (i as f64 * 0.7).sin())
            .collect()
    }

    fn by_hand(a: Matrix<f64>, b: Matrix<f64>) -> Vec<f64> {
        let at = |m: &Matrix<f64>, i, j| m.values[i * m.row_stride + j * m.column_stride];
        (0..a.rows * b.columns)
            .map(|index| {
                let (i, j) = (index / b.columns, index % b.columns);
                (0..a.columns).map(|k| at(&a, i, k) * at(&b, k, j)).sum()
            })
            .collect()
    }

    #[test]
    fn products_are_correct_in_all_layouts_and_divisions_among_threads() {
        // Work for one thread, divided by columns, and divided by rows. Miri is slow.
        let long = if cfg!(miri) { 3 } else { 60 };
        for (rows, inner, columns) in [
            (1, 1, 1),
            (3, 5, 7),
            (4, 0, 2),
            (33, long + 1, 70),
            (59, long, 64),
            (200, long, 23),
        ] {
            let (left, right) = (numbers(rows * inner, 0), numbers(inner * columns, 99));
            for turned in [false, true] {
                let (a, b) = if turned {
                    (
                        Matrix::new(&left, inner, rows).transposed(),
                        Matrix::new(&right, columns, inner).transposed(),
                    )
                } else {
                    (
                        Matrix::new(&left, rows, inner),
                        Matrix::new(&right, inner, columns),
                    )
                };
                let expected = by_hand(a, b);
                let close = |actual: &[f64], factor: f64| {
                    assert_eq!(actual.len(), expected.len());
                    for (actual, expected) in actual.iter().zip(&expected) {
                        // Sums of products of numbers in [−1, 1], twice if they accumulate.
                        let bound = rounding(DOUBLE, 2 * inner + 1, 2.0 * inner as f64);
                        assert!(
                            (actual - factor * expected).abs() <= bound,
                            "{rows} {inner}"
                        );
                    }
                };
                let mut result = product(a, b);
                close(&result, 1.0);
                product_into(&mut result, a, b, true);
                close(&result, 2.0);
            }
        }
    }
}
