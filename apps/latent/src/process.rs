//! What the whole process is set up with: its allocator, and who may report a panic.

#![expect(unsafe_code, reason = "the allocator's settings are a C function's")]

use libmimalloc_sys::{mi_option_set, mi_option_t};

use crate::Error;

/// More threads than any machine has cores that this is for.
pub(crate) const MOST_THREADS: u64 = 1024;

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

/// Whether the variable that sets the number of threads does: candle takes no notice of what is no number,
/// and starts as many threads as it is told to.
///
/// # Errors
/// It does not.
pub(crate) fn check_threads() -> Result<(), Error> {
    const VARIABLE: &str = "CANDLE_NUM_THREADS";
    let Some(value) = std::env::var_os(VARIABLE) else {
        return Ok(());
    };
    let threads = value.to_str().and_then(|text| text.trim().parse().ok());
    if threads.is_some_and(|threads: u64| (1..=MOST_THREADS).contains(&threads)) {
        return Ok(());
    }
    Err(Error::ThreadsVariable {
        variable: VARIABLE,
        value: value.to_string_lossy().into_owned(),
        most: MOST_THREADS,
    })
}
