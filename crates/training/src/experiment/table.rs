//! Dotted keys and their values in the TOML table of an experiment.

use toml::{Table, Value};

/// The first 1,000 characters of a text, for error messages: it may be a whole file.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 1000;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The dotted keys of all values.
pub(super) fn keys(table: &Table, prefix: &str) -> Vec<String> {
    let entry = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) if !inner.is_empty() => keys(inner, &format!("{prefix}{key}.")),
        _ => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(entry).collect()
}

/// Parses a TOML value. A bare word is a string, so that a shell needs no `model.activation='"tanh"'`.
pub(super) fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The value of a dotted key.
pub(super) fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
    }
}

/// Sets a dotted key. If `kind` of a table changes, the other keys of the table are removed, so that the new
/// kind has its default values. `model` is an exception: models have most of their keys in common.
pub(super) fn set(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    if let Some(part) = key.strip_suffix(".kind")
        && part != "model"
        && lookup(table, key).is_some_and(|kind| *kind != value)
    {
        insert(table, part, Value::Table(Table::new()))?;
    }
    insert(table, key, value)
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((head, rest)) => match table
            .entry(head)
            .or_insert_with(|| Value::Table(Table::new()))
        {
            Value::Table(inner) => insert(inner, rest, value),
            _ => Err(format!("`{head}` is a value and has no key `{rest}`")),
        },
    }
}
