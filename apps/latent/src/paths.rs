//! Parsers of path arguments: they accept the separators of the operating system, and refuse output names that it does
//! not allow.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use latent_visualisation::Format;

/// Any path.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    // An empty path would mean the current directory in some places and nothing in others.
    let named = |path: OsString| {
        if path.is_empty() {
            return Err("a path is needed; the current directory is `.`");
        }
        Ok(native(path))
    };
    OsStringValueParser::new().try_map(named)
}

/// The path of an output file or directory.
pub(crate) fn new_path() -> impl TypedValueParser<Value = PathBuf> {
    path().try_map(|path| check(&path).map(|()| path))
}

/// The path of a figure, whose extension selects the format.
pub(crate) fn picture_path() -> impl TypedValueParser<Value = PathBuf> {
    new_path().try_map(|path| match Format::from_path(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(error.to_string()),
    })
}

/// The path with the system's separators. Windows also accepts slashes, and a path given with slashes would otherwise be
/// printed with both.
fn native(path: OsString) -> PathBuf {
    match path.to_str() {
        Some(text) if cfg!(windows) && !text.contains("://") => text.replace('/', "\\").into(),
        _ => path.into(),
    }
}

/// Checks that a path can be created on this system.
///
/// # Errors
/// The path contains a name that Windows reserves; the message contains the name.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    if cfg!(windows) {
        check_for_windows(&path.to_string_lossy())
    } else {
        Ok(())
    }
}

/// Naming rules of Microsoft's "Naming Files, Paths, and Namespaces".
fn check_for_windows(path: &str) -> Result<(), String> {
    const LONGEST: usize = 255;
    // Paths with these prefixes are not interpreted.
    if path.starts_with(r"\\?\") || path.starts_with(r"\\.\") {
        return Ok(());
    }
    let has_drive =
        path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && path[1..].starts_with(':');
    let names = if has_drive && path[2..].starts_with(['/', '\\']) {
        &path[2..]
    } else {
        path
    };
    for name in names.split(['/', '\\']) {
        if matches!(name, "" | "." | "..") {
            continue;
        }
        let is_reserved = |c: char| c.is_control() || r#"<>:"|?*"#.contains(c);
        let problem = if let Some(c) = name.chars().find(|&c| is_reserved(c)) {
            format!("contains `{}`", c.escape_default())
        } else if is_device(name) {
            "names a device".to_owned()
        } else if name.ends_with(['.', ' ']) {
            "ends with a dot or a space".to_owned()
        } else if name.encode_utf16().count() > LONGEST {
            format!("is longer than {LONGEST} characters")
        } else {
            continue;
        };
        let shown: String = name.chars().take(40).collect();
        return Err(format!(
            "`{shown}` {problem}, which Windows does not allow in the name of a file or directory; choose \
             another name"
        ));
    }
    Ok(())
}

/// Whether a name is that of a Windows device, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let stem = stem.to_uppercase();
    let is_numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|number| {
            let mut characters = number.chars();
            let digit = characters.next();
            digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
                && characters.next().is_none()
        })
    };
    matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) || is_numbered("COM")
        || is_numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_reserves_are_refused() {
        let long = "x".repeat(256);
        for path in [
            "NUL",
            "nul.txt",
            r"runs\con",
            "runs/Aux.tar.gz",
            "COM1",
            "lpt9.png",
            "com¹",
            "a:b",
            "C:run",
            "a?",
            "a|b",
            "a.",
            "a ",
            r"runs.\x",
            "\"a\"",
            "a\u{1b}",
            &long,
        ] {
            let message = check_for_windows(path).unwrap_err();
            assert!(message.contains("Windows does not allow"), "{message}");
        }
        let almost = "ü".repeat(255);
        for path in [
            "runs/vae-2d",
            r"C:\runs\vae-2d",
            "C:/runs",
            ".",
            r"..\x",
            "console",
            "com",
            "com10",
            "nullable",
            ".hidden",
            "a.b.c",
            r"\\server\share\x",
            r"\\?\C:\con",
            "rüns/ü",
            "",
            "a b",
            &almost,
        ] {
            assert_eq!(check_for_windows(path), Ok(()), "{path}");
        }
    }
}
