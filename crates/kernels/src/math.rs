//! exp, ln, ln(1 + x) and tanh of 32-bit floats, accurate to a few units in the last place.
//!
//! The functions have no branches, calls or rounding instructions that some machines lack, so the
//! compiler vectorises a loop around them at any width. They do not use fused multiply-add, so
//! their results have the same bits on every machine.
//!
//! The polynomials are those of the Cephes library (S. Moshier) and, for the logarithm, of
//! FreeBSD's `e_logf.c`.

/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// 1.5 · 2²³: adding it to a float below 2²² leaves the nearest integer in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `value` limited to the bounds; NaN stays NaN.
#[inline(always)]
fn bounded(value: f32, low: f32, high: f32) -> f32 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// eˣ: 0 below −104, infinite above 89.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = bounded(x, -104.0, 89.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .cast_signed();
    let multiple = shifted - ROUND;
    let r = x - multiple * LN_2_HIGH - multiple * LN_2_LOW;

    let mut p = 1.987_569_1e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_66,
        0.5,
    ] {
        p = p * r + coefficient;
    }
    let p = p * r * r + r + 1.0;

    // 2ⁿ as two factors: a single one would overflow or underflow at the ends of the range. A NaN
    // remains in r, whatever the exponent is.
    let half = exponent >> 1;
    let power = |n: i32| f32::from_bits(n.wrapping_add(127).cast_unsigned() << 23);
    p * power(half) * power(exponent.wrapping_sub(half))
}

/// ln x: −∞ at 0, NaN below it.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // Subnormal numbers are scaled to the normal range.
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let offset = if tiny { -23.0 } else { 0.0 };

    // x = 2ᵏ m with m in [√½, √2)
    let bits = scaled.to_bits().wrapping_sub(0x3f35_04f3);
    let k = (bits.cast_signed() >> 23) as f32 + offset;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3));

    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (0.400_009_72 + w * 0.242_790_79);
    let odd = z * (0.666_666_6 + w * 0.284_987_87);
    let half_square = 0.5 * f * f;
    let finite = s * (half_square + even + odd) + k * LN_2_LOW - half_square + f + k * LN_2_HIGH;

    let result = if x == 0.0 { f32::NEG_INFINITY } else { finite };
    let result = if x < 0.0 { f32::NAN } else { result };
    // Infinity and NaN are returned unchanged.
    if x < f32::INFINITY { result } else { x }
}

/// ln(1 + x), accurate to a few units in the last place also where 1 + x rounds.
///
/// The logarithm of the rounded sum u is corrected for the rounding error: ln(1 + x) ≈ ln u + (x −
/// (u − 1)) / u.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    // No correction at the ends, where the quotient would be 0/0 or ∞/∞.
    let lost = if u > 0.0 && x < f32::INFINITY {
        lost
    } else {
        0.0
    };
    ln(u) + lost
}

/// tanh x: an odd polynomial near 0, 1 − 2 / (e²ˣ + 1) elsewhere.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    for coefficient in [2.063_908_8e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8] {
        p = p * z + coefficient;
    }
    let small = p * z * x + x;
    let large = (1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { small } else { large }
}

#[cfg(test)]
mod tests {
    use latent_tolerance::{SINGLE, rounding, scaled};

    use super::*;

    /// The largest error over many arguments, in units in the last place of the exact value.
    fn worst(
        function: impl Fn(f32) -> f32,
        exact: impl Fn(f64) -> f64,
        arguments: impl Iterator<Item = f32>,
    ) -> (f64, f32) {
        let mut worst = (0.0f64, 0.0);
        for x in arguments {
            let expected = exact(f64::from(x));
            let rounded = expected as f32;
            let actual = function(x);
            if rounded.is_infinite() || actual.is_infinite() || rounded.is_nan() {
                assert!(
                    actual == rounded || (actual.is_nan() && rounded.is_nan()),
                    "f({x}) is {actual}, not {rounded}"
                );
                continue;
            }
            let unit = f64::from(rounded.abs().next_up()) - f64::from(rounded.abs());
            let error = (f64::from(actual) - expected).abs() / unit;
            if error.is_nan() || error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    /// Four million floats, evenly spaced over all bit patterns, odd and even: all exponents, both
    /// signs.
    fn everywhere() -> impl Iterator<Item = f32> {
        let count = if cfg!(miri) {
            85
        } else {
            scaled(4_300_000, 85)
        };
        (0..u32::MAX)
            .step_by((u32::MAX as usize / count) | 1)
            .map(f32::from_bits)
    }

    fn assert_within(name: &str, units: f64, (worst, at): (f64, f32)) {
        assert!(worst <= units, "{name} is off by {worst} units at {at}");
    }

    #[test]
    fn functions_are_within_two_units_of_the_last_place_for_every_argument() {
        assert_within("exp", 2.0, worst(exp, f64::exp, everywhere()));
        assert_within("ln", 2.0, worst(ln, f64::ln, everywhere()));
        assert_within("tanh", 2.0, worst(tanh, f64::tanh, everywhere()));
        assert_within("ln_1p", 2.0, worst(ln_1p, f64::ln_1p, everywhere()));
    }

    #[test]
    fn special_values_match_the_standard_library() {
        for x in [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
            -1.0,
            f32::MAX,
            f32::MIN,
        ] {
            for (name, ours, theirs) in [
                ("exp", exp(x), x.exp()),
                ("ln", ln(x), x.ln()),
                ("ln_1p", ln_1p(x), x.ln_1p()),
                ("tanh", tanh(x), x.tanh()),
            ] {
                assert!(
                    ours == theirs
                        || (ours.is_nan() && theirs.is_nan())
                        || f64::from((ours - theirs).abs())
                            <= rounding(SINGLE, 3, f64::from(theirs)),
                    "{name}({x}) is {ours}, not {theirs}"
                );
            }
        }
    }
}
