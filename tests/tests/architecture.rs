//! Rules of the workspace's architecture, checked with `cargo metadata` and the source files:
//!
//! - a crate depends only on crates of earlier layers;
//! - the modules of a crate do not import each other in a cycle;
//! - the messages of libraries do not name command-line flags or commands.
//!
//! A small tokenizer reads the source files; test modules and comments are skipped.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::Chars;

use latent_tolerance::skipped;
use serde_json::Value;

/// The layers: a crate depends only on crates of earlier ones. Those before `latent-models` are
/// independent of models.
const LAYERS: [&[&str]; 8] = [
    &[
        "latent-kernels",
        "latent-checkpoints",
        "latent-hub",
        "latent-visualisation",
    ],
    &["latent-distributions"],
    &["latent-datasets", "latent-models"],
    &["latent-training"],
    &["latent-pretrained", "latent-figures"],
    &["latent-reports"],
    &["latent-explorer"],
    &["latent"],
];

/// Support for tests, on which only tests depend.
const TEST_SUPPORT: [&str; 2] = ["latent-tests", "latent-tolerance"];

#[test]
fn crates_depend_on_earlier_layers_only() {
    let Some(packages) = packages() else { return };
    assert_eq!(upward(&packages), <[String; 0]>::default());
}

#[test]
fn modules_do_not_import_each_other_in_a_cycle() {
    let Some(packages) = packages() else { return };
    let mut cycles = Vec::new();
    for package in &packages {
        for root in &package.roots {
            let imports = imports(&|path| fs::read_to_string(path).ok(), root);
            cycles.extend(cyclic(&relative(imports)));
        }
    }
    assert!(cycles.is_empty(), "cyclic imports: {cycles:#?}");
}

#[test]
fn messages_of_libraries_name_no_flags_and_no_commands() {
    let Some(packages) = packages() else { return };
    let commands = commands();
    let mut found = BTreeSet::new();
    for root in packages
        .iter()
        .filter(|p| p.is_library())
        .flat_map(|p| &p.roots)
    {
        let read = |path: &Path| fs::read_to_string(path).ok();
        for (path, source) in files(&read, root) {
            for mention in mentions(&tokens(&source), &commands) {
                found.insert((from_root(&path), mention));
            }
        }
    }
    assert!(
        found.is_empty(),
        "libraries state facts, and the application adds the remedy: {found:#?}"
    );
}

#[test]
fn a_dependency_on_a_later_layer_is_found() {
    let package = |name: &str, dependencies: &[&str]| Package {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        roots: Vec::new(),
    };
    let upward = |name: &str, dependencies: &[&str]| upward(&[package(name, dependencies)]);
    assert!(upward("latent-models", &["latent-kernels", "latent-distributions"]).is_empty());
    assert!(upward("latent", &["latent-training"]).is_empty());
    for (name, dependency) in [
        ("latent-kernels", "latent-models"),
        ("latent-visualisation", "latent-models"),
        ("latent-datasets", "latent-models"),
        ("latent-models", "latent-training"),
        ("latent-training", "latent"),
        ("latent-models", "latent-tests"),
        ("latent-unheard-of", "latent-kernels"),
    ] {
        assert_eq!(upward(name, &[dependency]).len(), 1, "{name}");
    }
}

