//! Test tolerances derived from their sources of error, and counts that one setting scales.
//!
//! A tolerance chosen because a test passes on one processor may fail on another. These functions
//! compute tolerances from the cause of the difference: rounding, random sampling or finite
//! differences.
//!
//! `LATENT_TEST_SCALE`, a positive number, multiplies the counts that tests pass through
//! [`scaled`]: draws, images, grid points. It is below 1 for emulators, where the usual counts take
//! too long, and 10 in `just test-long`.

use std::fmt::Display;
use std::io::Write;

/// The spacing of `f32` numbers relative to their size, 2⁻²³.
pub const SINGLE: f64 = f32::EPSILON as f64;

/// The spacing of `f64` numbers relative to their size, 2⁻⁵².
pub const DOUBLE: f64 = f64::EPSILON;

/// A bound on the difference between two computations of the same number with different rounding.
///
/// Each computation rounds `operations` times by at most half of `epsilon` ([`SINGLE`] or
/// [`DOUBLE`]), relative to intermediate results of size `magnitude`; for a sum, that is the sum of
/// the absolute terms. If there are few operations, all may round in the same direction (Higham
/// 2002, "Accuracy and Stability of Numerical Algorithms", section 4.2). If there are many, n, the
/// error of each computation exceeds 4√n halves of `epsilon` with a probability below 10⁻³ (Higham
/// & Mary 2019, "A new approach to probabilistic rounding error analysis", theorem 2.4).
///
/// ```
/// use latent_tolerance::{DOUBLE, rounding};
/// let forward: f64 = (1..=1000).map(|i| 1.0 / f64::from(i)).sum();
/// let backward: f64 = (1..=1000).rev().map(|i| 1.0 / f64::from(i)).sum();
/// assert!((forward - backward).abs() <= rounding(DOUBLE, 1000, forward));
/// ```
pub fn rounding(epsilon: f64, operations: usize, magnitude: f64) -> f64 {
    let operations = operations as f64;
    operations.min(4.0 * operations.sqrt()) * epsilon * magnitude.abs()
}

/// Four standard errors of the mean of `count` independent draws with this standard deviation.
///
/// A correct sampler exceeds the bound with probability 6·10⁻⁵. Seeds are fixed, so a test that
/// passes once always passes.
pub fn monte_carlo(standard_deviation: f64, count: usize) -> f64 {
    4.0 * standard_deviation / (count as f64).sqrt()
}

/// A bound on the error of a central difference (f(x + h) − f(x − h)) / 2h.
///
/// The truncation error is at most `third`·h²/6 for |f‴| ≤ `third`. The rounding error of both
/// values, of size `magnitude` and computed by `operations` operations each, is divided by h.
pub fn central_difference(
    step: f64,
    third: f64,
    epsilon: f64,
    operations: usize,
    magnitude: f64,
) -> f64 {
    third * step * step / 6.0 + rounding(epsilon, operations, magnitude) / step
}

/// `count` times `LATENT_TEST_SCALE`, rounded up, and at least `minimum`; `count` if the variable
/// is not set.
///
/// # Panics
/// `LATENT_TEST_SCALE` is not a positive number.
pub fn scaled(count: usize, minimum: usize) -> usize {
    let Ok(text) = std::env::var("LATENT_TEST_SCALE") else {
        return count;
    };
    let scale = text.parse::<f64>().unwrap_or(f64::NAN);
    assert!(
        scale > 0.0 && scale.is_finite(),
        "LATENT_TEST_SCALE is {text:?}, not a positive number"
    );
    ((count as f64 * scale).ceil() as usize).max(minimum.min(count))
}

/// Prints a line "SKIPPED: …" with the test, or the part of a test, and the reason, directly to
/// stderr, since the test harness hides what a passing test prints with `println!`.
pub fn skipped(what: &str, reason: impl Display) {
    // A failure to write is harmless.
    _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}, since {reason}");
}
