//! Elementwise passes over memory: vectorised for the running machine, on several threads where
//! that is faster, writing to memory that has not been zeroed.

#![expect(
    unsafe_code,
    reason = "memory that is about to be written is not zeroed first"
)]

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use crate::element::Element;
use crate::fused::parallel::{collect, share_chunks};

/// The number of elements of a unit of work: few enough for the first-level cache, enough to
/// outweigh the cost of using another thread. (Small under Miri, which is slow.)
pub(crate) const CHUNK: usize = if cfg!(miri) { 1 << 5 } else { 1 << 13 };

/// Runs a loop compiled for the widest vectors of this machine: 512 bits, 256 bits, or the baseline
/// of the target. Every function called in the loop must be inlined into it.
#[inline]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    // Miri cannot query the processor.
    if cfg!(miri) {
        return work();
    }
    pulp::Arch::new().dispatch(work)
}

/// The number of 32-bit floats in a vector of the instructions in use on this machine.
///
/// It is 16 with AVX-512, 8 with AVX2, 4 with NEON, and 1 if the loops are compiled for the
/// baseline of the target. Without the feature `x86-v4` it is at most 8. Results have the same
/// bytes on machines of one width and one kind of processor; between widths they differ by
/// rounding.
pub fn vector_width() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    // Miri cannot query the processor.
    if cfg!(miri) {
        return 1;
    }
    pulp::Arch::new().dispatch(Lanes)
}

/// Allocates a vector and fills it with `write`, `size` elements at a time; `write` receives the
/// first index of a piece and the piece.
///
/// # Safety
/// `write` initialises every element that it is given.
pub(crate) unsafe fn produced<T: Element>(
    len: usize,
    size: usize,
    write: impl Fn(usize, &mut [MaybeUninit<T>]) + Sync,
) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    let spare = &mut values.spare_capacity_mut()[..len];
    share_chunks([spare], size, |index, [piece]| write(index * size, piece));
    // SAFETY: the capacity is at least `len`, and the caller guarantees that all elements were
    // written.
    unsafe { values.set_len(len) };
    values
}

/// Allocates `len` zeros and updates them with `change`, `size` elements at a time. `change`
/// receives the first index of a piece and the piece, which the same thread has just zeroed, so
/// that it is in its cache.
pub(crate) fn pieces<T: Element>(
    len: usize,
    size: usize,
    change: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    // SAFETY: every element of the piece is written before anything else happens to it.
    unsafe {
        produced(len, size, |start, piece| {
            for element in &mut *piece {
                element.write(T::zero());
            }
            // SAFETY: all of the piece was initialised above, and `MaybeUninit` has its layout.
            change(start, &mut *(&raw mut *piece as *mut [T]));
        })
    }
}

/// f(a), elementwise.
pub(crate) fn map<T: Element>(a: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    // SAFETY: the chunk and its part of `a` have the same length, so the loop writes every element.
    unsafe {
        produced(a.len(), CHUNK, |start, chunk| {
            let a = &a[start..][..chunk.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (out, &a) in chunk.iter_mut().zip(a) {
                        out.write(f(a));
                    }
                },
            );
        })
    }
}

/// f(a, b), elementwise over two slices of the same length.
pub(crate) fn map2<T: Element>(a: &[T], b: &[T], f: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    assert_eq!(a.len(), b.len());
    // SAFETY: the chunk and its parts of `a` and `b` have the same length.
    unsafe {
        produced(a.len(), CHUNK, |start, chunk| {
            let (a, b) = (&a[start..][..chunk.len()], &b[start..][..chunk.len()]);
            vectorised(
                #[inline(always)]
                || {
                    for ((out, &a), &b) in chunk.iter_mut().zip(a).zip(b) {
                        out.write(f(a, b));
                    }
                },
            );
        })
    }
}

