//! A report of custom commands: an integral by Monte Carlo, with the error over the number of
//! draws.

use std::error::Error;

use latent_reports::serde_json::json;
use latent_reports::visualisation::Curves;
use latent_reports::{
    ASSIGNMENTS, Answer, Argument, Assignment, Command, Commands, Options, Output, Paragraph,
    Program, Task, TrainingCommand, assignment, list, write,
};

/// Estimates ∫ √(1 − x²) dx over [0, 1], which is π/4.
struct Integral;

impl Integral {
    /// The mean of this many values, and its standard error.
    fn estimate(draws: u32) -> (f64, f64) {
        let (mut state, mut sum, mut squares) = (1_u64, 0.0, 0.0);
        for _ in 0..draws {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let x = (state >> 11) as f64 / (1_u64 << 53) as f64;
            let value = (1.0 - x * x).sqrt();
            sum += value;
            squares += value * value;
        }
        let count = f64::from(draws);
        let mean = sum / count;
        (mean, ((squares / count - mean * mean) / count).sqrt())
    }
}

impl Commands for Integral {
    type Error = Box<dyn Error>;

    fn program(&self) -> Program {
        Program {
            command: "integral report".to_owned(),
            version: "2.0".to_owned(),
            ..Program::default()
        }
    }

    fn text(&self, command: &Command) -> String {
        let mut words = vec!["integral".to_owned(), command.name().to_owned()];
        for argument in command.arguments() {
            match argument {
                Argument::Option(name, value) => words.push(format!("-{name}={value}")),
                Argument::Word(word) => words.push(word.clone()),
                _ => {}
            }
        }
        words.join(" ")
    }

    fn training_text(&self, training: &TrainingCommand) -> String {
        format!("integral train {}", training.experiment)
    }

    fn run(&mut self, command: &Command) -> Result<Output, Self::Error> {
        let draws = match command.arguments() {
            [Argument::Option(name, value)] if name == "draws" => value.parse()?,
            other => return Err(format!("{other:?} are no arguments of mine").into()),
        };
        match command.name() {
            "estimate" => {
                let (value, error) = Self::estimate(draws);
                Ok(Output {
                    figure: None,
                    value: json!({ "integral": value, "integral_standard_error": error }),
                })
            }
            "errors" => {
                let counts = (4..=draws.ilog2()).map(|power| 1 << power);
                let errors: Vec<f64> = counts
                    .clone()
                    .map(|count| Self::estimate(count).1)
                    .collect();
                let curves = Curves::new(counts.map(f64::from).collect::<Vec<_>>())
                    .x_label("draws")
                    .panel("standard error", &[("estimate", &errors)])?;
                Ok(Output {
                    figure: Some(Box::new(curves)),
                    value: json!({ "errors": errors }),
                })
            }
            other => Err(format!("there is no command {other}").into()),
        }
    }

    fn train(&mut self, training: &TrainingCommand) -> Result<(), Self::Error> {
        Err(format!("{} cannot be trained", training.experiment).into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let estimate = Command::new("estimate").option("draws", 10_000);
    let errors = Command::new("errors").option("draws", 4096);
    let task = Task::new(
        "Monte Carlo integration",
        "Estimate the integral of √(1 − x²) over [0, 1].",
    )
    .show(estimate.clone(), "The estimate by 10,000 draws")
    .show(
        errors.clone(),
        "The standard error over the number of draws",
    )
    .answer(move |findings| {
        let value = findings.measurement(&estimate, "integral")?;
        let errors = findings.list(&errors, "errors")?;
        let is_falling = errors[0].value > errors[errors.len() - 1].value;
        let answer = Paragraph::new()
            .text("The estimate is ")
            .measurement(&value, 3)
            .text(if is_falling {
                "; the error falls with more draws."
            } else {
                "."
            });
        Answer::new("Is π/4 > 0.7 & < 0.8?", &[answer])
    });
    let own = Assignment {
        name: "integral".to_owned(),
        title: "An integral".to_owned(),
        introduction: "By random draws.".to_owned(),
        runs: Vec::new(),
        tasks: vec![task],
    };
    let report = write(&own, &Options::default(), &mut Integral)?;
    let page = &report.html;
    assert!(report.runs.is_empty() && page.ends_with("</html>\n"));
    assert!(page.contains("integral estimate -draws=10000"));
    assert!(
        page.contains("<h4>Is π/4 &#62; 0.7 &#38; &#60; 0.8?</h4>"),
        "{page}"
    );
    assert!(page.contains("title=\"integral of integral estimate -draws=10000\""));
    assert!(
        page.contains("the error falls with more draws.") && page.contains("<svg role=\"img\"")
    );

    // The commands of the crate's assignments, and a training that this program does not support.
    for name in ASSIGNMENTS {
        let listing = list(&assignment(name)?, &Options::default(), &Integral)?;
        assert!(
            !listing.training.is_empty() && listing.tasks.len() > 1,
            "{name}"
        );
    }
    let failed = write(&assignment("aevb")?, &Options::default(), &mut Integral);
    let reason = failed.err().map(|error| error.to_string());
    assert_eq!(reason.as_deref(), Some("aevb cannot be trained"));
    Ok(())
}
