//! The tables of an exhibit, from what its commands printed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Command;
use crate::findings::Findings;
use crate::formula::component;
use crate::measurement::Measurement;
use crate::table::{Cell, Table};

/// The numbers of an evaluation: the key, the heading, and the decimals.
const METRICS: [(&str, &str, usize); 9] = [
    ("elbo", "ELBO", 2),
    ("reconstruction", "reconstruction", 2),
    ("kl", "KL", 2),
    ("log_density", "log-density (logit space)", 2),
    (
        "marginal_log_density",
        "marginal log-density over labels",
        2,
    ),
    ("bits_per_dimension", "bits per dimension", 3),
    ("log_likelihood", "log-likelihood (pixels)", 2),
    ("importance_weighted_bound", "importance-weighted bound", 2),
    ("images", "test images", 0),
];

/// A command that was run.
pub(crate) struct Measured<'a> {
    pub(crate) command: &'a Command,
    /// The names of its runs.
    pub(crate) runs: String,
}

/// The tables of all that an exhibit measured; none of commands that draw only.
pub(crate) fn tables(measured: &[Measured], findings: &Findings) -> Vec<Table> {
    let Some(first) = measured.first() else {
        return Vec::new();
    };
    let commands = measured.iter().map(|measured| measured.command);
    match first.command.name() {
        "evaluate" => vec![metrics(measured, findings)],
        "classify" | "evaluate-samples" => vec![accuracies(measured, findings)],
        "plot posterior" => commands
            .map(|command| dimensions(command, findings))
            .collect(),
        "compare" => commands
            .filter_map(|command| comparison(command, findings))
            .collect(),
        _ => Vec::new(),
    }
}

/// The metrics of the test images, a row for each run.
fn metrics(measured: &[Measured], findings: &Findings) -> Table {
    let is_known = |key: &str| {
        let mut all = measured.iter();
        all.any(|measured| findings.optional(measured.command, key).is_some())
    };
    let known: Vec<_> = METRICS.iter().filter(|(key, ..)| is_known(key)).collect();
    let mut table = Table::new(["run"]);
    table
        .head
        .extend(known.iter().map(|(_, name, _)| Cell::from(*name)));
    for Measured { command, runs } in measured {
        let cell = |(key, _, decimals): &&(&str, &str, usize)| {
            let number = |measurement: &Measurement| match *decimals {
                0 => measurement.count(),
                decimals => measurement.decimals(decimals),
            };
            Cell::optional(findings.optional(command, key), number)
        };
        let mut row = vec![Cell::from(runs.as_str())];
        row.extend(known.iter().map(cell));
        table.push(row);
    }
    table
}

/// The accuracy of classifications, a row for each run.
fn accuracies(measured: &[Measured], findings: &Findings) -> Table {
    let mut table = Table::new(["run", "accuracy", "images", "method"]);
    for Measured { command, runs } in measured {
        let accuracy = findings.fraction(command, "accuracy").ok();
        let images = findings.optional(command, "images");
        let method = findings
            .value(command)
            .and_then(|value| value["method"].as_str());
        if let (Some(accuracy), Some(images)) = (accuracy, images) {
            table.push(vec![
                runs.as_str().into(),
                accuracy.percent().into(),
                images.count().into(),
                method
                    .unwrap_or("a classifier of the training images")
                    .into(),
            ]);
        }
    }
    table
}

/// The statistics of each latent dimension; where there are many, of the eight with the largest KL.
fn dimensions(command: &Command, findings: &Findings) -> Table {
    const MAX: usize = 8;
    let list = |key| findings.list(command, key).unwrap_or_default();
    let (mean, deviation, kl) = (list("mean"), list("standard_deviation"), list("kl"));
    let mut order: Vec<usize> = (0..mean.len()).collect();
    let by_kl = mean.len() > MAX;
    order.sort_by(|&a, &b| match (kl.get(a), kl.get(b)) {
        (Some(first), Some(second)) if by_kl => {
            second.value.total_cmp(&first.value).then(a.cmp(&b))
        }
        _ => a.cmp(&b),
    });
    order.truncate(MAX);
    let mut table = Table::new(["dimension", "mean", "standard deviation"]);
    if !kl.is_empty() {
        table.head.push("KL, nats".into());
    }
    for index in order {
        let numbers = [mean.get(index), deviation.get(index), kl.get(index)];
        let numbers = numbers.into_iter().flatten();
        let mut row = vec![Cell::Formula(component(index + 1))];
        row.extend(numbers.map(|number| number.decimals(3).into()));
        table.push(row);
    }
    table
}

/// The settings that differ between runs, and their metrics, a row for each run.
fn comparison(command: &Command, findings: &Findings) -> Option<Table> {
    let value = findings.value(command)?;
    let runs = value["runs"].as_array()?;
    let keys = |part: &str| -> BTreeSet<String> {
        let objects = runs.iter().filter_map(|run| run[part].as_object());
        objects.flat_map(|all| all.keys().cloned()).collect()
    };
    let (settings, mut metrics) = (keys("settings"), keys("test"));
    let is_negative_bound = |run: &Value| {
        let metric = |name: &str| run["test"][name].as_f64();
        metric("loss").is_some() && metric("loss") == metric("elbo").map(|elbo| -elbo)
    };
    if runs.iter().all(is_negative_bound) {
        metrics.remove("loss");
    }
    let mut table = Table::new(["run"]);
    table.head.extend(settings.iter().cloned().map(Cell::Code));
    let heading = |key: &String| {
        let known = METRICS.iter().find(|(known, ..)| known == key);
        let name = known.map_or_else(|| key.replace('_', " "), |(_, name, _)| (*name).to_owned());
        Cell::from(format!("test {name}"))
    };
    table.head.extend(metrics.iter().map(heading));
    let text = findings.text(command).ok()?;
    for (index, (run, name)) in runs.iter().zip(command.runs()).enumerate() {
        let setting = |key: &String| Cell::from(run["settings"][key].as_str().unwrap_or("–"));
        let metric = |name: &String| {
            let source = format!("runs[{index}].test.{name} of {text}");
            let value = run["test"][name].as_f64();
            let measurement = value.map(|value| Measurement::new(value, source));
            Cell::optional(measurement, Measurement::nats)
        };
        let mut row = vec![Cell::from(name)];
        row.extend(settings.iter().map(setting));
        row.extend(metrics.iter().map(metric));
        table.push(row);
    }
    table.different_images = value["same_test_images"] == Value::Bool(false);
    Some(table)
}
