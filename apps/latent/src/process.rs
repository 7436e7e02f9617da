//! What the whole process is set up with, for speed: its allocator, and who has the threads.

#![expect(
    unsafe_code,
    reason = "settings of the process, made before anything else runs"
)]

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// Training makes and drops tensors all the time, and this allocator hands the same memory out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the bindings leave out.
const PURGE_DELAY: mi_option_t = 15;

/// To be called first, while there is one thread.
pub(crate) fn prepare() {
    // SAFETY: this is the beginning of `main`: no other thread reads the environment or allocates.
    unsafe {
        // Memory that the system took back would have to be cleared again a moment later.
        mi_option_set(PURGE_DELAY, -1);
        // candle's pool of threads waits by spinning, on the processors that ours could use.
        if std::env::var_os("CANDLE_NUM_THREADS").is_none() {
            std::env::set_var("CANDLE_NUM_THREADS", "1");
        }
    }
}