#[test]
fn cycles_of_modules_are_found_in_every_form_of_import() {
    let cyclic = |files: &[(&str, &str)]| {
        let sources: BTreeMap<_, _> = files
            .iter()
            .map(|&(path, source)| (PathBuf::from(path), source.to_owned()))
            .collect();
        let imports = imports(&|path| sources.get(path).cloned(), Path::new("lib.rs"));
        let imports = imports
            .into_iter()
            .map(|(from, to)| (from.display().to_string(), to.display().to_string()));
        cyclic(&imports.collect()).len()
    };
    let root = "mod a; mod b; pub use a::A; pub use b::B;";
    let plain = [("lib.rs", root), ("a.rs", "use crate::b::B; struct A;")];
    let with = |b| cyclic(&[plain[0], plain[1], ("b.rs", b)]);
    for without in [
        "struct B;",
        "// use crate::a::A;\nstruct B;",
        "/// See [`A`](crate::a::A). /* crate::a::A */\nstruct B;",
        "const TEXT: &str = \"crate::a::A\"; const RAW: &str = r#\"\"crate::a::A\"#;",
        "const QUOTE: char = '\"'; struct B; // crate::a::A \"",
        "struct B; #[cfg(test)] mod tests { use crate::a::A; fn f<'a>(x: &'a str) {} }",
        "use std::fmt::Debug; use a::A;",
        "mod inner { use super::B; } struct B;",
    ] {
        assert_eq!(with(without), 0, "{without}");
    }
    for cycle in [
        "use crate::a::A;",
        "use super::a::A;",
        "use crate::{a::{self, A as Other}};",
        "use crate::A;",
        "fn b() -> crate::a::A {}",
        "fn b() { crate::a::function::<u8>() }",
        "mod inner { use super::super::a::A; }",
        "struct B; #[cfg(not(test))] use crate::a::A;",
    ] {
        assert_eq!(with(cycle), 2, "{cycle}");
    }
    // A module and its parent, and files in directories. Re-exports by a parent of names of its
    // modules are not imports.
    let facade = ("lib.rs", "mod a; pub use a::A; trait T {}");
    assert_eq!(cyclic(&[facade, ("a.rs", "use crate::T; struct A;")]), 0);
    let parent = ("lib.rs", "mod a; fn f() -> u8 { a::f() }");
    assert_eq!(cyclic(&[parent, ("a/mod.rs", "use crate::g;")]), 2);
    assert_eq!(cyclic(&[parent, ("a/mod.rs", "pub fn f() {}")]), 0);
    let nested = [("lib.rs", "mod a;"), ("a.rs", "mod b; use b::B; struct A;")];
    assert_eq!(
        cyclic(&[nested[0], nested[1], ("a/b.rs", "use super::A; struct B;")]),
        2
    );
}

#[test]
fn a_flag_and_a_command_in_a_message_are_found() {
    let commands = BTreeSet::from(["train".to_owned()]);
    let found = |source| mentions(&tokens(source), &commands);
    assert_eq!(
        found(
            "#[error(\"choose another location with `--output`, or \\\n   `latent \\\n  train` it\")]"
        ),
        ["--output", "latent train"]
    );
    assert_eq!(
        found("bail!(r\"use --learning-rate=1\")"),
        ["--learning-rate"]
    );
    let none = "// --output\n\"a latent space -- of 2 dimensions, latent training; x --> y\"";
    assert_eq!(found(none), <[String; 0]>::default());
}

/// A member of the workspace.
struct Package {
    name: String,
    /// The names of the members that it depends on, other than for tests.
    dependencies: Vec<String>,
    /// The root files of its library and its programs.
    roots: Vec<PathBuf>,
}

impl Package {
    fn is_library(&self) -> bool {
        !(TEST_SUPPORT.contains(&&*self.name) || self.name == "latent")
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A path relative to the workspace, with slashes.
fn from_root(path: &Path) -> String {
    let root = workspace();
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    let parts: Vec<_> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

fn relative(imports: BTreeSet<(PathBuf, PathBuf)>) -> BTreeSet<(String, String)> {
    imports
        .into_iter()
        .map(|(from, to)| (from_root(&from), from_root(&to)))
        .collect()
}

/// The members of the workspace; `None` without cargo, on a machine to which the tests were copied.
fn packages() -> Option<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(reason) => {
            skipped(
                "the architecture",
                format_args!("cargo cannot be run: {reason}"),
            );
            return None;
        }
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let dependencies = dependencies
                .filter(|dependency| dependency["kind"] != "dev" && !dependency["path"].is_null());
            let targets = package["targets"].as_array().unwrap().iter();
            let targets = targets.filter(|target| {
                let kinds = target["kind"].as_array().unwrap();
                kinds.iter().any(|kind| {
                    ["lib", "bin", "rlib", "cdylib", "staticlib", "proc-macro"]
                        .contains(&kind.as_str().unwrap())
                })
            });
            let root = |target: &Value| {
                let path = PathBuf::from(text(&target["src_path"]));
                workspace().join(from_root(&path))
            };
            Package {
                name: text(&package["name"]),
                dependencies: dependencies
                    .map(|dependency| text(&dependency["name"]))
                    .collect(),
                roots: targets.map(root).collect(),
            }
        });
    let packages: Vec<_> = packages.collect();
    assert!(packages.len() >= LAYERS.len());
    Some(packages)
}

/// Descriptions of dependencies on the same or a later layer.
fn upward(packages: &[Package]) -> Vec<String> {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let mut found = Vec::new();
    for Package {
        name, dependencies, ..
    } in packages
    {
        if TEST_SUPPORT.contains(&&**name) {
            continue;
        }
        let Some(own) = layer(name) else {
            found.push(format!("{name} is not in a layer: add it to LAYERS"));
            continue;
        };
        for dependency in dependencies {
            if layer(dependency).is_none_or(|other| other >= own) {
                found.push(format!("{name} -> {dependency}"));
            }
        }
    }
    found
}

