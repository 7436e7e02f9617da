//! Exhibits on a page: commands, figures, tables, and their data and runs.

use std::borrow::Cow;

use askama::Template;
use askama::filters::HtmlSafe;
use latent_training::thousands;
use latent_visualisation::{Format, Picture};

use crate::findings::Findings;
use crate::plan::Plan;
use crate::table::Table;
use crate::tables::{Measured, tables};
use crate::{Commands, Error, Exhibit};

#[derive(Template)]
#[template(path = "exhibit.html")]
pub(crate) struct ExhibitView {
    commands: Vec<String>,
    caption: String,
    /// Whether it depends on the training, which is short in a quick report.
    is_quick: bool,
    figures: Vec<FigureView>,
    tables: Vec<Table>,
    /// The runs of the tables, for an exhibit without figures.
    origins: Vec<Origin>,
}

impl HtmlSafe for ExhibitView {}

pub(crate) struct FigureView {
    /// Whether its background is white in dark mode, too.
    is_paper: bool,
    alternative: String,
    /// The SVG element after `<svg `.
    svg: String,
    origin: Origin,
}

/// The runs of a figure or table, and their training data.
#[derive(Clone, PartialEq, Template)]
#[template(path = "origin.html")]
pub(crate) struct Origin {
    text: String,
    is_quick: bool,
}

impl HtmlSafe for Origin {}

/// Runs an exhibit's commands. `count` is the number of figures of the page so far.
pub(crate) fn shown<C: Commands>(
    exhibit: &Exhibit,
    plan: &Plan,
    findings: &mut Findings,
    count: &mut usize,
    commands: &mut C,
) -> Result<ExhibitView, C::Error> {
    let (mut texts, mut figures, mut measured) = (Vec::new(), Vec::new(), Vec::new());
    let mut origins = Vec::new();
    let mut caption = exhibit.caption.clone();
    for command in &exhibit.commands {
        let run = command.runs().first().map(|run| findings.run(run));
        let present = match run.transpose()? {
            Some(run) => command.with_labels(|wanted| run.label(wanted)),
            None => command.clone(),
        };
        if present != *command && caption == exhibit.caption {
            caption += " (with other labels: these data do not have all of these classes)";
        }
        let resolved = plan.resolved(&present);
        let text = commands.text(&resolved);
        commands.progress(&text);
        let output = commands.run(&resolved)?;
        findings.add(command, text.clone(), output.value);
        texts.push(text);
        let runs = command.runs();
        let origin = origin(&runs, plan, findings)?;
        if let Some(figure) = output.figure {
            let alternative = match &runs[..] {
                [] => caption.clone(),
                runs => format!("{caption} ({})", runs.join(", ")),
            };
            figures.push(FigureView {
                // Numbers on shades of one colour need a white background.
                is_paper: matches!(command.name(), "classify" | "evaluate-samples"),
                alternative,
                svg: svg(&*figure, *count)?,
                origin: origin.clone(),
            });
            *count += 1;
        }
        origins.push(origin);
        measured.push(Measured {
            command,
            runs: runs.join(", "),
        });
    }
    origins.dedup();
    // Images of the data set do not depend on the training.
    let is_of_runs = measured.iter().any(|measured| !measured.runs.is_empty());
    Ok(ExhibitView {
        commands: texts,
        caption,
        is_quick: plan.is_quick() && is_of_runs,
        tables: tables(&measured, findings),
        origins: if figures.is_empty() {
            origins
        } else {
            Vec::new()
        },
        figures,
    })
}

/// The SVG of a figure after `<svg `, with identifiers that no other figure of the page has.
fn svg(figure: &dyn Picture, index: usize) -> Result<String, Error> {
    let bytes = figure.render(Format::Svg)?;
    let text: Cow<str> = String::from_utf8_lossy(&bytes);
    let (_, rest) = text.split_once("<svg ").unwrap_or_default();
    // The glyphs of all figures have the same identifiers.
    let rest = rest.replace(" id=\"glyph-", &format!(" id=\"p{index}-glyph-"));
    Ok(rest.replace(" href=\"#glyph-", &format!(" href=\"#p{index}-glyph-")))
}

fn origin(runs: &[&str], plan: &Plan, findings: &Findings) -> Result<Origin, Error> {
    if runs.is_empty() {
        return Ok(Origin {
            text: data_name(findings.data().unwrap_or_default()).to_owned(),
            is_quick: false,
        });
    }
    let mut facts = Vec::new();
    for name in runs {
        let metadata = &findings.run(name)?.metadata;
        let text = format!(
            "{}, {} training images, {}, seed {}",
            data_name(&metadata.data.name),
            thousands(metadata.data.images),
            epochs(metadata.epoch),
            metadata.experiment.seed
        );
        facts.push((*name, text));
    }
    let is_same = facts.iter().all(|(_, text)| *text == facts[0].1);
    let text = if is_same {
        format!("{}: {}", runs.join(", "), facts[0].1)
    } else {
        let each = facts.iter().map(|(name, text)| format!("{name}: {text}"));
        each.collect::<Vec<_>>().join("; ")
    };
    Ok(Origin {
        text,
        is_quick: plan.is_quick(),
    })
}

fn epochs(count: usize) -> String {
    match count {
        1 => "1 epoch".to_owned(),
        _ => format!("{count} epochs"),
    }
}

/// The display name of a data set.
pub(crate) fn data_name(name: &str) -> &str {
    match name {
        "mnist" => "MNIST",
        "synthetic" => "synthetic digits",
        other => other,
    }
}
