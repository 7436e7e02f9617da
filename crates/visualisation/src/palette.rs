/// Red, green and blue of sRGB.
pub(crate) type Colour = [u8; 3];

/// Petroff's accessible sequence of ten colours, in its own order
/// ([Petroff 2021](https://arxiv.org/abs/2107.02270)).
const PETROFF: [Colour; 10] = [
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

/// The sRGB colour of each digit: [Petroff's ten colours](https://arxiv.org/abs/2107.02270), which
/// are distinguishable with each of the three colour vision deficiencies, in an order in which
/// digits that are often confused (4–9, 3–5, 3–8, 5–8, 7–9, 2–7) differ most.
///
/// The distance of two colours is the smallest distance in CIELAB over normal vision and simulated
/// protanopia, deuteranopia and tritanopia. It is at least 17 for all pairs (5 for the ten colours
/// of Tableau and Matplotlib, 2 for Tol's muted colours), and at least 60 for the pairs above,
/// which is the maximum over all orders of these colours.
pub const DIGITS: [[u8; 3]; 10] = permuted([3, 7, 1, 9, 8, 4, 5, 0, 2, 6]);

/// The colours of lines: those with enough contrast for a thin line on white come first.
pub(crate) const LINES: [Colour; 10] = permuted([0, 6, 4, 8, 2, 5, 1, 3, 7, 9]);

const fn permuted(order: [usize; 10]) -> [Colour; 10] {
    let mut colours = PETROFF;
    let mut place = 0;
    while place < order.len() {
        colours[place] = PETROFF[order[place]];
        place += 1;
    }
    colours
}

pub(crate) const WHITE: Colour = [0xff; 3];
/// The colour of text and titles.
pub(crate) const INK: Colour = [0x1a, 0x1a, 0x1a];
/// The colour of tick labels and axis lines.
pub(crate) const GREY: Colour = [0x59, 0x59, 0x59];
/// The colour of grid lines.
pub(crate) const PALE: Colour = [0xe8, 0xe8, 0xe8];
/// The colour of a NaN pixel.
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

    const VISIONS: [Matrix; 4] = [NONE, PROTANOPIA, DEUTERANOPIA, TRITANOPIA];

    /// The smallest distance of two colours over all kinds of colour vision.
    fn distance(a: Colour, b: Colour) -> f64 {
        let distances = VISIONS.iter().map(|vision| {
            let [p, q] = [a, b].map(|colour| lab(colour, vision));
            let squares = p.iter().zip(q).map(|(p, q)| (p - q).powi(2));
            squares.sum::<f64>().sqrt()
        });
        distances.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn digit_colours_are_distinguishable_with_every_kind_of_colour_vision() {
        for (a, first) in DIGITS.into_iter().enumerate() {
            for (b, second) in DIGITS.into_iter().enumerate().take(a) {
                // 2.3 is just noticeable between two large patches; small discs need much more.
                let distance = distance(first, second);
                assert!(
                    distance > 15.0,
                    "digits {a} and {b} are {distance:.1} apart"
                );
            }
        }
    }

    #[test]
    fn colours_of_often_confused_digits_differ_most() {
        const CONFUSED: [(usize, usize); 6] = [(4, 9), (3, 5), (3, 8), (5, 8), (7, 9), (2, 7)];
        for (a, b) in CONFUSED {
            let distance = distance(DIGITS[a], DIGITS[b]);
            assert!(
                distance > 60.0,
                "digits {a} and {b} are {distance:.1} apart"
            );
        }
    }
}
