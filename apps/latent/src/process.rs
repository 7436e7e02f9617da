//! Process-wide settings: allocator, threads, memory and panics.

#![expect(unsafe_code, reason = "the allocator's settings are a C function's")]

use libmimalloc_sys::{mi_option_set, mi_option_t};

use crate::Error;

/// The largest number of threads; larger than the number of cores of any supported machine.
pub(crate) const MAX_THREADS: u64 = 1024;

/// The environment variable of the number of threads. candle reads it once, so a process cannot change it later.
pub(crate) const THREADS_VARIABLE: &str = "CANDLE_NUM_THREADS";

/// Training allocates and frees tensors in every step, and mimalloc reuses the memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the bindings do not contain.
const PURGE_DELAY: mi_option_t = 15;

/// Prepares the process. Call it before anything else.
pub(crate) fn prepare() {
    // SAFETY: the function stores a number in a table of options, one of which is the purge delay.
    unsafe {
        // Memory returned to the system has to be cleared again when it is next allocated.
        mi_option_set(PURGE_DELAY, -1);
    }
    // The Parquet reader panics on some damaged files; the panic becomes an error, and is not printed.
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
/// The value is not a number from 1 to [`MAX_THREADS`].
pub(crate) fn check_threads() -> Result<(), Error> {
    let Some(value) = std::env::var_os(THREADS_VARIABLE) else {
        return Ok(());
    };
    let threads = value.to_str().and_then(|text| text.trim().parse().ok());
    if threads.is_some_and(|threads: u64| (1..=MAX_THREADS).contains(&threads)) {
        return Ok(());
    }
    Err(Error::ThreadsVariable {
        variable: THREADS_VARIABLE,
        value: value.to_string_lossy().into_owned(),
        most: MAX_THREADS,
    })
}

/// The peak resident memory of this process since [`forget_peak_memory`]; Linux only.
pub(crate) fn peak_memory() -> Option<u64> {
    // Under Wine, Linux's files exist but do not describe the Windows program.
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Resets the peak of [`peak_memory`].
pub(crate) fn forget_peak_memory() {
    // If that is not possible, the peak is that of the whole process.
    _ = std::fs::write("/proc/self/clear_refs", "5");
}
