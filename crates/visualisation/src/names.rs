//! The names of classes in charts.

/// The names of classes, in the order of their labels; a class without one has its number.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassNames(Vec<String>);

impl ClassNames {
    pub(crate) fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    pub(crate) fn name(&self, label: u8) -> String {
        let name = self.0.get(usize::from(label));
        name.cloned().unwrap_or_else(|| label.to_string())
    }

    /// Whether these classes have no names but their numbers.
    pub(crate) fn are_numbers(&self, labels: &[u8]) -> bool {
        let is_number = |&label: &u8| self.name(label) == label.to_string();
        labels.iter().all(is_number)
    }

    /// Whether the names of these classes are short enough to be written into a chart.
    pub(crate) fn are_short(&self, labels: &[u8]) -> bool {
        const SHORT: usize = 3;
        let is_short = |&label: &u8| self.name(label).chars().count() <= SHORT;
        labels.iter().all(is_short)
    }
}

/// The text, or its longest beginning with an ellipsis of which `width` is at most `limit`.
pub(crate) fn shortened(text: &str, limit: f64, width: impl Fn(&str) -> f64) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let with_ellipsis = |(end, _)| format!("{}…", text[..end].trim_end());
    let beginnings = text.char_indices().map(with_ellipsis);
    let fitting = beginnings.take_while(|text| width(text) <= limit).last();
    // An ellipsis alone is better than nothing.
    fitting.unwrap_or_else(|| "…".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_text_is_the_longest_that_fits() {
        let width = |text: &str| text.chars().count() as f64;
        for (limit, expected) in [
            (100.0, "red Größe"),
            (9.0, "red Größe"),
            (8.0, "red Grö…"),
            (5.0, "red…"),
            (1.0, "…"),
            (0.0, "…"),
        ] {
            assert_eq!(shortened("red Größe", limit, width), expected);
        }
    }

    #[test]
    fn classes_without_a_name_have_their_number() {
        let names = ClassNames::new(["cat", "horse"]);
        assert_eq!(
            [0, 1, 2].map(|label| names.name(label)),
            ["cat", "horse", "2"]
        );
        assert!(names.are_short(&[0, 2]) && !names.are_short(&[0, 1]));
        assert!(names.are_numbers(&[2, 200]) && !names.are_numbers(&[2, 0]));
    }
}
