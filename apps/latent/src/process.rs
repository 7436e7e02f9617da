//! The whole process: its allocator, its threads, its memory, and who may report a panic.

#![expect(unsafe_code, reason = "the allocator's settings are a C function's")]

use libmimalloc_sys::{mi_option_set, mi_option_t};

use crate::Error;

/// More threads than any machine has cores that this is for.
pub(crate) const MOST_THREADS: u64 = 1024;

/// The variable in which candle, whose pool of threads computes everything, looks for their number: once, so that a
/// process cannot change it.
pub(crate) const THREADS_VARIABLE: &str = "CANDLE_NUM_THREADS";

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

/// Checks the variable that sets the number of threads: candle ignores a value that is not a number, and has no upper limit.
///
/// # Errors
/// The value is not a number from 1 to [`MOST_THREADS`].
pub(crate) fn check_threads() -> Result<(), Error> {
    let Some(value) = std::env::var_os(THREADS_VARIABLE) else {
        return Ok(());
    };
    let threads = value.to_str().and_then(|text| text.trim().parse().ok());
    if threads.is_some_and(|threads: u64| (1..=MOST_THREADS).contains(&threads)) {
        return Ok(());
    }
    Err(Error::ThreadsVariable {
        variable: THREADS_VARIABLE,
        value: value.to_string_lossy().into_owned(),
        most: MOST_THREADS,
    })
}

/// The most memory that this process has had since [`forget_peak_memory`]: on Linux alone.
pub(crate) fn peak_memory() -> Option<u64> {
    // Wine shows Linux's files, which say nothing of a program of Windows.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Makes [`peak_memory`] count from here on.
pub(crate) fn forget_peak_memory() {
    // Where that is not possible, the peak is that of the whole process.
    _ = std::fs::write("/proc/self/clear_refs", "5");
}
