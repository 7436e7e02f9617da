/// Red, green and blue of sRGB.
pub(crate) type Colour = [u8; 3];

/// The red, green and blue of sRGB for each digit: Petroff's accessible sequence of ten, chosen such that they stay
/// apart for people with any of the three colour vision deficiencies
/// ([Petroff 2021](https://arxiv.org/abs/2107.02270)).
///
/// Measured as the smallest distance of two colours in CIELAB under simulated protanopia,
/// deuteranopia and tritanopia: 17 here; 5 in the ten colours of Tableau and Matplotlib, and 2 in
/// Tol's muted colours.
pub const DIGITS: [[u8; 3]; 10] = [
    [0x3f, 0x90, 0xda],
    [0xff, 0xa9, 0x0e],
    [0xbd, 0x1f, 0x01],
    [0x94, 0xa4, 0xa2],
    [0x83, 0x2d, 0xb6],
    [0xa9, 0x6b, 0x59],
    [0xe7, 0x63, 0x00],
    [0xb9, 0xac, 0x70],
    [0x71, 0x75, 0x81],
    [0x92, 0xda, 0xdd],
];

/// The same colours for lines: those that are strong enough for a thin line on white come first.
pub(crate) const LINES: [Colour; 10] = {
    let d = DIGITS;
    [d[0], d[6], d[4], d[8], d[2], d[5], d[1], d[3], d[7], d[9]]
};

pub(crate) const WHITE: Colour = [0xff; 3];
/// Text and titles.
pub(crate) const INK: Colour = [0x1a, 0x1a, 0x1a];
/// Tick labels and axis lines.
pub(crate) const GREY: Colour = [0x59, 0x59, 0x59];
/// Grid lines.
pub(crate) const PALE: Colour = [0xe8, 0xe8, 0xe8];
/// A pixel that is not a number.
pub(crate) const ALARM: Colour = [0xe0, 0x10, 0x20];

#[cfg(test)]
mod tests {
    use super::*;

    type Matrix = [[f64; 3]; 3];

    /// Colour vision deficiencies of full severity, in linear RGB (Machado et al. 2009).
    const PROTANOPIA: Matrix = [
        [0.152_286, 1.052_583, -0.204_868],
        [0.114_503, 0.786_281, 0.099_216],
        [-0.003_882, -0.048_116, 1.051_998],
    ];
    const DEUTERANOPIA: Matrix = [
        [0.367_322, 0.860_646, -0.227_968],
        [0.280_085, 0.672_501, 0.047_413],
        [-0.011_820, 0.042_940, 0.968_881],
    ];
    const TRITANOPIA: Matrix = [
        [1.255_528, -0.076_749, -0.178_779],
        [-0.078_411, 0.930_809, 0.147_602],
        [0.004_733, 0.691_367, 0.303_900],
    ];
    const NONE: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    /// Linear RGB to CIE XYZ, each divided by the white point of sRGB.
    const XYZ: Matrix = [
        [0.433_953, 0.376_219, 0.189_828],
        [0.212_673, 0.715_152, 0.072_175],
        [0.017_758, 0.109_477, 0.872_765],
    ];

    fn apply(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    fn lab(colour: Colour, vision: &Matrix) -> [f64; 3] {
        let linear = colour.map(|value| match f64::from(value) / 255.0 {
            value if value <= 0.04045 => value / 12.92,
            value => ((value + 0.055) / 1.055).powf(2.4),
        });
        let seen = apply(vision, linear).map(|value| value.clamp(0.0, 1.0));
        let [x, y, z] = apply(&XYZ, seen).map(|value| {
            if value > 0.008_856 {
                value.cbrt()
            } else {
                7.787 * value + 16.0 / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn ten_digits_stay_apart_for_every_kind_of_colour_vision() {
        for (name, vision) in [
            ("none", NONE),
            ("protanopia", PROTANOPIA),
            ("deuteranopia", DEUTERANOPIA),
            ("tritanopia", TRITANOPIA),
        ] {
            for a in 0..10 {
                for b in 0..a {
                    let [p, q] = [a, b].map(|digit| lab(DIGITS[digit], &vision));
                    let squares = p.iter().zip(q).map(|(p, q)| (p - q).powi(2));
                    let distance = squares.sum::<f64>().sqrt();
                    // 2.3 is just noticeable for two large patches; small discs need much more.
                    assert!(
                        distance > 15.0,
                        "{name}: digits {a} and {b} are {distance:.1} apart"
                    );
                }
            }
        }
    }
}
