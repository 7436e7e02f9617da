//! Numbers of a report.

use askama::Template;
use askama::filters::HtmlSafe;

/// A rounded number with its unit and its error; the exact number and its source are attributes in the page.
#[derive(Clone, Debug, Template)]
#[template(path = "number.html")]
pub(crate) struct Number {
    pub(crate) value: f64,
    /// The rounded value.
    pub(crate) text: String,
    /// Two standard errors, rounded.
    pub(crate) error: Option<String>,
    pub(crate) unit: &'static str,
    /// The command or file that the number comes from.
    pub(crate) source: String,
}

impl HtmlSafe for Number {}

/// A number rounded to `decimals` decimals, with the minus sign U+2212; without a sign if it is rounded to zero.
pub fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !is_zero {
        format!("−{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_number_that_is_rounded_to_zero_has_no_sign() {
        assert_eq!(rounded(-0.001, 2), "0.00");
        assert_eq!(rounded(-1234.567, 2), "−1234.57");
    }
}
