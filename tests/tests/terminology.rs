//! The text of the repository uses the terms of the field: words that the project once had in their place do not occur.

use std::fs;
use std::path::Path;

/// Words that do not occur, and the terms that are used instead. A word with a capital letter is a name, and is
/// compared exactly; others are compared in lower case, as whole words.
const REPLACED: &[(&str, &str)] = &[
    ("as told", "the requested label"),
    ("is told", "conditional on the label"),
    ("told to draw", "requested label"),
    ("by heart", "overfits"),
    ("restyle", "style transfer, analogies"),
    ("restyled", "analogies"),
    ("in the same hand", "same style"),
    ("a perceptron", "MLP"),
    ("legibility", "k-NN agreement"),
    ("words that every command knows", "global options"),
    ("beginning_small", "small_last"),
    ("from_halves", "from_mask"),
    ("gradient_clip", "max_grad_norm"),
    ("weight_average", "ema_decay"),
    ("warm_up", "warm_up_epochs"),
    ("sampled-elbo", "monte-carlo-elbo"),
    ("SampledElbo", "MonteCarloElbo"),
    ("mixture_log_likelihood", "marginal_log_density"),
    ("log_probability", "log_likelihood"),
    ("class_log_probabilities", "class_log_posterior"),
    ("latent_kernels::side_by_side", "latent_kernels::concat"),
    ("latent_kernels::columns", "latent_kernels::narrow"),
    ("Beginning", "InitialSamples"),
    ("Summed", "AdditiveConditioning"),
    ("Concatenated", "ConcatConditioning"),
    ("Halves", "MaskPattern"),
    ("Partition", "Mask"),
    ("measuring_after", "evaluation_after"),
    ("latent judge", "latent evaluate-samples"),
    ("latent scatter", "latent plot latents"),
    ("latent gallery", "latent plot prototypes"),
    ("latent neighbours", "latent plot perturbations"),
    ("--save-every", "--checkpoint-interval"),
    ("--per-digit", "--per-class"),
    ("--digits", "--labels"),
    ("unasked", "unless you ask for it"),
];

/// Files with the old names: the changelog, the upgrade of older files, and this one.
const EXCEPTIONS: [&str; 3] = [
    "CHANGELOG.md",
    "crates/training/src/upgrade.rs",
    "tests/tests/terminology.rs",
];

const TEXT: [&str; 10] = [
    "rs", "md", "toml", "py", "js", "html", "css", "sh", "run", "simd",
];

#[test]
fn replaced_words_do_not_occur() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut files = 0;
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_source = !matches!(&*name, "target" | "runs" | "reports" | "node_modules");
                if is_source && (!name.starts_with('.') || name == ".ci") {
                    directories.push(path);
                }
                continue;
            }
            let place = path.strip_prefix(&root).unwrap();
            let place = place.to_string_lossy().replace('\\', "/");
            let extension = name.rsplit('.').next().unwrap_or_default();
            let is_text = TEXT.contains(&extension) || name == "justfile";
            if is_text && !EXCEPTIONS.contains(&&*place) {
                files += 1;
                let text = fs::read_to_string(&path).unwrap();
                found.extend(occurrences(&text, &place));
            }
        }
    }
    assert!(files > 300, "{files} files");
    assert!(found.is_empty(), "{found:#?}");
}

/// The replaced words in a text, with file and line.
fn occurrences(text: &str, place: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            REPLACED
                .iter()
                .filter(|(word, _)| contains_word(line, word))
                .map(move |(word, term)| format!("{place}:{}: `{word}`, use: {term}", number + 1))
        })
        .collect()
}

/// Whether a line contains a word that is no part of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    let is_name = word.contains(char::is_uppercase);
    let line = if is_name {
        line.to_owned()
    } else {
        line.to_lowercase()
    };
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(start, _)| {
        let end = start + word.len();
        !is_part(line[..start].chars().next_back()) && !is_part(line[end..].chars().next())
    })
}

#[test]
fn words_are_found_as_whole_words() {
    assert!(contains_word("The digit IS TOLD to it", "is told"));
    assert!(contains_word("(Halves)", "Halves"));
    assert!(!contains_word("it halves the image", "Halves"));
    assert!(!contains_word("warm_up_epochs", "warm_up"));
    assert!(!contains_word("the retold story", "told"));
    assert_eq!(occurrences("a\nlatent judge x", "f").len(), 1);
}
