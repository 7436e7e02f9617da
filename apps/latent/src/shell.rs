//! Commands, quoted for the user's shell.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::iter;
use std::path::{MAIN_SEPARATOR, Path};
use std::sync::OnceLock;

use os_display::Quotable;

/// The program's commands and their options.
static GRAMMAR: OnceLock<clap::Command> = OnceLock::new();

/// Stores the program's commands and options, for [`CommandLine::accepts`].
pub(crate) fn set_grammar(command: clap::Command) {
    _ = GRAMMAR.set(command);
}

/// The program's commands and their options.
pub(crate) fn grammar() -> clap::Command {
    GRAMMAR.get().cloned().unwrap_or_default()
}

/// A command with its arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CommandLine(Vec<OsString>);

impl CommandLine {
    /// A command by its words, such as `evaluate` or `models list`.
    pub(crate) fn new(words: &str) -> Self {
        Self(words.split_whitespace().map(OsString::from).collect())
    }

    #[must_use]
    pub(crate) fn word(mut self, word: impl Into<OsString>) -> Self {
        self.0.push(word.into());
        self
    }

    /// Adds a path as a positional argument. A path that begins with a dash gets the prefix `./`, so that it is not parsed as
    /// an option.
    #[must_use]
    pub(crate) fn path(self, path: &Path) -> Self {
        if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
            return self.word(Path::new(".").join(path));
        }
        self.word(path)
    }

    /// Adds an option with a value, joined by `=` if the value begins with a dash.
    #[must_use]
    pub(crate) fn option(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref();
        if value.as_encoded_bytes().starts_with(b"-") {
            let mut joined = OsString::from(format!("{name}="));
            joined.push(value);
            return self.word(joined);
        }
        self.word(name).word(value)
    }

    /// Adds an option with a value, if the command has this option.
    #[must_use]
    pub(crate) fn option_if_known(self, option: &str, value: impl AsRef<OsStr>) -> Self {
        if self.accepts(option) {
            self.option(&format!("--{option}"), value)
        } else {
            self
        }
    }

    /// Adds an option without a value, if the command has it.
    #[must_use]
    pub(crate) fn flag_if_known(self, option: &str) -> Self {
        if self.accepts(option) {
            self.word(format!("--{option}"))
        } else {
            self
        }
    }

    /// Whether the command has an option of this name.
    pub(crate) fn accepts(&self, option: &str) -> bool {
        let Some(mut command) = GRAMMAR.get() else {
            return false;
        };
        for word in &self.0 {
            let Some(inner) = word.to_str().and_then(|word| command.find_subcommand(word)) else {
                break;
            };
            command = inner;
        }
        command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(option))
    }

    pub(crate) fn words(&self) -> &[OsString] {
        &self.0
    }

    /// The command line as text, for a program with this name.
    pub(crate) fn typed(&self, program: &str) -> String {
        let words = self.0.iter().map(|word| quoted(word));
        let mut line = program.to_owned();
        for word in words {
            line.push(' ');
            line.push_str(&word);
        }
        line
    }
}

/// The command line as text, with the name by which this program was started.
impl fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.typed(program()))
    }
}

/// The suggested next commands as text, one per line.
pub(crate) fn next(commands: &[CommandLine]) -> String {
    let commands = commands.iter().map(|command| format!("  {command}"));
    let lines: Vec<String> = iter::once("next:".to_owned()).chain(commands).collect();
    lines.join("\n")
}

/// How the program was called: by `cargo run`, by its name, or by its path.
pub(crate) fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if std::env::var_os("CARGO").is_some() {
            return "cargo run --release --locked --".to_owned();
        }
        let Some(called) = std::env::args_os().next().filter(|name| !name.is_empty()) else {
            return "latent".to_owned();
        };
        if cfg!(windows)
            && let Some(name) = name_on_path(Path::new(&called))
        {
            return name;
        }
        quoted(&called)
    })
}

/// The name of the program if it is on the search path. PowerShell passes the full path in any case.
fn name_on_path(called: &Path) -> Option<String> {
    let name = called.file_name()?;
    let directories = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&directories).find(|path| path.join(name).is_file())?;
    let is_this = Some(found.as_path()) == called.parent();
    is_this.then(|| Some(quoted(called.file_stem()?)))?
}

/// Quotes an argument for a POSIX shell, or on Windows for both `cmd.exe` and PowerShell where that is possible.
pub(crate) fn quoted(argument: &OsStr) -> String {
    if let Some(text) = argument.to_str() {
        if is_plain(text, MAIN_SEPARATOR) {
            return text.to_owned();
        }
        if cfg!(windows)
            && let Some(text) = in_double_quotes(text)
        {
            return text;
        }
    }
    argument.quote().external(true).to_string()
}

