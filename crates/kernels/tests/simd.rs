//! The SIMD level of a test run.

use latent_kernels::vector_width;

/// `LATENT_TEST_VECTOR_WIDTH` is the vector width that a test run is meant for; a run at another
/// level fails.
#[test]
fn the_vector_width_is_the_expected_one() {
    let width = vector_width();
    assert!([1, 4, 8, 16].contains(&width), "{width}");
    assert!(cfg!(feature = "x86-v4") || width < 16, "{width}");
    if let Ok(expected) = std::env::var("LATENT_TEST_VECTOR_WIDTH") {
        assert_eq!(width.to_string(), expected);
    }
}
