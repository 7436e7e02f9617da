//! What the whole process is set up with: its allocator, and who may report a panic.

#![expect(unsafe_code, reason = "the allocator's settings are a C function's")]

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// Training makes and drops tensors all the time, and this allocator hands the same memory out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the bindings leave out.
const PURGE_DELAY: mi_option_t = 15;

/// To be called first.
pub(crate) fn prepare() {
    // SAFETY: the function stores a number in a table of options, one of which is the purge delay.
    unsafe {
        // Memory that the system took back would have to be cleared again a moment later.
        mi_option_set(PURGE_DELAY, -1);
    }
    // What the reader of Parquet makes of a damaged file is an error, which is reported as one.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("parquet") {
            usual(panic);
        }
    }));
}
