use latent_training::thousands;

use crate::number::{Number, rounded};

/// A measured number with its source.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The value.
    pub value: f64,
    /// Two standard errors, if they are known.
    pub error: Option<f64>,
    /// The command or file that prints the same number.
    pub(crate) source: String,
}

impl Measurement {
    /// A number without an error.
    pub(crate) fn new(value: f64, source: String) -> Self {
        Self::with_error(value, None, source)
    }

    /// A number with two standard errors, if they are known.
    pub(crate) fn with_error(value: f64, error: Option<f64>, source: String) -> Self {
        Self {
            value,
            error,
            source,
        }
    }

    /// A number that is computed from others; `source` describes how.
    pub(crate) fn computed(value: f64, error: Option<f64>, from: &str) -> Self {
        Self::with_error(value, error, format!("computed: {from}"))
    }

    /// The difference to another number. The errors are assumed to be independent.
    pub(crate) fn minus(&self, other: &Self, from: &str) -> Self {
        let error = match (self.error, other.error) {
            (Some(a), Some(b)) => Some(a.hypot(b)),
            _ => None,
        };
        Self::computed(self.value - other.value, error, from)
    }

    /// The number rounded to `decimals` decimals.
    pub(crate) fn decimals(&self, decimals: usize) -> Number {
        self.scaled(decimals, 1.0, "")
    }

    /// The number rounded to two decimals.
    pub(crate) fn nats(&self) -> Number {
        self.decimals(2)
    }

    /// A fraction in per cent.
    pub(crate) fn percent(&self) -> Number {
        self.scaled(2, 100.0, "\u{a0}%")
    }

    /// A whole number, without its error.
    pub(crate) fn count(&self) -> Number {
        Number {
            value: self.value,
            text: thousands(self.value.round_ties_even() as usize),
            error: None,
            unit: "",
            source: self.source.clone(),
        }
    }

    fn scaled(&self, decimals: usize, scale: f64, unit: &'static str) -> Number {
        Number {
            value: self.value,
            text: rounded(scale * self.value, decimals),
            error: self.error.map(|error| rounded(scale * error, decimals)),
            unit,
            source: self.source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_shown_in_per_cent_with_its_error() {
        let fraction = Measurement::with_error(0.125, Some(0.01), "a test".to_owned());
        let shown = fraction.percent();
        assert_eq!(
            (&*shown.text, shown.error.as_deref()),
            ("12.50", Some("1.00"))
        );
        assert_eq!((shown.value, shown.unit), (0.125, "\u{a0}%"));
    }
}
