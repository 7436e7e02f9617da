/// A grey image as text, for terminals: one line of block characters for each row of pixels.
///
/// `pixels` are the rows of the image, 0 is black and prints as a space. A pixel is two characters wide, since characters are
/// about twice as high as wide. Spaces at the ends of lines are left out.
///
/// ```
/// let text = latent_visualisation::text_image(&[0, 255, 128, 0], 2);
/// assert_eq!(text, "  ██\n▒▒");
/// ```
///
/// # Panics
/// `width` is 0.
pub fn text_image(pixels: &[u8], width: usize) -> String {
    const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];
    let shade = |pixel: &u8| SHADES[(usize::from(*pixel) * SHADES.len()) / 256];
    let row = |row: &[u8]| {
        let row: String = row.iter().map(shade).collect();
        row.trim_end().to_owned()
    };
    pixels.chunks(width).map(row).collect::<Vec<_>>().join("\n")
}
