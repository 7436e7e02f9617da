//! Work on several threads: those of candle's own pool, so that there is one pool in the process and
//! two never wait for the same processors. Its threads spin for a moment before they sleep, which
//! suits a training step: many short pieces of work, one close after the other.
//!
//! How work is cut depends on sizes alone, never on the number of threads, so results do not either.

#![expect(unsafe_code, reason = "threads write to parts of one slice")]

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use candle_core::utils::barrier_pool;

thread_local! {
    /// Whether this thread is at work on a unit: what it calls stays on it.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work` once with each number below `units`, on all threads, and returns when all are done.
/// Work within work stays on the thread that calls for it.
pub(crate) fn share(units: usize, work: impl Fn(usize) + Sync) {
    struct AtWork;
    impl Drop for AtWork {
        fn drop(&mut self) {
            AT_WORK.set(false);
        }
    }
    // Miri would spin for a long time.
    if units <= 1 || AT_WORK.get() || cfg!(miri) {
        (0..units).for_each(work);
        return;
    }
    barrier_pool().execute_chunked(units, |range| {
        AT_WORK.set(true);
        let at_work = AtWork;
        range.for_each(&work);
        drop(at_work);
    });
}

/// A pointer that threads may take along: each uses it for the elements that are its own alone.
pub(crate) struct Shared<T>(pub(crate) *mut T);

// SAFETY: it takes `unsafe` to write through the pointer, where that promise is kept.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Calls `work` with the number and the parts of each chunk of `size` elements, the last one possibly
/// shorter, of several slices of the same length: on all threads.
pub(crate) fn share_chunks<T: Send, const N: usize>(
    slices: [&mut [T]; N],
    size: usize,
    work: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    share_rows(slices, [1; N], size, work);
}

/// Calls `work` with the number and the parts of each `rows` rows, the last ones possibly fewer, of
/// several matrices with the same number of rows, of the given widths: on all threads.
pub(crate) fn share_rows<T: Send, const N: usize>(
    matrices: [&mut [T]; N],
    widths: [usize; N],
    rows: usize,
    work: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    assert!(widths.iter().all(|&width| width > 0) && rows > 0);
    let count = matrices
        .first()
        .map_or(0, |matrix| matrix.len() / widths[0]);
    let fit = |(matrix, width): (&&mut [T], &usize)| matrix.len() == count * width;
    assert!(matrices.iter().zip(&widths).all(fit));
    let pointers = matrices.map(|matrix| Shared(matrix.as_mut_ptr()));
    share(count.div_ceil(rows), |index| {
        let start = index * rows;
        let length = rows.min(count - start);
        let parts = std::array::from_fn(|i| {
            let (start, length) = (start * widths[i], length * widths[i]);
            // SAFETY: `share` gives every number once, so no two parts overlap; and they end within
            // the matrices, which are borrowed until all work is done.
            unsafe { std::slice::from_raw_parts_mut(pointers[i].0.add(start), length) }
        });
        work(index, parts);
    });
}

/// f of every number below `count`, in order, computed on all threads.
pub(crate) fn collect<R: Send>(count: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
    share_chunks([&mut results[..]], 1, |index, [result]| {
        result[0] = Some(f(index));
    });
    results.into_iter().flatten().collect()
}

/// Memory that units of work hand on to each other: as many pieces as units are at work at once.
pub(crate) struct Spare<T, F> {
    idle: Mutex<Vec<T>>,
    make: F,
}

impl<T, F: Fn() -> T> Spare<T, F> {
    pub(crate) fn new(make: F) -> Self {
        let idle = Mutex::default();
        Self { idle, make }
    }

    /// Calls `work` with a piece, as `make` or the work before has left it.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle().pop();
        let mut piece = found.unwrap_or_else(&self.make);
        let result = work(&mut piece);
        idle().push(piece);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_done_once_in_its_place_also_within_other_work() {
        let mut outer = vec![0usize; 1000];
        share_chunks([&mut outer], 7, |index, [chunk]| {
            let inner = collect(chunk.len(), |i| index * 7 + i);
            chunk.copy_from_slice(&inner);
        });
        assert_eq!(outer, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn parts_of_several_slices_belong_together() {
        let (mut a, mut b) = (vec![1; 100], (0..100).collect::<Vec<_>>());
        share_chunks([&mut a, &mut b], 9, |_, [a, b]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += *b;
            }
        });
        assert_eq!(a, (1..101).collect::<Vec<_>>());
    }

    #[test]
    fn rows_of_different_widths_belong_together() {
        let (mut wide, mut narrow) = (vec![0; 30], (0..10).collect::<Vec<_>>());
        share_rows([&mut wide, &mut narrow], [3, 1], 4, |_, [wide, narrow]| {
            for (row, &mut number) in wide.chunks_exact_mut(3).zip(narrow) {
                row.fill(number);
            }
        });
        assert_eq!(wide, (0..30).map(|i| i / 3).collect::<Vec<_>>());
    }

    #[test]
    fn no_work_is_done_when_there_is_none() {
        assert!(collect(0, |i| i).is_empty());
        share_chunks([&mut [0u8; 0][..]], 3, |_, _| panic!("there is no chunk"));
    }
}
