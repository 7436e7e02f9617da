//! Reports of existing runs: each alone, and then all of them compared.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use latent_checkpoints::sha256_hex;
use latent_training::Run;

use crate::{Assignment, Command, Error, RequiredRun, RunOrigin, Task};

impl Assignment {
    /// The outline of a report of existing runs, whose files are then as they are.
    ///
    /// # Errors
    /// A directory is no run, or the run has no model yet.
    pub fn of_runs(directories: &[PathBuf]) -> Result<Self, Error> {
        let mut runs = Vec::new();
        let mut tasks = Vec::new();
        let mut compare = Command::new("compare");
        for directory in directories {
            let name = directory.display().to_string();
            tasks.push(of_run(&name, directory)?);
            compare = compare.run(&*name);
            runs.push(RequiredRun {
                name,
                origin: RunOrigin::Existing(directory.clone()),
            });
        }
        if runs.len() > 1 {
            tasks.push(
                Task::new(
                    "Comparison",
                    "The settings that differ, the final metrics, and the training curves.",
                )
                .show(compare, "Test metrics over the epochs of each run"),
            );
        }
        Ok(Self {
            name: name_of(directories).display().to_string(),
            title: match &runs[..] {
                [run] => format!("The run {}", run.name),
                runs => format!("{} runs", runs.len()),
            },
            introduction: "Training curves, test metrics and figures.".to_owned(),
            runs,
            tasks,
        })
    }
}

/// Where the report is filed: beside those of assignments, in a directory whose name says which runs it is
/// of, so that reports of other runs stay what they are.
fn name_of(directories: &[PathBuf]) -> PathBuf {
    Path::new("runs").join(file_name(directories))
}

/// A file name made from a list of paths: `runs,a` for `runs/a`, and `runs,a+runs,b` for two paths. Different
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

fn of_run(name: &str, directory: &Path) -> Result<Task, Error> {
    let metadata = Run::open(directory)?.model_metadata()?;
    let (experiment, data) = (&metadata.experiment, &metadata.data);
    let size = experiment.model.latent_size(data.shape);
    let mut task = Task::new(name, &*experiment.description)
        .show(
            Command::of_run("plot curves", name),
            "Loss and its parts over the epochs",
        )
        .show(
            Command::of_run("evaluate", name),
            "Test metrics, nats per image",
        )
        .show(
            Command::of_run("reconstruct", name),
            "Ten test images (top) and their reconstructions (bottom)",
        )
        .show(
            Command::of_run("sample", name),
            "Samples, latents from the prior",
        );
    if size > 1 {
        task = task.show(
            Command::of_run("plot latents", name),
            "Latent space (posterior means, test images), coloured by class",
        );
    }
    if !experiment.model.is_exact() {
        task = task.show(
            Command::of_run("plot posterior", name),
            "Latents of the test images and the prior",
        );
    }
    if size == 2 {
        task = task.show(
            Command::of_run("plot manifold", name),
            "Images decoded from a grid of z over the range of the test images’ latents",
        );
    }
    Ok(if experiment.model.is_conditional() {
        task.show(
            Command::of_run("plot analogies", name),
            "Ten test images (left), and their latents decoded with each label",
        )
    } else {
        task.show(
            Command::of_run("interpolate", name),
            "Interpolations between five pairs of test images",
        )
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
