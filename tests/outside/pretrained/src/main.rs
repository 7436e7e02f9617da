//! Draws digits with a pretrained model and classifies them by the samples of another one.

use std::path::Path;

use candle_core::Device;
use latent_pretrained::{Error, Generator, LatentModel, Models, card, load};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let model = load("cvae-conv", &device)?.model;
    let digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let images = model
        .conditional()?
        .sample_conditional(&digits, &mut Generator::new(1))?;
    assert_eq!(images.dims(), [10, 784]);
    // A one has less ink than a zero.
    let ink = images.sum(1)?.to_vec1::<f32>()?;
    assert!(ink[1] < ink[0], "{ink:?}");

    // The label of the nearest of 64 samples of each label, by another model.
    let other = load("cvae-mlp-50", &device)?.model;
    let other = other.conditional()?;
    let mut right = 0;
    for digit in digits {
        let image = images.narrow(0, usize::from(digit), 1)?;
        let mut distances = Vec::new();
        for label in digits {
            let typical = other.sample_conditional(&[label; 64], &mut Generator::new(2))?;
            let distance = typical.broadcast_sub(&image)?.sqr()?.sum(1)?.min(0)?;
            distances.push(distance.to_scalar::<f32>()?);
        }
        let nearest = (0..10).min_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        right += usize::from(nearest == Some(usize::from(digit)));
    }
    assert!(right >= 8, "{right} of 10 samples have the requested label");

    // All models with their metadata; the larger ones need a file.
    let models = Models::new()?.in_directory("models");
    let entry = models.entry("realnvp-5")?;
    assert!(entry.metadata.metrics["test"]["log_density"] < -1000.0);
    assert!(card("realnvp-5")?.contains("## Limits"));
    if !Path::new("models/realnvp-5.safetensors").exists() {
        let missing = models.load("realnvp-5", &device).map(|_| ());
        assert!(matches!(missing, Err(Error::NotFound { .. })));
    }
    let latents = models.load("vae-2d", &device)?.model.latent_size();
    assert_eq!(latents, 2);
    Ok(())
}
