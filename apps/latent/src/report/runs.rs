//! A report of any runs: each by itself, and then all beside each other.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use latent_checkpoints::sha256_hex;
use latent_models::LatentModel;
use latent_training::load_model;

use super::outline::{Assignment, Exhibit, Task, Training, Wanted, exhibit};
use crate::{Context, Error};

/// The outline of a report of runs that are there.
///
/// # Errors
/// One of them is none, or has no model yet.
pub(crate) fn of_runs(directories: &[PathBuf], context: &Context) -> Result<Assignment, Error> {
    let mut runs = Vec::new();
    let mut tasks = Vec::new();
    for directory in directories {
        // In an outline words end at spaces, and not at those that break no line.
        let name = directory.display().to_string().replace(' ', "\u{a0}");
        tasks.push(of_run(&name, directory, context)?);
        runs.push(Wanted {
            name,
            training: Training::Done(directory.clone()),
        });
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    if names.len() > 1 {
        tasks.push(Task {
            recipe: None,
            title: "Comparison".to_owned(),
            sentence: "What tells the runs apart, how they ended, and how they went.".to_owned(),
            exhibits: vec![exhibit(
                &format!("compare {}", names.join(" ")),
                "The test images over the epochs of each run",
            )],
            answers: Vec::new(),
        });
    }
    Ok(Assignment {
        name: name_of(directories).display().to_string(),
        title: match &names[..] {
            [name] => format!("The run {name}"),
            names => format!("{} runs", names.len()),
        },
        introduction: "What was trained, how it went, and what came of it.".to_owned(),
        runs,
        tasks,
    })
}

/// Where the report is filed: beside those of assignments, in a directory whose name says which runs it is
/// of, so that reports of other runs stay what they are.
fn name_of(directories: &[PathBuf]) -> PathBuf {
    Path::new("runs").join(file_name(directories))
}

/// A file name for a list of paths: `runs,a` for `runs/a`, and `runs,a+runs,b` for two of them. Different
/// lists have different names: what is neither a letter, a digit nor one of `_-. ` is written as its bytes,
/// such as `=2B`; a name that is too long is cut, and ends with a checksum of all of it after `==`.
fn file_name(directories: &[PathBuf]) -> String {
    /// Bytes: file systems take 255.
    const LONGEST: usize = 100;
    let part = |part: Component| match part {
        Component::RootDir => Some("=2F".to_owned()),
        // A directory of this name would be another one than is meant.
        Component::ParentDir => Some("=2E=2E".to_owned()),
        Component::CurDir => None,
        Component::Prefix(prefix) => Some(escaped(prefix.as_os_str())),
        Component::Normal(name) => Some(escaped(name)),
    };
    let name = |directory: &PathBuf| {
        let parts: Vec<String> = directory.components().filter_map(part).collect();
        match &parts[..] {
            [] => "=2E".to_owned(),
            parts => parts.join(","),
        }
    };
    let name = directories.iter().map(name).collect::<Vec<_>>().join("+");
    if name.len() <= LONGEST {
        return name;
    }
    let mut end = LONGEST / 4;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}=={}", &name[..end], &sha256_hex(name.as_bytes())[..32])
}

fn escaped(name: &OsStr) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        let mut buffer = [0; 4];
        for c in chunk.valid().chars() {
            if plain(c) {
                text.push(c);
            } else {
                escape(c.encode_utf8(&mut buffer).as_bytes(), &mut text);
            }
        }
        escape(chunk.invalid(), &mut text);
    }
    text
}

fn escape(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        _ = write!(text, "={byte:02X}");
    }
}

fn of_run(name: &str, directory: &Path, context: &Context) -> Result<Task, Error> {
    let model = load_model(directory, &context.device)?;
    let experiment = &model.metadata.experiment;
    let size = model.model.latent_size();
    let of = |command: &str, caption: &str| -> Exhibit {
        let (command, options) = command.split_once(' ').unwrap_or((command, ""));
        exhibit(format!("{command} {name} {options}").trim_end(), caption)
    };
    let mut exhibits = vec![
        of("curves", "Loss and its parts over the epochs"),
        of("evaluate", "The test images, nats an image"),
        of("reconstruct", "Ten test images above their reconstructions"),
        of("sample", "New images, from latents of the prior"),
    ];
    if size > 1 {
        exhibits.push(of(
            "scatter",
            "Where the test images lie in the latent space, coloured by digit",
        ));
    }
    if !experiment.model.is_exact() {
        exhibits.push(of(
            "posterior",
            "The latents of the test images against the prior",
        ));
    }
    if size == 2 {
        exhibits.push(of("manifold --quantiles", "The latent plane, decoded"));
    }
    if experiment.model.is_conditional() {
        exhibits.push(of(
            "restyle",
            "Ten test images, and in the style of each all ten digits",
        ));
    } else {
        exhibits.push(of(
            "interpolate",
            "The ways between five pairs of test images",
        ));
    }
    Ok(Task {
        recipe: None,
        title: name.to_owned(),
        sentence: experiment.description.clone(),
        exhibits,
        answers: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(directories: &[&str]) -> String {
        let paths: Vec<PathBuf> = directories.iter().map(PathBuf::from).collect();
        file_name(&paths)
    }

    #[test]
    fn different_runs_have_reports_of_different_names() {
        let (long, longer) = ("x/".repeat(60), "x/".repeat(61));
        let lists: [&[&str]; 20] = [
            &["."],
            &["/"],
            &["x"],
            &["../x"],
            &["../../x"],
            &["/x"],
            &[".."],
            &["a/b"],
            &["a-b"],
            &["a,b"],
            &["a+b"],
            &["a", "b"],
            &["b", "a"],
            &["a=2Cb"],
            &["a=2cb"],
            &["a\u{a0}b"],
            &["a b"],
            &["a\u{1b}b"],
            &[&long],
            &[&longer],
        ];
        let names: BTreeSet<String> = lists.iter().map(|list| name(list)).collect();
        assert_eq!(names.len(), lists.len(), "{names:?}");
        for name in names {
            assert!(name.len() <= 100, "{name}");
            assert!(
                !name.contains(['/', '\\', ':', '\u{1b}']) && name != "..",
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_says_which_runs_it_is_of_and_never_changes() {
        assert_eq!(name(&["runs/vae-2d/"]), "runs,vae-2d");
        assert_eq!(name(&["./a run", "wide"]), "a run+wide");
        let long = "0123456789/".repeat(12);
        assert_eq!(
            name(&[&long]),
            "0123456789,0123456789,012==79e2b1c048d1dfca50159f853da0eb0a"
        );
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_differ_too() {
        use std::os::unix::ffi::OsStrExt;

        let of = |bytes| file_name(&[PathBuf::from(OsStr::from_bytes(bytes))]);
        assert_eq!(of(b"a\xff"), "a=FF");
        assert_ne!(of(b"\xff"), of(b"\xfe"));
    }
}
