//! Text from outside, in every value that reaches a report, is text of the page and nothing else.
#![expect(clippy::unwrap_used, reason = "what fails here is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use latent_datasets::synthetic;
use latent_reports::{
    Answer, Assignment, Command, Commands, Error, Exhibit, Options, Output, Paragraph, Program,
    Task, TrainingCommand, assignment, write,
};
use latent_training::{Run, Silent, train};
use latent_visualisation::ImageGrid;
use roxmltree::{Document, ParsingOptions};
use serde_json::json;

const HOSTILE: &str = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>&amp;&#1;\u{1}\u{1b}[31m\u{85}\
    \u{fffe}]]>--><style></style></p>{{ 1 }}";

/// A text that occurs nowhere else in a page.
const PLAIN: &str = "harmless";

/// A program whose every text is the same one.
struct Echo(&'static str);

impl Echo {
    fn train_in(&self, directory: &Path, experiment: &str) -> Result<(), Error> {
        let settings = ["model.hidden=[8]", "training.epochs=1"].map(str::to_owned);
        let mut experiment = latent_pretrained::experiment(experiment, &settings)?;
        self.0.clone_into(&mut experiment.description);
        let mut splits = synthetic(1, 20, 20);
        self.0.clone_into(&mut splits.name);
        let run = Run::create(directory, &experiment, &splits, None, false)?;
        train(&run, &splits, &Device::Cpu, &mut Silent)?;
        Ok(())
    }
}

impl Commands for Echo {
    type Error = Error;

    fn program(&self) -> Program {
        Program {
            command: self.0.to_owned(),
            version: self.0.to_owned(),
            quick_option: Some(self.0.to_owned()),
            fetch_command: Some(self.0.to_owned()),
        }
    }

    fn text(&self, _: &Command) -> String {
        self.0.to_owned()
    }

    fn training_text(&self, _: &TrainingCommand) -> String {
        self.0.to_owned()
    }

    fn path_text(&self, _: &Path) -> String {
        self.0.to_owned()
    }

    fn run(&mut self, command: &Command) -> Result<Output, Error> {
        let figure = ImageGrid::new(vec![0.5; 4], [1, 2, 2])?.title(self.0);
        let value = match command.name() {
            "compare" => json!({
                "same_test_images": false,
                "runs": [{ "run": self.0, "settings": { self.0: self.0 }, "test": { self.0: 1.5 } }],
            }),
            _ => json!({
                "images": 20, "elbo": -1.0, "log_likelihood": -0.9, "importance_samples": 9, "kl": [0.5, 0.25], "mean": [0.1, 0.2], "used": 2,
                "standard_deviation": [1.0, 0.9], "kl_from_prior": 0.1, "accuracy": 0.5, "method": self.0,
                "recognised": 49, "prototypes": 50,
            }),
        };
        Ok(Output {
            figure: Some(Box::new(figure)),
            value,
        })
    }

    fn train(&mut self, training: &TrainingCommand) -> Result<(), Error> {
        self.train_in(&training.directory, &training.experiment)
    }
}

fn custom(text: &'static str, runs: &[PathBuf]) -> Assignment {
    let mut assignment = Assignment::of_runs(runs).unwrap();
    text.clone_into(&mut assignment.title);
    text.clone_into(&mut assignment.introduction);
    let classify = Command::new("classify").word(text);
    let both = Exhibit::side_by_side(
        vec![classify.clone(), Command::new("evaluate-samples")],
        text,
    );
    assignment.tasks.push(
        Task::new(text, text)
            .recipe(text)
            .exhibit(both)
            .show(Command::new("compare"), text)
            .answer(move |findings| {
                let accuracy = findings.fraction(&classify, "accuracy")?;
                let command = findings.text(&Command::new("compare"))?;
                let paragraph = Paragraph::new().text(text).measurement(&accuracy, 2);
                Answer::new(text, &[paragraph, Paragraph::new().text(command)])
            }),
    );
    assignment
}

/// How often each element and each attribute occurs, and the whole text of the page.
fn parsed(page: &str) -> (BTreeMap<String, usize>, String) {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(page, options).unwrap();
    let mut counts = BTreeMap::new();
    let mut text = String::new();
    for node in document.descendants() {
        if node.is_element() {
            *counts.entry(node.tag_name().name().to_owned()).or_default() += 1;
        }
        assert!(!node.is_comment() && !node.is_pi(), "{node:?}");
        for attribute in node.attributes() {
            *counts.entry(format!("@{}", attribute.name())).or_default() += 1;
            text.push_str(attribute.value());
        }
        text.push_str(node.text().filter(|_| node.is_text()).unwrap_or_default());
    }
    (counts, text)
}

/// Elements of the page outside of figures, whose glyphs depend on the text that they draw.
fn elements(mut counts: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    counts.retain(|name, _| {
        ![
            "use",
            "path",
            "@id",
            "@d",
            "@href",
            "@x",
            "@y",
            "@transform",
        ]
        .contains(&&**name)
    });
    counts
}

#[test]
fn text_from_outside_adds_no_element_and_no_attribute() {
    let directory = tempfile::tempdir().unwrap();
    let page = |text, name: &str| {
        let at = directory.path().join(name);
        let mut program = Echo(text);
        let options = Options {
            runs: at.clone(),
            ..Options::default()
        };
        program.train_in(&at.join("a"), "vae-2d").unwrap();
        program.train_in(&at.join("b"), "cvae-mlp").unwrap();
        let existing = custom(text, &[at.join("a"), at.join("b")]);
        let runs = write(&existing, &options, &mut program).unwrap().html;
        let own = write(&assignment("vae2d").unwrap(), &options, &mut program);
        [runs, own.unwrap().html]
    };
    let (plain, hostile) = (page(PLAIN, "one"), page(HOSTILE, "two"));
    for (plain, hostile) in plain.iter().zip(&hostile) {
        let is_forbidden = |c: char| (c.is_control() && c != '\n') || c == '\u{fffe}';
        assert!(!hostile.contains(is_forbidden));
        let ((expected, plain), (found, text)) = (parsed(plain), parsed(hostile));
        assert_eq!(elements(found), elements(expected));
        // Where the plain text is, the hostile one is, and none of it is lost.
        let cleaned = HOSTILE.replace(is_forbidden, " ");
        let (plain, hostile) = (plain.matches(PLAIN), text.matches(&*cleaned));
        let count = hostile.count();
        assert!(count >= 20 && plain.count() == count, "{count}");
    }
}

#[test]
fn a_number_that_no_command_printed_is_an_error() {
    let task = Task::new("A task", "One without its command.").answer(|findings| {
        let kl = findings.measurement(&Command::new("evaluate"), "kl")?;
        Answer::new("KL?", &[Paragraph::new().measurement(&kl, 2)])
    });
    let assignment = Assignment {
        name: "a".to_owned(),
        title: "A".to_owned(),
        introduction: String::new(),
        runs: Vec::new(),
        tasks: vec![task],
    };
    let written = write(&assignment, &Options::default(), &mut Echo("plain"));
    let error = written.unwrap_err().to_string();
    assert_eq!(error, "kl of evaluate was not measured");
}

#[test]
fn figures_have_glyphs_of_their_own() {
    let task = Task::new("A task", "Two figures.").exhibit(Exhibit::side_by_side(
        vec![Command::new("sample"), Command::new("plot latents")],
        "Two figures",
    ));
    let assignment = Assignment {
        name: "a".to_owned(),
        title: "A".to_owned(),
        introduction: String::new(),
        runs: Vec::new(),
        tasks: vec![task],
    };
    let page = write(&assignment, &Options::default(), &mut Echo("plain")).unwrap();
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&page.html, options).unwrap();
    let ids = document
        .descendants()
        .filter_map(|node| node.attribute("id"));
    let mut ids: Vec<_> = ids.collect();
    let count = ids.len();
    assert!(ids.iter().any(|id| id.contains("glyph")), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
