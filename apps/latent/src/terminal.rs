//! The one place where text is printed: a result on stdout, everything else on stderr.
//!
//! Names and messages may come from an untrusted file, a hub or the command line. A terminal would obey the
//! control characters in them, so every text is printed with these escaped.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Whether a terminal may obey a character instead of showing it: C0 and C1 control characters, and the
/// formatting characters that change the direction of text (Unicode Standard Annex #9). Newlines and tabs are
/// text.
fn is_command(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Text with every character that a terminal may obey written as `\u{1b}`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| out.extend(c.escape_unicode()))
}

/// JSON with the characters that its syntax leaves as they are, and a terminal may obey, written as `\u009b`:
/// the same value. They occur only within strings, and each is one unit of UTF-16.
fn clean_json(json: &str) -> Cow<'_, str> {
    escaped(json, |c, out| {
        _ = write!(out, "\\u{:04x}", u32::from(c));
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::new();
    for c in text.chars() {
        if is_command(c) {
            escape(c, &mut cleaned);
        } else {
            cleaned.push(c);
        }
    }
    Cow::Owned(cleaned)
}

/// What a command found, for stdout.
pub(crate) enum Output<'a> {
    Words(&'a str),
    Json(&'a serde_json::Value),
}

/// Prints a result on stdout.
///
/// # Errors
/// It cannot be written, unless the reader has closed its end.
pub(crate) fn result(output: &Output) -> io::Result<()> {
    let json;
    let text = match output {
        Output::Words(words) => clean(words),
        Output::Json(object) => {
            json = object.to_string();
            clean_json(&json)
        }
    };
    let mut stdout = io::stdout();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(reason) if reason.kind() != io::ErrorKind::BrokenPipe => Err(reason),
        _ => Ok(()),
    }
}

/// Prints a line on stderr; where that fails there is nobody left to read it.
pub(crate) fn say(text: &str) {
    _ = writeln!(io::stderr(), "{}", clean(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_text_is_not() {
        let text = "rüns/ü 数字\n\t± 2 🎲";
        assert_eq!(clean(text), text);
        let hostile = "\u{1b}[31m\r\u{7}\u{7f}\u{9b}2J\u{202e}\u{2066}\u{200f}\u{8}";
        let cleaned = clean(hostile).into_owned();
        assert!(cleaned.is_ascii() && !cleaned.contains(|c: char| c.is_control()));
        assert!(cleaned.starts_with("\\u{1b}[31m\\u{d}"), "{cleaned}");
    }

    #[test]
    fn cleaned_json_is_the_same_value() {
        let value = serde_json::json!({ "\u{9b}": "\u{1b}[31m\u{7f}\u{9b}2J\u{202e}ü\n" });
        let json = value.to_string();
        let cleaned = clean_json(&json);
        assert!(!cleaned.contains(is_command));
        let parsed: serde_json::Value = serde_json::from_str(&cleaned).unwrap();
        assert_eq!(parsed, value);
    }
}
