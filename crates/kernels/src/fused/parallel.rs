//! Work on several threads, on candle's own thread pool, so that there is one pool in the process
//! and two pools never compete for the processors. Its threads spin for a moment before they sleep,
//! which suits a training step of many short pieces of work.
//!
//! Work is divided by sizes alone, never by the number of threads, so results do not depend on it.

#![expect(unsafe_code, reason = "threads write to parts of one slice")]

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use candle_core::utils::barrier_pool;

thread_local! {
    /// Whether this thread is processing a unit of work; nested work then stays on it.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Calls `work` once with each index below `units`, on all threads, and returns when all are done.
/// Nested work stays on the thread that calls it.
pub(crate) fn share(units: usize, work: impl Fn(usize) + Sync) {
    struct AtWork;
    impl Drop for AtWork {
        fn drop(&mut self) {
            AT_WORK.set(false);
        }
    }
    // Under Miri the threads would spin for a long time.
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

/// A pointer that threads share; each uses it only for its own elements.
pub(crate) struct Shared<T>(pub(crate) *mut T);

// SAFETY: writing through the pointer needs `unsafe`, whose caller guarantees that elements are not
// shared.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Calls `work`, on all threads, with the index and the parts of each chunk of `size` elements of
/// several slices of the same length. The last chunk may be shorter.
pub(crate) fn share_chunks<T: Send, const N: usize>(
    slices: [&mut [T]; N],
    size: usize,
    work: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    share_rows(slices, [1; N], size, work);
}

/// Calls `work`, on all threads, with the index and the parts of each group of `rows` rows of
/// several matrices with the same number of rows and the given widths. The last group may be
/// smaller.
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
            // SAFETY: `share` passes every index once, so no two parts overlap, and they end within
            // the matrices, which are borrowed until all work is done.
            unsafe { std::slice::from_raw_parts_mut(pointers[i].0.add(start), length) }
        });
        work(index, parts);
    });
}

/// f of every index below `count`, in order, computed on all threads.
pub(crate) fn collect<R: Send>(count: usize, f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
    share_chunks([&mut results[..]], 1, |index, [result]| {
        result[0] = Some(f(index));
    });
    results.into_iter().flatten().collect()
}

/// A pool of buffers for units of work: as many as there are units in progress.
pub(crate) struct Spare<T, F> {
    idle: Mutex<Vec<T>>,
    make: F,
}

impl<T, F: Fn() -> T> Spare<T, F> {
    pub(crate) fn new(make: F) -> Self {
        let idle = Mutex::default();
        Self { idle, make }
    }

    /// Calls `work` with a buffer, either new from `make` or as its last user left it.
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
    fn every_unit_is_done_once_even_when_nested() {
        let mut outer = vec![0usize; 1000];
        share_chunks([&mut outer], 7, |index, [chunk]| {
            let inner = collect(chunk.len(), |i| index * 7 + i);
            chunk.copy_from_slice(&inner);
        });
        assert_eq!(outer, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn chunks_of_several_slices_match() {
        let (mut a, mut b) = (vec![1; 100], (0..100).collect::<Vec<_>>());
        share_chunks([&mut a, &mut b], 9, |_, [a, b]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += *b;
            }
        });
        assert_eq!(a, (1..101).collect::<Vec<_>>());
    }

    #[test]
    fn rows_of_matrices_of_different_widths_match() {
        let (mut wide, mut narrow) = (vec![0; 30], (0..10).collect::<Vec<_>>());
        share_rows([&mut wide, &mut narrow], [3, 1], 4, |_, [wide, narrow]| {
            for (row, &mut number) in wide.chunks_exact_mut(3).zip(narrow) {
                row.fill(number);
            }
        });
        assert_eq!(wide, (0..30).map(|i| i / 3).collect::<Vec<_>>());
    }

    #[test]
    fn empty_work_calls_nothing() {
        assert!(collect(0, |i| i).is_empty());
        share_chunks([&mut [0u8; 0][..]], 3, |_, _| panic!("there is no chunk"));
    }
}
