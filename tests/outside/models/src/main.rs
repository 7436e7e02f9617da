//! A conditional VAE on custom images, trained in a custom loop with candle's optimiser.

use candle_core::{Device, Tensor};
use candle_nn::{AdamW, Optimizer};
use latent_models::{Conditional, Generator, LossContext, Parameters, Trainable, Vae, VaeConfig};

/// The height and the width of an image.
const SIDE: usize = 10;
const STEPS: u64 = 300;

/// An image for each label: a bar in the row of that number, of varying width.
fn bars(widths: &[usize]) -> (Vec<f32>, Vec<u32>) {
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for (&width, label) in widths.iter().zip((0..SIDE).cycle()) {
        let ink = |pixel: usize| pixel / SIDE == label && pixel % SIDE < width;
        images.extend((0..SIDE * SIDE).map(|pixel| f32::from(ink(pixel))));
        labels.push(label as u32);
    }
    (images, labels)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let widths: Vec<usize> = (0..200).map(|i| 3 + i / SIDE % 7).collect();
    let (images, labels) = bars(&widths);
    let images = Tensor::from_vec(images, (widths.len(), SIDE * SIDE), &device)?;
    let labels = Tensor::from_vec(labels, widths.len(), &device)?;

    let parameters = Parameters::seeded(1, &device);
    let config = VaeConfig {
        hidden: vec![64],
        ..VaeConfig::default()
    };
    let model = Vae::conditional(SIDE * SIDE, SIDE, &config, &parameters.builder())?;
    let variables = parameters.variables();
    let variables = variables.into_iter().map(|(_, variable)| variable);
    let mut optimiser = AdamW::new_lr(variables.collect(), 1e-2)?;
    let mut nats = Vec::new();
    for step in 0..STEPS {
        let mut context = LossContext::training(Generator::stream(1, "train", 0, step), 0.0);
        let loss = model.loss(&images, &labels, &mut context)?;
        let mean = loss.objective.mean_all()?; // nats per image
        optimiser.backward_step(&mean)?;
        nats.push(mean.to_scalar::<f32>()?);
    }
    let (first, last) = (nats[0], nats[nats.len() - 1]);
    assert!(last < 0.2 * first, "{first} nats per image, then {last}");

    // From labels to images: the bar is in the row of the requested label.
    let asked = [3, 1, 4];
    let drawn = model
        .sample_conditional(&asked, &mut Generator::new(2))?
        .to_vec2::<f32>()?;
    for (image, row) in drawn.iter().zip(asked) {
        let ink = |row: usize| image[row * SIDE..][..SIDE].iter().sum::<f32>();
        let darkest = (0..SIDE).max_by(|&a, &b| ink(a).total_cmp(&ink(b)));
        assert_eq!(darkest, Some(usize::from(row)));
    }
    Ok(())
}
