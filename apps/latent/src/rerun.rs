//! `bench --threads`: the same command in processes with other numbers of threads.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Error;
use crate::process::THREADS_VARIABLE;

/// What this very command measures in a process of so many threads.
pub(crate) fn with_threads(threads: u64) -> Result<Vec<Value>, Error> {
    let threads = threads.to_string();
    let mut arguments = Vec::new();
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        match text.split('=').next() {
            // These two are said anew, or not meant for a part of the whole.
            Some("--threads" | "--output") => {
                if !text.contains('=') {
                    given.next();
                }
            }
            Some("--json") => {}
            _ => arguments.push(argument),
        }
    }
    let again = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(arguments)
            .args(["--json", "--threads", &threads])
            .env(THREADS_VARIABLE, &threads)
            .stderr(Stdio::inherit())
            .output()
    });
    let output = again.map_err(Error::Again)?;
    match output.status.code() {
        Some(0) => {}
        // It has said why itself.
        code => std::process::exit(code.unwrap_or(1)),
    }
    let results: Option<Vec<Value>> = serde_json::from_slice(&output.stdout)
        .ok()
        .and_then(|mut value: Value| serde_json::from_value(value["results"].take()).ok());
    results.ok_or_else(|| Error::Again(std::io::Error::other("its results cannot be read")))
}
