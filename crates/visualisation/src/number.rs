//! The format of numbers in figures.

/// A number with this many decimals: `−0.5`, `1300`, `12,000`; never `-0`.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let point = digits.find('.').unwrap_or(digits.len());
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut text = String::from(if value < 0.0 && !is_zero { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if point > 4 && place > 0 && place < point && (point - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A multiple of ten to the `power`, with an exponent if it has more than six digits on either side
/// of the decimal point.
pub(crate) fn multiple(value: f64, power: i32) -> String {
    if (-6..6).contains(&power) {
        return number(value, -power.min(0) as usize);
    }
    // Zero is seldom exact in a sequence of rounded ticks.
    if value.abs() < 0.5 * 10f64.powi(power) {
        return "0".to_owned();
    }
    let digits = (value.abs().log10() + 1e-9).floor() as i32 - power;
    format!("{value:.*e}", digits.max(0) as usize).replace('-', "−")
}

/// A number rounded to hundredths of a pixel, without −0.
pub(crate) fn decimal(value: f32) -> f32 {
    (value * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_no_negative_zero() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-1234.5, 1), "−1234.5");
        assert_eq!(number(-1_234_567.0, 0), "−1,234,567");
    }

    #[test]
    fn very_large_and_very_small_numbers_have_exponents() {
        assert_eq!(multiple(20_000.0, 4), "20,000");
        assert_eq!(multiple(0.25, -2), "0.25");
        assert_eq!(multiple(-1.5e7, 6), "−1.5e7");
        assert_eq!(multiple(1e7, 6), "1.0e7");
        assert_eq!(multiple(2e-7, -7), "2e−7");
        assert_eq!(multiple(1e-20, -7), "0");
    }
}
