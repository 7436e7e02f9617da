//! Templates rendered to HTML that is XML too.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::Error;

/// HTML that a template of this crate rendered: values in it are escaped.
#[derive(Clone, Debug)]
pub(crate) struct Html(String);

impl Html {
    /// A rendered template.
    pub(crate) fn of(template: &impl Template) -> Result<Self, Error> {
        Ok(Self(template.render().map_err(Error::Template)?))
    }
}

impl fmt::Display for Html {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Renders a page; characters that a page may not have are replaced by spaces.
pub(crate) fn page(template: &impl Template) -> Result<String, Error> {
    let mut page = Printable(String::new());
    template.render_into(&mut page).map_err(Error::Template)?;
    Ok(page.0)
}

/// Text without control characters other than newlines, and without the code points that XML forbids.
struct Printable(String);

impl fmt::Write for Printable {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_forbidden =
            |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
        let clean = |c| if is_forbidden(c) { ' ' } else { c };
        self.0.extend(text.chars().map(clean));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_forbids_become_spaces() {
        #[derive(Template)]
        #[template(source = "<p>{{ text }}</p>", ext = "html")]
        struct Paragraph<'a> {
            text: &'a str,
        }
        let text = "a < b & \u{1}\u{1b}\u{85}\u{fffe} \"c\"\n";
        let text = page(&Paragraph { text }).unwrap();
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(document.root_element().text(), Some("a < b &      \"c\"\n"));
    }
}
