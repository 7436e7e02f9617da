//! Matrix products, by the gemm crate.

#![expect(
    unsafe_code,
    reason = "gemm takes pointers, and memory that it is about to write is not zeroed first"
)]

use gemm::{Parallelism, gemm};

use crate::element::Element;

/// A matrix of numbers that lie in a slice, row by row or column by column.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// `rows` × `columns` numbers, row by row.
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

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The same numbers with rows and columns exchanged.
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

/// How many threads a product may use.
#[derive(Clone, Copy)]
pub(crate) enum Threads {
    /// The one that calls: for products within work that is shared already.
    One,
    /// All of the pool.
    All,
}

/// A B, row by row.
pub(crate) fn product<T: Element>(a: Matrix<T>, b: Matrix<T>) -> Vec<T> {
    let len = a.rows * b.columns;
    let mut result = Vec::with_capacity(len);
    if a.columns == 0 {
        // The empty sum; gemm would leave its output as it is.
        result.resize(len, T::zero());
        return result;
    }
    // SAFETY: the capacity is `len`, and `multiply` without accumulation writes all of it before
    // anything reads it.
    unsafe {
        multiply(result.as_mut_ptr(), a, b, false, Threads::All);
        result.set_len(len);
    }
    result
}

/// C = A B or, with `accumulate`, C += A B, where C lies row by row in `result`.
pub(crate) fn product_into<T: Element>(
    result: &mut [T],
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
    threads: Threads,
) {
    assert_eq!(result.len(), a.rows * b.columns);
    // SAFETY: the slice holds the whole product, as was asserted.
    unsafe { multiply(result.as_mut_ptr(), a, b, accumulate, threads) };
}

/// # Safety
/// `result` is valid for writes of `a.rows * b.columns` numbers, and with `accumulate` holds as many.
unsafe fn multiply<T: Element>(
    result: *mut T,
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
    threads: Threads,
) {
    assert_eq!(a.columns, b.rows);
    #[cfg(miri)]
    {
        // The gemm crate asks the processor what it can do, which Miri has no answer to.
        let _ = threads;
        for i in 0..a.rows {
            for j in 0..b.columns {
                let mut sum = T::zero();
                for k in 0..a.columns {
                    sum += a.values[i * a.row_stride + k * a.column_stride]
                        * b.values[k * b.row_stride + j * b.column_stride];
                }
                // SAFETY: i and j stay below the rows and columns that the caller vouches for.
                unsafe {
                    let element = result.add(i * b.columns + j);
                    element.write(if accumulate {
                        element.read() + sum
                    } else {
                        sum
                    });
                }
            }
        }
    }
    #[cfg(not(miri))]
    {
        let parallelism = match threads {
            Threads::All if rayon::current_num_threads() > 1 => Parallelism::Rayon(0),
            _ => Parallelism::None,
        };
        // SAFETY: a `Matrix` covers its slice exactly, so every element that gemm reads lies in it;
        // the result is the caller's promise, and overlaps neither, since they are borrowed.
        unsafe {
            gemm(
                a.rows,
                b.columns,
                a.columns,
                result,
                1,
                b.columns as isize,
                accumulate,
                a.values.as_ptr(),
                a.column_stride as isize,
                a.row_stride as isize,
                b.values.as_ptr(),
                b.column_stride as isize,
                b.row_stride as isize,
                T::one(),
                T::one(),
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}
