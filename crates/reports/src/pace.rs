//! The remaining time of a report's trainings.

use std::time::Duration;

use latent_models::Shape;
use latent_training::Experiment;

/// Multiply-adds per second of training on two cores of a laptop, before anything was measured.
const USUAL: f64 = 1.5e10;

/// The speed of the trainings so far.
#[derive(Default)]
pub(crate) struct Pace {
    work: f64,
    seconds: f64,
}

impl Pace {
    /// Takes note of a training.
    pub(crate) fn measured(&mut self, work: f64, time: Duration) {
        self.work += work;
        self.seconds += time.as_secs_f64();
    }

    /// The time that this work takes, in words.
    pub(crate) fn left(&self, work: f64) -> String {
        let rate = if self.work > 0.0 && self.seconds > 0.0 {
            self.work / self.seconds
        } else {
            USUAL
        };
        let minutes = work / rate / 60.0;
        match minutes {
            ..1.0 => "less than a minute of training left".to_owned(),
            _ => format!("about {minutes:.0} min of training left"),
        }
    }
}

/// The multiply-adds of a training on so many images, roughly: a weight of a linear layer is used once for an image, that
/// of a convolution at a quarter of the pixels on average.
pub(crate) fn work(experiment: &Experiment, shape: Shape, classes: usize, images: usize) -> f64 {
    let shapes = latent_models::shapes(|builder| experiment.model.build(shape, classes, builder));
    let Ok(shapes) = shapes else {
        return 0.0;
    };
    let positions = (shape.height * shape.width) as f64 / 4.0;
    let of_weight = |dimensions: &[usize]| {
        let count = dimensions.iter().product::<usize>() as f64;
        match dimensions.len() {
            0 | 1 => 0.0,
            2 => count,
            _ => count * positions,
        }
    };
    let per_image: f64 = shapes.values().map(|shape| of_weight(shape)).sum();
    per_image * images as f64 * experiment.training.epochs as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_what_was_measured() {
        let mut pace = Pace::default();
        assert_eq!(pace.left(120.0 * USUAL), "about 2 min of training left");
        pace.measured(10.0, Duration::from_mins(1));
        assert_eq!(pace.left(35.0), "about 4 min of training left");
        assert_eq!(pace.left(1.0), "less than a minute of training left");
    }

    #[test]
    fn the_work_is_proportional_to_weights_images_and_epochs() {
        let shape = Shape {
            channels: 1,
            height: 28,
            width: 28,
        };
        let settings = |text: &str| vec![text.to_owned()];
        let vae = latent_pretrained::experiment("vae-2d", &settings("training.epochs=2")).unwrap();
        // 784-512-2 and its mirror, with two heads.
        let weights = 784 * 512 + 2 * 512 * 2 + 2 * 512 + 512 * 784;
        assert_eq!(work(&vae, shape, 10, 100), f64::from(weights * 2 * 100));
        let flow = |couplings: usize| {
            let set = settings(&format!("model.couplings={couplings}"));
            let flow = latent_pretrained::experiment("realnvp-5", &set).unwrap();
            work(&flow, shape, 10, 100)
        };
        assert!((flow(10) / flow(5) - 2.0).abs() < 1e-12);
    }
}
