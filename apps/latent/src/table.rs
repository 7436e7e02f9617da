//! Metrics as text: a line each, with standard errors.

use serde_json::{Value, json};

/// What a figure's standard error is called after the figure.
pub(crate) const ERROR: &str = "_standard_error";

/// For people: each figure that has a standard error with twice that behind it.
pub(crate) fn with_errors<'a>(figures: &[(&'a str, Value)]) -> Vec<(&'a str, Value)> {
    let error = |name: &str| {
        let named = |(known, _): &&(&str, Value)| known.strip_suffix(ERROR) == Some(name);
        Some(figures.iter().find(named)?.1.as_f64())
    };
    let row = |(name, value): &(&'a str, Value)| {
        let error = match error(name) {
            Some(Some(error)) => format!("± {:.2}", 2.0 * error),
            Some(None) => "(standard error not defined for one image)".to_owned(),
            None => return (*name, value.clone()),
        };
        let value = value.as_f64().unwrap_or(f64::NAN);
        (*name, json!(format!("{value:>9.2} {error}")))
    };
    let figures = figures.iter().filter(|(name, _)| !name.ends_with(ERROR));
    figures.map(row).collect()
}

/// What is printed of metrics: a line each for people.
pub(crate) fn table(rows: &[(&str, Value)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let row = |(name, value): &(&str, Value)| match value {
        Value::Number(number) if number.is_f64() => {
            format!(
                "  {name:width$}  {:>9.2}",
                number.as_f64().unwrap_or(f64::NAN)
            )
        }
        Value::String(text) => format!("  {name:width$}  {text}"),
        other => format!("  {name:width$}  {other}"),
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}
