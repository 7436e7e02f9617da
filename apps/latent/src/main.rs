//! latent
fn main() {}
