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

/// The colours of the classes after the first ten, as `0xRRGGBB`: each is the one that is farthest
/// from all before it ([Glasbey et al. 2007](https://doi.org/10.1002/col.20327)), of the colours
/// whose channels are multiples of 17 and whose CIELAB lightness is 25 to 85.
///
/// The distance of two colours is their distance in CIELAB, but at most twice their smallest distance
/// over the simulated colour vision deficiencies. A table, since the last bits of powers and roots
/// differ between processors; a test computes it again.
#[expect(clippy::unreadable_literal, reason = "the usual notation of colours")]
const FURTHER: [u32; 246] = [
    0x0000ff, 0x662255, 0x224422, 0xcc00ff, 0x33eeaa, 0xaadd66, 0xddbbff, 0xff33dd, 0xaa2255,
    0x223388, 0xcc44aa, 0x669944, 0x6600cc, 0x005577, 0x66dd33, 0x3366ee, 0x776633, 0xbb9933,
    0x00aa77, 0xee77ff, 0xcc88bb, 0xee6677, 0x88bb99, 0x772200, 0x880022, 0xaabbdd, 0x556600,
    0xcc6633, 0x8855bb, 0xddbbbb, 0x8811ff, 0x554444, 0xffbb99, 0xbbcc77, 0x6677aa, 0x885566,
    0x992277, 0xaa22dd, 0x4411aa, 0xcc3333, 0x994444, 0xbb66ff, 0xeecc44, 0xee99ff, 0x00cc55,
    0xdd4488, 0x77cc88, 0xaa22aa, 0xee2299, 0xff3366, 0x997799, 0xff9955, 0x228855, 0xff8811,
    0xbb66cc, 0x6644cc, 0xdd77cc, 0xee99bb, 0x660088, 0xee3322, 0x3300dd, 0x005522, 0x334400,
    0x554488, 0x553344, 0x993399, 0xdd8888, 0x774433, 0xaa6600, 0xcc33cc, 0x9999ff, 0xffbbdd,
    0x884488, 0x006644, 0x444433, 0x88cc11, 0xaa5577, 0xbb99dd, 0x445555, 0x334466, 0x55cccc,
    0xcc8899, 0x774466, 0x777766, 0x8800bb, 0x6699aa, 0xddccff, 0x004455, 0xaaddcc, 0x667744,
    0xbb5544, 0x885588, 0x885522, 0x553399, 0x9955dd, 0x77ee11, 0x779966, 0x55aa44, 0x778866,
    0xaa77ee, 0x0044ee, 0x9977bb, 0x447799, 0x445599, 0xccbbaa, 0xee33bb, 0xff66bb, 0xdd66aa,
    0xccbb66, 0xddcc55, 0xaaaa00, 0x5555aa, 0x5533dd, 0x7755ff, 0x551199, 0x77bb44, 0x662277,
    0x44bbee, 0xeeccaa, 0x0022bb, 0x7766cc, 0x8899ee, 0xdd88cc, 0x990055, 0xbbdd77, 0x6633cc,
    0x009900, 0x7799dd, 0xdd2255, 0x66dd99, 0xdd7788, 0x8844bb, 0x55ddee, 0x443366, 0x117733,
    0x55aacc, 0xdd99ee, 0xddaacc, 0x66ee88, 0xff9988, 0xbb6677, 0xbb8833, 0x990011, 0xbbddbb,
    0x772233, 0xbbaa33, 0x553388, 0x44bb55, 0xaa4477, 0xdd6644, 0x99bbbb, 0x008888, 0x5577ee,
    0x44ee55, 0x1144aa, 0xbb8877, 0x556655, 0xeebbee, 0x888833, 0xbbcccc, 0x8844dd, 0x0055ee,
    0x998855, 0xbb66dd, 0xaabb55, 0xaa6688, 0x771166, 0x999955, 0xdd7722, 0xbb77ff, 0x5577bb,
    0x66aa88, 0xff99dd, 0xcc99aa, 0x99bbff, 0x664477, 0xccaa99, 0x33dd77, 0x886699, 0xbb77cc,
    0x665511, 0x55bb66, 0xcccc99, 0xff0033, 0x991122, 0x9966aa, 0x445533, 0x773311, 0x6600dd,
    0x55ddbb, 0x7755ee, 0x0099ee, 0x6622cc, 0x55cc44, 0x33bbaa, 0x8800aa, 0xbb55ff, 0x9999bb,
    0xaaaaee, 0x775544, 0xaaaa77, 0xeecc88, 0x5533aa, 0xcc11cc, 0x773344, 0x8811ee, 0xccdd00,
    0x88ccaa, 0x99ccff, 0x4400cc, 0xbb4411, 0xcc7799, 0x661177, 0x555522, 0x446666, 0xaa0033,
    0x9955ff, 0x006677, 0x3366cc, 0x66cc66, 0x5500ee, 0x8833ff, 0xff88ee, 0x117777, 0x99bb77,
    0xcc55bb, 0xeebb33, 0x997777, 0x335566, 0x996644, 0x1199cc, 0xffaa88, 0x444499, 0xccccbb,
    0x4422aa, 0x772222, 0x66aa66, 0xaacc44, 0x0055aa, 0xff5566, 0x6633bb, 0x886611, 0x665588,
    0x882266, 0x77dd55, 0xcc3399,
];

