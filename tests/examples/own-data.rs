//! Writes three data sets that are not MNIST, as a user's own data may look: coloured shapes (six
//! classes) as a folder of pictures, letters (26 classes) as a NumPy archive, and ellipses without
//! labels as a folder of pictures; and a picture of a digit.
//!
//! ```sh
//! cargo run --release --locked --example own-data -- own-data
//! ```

use std::io::Result;
use std::path::PathBuf;

use latent_tests::{
    digit_picture, ellipses, letters, save_arrays, save_grey, save_pictures, shapes,
};

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1);
    let directory = PathBuf::from(directory.unwrap_or_else(|| "own-data".into()));
    save_pictures(&shapes(1, 12_000), &directory.join("shapes"))?;
    save_pictures(&ellipses(1, 2_000), &directory.join("ellipses"))?;
    save_arrays(&letters(1, 26_000), &directory.join("letters.npz"))?;
    save_grey(
        &digit_picture('4'),
        [120, 160],
        &directory.join("digit.png"),
    )
}
