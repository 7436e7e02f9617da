//! Draws one figure of each kind from artificial data to `target/gallery` or a given folder:
//! `cargo run --locked -p latent-visualisation --example gallery -- FOLDER`.

use std::{error::Error, path::PathBuf};

use latent_visualisation::{ConfusionMatrix, Curves, ImageGrid, Picture, Scatter};

/// A ring whose shape depends on two latents, as a simple stand-in for a digit.
fn blob(x: f32, y: f32) -> Vec<f32> {
    let pixels = (0..28 * 28).map(|pixel| {
        let (column, row) = ((pixel % 28) as f32 - 13.5, (pixel / 28) as f32 - 13.5);
        let (column, row) = (column - 0.4 * x * row / 3.0, row);
        let radius = (column / (6.0 - y)).hypot(row / 9.0);
        (-((radius - 0.8) * 4.0).powi(2)).exp()
    });
    pixels.collect()
}

/// A low-discrepancy sequence in [0, 1): the multiples of an irrational number modulo 1.
fn spread(index: usize, irrational: f64) -> f64 {
    (index as f64 * irrational).fract()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .unwrap_or("target/gallery".to_owned()),
    );
    let save = |picture: &dyn Picture, name: &str| -> Result<(), Box<dyn Error>> {
        for extension in ["png", "svg", "npy"] {
            picture.save(&folder.join(format!("{name}.{extension}")))?;
        }
        Ok(())
    };

    let samples: Vec<f32> = (0..20)
        .flat_map(|index| {
            blob(
                (index % 10) as f32 / 2.0 - 2.2,
                (index / 10) as f32 * 3.0 - 1.5,
            )
        })
        .collect();
    let digits = (0..20).map(|index| (index % 10).to_string());
    save(
        &ImageGrid::new(samples.as_slice(), [20, 28, 28])?
            .title("Samples")
            .cell_titles(digits),
        "samples",
    )?;
    save(
        &ImageGrid::new(samples, [20, 28, 28])?
            .title("Test images and their reconstructions")
            .row_labels(["original", "reconstruction"]),
        "reconstructions",
    )?;

    let values: Vec<f32> = (0..20)
        .map(|index| index as f32 * 6.0 / 19.0 - 3.0)
        .collect();
    let manifold: Vec<f32> = values
        .iter()
        .flat_map(|&y| values.iter().flat_map(move |&x| blob(x, y)))
        .collect();
    save(
        &ImageGrid::new(manifold, [400, 28, 28])?
            .title("Decoder output over the latent space")
            .axes(("z₁", &values), ("z₂", &values)),
        "manifold",
    )?;

    let labels: Vec<u8> = (0..10_000).map(|index| (index % 10) as u8).collect();
    let points: Vec<f32> = (0..10_000)
        .flat_map(|index| {
            let digit = (index % 10) as f64;
            let angle = digit * 0.63;
            let distance = 1.2 + 0.6 * (digit % 3.0);
            // The Box–Muller transform from uniform to normal numbers.
            let radius = (-2.0 * (1.0 - spread(index, 0.618_033_988_749)).ln()).sqrt();
            let turn = std::f64::consts::TAU * spread(index, 0.754_877_666_246);
            let x = distance * angle.cos() + 0.35 * radius * turn.cos();
            let y = distance * angle.sin() + 0.35 * radius * turn.sin();
            [x as f32, y as f32]
        })
        .collect();
    save(
        &Scatter::new(points, labels)?.title("Latent space of 10,000 test images"),
        "latents",
    )?;

    let truth: Vec<u8> = (0..1000).map(|index| (index % 10) as u8).collect();
    let predicted = truth.iter().enumerate().map(|(index, digit)| {
        let error = u8::from(spread(index, 0.618_033_988_749) > 0.9);
        (digit + error * (1 + (index % 3) as u8)) % 10
    });
    save(
        &ConfusionMatrix::new(&truth, predicted.collect::<Vec<u8>>())?.title("Accuracy: 90 %"),
        "confusion",
    )?;

    let epochs: Vec<f64> = (1..=20).map(f64::from).collect();
    let decay = |start: f64, end: f64| -> Vec<f64> {
        epochs
            .iter()
            .map(|epoch| end + (start - end) * (-0.25 * epoch).exp())
            .collect()
    };
    let [train_loss, test_loss] = [decay(220.0, 151.2), decay(200.0, 155.9)];
    let [train_error, test_error] = [decay(217.0, 145.0), decay(197.0, 150.0)];
    let [train_kl, test_kl] = [decay(3.0, 6.2), decay(3.0, 5.9)];
    save(
        &Curves::new(epochs.as_slice())
            .title("Convolutional VAE, two latent dimensions")
            .y_label("nats per image")
            .panel("total", &[("train", &train_loss), ("test", &test_loss)])?
            .panel(
                "reconstruction",
                &[("train", &train_error), ("test", &test_error)],
            )?
            .panel("KL", &[("train", &train_kl), ("test", &test_kl)])?,
        "curves",
    )?;
    Ok(())
}