/// f(a, b, c), elementwise over three slices of the same length.
pub(crate) fn map3<T: Element>(
    a: &[T],
    b: &[T],
    c: &[T],
    f: impl Fn(T, T, T) -> T + Sync,
) -> Vec<T> {
    assert_eq!(a.len(), b.len());
    assert_eq!(a.len(), c.len());
    // SAFETY: the chunk and its parts of `a`, `b` and `c` have the same length.
    unsafe {
        produced(a.len(), CHUNK, |start, chunk| {
            let (a, b) = (&a[start..][..chunk.len()], &b[start..][..chunk.len()]);
            let c = &c[start..][..chunk.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (((out, &a), &b), &c) in chunk.iter_mut().zip(a).zip(b).zip(c) {
                        out.write(f(a, b, c));
                    }
                },
            );
        })
    }
}

/// f(a, [b, c]) elementwise over the rows of `a`, with the same rows b and c for each.
pub(crate) fn rows_of<T: Element>(
    a: &[T],
    [b, c]: [&[T]; 2],
    width: usize,
    f: impl Fn(T, [T; 2]) -> T + Sync,
) -> Vec<T> {
    assert!(width > 0 && a.len().is_multiple_of(width) && b.len() == width && c.len() == width);
    let rows = (CHUNK / width).max(1) * width;
    // SAFETY: the chunk and its part of `a` have the same length, in whole rows, as b and c are.
    unsafe {
        produced(a.len(), rows, |start, chunk| {
            let a = &a[start..][..chunk.len()];
            vectorised(
                #[inline(always)]
                || {
                    for (out, a) in chunk.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
                        for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
                            out.write(f(a, [b, c]));
                        }
                    }
                },
            );
        })
    }
}

/// f of every row index: one number for each row, at a cost of `width` elements of work.
pub(crate) fn rows<T: Element>(
    count: usize,
    width: usize,
    f: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let at_once = (CHUNK / width.max(1)).max(1);
    // SAFETY: the loop writes every element.
    unsafe {
        produced(count, at_once, |start, values| {
            for (offset, value) in values.iter_mut().enumerate() {
                value.write(f(start + offset));
            }
        })
    }
}

/// Changes `values` in place, in pieces of whole rows of `width` elements; `change` receives the
/// index of the first row of a piece and the piece.
pub(crate) fn update_rows<T: Element>(
    values: &mut [T],
    width: usize,
    change: impl Fn(usize, &mut [T]) + Sync,
) {
    if width == 0 {
        return;
    }
    let rows = (CHUNK / width).max(1);
    share_chunks([values], rows * width, |index, [piece]| {
        change(index * rows, piece);
    });
}

/// a ← f(a, b), elementwise over two slices of the same length.
pub(crate) fn update2<T: Element>(a: &mut [T], b: &[T], f: impl Fn(T, T) -> T + Sync) {
    assert_eq!(a.len(), b.len());
    update_rows(a, 1, |start, a| {
        let b = &b[start..][..a.len()];
        vectorised(
            #[inline(always)]
            || {
                for (a, &b) in a.iter_mut().zip(b) {
                    *a = f(*a, b);
                }
            },
        );
    });
}

/// Σᵢ f(aᵢ), in sixteen interleaved sums that fit into a vector register.
///
/// Each sum has a sixteenth of the terms. For an event of this crate, of at most some thousand
/// elements, the rounding error of 32 bits then does not exceed that of the terms. Sums over images
/// and batches, which have more terms, are computed in 64 bits elsewhere.
#[inline(always)]
pub(crate) fn sum<T: Element>(a: &[T], f: impl Fn(T) -> T) -> T {
    const LANES: usize = 16;
    let mut sums = [T::zero(); LANES];
    let chunks = a.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &a) in sums.iter_mut().zip(chunk) {
            *sum += f(a);
        }
    }
    for (sum, &a) in sums.iter_mut().zip(rest) {
        *sum += f(a);
    }
    total(sums)
}