/// Whether a text needs no quotes in any shell.
fn is_plain(text: &str, separator: char) -> bool {
    let plain = |c: char| c.is_alphanumeric() || c == separator || "/._-+:,=".contains(c);
    // zsh expands words that begin with an equals sign.
    !text.is_empty() && !text.starts_with('=') && text.chars().all(plain)
}

/// A text in double quotes, which `cmd.exe` and PowerShell both support; `None` if they would parse it differently.
fn in_double_quotes(text: &str) -> Option<String> {
    let differs = |c: char| matches!(c, '"' | '“' | '”' | '„' | '$' | '`' | '%') || c.is_control();
    if text.is_empty() || text.contains(differs) {
        return None;
    }
    // Backslashes before a quote would escape it.
    let end = text.len() - text.trim_end_matches('\\').len();
    Some(format!("\"{text}{}\"", "\\".repeat(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        for word in ["runs/vae-2d", "3,1,4", "model.latent_size=2", "rüns"] {
            assert!(is_plain(word, '/'), "{word}");
        }
        assert!(is_plain(r"C:\runs\vae-2d", '\\'));
        for word in ["", "=a", "a b", "[32]", "~", "a'b", "$x", r"a\b", "a\u{1b}"] {
            assert!(!is_plain(word, '/'), "{word}");
        }
    }

    #[test]
    fn windows_shells_agree_on_double_quotes() {
        let quoted = |text| in_double_quotes(text);
        assert_eq!(
            quoted(r"C:\my runs\a").as_deref(),
            Some(r#""C:\my runs\a""#)
        );
        assert_eq!(quoted(r"my runs\").as_deref(), Some(r#""my runs\\""#));
        assert_eq!(quoted("it's").as_deref(), Some(r#""it's""#));
        for differs in ["", "a$b c", "a`b", "100 %", "a\u{1b}"] {
            assert_eq!(quoted(differs), None, "{differs}");
        }
    }

    #[test]
    fn a_value_with_a_dash_is_no_option() {
        let line = CommandLine::new("evaluate")
            .path(Path::new("-run"))
            .option("--data-dir", "-data");
        let words: Vec<_> = line.words().iter().map(|word| word.to_str()).collect();
        let path = Path::new(".").join("-run");
        let expected = ["evaluate", path.to_str().unwrap(), "--data-dir=-data"];
        assert_eq!(words, expected.map(Some));
    }

    #[test]
    fn options_are_known_by_command() {
        let data_dir = || clap::Arg::new("data_dir").long("data-dir");
        let evaluate = clap::Command::new("evaluate").arg(data_dir());
        let data = clap::Command::new("data")
            .subcommand(clap::Command::new("show").arg(data_dir()))
            .subcommand(clap::Command::new("fetch"));
        set_grammar(clap::Command::new("latent").subcommands([evaluate, data]));
        assert!(CommandLine::new("evaluate x").accepts("data-dir"));
        assert!(CommandLine::new("data show").accepts("data-dir"));
        assert!(!CommandLine::new("data fetch").accepts("data-dir"));
        assert!(!CommandLine::new("evaluate x").accepts("out"));
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_what_was_quoted() {
        use std::os::unix::ffi::OsStrExt;

        let words: [&[u8]; 8] = [
            b"plain",
            b"",
            b"a b",
            b"it's \"so\" $HOME `x` \\",
            b"~",
            b"*?[a]",
            b"a;b|c&d<e>(f)",
            b"!#",
        ];
        for word in words {
            let line = format!("printf %s {}", quoted(OsStr::from_bytes(word)));
            let printed = std::process::Command::new("sh")
                .args(["-c", &line])
                .output();
            assert_eq!(printed.unwrap().stdout, word, "{line}");
        }
        // Control characters and bytes that are not UTF-8 need a shell with $'…'.
        for word in [&b"\x1b[31m"[..], b"\xff\xfe", "\u{9b}2J".as_bytes()] {
            let line = quoted(OsStr::from_bytes(word));
            assert_eq!(crate::terminal::clean(&line), line);
            let line = format!("printf %s {line}");
            match std::process::Command::new("bash")
                .args(["-c", &line])
                .output()
            {
                Ok(printed) => assert_eq!(printed.stdout, word, "{line}"),
                Err(reason) => assert_eq!(reason.kind(), std::io::ErrorKind::NotFound),
            }
        }
    }
}
