//! `bench --threads`: runs the command again in processes with other numbers of threads.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Error;
use crate::process::THREADS_VARIABLE;

/// Runs this command in a process with `threads` threads, and returns its results.
pub(crate) fn with_threads(threads: u64) -> Result<Vec<Value>, Error> {
    let threads = threads.to_string();
    let mut arguments = Vec::new();
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        let text = argument.to_string_lossy();
        match text.split('=').next() {
            // This process draws the figure of all results, and sets the number of threads of each process.
            Some("--threads" | "--output") => {
                if !text.contains('=') {
                    given.next();
                }
            }
            Some("--json") => {}
            Some(_) if is_short_output(&text) => {
                // Otherwise the value is in the same word.
                if text.trim_start_matches(['-', 'q']) == "o" {
                    given.next();
                }
            }
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
        // The process has printed the reason.
        code => std::process::exit(code.unwrap_or(1)),
    }
    let results: Option<Vec<Value>> = serde_json::from_slice(&output.stdout)
        .ok()
        .and_then(|mut value: Value| serde_json::from_value(value["results"].take()).ok());
    results.ok_or_else(|| Error::Again(std::io::Error::other("its results cannot be read")))
}

/// Whether a word contains the option `-o`: alone, after `-q`, or with its value.
fn is_short_output(option: &str) -> bool {
    let Some(letters) = option.strip_prefix('-') else {
        return false;
    };
    letters.trim_start_matches('q').starts_with('o')
}

#[cfg(test)]
mod tests {
    use super::is_short_output;

    #[test]
    fn short_output_options_are_recognised() {
        for option in ["-o", "-qo", "-oa.png"] {
            assert!(is_short_output(option), "{option}");
        }
        for other in ["o", "-q", "--output", "--other", "mlp-vae", "-"] {
            assert!(!is_short_output(other), "{other}");
        }
    }
}
