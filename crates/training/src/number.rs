/// A count with commas between the thousands, for messages and titles: `60,000`.
pub fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (60_000, "60,000"),
            (1_002_030, "1,002,030"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
