//! Keys with dots and their values in the TOML table of an experiment.

use toml::{Table, Value};

/// What an error shows of a text that may be a whole file.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 1000;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// All keys that have a value, written with dots.
pub(super) fn keys(table: &Table, prefix: &str) -> Vec<String> {
    let entry = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) if !inner.is_empty() => keys(inner, &format!("{prefix}{key}.")),
        _ => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(entry).collect()
}

/// A bare word is a string: nobody wants to write `model.activation='"tanh"'` in a shell.
pub(super) fn parse_value(text: &str) -> Value {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The value of a key with dots.
pub(super) fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
    }
}

/// Sets a key. A part that becomes of another kind begins with what is usual for that kind: what the old
/// one had besides means nothing to it. (Models share most of their keys.)
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
