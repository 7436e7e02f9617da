//! Which instructions the tests run with.

use latent_kernels::vector_width;

/// `LATENT_TEST_VECTOR_WIDTH` states the width that a run of the tests is meant for, so that a level that is
/// not reached is a failure and not a test of another one.
#[test]
fn the_vectors_have_the_width_that_is_tested() {
    let width = vector_width();
    assert!([1, 4, 8, 16].contains(&width), "{width}");
    assert!(cfg!(feature = "x86-v4") || width < 16, "{width}");
    if let Ok(expected) = std::env::var("LATENT_TEST_VECTOR_WIDTH") {
        assert_eq!(width.to_string(), expected);
    }
}