/// The names of the program's commands, one for each file.
fn commands() -> BTreeSet<String> {
    let directory = workspace().join("apps/latent/src/commands");
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| {
        let path = file.unwrap().path();
        path.file_stem().unwrap().to_string_lossy().into_owned()
    });
    names.collect()
}

/// Flags, and the program's name followed by a command, in string literals.
fn mentions(tokens: &[Token], commands: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        let Token::Text(text) = token else { continue };
        for (start, _) in text.match_indices("--") {
            let rest = &text[start + 2..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
            let flag = &rest[..end.unwrap_or(rest.len())];
            if flag.starts_with(|c: char| c.is_ascii_lowercase()) {
                found.push(format!("--{flag}"));
            }
        }
        let words: Vec<_> = text
            .split(|c: char| !(c.is_alphanumeric() || c == '-'))
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            if pair[0] == "latent" && commands.contains(pair[1]) {
                found.push(pair.join(" "));
            }
        }
    }
    found
}

/// A token of a source file that matters for these rules.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name or a keyword.
    Word(String),
    /// `::`
    Colons,
    /// The value of a string literal, with its escapes removed.
    Text(String),
    Other(char),
}

/// The tokens of a source file, without comments and test code.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => {}
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|&c| c != '\n').is_some() {},
            '/' if rest.peek() == Some(&'*') => skip_block_comment(&mut rest),
            '"' => tokens.push(Token::Text(text(&mut rest))),
            // A lifetime or a character.
            '\'' => {
                let first = rest.next();
                if first == Some('\\') {
                    rest.next();
                    while rest.next().is_some_and(|c| c != '\'') {}
                } else if rest.peek() == Some(&'\'') {
                    rest.next();
                }
                // The rest of a lifetime becomes a word, which has no meaning here.
            }
            ':' if rest.next_if_eq(&':').is_some() => tokens.push(Token::Colons),
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|&c| c.is_alphanumeric() || c == '_') {
                    word.push(c);
                }
                let is_raw = matches!(&*word, "r" | "br" | "cr");
                match rest.peek() {
                    Some('"' | '#') if is_raw => {
                        let mut hashes = 0;
                        while rest.next_if_eq(&'#').is_some() {
                            hashes += 1;
                        }
                        // Otherwise a raw name, such as `r#type`.
                        if rest.next_if_eq(&'"').is_some() {
                            tokens.push(Token::Text(raw_text(&mut rest, hashes)));
                        }
                    }
                    _ => tokens.push(Token::Word(word)),
                }
            }
            c => tokens.push(Token::Other(c)),
        }
    }
    without_tests(&tokens)
}

fn skip_block_comment(rest: &mut Peekable<Chars>) {
    let mut depth = 0;
    let mut previous = '/';
    for c in rest {
        match (previous, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                previous = c;
                continue;
            }
        }
        // `/*/` opens a comment and does not close it.
        previous = ' ';
        if depth == 0 {
            return;
        }
    }
}

/// The rest of a string literal, after its opening quotation mark.
fn text(rest: &mut Peekable<Chars>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => match rest.next() {
                // A continued line, without its indentation.
                Some('\n') => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                Some(c) => text.push(if c == 'n' { '\n' } else { c }),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

fn raw_text(rest: &mut Peekable<Chars>, hashes: usize) -> String {
    let end = format!("\"{}", "#".repeat(hashes));
    let mut text = String::new();
    for c in rest {
        text.push(c);
        if let Some(text) = text.strip_suffix(&end) {
            return text.to_owned();
        }
    }
    text
}

/// Removes the items under `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        if *first != Token::Other('#') || after.first() != Some(&Token::Other('[')) {
            kept.push(first.clone());
            rest = after;
            continue;
        }
        let (attribute, item) = after.split_at(group(after));
        let has = |word: &str| attribute.contains(&Token::Word(word.to_owned()));
        if has("cfg") && has("test") && !has("not") {
            // The item ends with a semicolon or a block, after further attributes.
            let mut end = 0;
            while let Some(token) = item.get(end) {
                let is_block = *token == Token::Other('{');
                end += group(&item[end..]);
                if is_block || *token == Token::Other(';') {
                    break;
                }
            }
            rest = &item[end..];
        } else {
            kept.push(first.clone());
            kept.extend_from_slice(attribute);
            rest = item;
        }
    }
    kept
}

