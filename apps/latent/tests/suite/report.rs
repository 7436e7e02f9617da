//! Reports: whole, self-contained, of the recipes' commands, and with no number that a command does not print.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use latent_datasets::{Splits, save_idx, synthetic};
use latent_tests::{fail, native, object, succeed};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use tempfile::TempDir;

const ASSIGNMENTS: [&str; 5] = ["lab8", "hy673", "aevb", "radboud", "vae2d"];

/// A directory with a few digits in `data`: most commands look at all of them.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    save_idx(
        &synthetic(1, 60, 60),
        &directory.path().join("data"),
        |_| Ok(()),
    )
    .unwrap();
    directory
}

const DATA: [&str; 4] = ["--data", "idx", "--data-dir", "data"];

/// The smallest report there can be of an assignment.
fn tiny(assignment: &str) -> Vec<&str> {
    let quick = [
        "report", assignment, "--quick", "--epochs", "1", "--limit", "60",
    ];
    [&quick[..], &DATA].concat()
}

fn write(directory: &Path, assignment: &str) -> String {
    let written = object(directory, &tiny(assignment));
    assert_eq!(written["assignment"], assignment);
    let path = written["report"].as_str().unwrap();
    assert_eq!(
        path,
        native(&format!("reports/{assignment}-quick/report.html"))
    );
    fs::read_to_string(directory.join(path)).unwrap()
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap()
}

fn text(node: Node) -> String {
    node.descendants()
        .filter_map(|node| if node.is_text() { node.text() } else { None })
        .collect()
}

#[test]
fn lab8_has_a_whole_report_in_one_file() {
    holds_all_in_one_file("lab8");
}

#[test]
fn hy673_has_a_whole_report_in_one_file() {
    holds_all_in_one_file("hy673");
}

#[test]
fn aevb_has_a_whole_report_in_one_file() {
    holds_all_in_one_file("aevb");
}

#[test]
fn radboud_has_a_whole_report_in_one_file() {
    holds_all_in_one_file("radboud");
}

#[test]
fn vae2d_has_a_whole_report_in_one_file() {
    holds_all_in_one_file("vae2d");
}