/// The sRGB colour of the class with this label: [`DIGITS`] for the first ten labels.
///
/// The smallest distance of two colours in CIELAB is 19 among the first 40 (12 over all kinds of
/// colour vision among the first 26), 11 among the first 100 and 6 among all 256. More than about
/// twenty classes are not distinguishable by colour alone; name them as well.
///
/// ```
/// use latent_visualisation::{DIGITS, class_colour};
///
/// assert_eq!(class_colour(3), DIGITS[3]);
/// assert_ne!(class_colour(30), class_colour(31));
/// ```
pub fn class_colour(label: u8) -> [u8; 3] {
    let label = usize::from(label);
    DIGITS.get(label).copied().unwrap_or_else(|| {
        let [_, red, green, blue] = FURTHER[label - DIGITS.len()].to_be_bytes();
        [red, green, blue]
    })
}

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
/// The colour of points without a label.
pub(crate) const UNLABELLED: Colour = PETROFF[0];
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

    /// The distances of two colours in CIELAB: with normal vision, and the smallest over all kinds
    /// of colour vision.
    fn distances(a: &[[f64; 3]; 4], b: &[[f64; 3]; 4]) -> (f64, f64) {
        let of = |vision: usize| {
            let squares = a[vision].iter().zip(b[vision]);
            squares.map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt()
        };
        let normal = of(0);
        (normal, (1..4).map(of).fold(normal, f64::min))
    }

    fn seen(colour: Colour) -> [[f64; 3]; 4] {
        VISIONS.each_ref().map(|vision| lab(colour, vision))
    }

    #[test]
    fn each_further_colour_is_the_farthest_from_all_before_it() {
        let levels = || (0..=255u8).step_by(17);
        let all = levels().flat_map(|red| {
            levels().flat_map(move |green| levels().map(move |blue| [red, green, blue]))
        });
        let candidates: Vec<_> = all
            .map(seen)
            .filter(|colour| (25.0..=85.0).contains(&colour[0][0]))
            .collect();
        let distance = |a: &[[f64; 3]; 4], b: &[[f64; 3]; 4]| {
            let (normal, least) = distances(a, b);
            normal.min(2.0 * least)
        };
        let palette: Vec<_> = (0..=255).map(|label| seen(class_colour(label))).collect();
        let mut nearest = vec![f64::INFINITY; candidates.len()];
        for (label, colour) in palette.iter().enumerate() {
            if label >= 10 {
                let before = palette[..label].iter().map(|other| distance(colour, other));
                let farthest = nearest.iter().copied().fold(0.0, f64::max);
                let found = before.fold(f64::INFINITY, f64::min);
                // Candidates at the same distance but for rounding are equally good.
                assert!(
                    (found - farthest).abs() < 1e-6,
                    "{label}: {found}, not {farthest}"
                );
            }
            for (nearest, candidate) in nearest.iter_mut().zip(&candidates) {
                *nearest = nearest.min(distance(colour, candidate));
            }
        }
    }

    #[test]
    fn colours_of_many_classes_have_the_documented_distances() {
        // The number of classes; the smallest distance with normal vision, and with every kind.
        for (count, normal, every) in [
            (10, 19.0, 17.0),
            (26, 19.0, 12.0),
            (40, 19.0, 9.0),
            (100, 11.0, 5.0),
            (256, 6.0, 3.0),
        ] {
            let colours: Vec<_> = (0..count)
                .map(|label| seen(class_colour(label as u8)))
                .collect();
            for (label, colour) in colours.iter().enumerate() {
                for (other, second) in colours[..label].iter().enumerate() {
                    let found = distances(colour, second);
                    assert!(
                        found.0 >= normal && found.1 >= every,
                        "{label} and {other} of {count}: {found:?}"
                    );
                }
            }
        }
    }
}
