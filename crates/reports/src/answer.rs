use askama::Template;

use crate::Error;
use crate::html::Html;
use crate::measurement::Measurement;
use crate::number::Number;

/// A question of an assignment and its answer.
pub struct Answer {
    pub(crate) question: String,
    pub(crate) body: Html,
}

/// A paragraph of an answer: text and measurements. Both are escaped.
#[derive(Clone, Debug, Default)]
pub struct Paragraph(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Number(Number),
}

impl Paragraph {
    /// An empty paragraph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Text(text.into()));
        self
    }

    /// Adds a measurement with so many decimals; its source becomes a tooltip.
    #[must_use]
    pub fn measurement(mut self, measurement: &Measurement, decimals: usize) -> Self {
        self.0.push(Part::Number(measurement.decimals(decimals)));
        self
    }
}

#[derive(Template)]
#[template(path = "paragraphs.html")]
struct Paragraphs<'a> {
    paragraphs: &'a [Paragraph],
}

impl Answer {
    /// An answer of paragraphs.
    ///
    /// # Errors
    /// A template cannot be rendered.
    pub fn new(question: impl Into<String>, paragraphs: &[Paragraph]) -> Result<Self, Error> {
        Self::of(question, &Paragraphs { paragraphs })
    }

    /// An answer by a template of this crate.
    pub(crate) fn of(question: impl Into<String>, template: &impl Template) -> Result<Self, Error> {
        Ok(Self {
            question: question.into(),
            body: Html::of(template)?,
        })
    }
}