/// The number of tokens up to the one that closes the first; 1 if the first opens nothing.
fn group(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Other('(' | '[' | '{') => depth += 1,
            Token::Other(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth <= 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// A module, as the names from the root of its crate.
type ModulePath = Vec<String>;

/// A path in a source file, relative to a module.
#[derive(Debug)]
struct Import {
    module: ModulePath,
    segments: Vec<String>,
    /// `pub use`: another name for the items of a module inside, not an import from it.
    is_export: bool,
}

/// The modules of a crate: their files and the names that they import.
#[derive(Default)]
struct Modules {
    files: BTreeMap<ModulePath, PathBuf>,
    /// The paths of the names that a module imports.
    names: BTreeMap<(ModulePath, String), Vec<String>>,
    /// All paths, by the file in which they are.
    paths: Vec<(PathBuf, Import)>,
}

/// The files of a crate, starting with its root.
fn files(read: &dyn Fn(&Path) -> Option<String>, root: &Path) -> Vec<(PathBuf, String)> {
    modules(read, root)
        .files
        .into_values()
        .filter_map(|path| Some((path.clone(), read(&path)?)))
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .collect()
}

fn modules(read: &dyn Fn(&Path) -> Option<String>, root: &Path) -> Modules {
    let mut modules = Modules::default();
    let directory = root.parent().unwrap_or(Path::new("")).to_owned();
    let mut waiting = vec![(Vec::new(), root.to_owned(), directory)];
    while let Some((module, path, directory)) = waiting.pop() {
        let source = read(&path);
        assert!(source.is_some(), "{} is missing", path.display());
        modules.files.insert(module.clone(), path.clone());
        let children = modules.read(&module, &path, &tokens(&source.unwrap()));
        for child in children {
            let inside = child[module.len()..].iter().collect::<PathBuf>();
            let flat = directory.join(&inside).with_extension("rs");
            let nested = directory.join(&inside).join("mod.rs");
            let file = if read(&flat).is_some() { flat } else { nested };
            let below = directory.join(&inside);
            waiting.push((child, file, below));
        }
    }
    modules
}

impl Modules {
    /// Reads a file; returns the modules that it declares in files of their own.
    fn read(&mut self, module: &[String], path: &Path, tokens: &[Token]) -> Vec<ModulePath> {
        let mut children = Vec::new();
        // Inline modules, and the brace depth at which each was opened.
        let mut inline: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let here = || -> ModulePath {
                let inline = inline.iter().map(|(name, _)| name.clone());
                module.iter().cloned().chain(inline).collect()
            };
            match token {
                Token::Other('{') => depth += 1,
                Token::Other('}') => {
                    depth -= 1;
                    inline.pop_if(|(_, opened)| *opened == depth);
                }
                Token::Word(word) if word == "mod" => {
                    if let (Some(Token::Word(name)), Some(next)) =
                        (tokens.get(index + 1), tokens.get(index + 2))
                    {
                        if *next == Token::Other(';') {
                            let mut child = here();
                            child.push(name.clone());
                            children.push(child);
                        } else if *next == Token::Other('{') {
                            let name = name.clone();
                            let child = [here(), vec![name.clone()]].concat();
                            self.files.insert(child, path.to_owned());
                            inline.push((name, depth));
                        }
                        index += 1;
                    }
                }
                Token::Word(word) if word == "use" => {
                    let end = tokens[index..].iter().position(|t| *t == Token::Other(';'));
                    let end = index + end.unwrap_or(0);
                    let here = here();
                    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                    let is_export = match before {
                        Some(Token::Word(word)) => word == "pub",
                        // `pub(crate)`
                        Some(Token::Other(')')) => true,
                        _ => false,
                    };
                    for (segments, name) in use_tree(&tokens[index + 1..end]) {
                        self.names.insert((here.clone(), name), segments.clone());
                        let module = here.clone();
                        self.paths.push((
                            path.to_owned(),
                            Import {
                                module,
                                segments,
                                is_export,
                            },
                        ));
                    }
                    index = end;
                }
                Token::Word(_) => {
                    let mut segments = Vec::new();
                    while let Some(Token::Word(word)) = tokens.get(index) {
                        segments.push(word.clone());
                        if tokens.get(index + 1) != Some(&Token::Colons) {
                            break;
                        }
                        index += 2;
                    }
                    if segments.len() > 1 {
                        let module = here();
                        self.paths.push((
                            path.to_owned(),
                            Import {
                                module,
                                segments,
                                is_export: false,
                            },
                        ));
                    }
                    // The next token need not be a word: `Vec::<u8>`.
                    if !matches!(tokens.get(index), Some(Token::Word(_))) {
                        continue;
                    }
                }
                _ => {}
            }
            index += 1;
        }
        children
    }

    /// The module with the target of a path; `None` if it is in another crate.
    fn target(&self, module: &[String], segments: &[String], depth: usize) -> Option<ModulePath> {
        // Names that refer to each other, which no compiler accepts.
        if depth > 16 {
            return None;
        }
        let mut at = module.to_vec();
        let mut rest = segments;
        let mut is_inside = false;
        while let Some((first, after)) = rest.split_first() {
            match &**first {
                "crate" => at.clear(),
                "self" => {}
                "super" => {
                    at.pop();
                }
                _ => break,
            }
            is_inside = true;
            rest = after;
        }
        while let Some((first, after)) = rest.split_first() {
            let child = [&at[..], std::slice::from_ref(first)].concat();
            if self.files.contains_key(&child) {
                at = child;
            } else if let Some(path) = self.names.get(&(at.clone(), first.clone()))
                // The line `use a::A` itself is not its target.
                && path != segments
            {
                let path = [path, after].concat();
                return self.target(&at, &path, depth + 1);
            } else {
                break;
            }
            is_inside = true;
            rest = after;
        }
        is_inside.then_some(at)
    }
}

/// The paths of a `use`, each with the name that it imports.
fn use_tree(tokens: &[Token]) -> Vec<(Vec<String>, String)> {
    let mut found: Vec<(Vec<String>, String)> = Vec::new();
    let mut prefix = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match token {
            Token::Word(word) if word == "as" => {
                if let (Some(Token::Word(name)), Some((_, last))) =
                    (tokens.get(index + 1), found.last_mut())
                {
                    last.clone_from(name);
                }
                index += 1;
            }
            Token::Word(word) if tokens.get(index + 1) == Some(&Token::Colons) => {
                prefix.push(word.clone());
            }
            Token::Word(word) if word == "self" => {
                let name = prefix.last().cloned().unwrap_or_default();
                found.push((prefix.clone(), name));
            }
            Token::Word(word) => {
                found.push((
                    [&prefix[..], std::slice::from_ref(word)].concat(),
                    word.clone(),
                ));
            }
            Token::Other('*') => found.push((prefix.clone(), String::new())),
            Token::Other('{') => {
                let end = index + group(&tokens[index..]);
                let inside = &tokens[index + 1..end - 1];
                let mut start = 0;
                while start < inside.len() {
                    let mut stop = start;
                    while stop < inside.len() && inside[stop] != Token::Other(',') {
                        stop += group(&inside[stop..]);
                    }
                    for (path, name) in use_tree(&inside[start..stop]) {
                        let name = if path.is_empty() {
                            prefix.last().cloned().unwrap_or_default()
                        } else {
                            name
                        };
                        found.push(([prefix.clone(), path].concat(), name));
                    }
                    start = stop + 1;
                }
                index = end - 1;
            }
            _ => {}
        }
        index += 1;
    }
    found
}

/// The pairs of files of a crate of which the first imports from the second.
fn imports(read: &dyn Fn(&Path) -> Option<String>, root: &Path) -> BTreeSet<(PathBuf, PathBuf)> {
    let modules = modules(read, root);
    let mut imports = BTreeSet::new();
    for (
        from,
        Import {
            module,
            segments,
            is_export,
        },
    ) in &modules.paths
    {
        let Some(target) = modules.target(module, segments, 0) else {
            continue;
        };
        if *is_export && target.starts_with(module) {
            continue;
        }
        if let Some(to) = modules.files.get(&target)
            && to != from
        {
            imports.insert((from.clone(), to.clone()));
        }
    }
    imports
}

/// The imports that are part of a cycle: those from whose target a path leads back.
fn cyclic(imports: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let is_reached = |from: &str, goal: &str| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
        while let Some(at) = waiting.pop() {
            if at == goal {
                return true;
            }
            if seen.insert(at) {
                let next = imports.iter().filter(|(from, _)| from == at);
                waiting.extend(next.map(|(_, to)| &**to));
            }
        }
        false
    };
    let is_cyclic = |(from, to): &&(String, String)| is_reached(to, from);
    imports.iter().filter(is_cyclic).cloned().collect()
}
