//! The commands and experiments in the documentation are ones that the program takes.
#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use latent_tests::{latent, outcome};
use latent_training::Experiment;

/// The Markdown files of the repository, except for the changelog, which has old names.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut directories = vec![root];
    let mut pages = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_output = matches!(&*name, "target" | "runs" | "reports" | "node_modules");
            if path.is_dir() && !name.starts_with('.') && !is_output {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md")
                && name != "CHANGELOG.md"
            {
                let text = fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    pages
}

/// The code of fenced blocks in one of these languages.
fn blocks<'a>(page: &'a str, languages: &'a [&str]) -> impl Iterator<Item = &'a str> {
    page.split("```").skip(1).step_by(2).filter_map(|block| {
        let (language, code) = block.split_once('\n')?;
        languages.contains(&language.trim()).then_some(code)
    })
}

/// The arguments of every `latent …` on a page: lines of shell blocks and code spans.
fn commands(page: &str) -> Vec<Vec<String>> {
    let lines = blocks(page, &["sh", "text"]).flat_map(str::lines);
    let prose = page.split("```").step_by(2);
    let spans = prose.flat_map(|text| text.split('`').skip(1).step_by(2));
    let starts = ["latent ", "cargo run --release --locked -- "];
    lines
        .chain(spans)
        .filter_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)))
        .filter(|line| !line.contains(['…', '|']) && !line.contains("COMMAND"))
        .map(|line| words(line.split(" #").next().unwrap()))
        .collect()
}

/// The words of a command line, with numbers in place of the placeholders that stand for them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(|word| match word {
                "K" | "N" | "T" | "SECONDS" => "1".to_owned(),
                word => word.to_owned(),
            }));
        }
    }
    words
}

#[test]
fn every_command_in_the_documentation_parses() {
    let directory = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (path, page) in pages() {
        for mut arguments in commands(&page) {
            // An unknown command, option or value is refused before help is printed.
            arguments.push("--help".to_owned());
            let (_, message, code) = outcome(latent(directory.path()).args(&arguments));
            assert_eq!(code, 0, "{}: {arguments:?}: {message}", path.display());
            count += 1;
        }
    }
    assert!(count > 50, "{count} commands");
}

#[test]
fn every_experiment_in_the_documentation_parses() {
    let mut count = 0;
    for (path, page) in pages() {
        for code in blocks(&page, &["toml"]).filter(|code| code.contains("[model]")) {
            let origin = path.display().to_string();
            let experiment = Experiment::parse(code, &origin, &[]).unwrap();
            experiment.check(&origin).unwrap();
            count += 1;
        }
    }
    assert!(count > 5, "{count} experiments");
}