/// The tasks that run commands; others answer from the results of these.
fn tasks_with_commands(listed: &Value) -> Vec<&Value> {
    let has_commands = |task: &&Value| !task["commands"].as_array().unwrap().is_empty();
    listed["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(has_commands)
        .collect()
}

/// Every task with its commands and its pictures, and nothing that is elsewhere or was not measured.
fn holds_all_in_one_file(assignment: &str) {
    let directory = directory();
    let page = write(directory.path(), assignment);
    let document = parsed(&page);
    let listed = object(
        directory.path(),
        &[&tiny(assignment)[..], &["--dry-run"]].concat(),
    );
    for task in tasks_with_commands(&listed) {
        let id = task["task"].as_str();
        let section = document
            .descendants()
            .find(|node| node.attribute("id") == id)
            .unwrap();
        let typed: Vec<String> = section
            .descendants()
            .filter(|node| node.attribute("class") == Some("commands"))
            .flat_map(|node| text(node).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert_eq!(serde_json::json!(typed), task["commands"], "{assignment}");
    }
    for node in document.descendants() {
        for attribute in node.attributes() {
            let value = attribute.value();
            let inside = value.starts_with('#') || value.starts_with("data:");
            let points = matches!(attribute.name(), "src" | "href" | "data" | "action");
            assert!(!points || inside, "{assignment} points to {value}");
        }
        let name = node.tag_name().name();
        assert!(
            !matches!(name, "script" | "link" | "iframe" | "object"),
            "{name}"
        );
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    // What it is not is said at the top, and beside every picture and table.
    assert!(page.contains("A quick report."));
    let (mut captions, mut pictures) = (0, 0);
    for node in document.descendants() {
        if node.attribute("class") == Some("caption") {
            captions += 1;
            let is_data = text(node).starts_with("The first training image");
            assert!(is_data || text(node).ends_with("quick"), "{}", text(node));
        }
        if node.tag_name().name() == "svg" {
            pictures += 1;
            let label = node.attribute("aria-label");
            assert!(label.is_some_and(|label| label.len() > 10), "{label:?}");
        }
    }
    assert!(captions > 0 && pictures > 0, "{captions}, {pictures}");
    let said = text(document.root());
    for word in said.split(|c: char| !c.is_alphanumeric()) {
        assert!(
            !matches!(word, "NaN" | "None" | "inf" | "null"),
            "{assignment} says {word}"
        );
    }
}

/// Whether a number that this text follows, perhaps with its error first, is a percentage.
fn is_percentage(tail: &str) -> bool {
    let words: Vec<&str> = tail.split('\u{a0}').collect();
    let unit = match &words[..] {
        ["", "±", error, unit, ..] if error.parse::<f64>().is_ok() => unit,
        ["", unit, ..] => unit,
        _ => "",
    };
    unit.starts_with('%')
}

#[test]
fn every_number_is_what_its_command_prints() {
    let directory = directory();
    for assignment in ["vae2d", "lab8"] {
        let page = write(directory.path(), assignment);
        let mut printed: BTreeMap<String, Value> = BTreeMap::new();
        let mut checked = 0;
        for data in parsed(&page)
            .descendants()
            .filter(|node| node.tag_name().name() == "data")
        {
            let value: f64 = data.attribute("value").unwrap().parse().unwrap();
            let title = data.attribute("title").unwrap();
            // What is said for people is the number, rounded; as per cent where the text goes on so.
            let said = text(data).replace('−', "-").replace(',', "");
            let decimals = said
                .split_once('.')
                .map_or(0, |(_, decimals)| decimals.len());
            let scale = if is_percentage(data.tail().unwrap_or_default()) {
                100.0
            } else {
                1.0
            };
            let rounded = format!("{:.decimals$}", scale * value);
            let is_zero = rounded.bytes().all(|byte| b"-0.".contains(&byte));
            let rounded = rounded
                .strip_prefix('-')
                .filter(|_| is_zero)
                .unwrap_or(&rounded);
            assert_eq!(said, rounded, "{title}: {value}");
            let Some((key, source)) = title.split_once(" of ") else {
                assert!(title.starts_with("computed: "), "{title}");
                continue;
            };
            if key.starts_with("computed") {
                continue;
            }
            let found = printed.entry(source.to_owned()).or_insert_with(|| {
                if let Some(command) = source.strip_prefix("latent ") {
                    let words: Vec<&str> = command.split(' ').collect();
                    return object(directory.path(), &words);
                }
                let (line, path) = match source.strip_prefix("the last line of ") {
                    Some(path) => ("last", path),
                    None => ("first", source.trim_start_matches("the first line of ")),
                };
                let text = fs::read_to_string(directory.path().join(path)).unwrap();
                let mut lines = text.lines();
                let line = if line == "last" {
                    lines.last()
                } else {
                    lines.next()
                };
                serde_json::from_str(line.unwrap()).unwrap()
            });
            let pointer = format!("/{}", key.replace(['.', '['], "/").replace(']', ""));
            assert_eq!(
                found.pointer(&pointer).and_then(Value::as_f64),
                Some(value),
                "{title}"
            );
            checked += 1;
        }
        assert!(checked >= 15, "{checked}");
    }
}

#[test]
fn the_gain_by_labels_is_that_of_the_conditional_model() {
    let directory = directory();
    let page = write(directory.path(), "lab8");
    let document = parsed(&page);
    let is_answer = |node: &Node| {
        let heading = node
            .children()
            .find(|child| child.tag_name().name() == "h4");
        heading.is_some_and(|heading| text(heading).starts_with("Is the conditional model better"))
    };
    let answer = document.descendants().find(is_answer).unwrap();
    let numbers: Vec<f64> = answer
        .descendants()
        .filter_map(|node| node.attribute("value")?.parse().ok())
        .collect();
    let [plain, conditional, gain] = numbers[..] else {
        panic!("{numbers:?}");
    };
    assert!((gain - (conditional - plain)).abs() < 1e-9, "{numbers:?}");
    assert_ne!(gain, 0.0);
}

#[test]
fn the_same_command_writes_the_same_bytes() {
    let [first, second] = [directory(), directory()];
    let page = write(first.path(), "vae2d");
    assert!(page == write(first.path(), "vae2d"), "with finished runs");
    assert!(page == write(second.path(), "vae2d"), "from nothing");
}

#[test]
fn a_report_goes_on_where_it_stopped_and_takes_no_other_run() {
    let directory = directory();
    let page = write(directory.path(), "vae2d");
    // A run that was begun with fewer epochs stands where an interrupted one does.
    let path = directory.path().join("runs/vae-2d-quick/experiment.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("epochs = 1", "epochs = 2")).unwrap();
    let longer = |word| if word == "1" { "2" } else { word };
    let arguments: Vec<&str> = tiny("vae2d").into_iter().map(longer).collect();
    succeed(directory.path(), &arguments);
    let metrics = directory.path().join("runs/vae-2d-quick/metrics.jsonl");
    assert_eq!(fs::read_to_string(metrics).unwrap().lines().count(), 2);

    let message = fail(directory.path(), &tiny("vae2d"), 1);
    for part in [
        &*native("runs/vae-2d-quick"),
        "`training.epochs` is 2",
        "1 is needed",
        "--runs",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Nothing is left half written, and what was there stays.
    let report = directory.path().join("reports/vae2d-quick/report.html");
    let kept = fs::read_to_string(report).unwrap();
    assert!(kept != page && kept.ends_with("</html>\n"));
}

#[test]
fn digits_that_the_program_drew_are_called_so() {
    let directory = directory();
    let at = directory.path();
    let quick = [
        "report", "vae2d", "--quick", "--epochs", "1", "--limit", "60",
    ];
    succeed(at, &[&quick[..], &["--data", "synthetic"]].concat());
    let page = fs::read_to_string(at.join("reports/vae2d-quick/report.html")).unwrap();
    assert!(page.contains("Synthetic digits, not MNIST."));
}

#[test]
fn assignments_are_reported_on_data_without_their_classes() {
    let directory = tempfile::tempdir().unwrap();
    let Splits { train, test, .. } = synthetic(1, 200, 200);
    let three = [0, 1, 3];
    let splits = Splits {
        train: train.of_classes(&three),
        test: test.of_classes(&three),
        ..synthetic(1, 1, 1)
    };
    save_idx(&splits, &directory.path().join("data"), |_| Ok(())).unwrap();
    // Labels 7, 0 and 6; 0, 2 and 42.
    for assignment in ["lab8", "hy673"] {
        let page = write(directory.path(), assignment);
        let page = text(parsed(&page).root());
        assert!(page.contains("Other data than MNIST."), "{assignment}");
        assert!(page.contains("with other labels"), "{assignment}");
        for missing in ["--labels 7", "--labels 0,2", "--number 42", "--labels 0,6"] {
            assert!(!page.contains(missing), "{assignment}: {missing}");
        }
    }
}

#[test]
fn any_runs_are_reported_and_compared() {
    let directory = directory();
    let at = directory.path();
    let train = |out: &str, settings: &[&str]| {
        let arguments = ["train", "vae-2d", "--output", out, "--no-figures"];
        let small = ["--set", "model.hidden=[16]", "--epochs", "2"];
        succeed(at, &[&arguments[..], &small, settings, &DATA].concat());
    };
    train("a run", &[]);
    train("wide", &["--set", "model.latent_size=3"]);

    let compared = object(at, &["compare", "a run", "wide"]);
    let metrics = fs::read_to_string(at.join("wide/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!(compared["runs"][1]["test"], last["test"]);
    assert_eq!(
        compared["runs"][1]["settings"],
        serde_json::json!({ "model.latent_size": "3" })
    );
    assert_eq!(compared["files"][0], "compare.png");
    let words = succeed(at, &["compare", "a run", "wide"]);
    assert!(
        words.starts_with("run ") && words.contains("model.latent_size"),
        "{words}"
    );
    fs::remove_file(at.join("compare.png")).unwrap();
    let csv = succeed(at, &["compare", "a run", "wide", "--csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert!(
        rows.len() == 3 && rows.iter().all(|row| row.len() == rows[0].len()),
        "{csv}"
    );
    let column = rows[0]
        .iter()
        .position(|name| *name == "test_elbo")
        .unwrap();
    assert_eq!(
        rows[2][column].parse::<f64>().ok(),
        last["test"]["elbo"].as_f64()
    );
    assert!(!at.join("compare.png").exists());

    let written = object(at, &[&["report", "a run", "wide"][..], &DATA].concat());
    assert_eq!(
        written["report"],
        native("reports/runs/a run+wide/report.html")
    );
    let page = fs::read_to_string(at.join("reports/runs/a run+wide/report.html")).unwrap();
    let titles: Vec<String> = parsed(&page)
        .descendants()
        .filter(|node| node.tag_name().name() == "h2")
        .map(text)
        .collect();
    assert_eq!(titles[2..], ["a run", "wide", "Comparison"]);
    let compare = if cfg!(windows) {
        "latent compare \"a run\" wide"
    } else {
        "latent compare 'a run' wide"
    };
    assert!(text(parsed(&page).root()).contains(compare));
    let one = object(at, &[&["report", "a run"][..], &DATA].concat());
    assert_eq!(one["report"], native("reports/runs/a run/report.html"));
}

#[test]
fn what_there_is_no_report_of_is_refused() {
    let directory = directory();
    for (arguments, part) in [
        (&["report", "lab9"][..], "did you mean `lab8`?"),
        (&["report", "runs/nothing"], "the assignments are lab8"),
        (&["report", "lab8", "aevb"], "one assignment"),
        (&["report", "."], "not a run directory"),
        (&["compare", "nothing"], "not a run directory"),
        (&["report", "lab8", "--data-dir", "nowhere"], "nowhere"),
    ] {
        let message = fail(directory.path(), arguments, 1);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    fs::write(directory.path().join("file"), "").unwrap();
    let message = fail(directory.path(), &["report", "lab8", "--output", "file"], 1);
    assert!(message.contains("file"), "{message}");
    assert!(fail(directory.path(), &["report", "lab8", "--epochs", "3"], 2).contains("--quick"));
    assert!(!directory.path().join("runs").exists());
}

/// What a recipe of the justfile runs: what it trains, and the commands after `latent`.
fn recipe(justfile: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let mut lines = justfile.lines().skip_while(|line| {
        !line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with([':', ' ']))
    });
    let head = lines.next().unwrap();
    let body: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    let mut body = body.join("\n").replace("\\\n", " ").replace('\n', ";");
    let parameters = head.split(':').next().unwrap().split_once(' ');
    if let Some((parameter, value)) = parameters.and_then(|(_, all)| all.split_once('=')) {
        let value = value.trim_matches('"');
        let commas = format!("{{{{replace(trim({parameter}), \" \", \",\")}}}}");
        body = body.replace(&commas, &value.replace(' ', ","));
        body = body.replace(&format!("{{{{{parameter}}}}}"), value);
    }
    let needed = head
        .split("(_train \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let mut training: Vec<String> = needed
        .map(|name| format!("train {name} --output runs/{name} --no-figures"))
        .collect();
    let mut commands = Vec::new();
    for line in body.split(';') {
        let words: Vec<&str> = line.split_whitespace().collect();
        match &words[..] {
            [
                "{{latent}}",
                "train",
                experiment,
                "--if-needed",
                options @ ..,
            ] => {
                training.push(format!("train {experiment} {}", options.join(" ")));
            }
            ["{{latent}}", command @ ..] => {
                let end = command
                    .iter()
                    .position(|word| *word == "--output")
                    .unwrap_or(command.len());
                commands.push(command[..end].join(" "));
            }
            // Shells differ in everything else.
            other => assert!(other.is_empty(), "{name}: {other:?}"),
        }
    }
    (training, commands)
}

#[test]
fn reports_and_recipes_are_the_same_commands() {
    let directory = directory();
    let justfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../justfile");
    let justfile = fs::read_to_string(justfile).unwrap();
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list.dedup();
        list
    };
    for assignment in ASSIGNMENTS {
        let listed = object(directory.path(), &["report", assignment, "--dry-run"]);
        let plain = |list: &Value| -> Vec<String> {
            let commands = list
                .as_array()
                .unwrap()
                .iter()
                .map(|command| command.as_str().unwrap());
            commands
                // Recipes have the separators that every system knows, and other quotes than cmd.exe.
                .map(|command| {
                    command
                        .trim_start_matches("latent ")
                        .replace('\\', "/")
                        .replace('"', "'")
                })
                .collect()
        };
        let mut trained = Vec::new();
        for task in tasks_with_commands(&listed) {
            let name = task["task"].as_str().unwrap();
            let (training, commands) = recipe(&justfile, name);
            assert_eq!(sorted(plain(&task["commands"])), sorted(commands), "{name}");
            trained.extend(training);
        }
        assert_eq!(
            sorted(plain(&listed["training"])),
            sorted(trained),
            "{assignment}"
        );
    }
}