/// Σᵢ f(aᵢ, bᵢ), as [`sum`].
#[inline(always)]
pub(crate) fn sum2<T: Element>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    const LANES: usize = 16;
    let mut sums = [T::zero(); LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_chunks.remainder(), b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f(a, b);
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += f(a, b);
    }
    total(sums)
}

/// The sum of the lanes, halving their number in each step.
#[inline(always)]
fn total<T: Element>(mut sums: [T; 16]) -> T {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            let other = sums[lane + half];
            sums[lane] += other;
        }
    }
    sums[0]
}

/// The sum of all rows of a row-major matrix: one number for each column.
///
/// Groups of rows are summed separately and then added, so the error grows with the size of a group
/// and the number of groups, not with the number of rows: 32 bits suffice for gradients.
pub(crate) fn column_sums<T: Element>(values: &[T], width: usize) -> Vec<T> {
    /// The number of rows in a group, independent of the number of threads.
    const ROWS: usize = 64;
    let partial = |rows: &[T]| {
        let mut sums = vec![T::zero(); width];
        vectorised(
            #[inline(always)]
            || {
                for row in rows.chunks_exact(width) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        *sum += value;
                    }
                }
            },
        );
        sums
    };
    if width == 0 {
        return Vec::new();
    }
    if values.len() <= ROWS * width {
        return partial(values);
    }
    let groups = values.len().div_ceil(ROWS * width);
    let partials = collect(groups, |group| {
        let rest = &values[group * ROWS * width..];
        partial(&rest[..rest.len().min(ROWS * width)])
    });
    partial(&partials.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_visit_every_element_once_for_any_length() {
        for len in [0, 1, 15, 16, 17, CHUNK, CHUNK + 1, 2 * CHUNK + 5] {
            let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert!(
                map(&a, |a| a + 1.0)
                    .iter()
                    .zip(&a)
                    .all(|(b, a)| *b == a + 1.0)
            );
            assert!(map2(&a, &a, |a, b| a - b).iter().all(|&b| b == 0.0));
            let sums = map3(&a, &a, &a, |a, b, c| a + b - c);
            assert_eq!(sums, a);
            let mut doubled = a.clone();
            update2(&mut doubled, &a, |a, b| a + b);
            assert!(doubled.iter().zip(&a).all(|(b, a)| *b == 2.0 * a));
            assert_eq!(sum(&a, |_| 1.0), len as f32);
            assert_eq!(sum2(&a, &a, |_, _| 1.0), len as f32);
        }
    }

    #[test]
    fn row_and_column_sums_are_correct() {
        assert!(column_sums::<f64>(&[], 0).is_empty());
        let many = if cfg!(miri) { 150 } else { 3000 };
        for (count, width) in [(0, 3), (1, 1), (5, 3), (65, 7), (many, 9)] {
            let values: Vec<f64> = (0..count * width).map(|i| (i % 11) as f64).collect();
            let row = |row: usize| &values[row * width..][..width];
            let by_row = rows(count, width, |index| sum(row(index), |x| x));
            let by_column = column_sums(&values, width);
            let total = |sums: &[f64]| sums.iter().sum::<f64>();
            assert_eq!((by_row.len(), by_column.len()), (count, width));
            assert_eq!(total(&by_row), total(&values));
            assert_eq!(total(&by_column), total(&values));
            let row: Vec<f64> = (0..width).map(|i| i as f64).collect();
            let turned = rows_of(&values, [&row, &row], width, |a, [b, c]| a + b - 2.0 * c);
            assert!(
                turned
                    .iter()
                    .enumerate()
                    .all(|(i, x)| *x == values[i] - (i % width) as f64)
            );
            let mut changed = values.clone();
            update_rows(&mut changed, width, |first, rows| {
                for (offset, row) in rows.chunks_exact_mut(width).enumerate() {
                    row.fill((first + offset) as f64);
                }
            });
            assert!(
                changed
                    .iter()
                    .enumerate()
                    .all(|(i, x)| *x == (i / width) as f64)
            );
        }
    }
}
