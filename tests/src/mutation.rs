use fastrand::Rng;

/// Numbers that often break parsers.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "2",
    "255",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "1e400",
    "0.5",
    "null",
];

/// A file with one to four mutations: flipped bits, removed, doubled or inserted bytes, a removed
/// end, or a number replaced by an implausible one. The same seed gives the same file.
///
/// Half of all mutations are in the first `header` bytes.
pub fn mutated(original: &[u8], header: usize, seed: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed);
    let mut bytes = original.to_vec();
    for _ in 0..random.usize(1..=4) {
        if bytes.is_empty() {
            break;
        }
        let reach = if random.bool() {
            header.min(bytes.len())
        } else {
            bytes.len()
        };
        let at = random.usize(..reach.max(1));
        let length = random.usize(1..=8).min(bytes.len() - at);
        match random.u8(..8) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap_or(&0),
            2 => random.fill(&mut bytes[at..at + length]),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let twice = bytes[at..at + length].to_vec();
                bytes.splice(at..at, twice);
            }
            5 => bytes.truncate(at),
            _ => replace_number(&mut bytes, at, &mut random),
        }
    }
    bytes
}

/// Replaces the first decimal number after a position, if there is one.
fn replace_number(bytes: &mut Vec<u8>, at: usize, random: &mut Rng) {
    let Some(first) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let first = at + first;
    let length = bytes[first..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let number = NUMBERS[random.usize(..NUMBERS.len())];
    bytes.splice(first..first + length, number.bytes());
}
