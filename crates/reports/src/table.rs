//! Tables of a report.
#![expect(
    unused_qualifications,
    reason = "in the code that the template of an enum expands to"
)]

use askama::Template;
use askama::filters::HtmlSafe;

use crate::formula::Formula;
use crate::measurement::Measurement;
use crate::number::Number;

/// A table: the first cell of each row names the row.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "table.html")]
pub(crate) struct Table {
    pub(crate) head: Vec<Cell>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether its columns are of different test images.
    pub(crate) different_images: bool,
}

impl HtmlSafe for Table {}

impl Table {
    pub(crate) fn new(head: impl IntoIterator<Item = impl Into<Cell>>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }
}

/// A cell of a table.
#[derive(Clone, Debug, Template)]
#[template(path = "cell.html")]
pub(crate) enum Cell {
    Text(String),
    Code(String),
    Number(Number),
    Formula(Formula),
}

impl HtmlSafe for Cell {}

impl Cell {
    /// A number, or a dash where there is none.
    pub(crate) fn optional(
        measurement: Option<Measurement>,
        number: impl Fn(&Measurement) -> Number,
    ) -> Self {
        measurement.map_or_else(|| Self::from("–"), |value| Self::Number(number(&value)))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Number> for Cell {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}
