//! Writes three data sets that are not MNIST, as a user's own data may look: coloured shapes (six
//! classes) as a folder of pictures, letters (26 classes) as a NumPy archive, and ellipses without
//! labels as a folder of pictures.
//!
//! ```sh
//! cargo run --release --locked --example own-data -- own-data
//! ```

use std::io::Result;
use std::path::PathBuf;

use latent_tests::{ellipses, letters, save_arrays, save_pictures, shapes};

fn main() -> Result<()> {
    let directory = std::env::args_os().nth(1);
    let directory = PathBuf::from(directory.unwrap_or_else(|| "own-data".into()));
    save_pictures(&shapes(1, 12_000), &directory.join("shapes"))?;
    save_pictures(&ellipses(1, 2_000), &directory.join("ellipses"))?;
    save_arrays(&letters(1, 26_000), &directory.join("letters.npz"))
}
