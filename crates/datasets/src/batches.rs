use candle_core::{Device, Tensor};
use latent_distributions::Generator;
use rand::RngExt;

use crate::{Dataset, Error};

/// A batch of n images with their labels.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Images, `[n, height × width × channels]`, 32-bit floats in [0, 1].
    pub images: Tensor,
    /// Labels, `[n]`, u32; 0 for images without labels.
    pub labels: Tensor,
}

/// How a data set is divided into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The batch size; the last batch of an epoch may be smaller. 0 is treated as 1.
    pub size: usize,
    /// Whether to sample each pixel from a Bernoulli distribution with its grey value as the
    /// probability, again in every epoch: *dynamic binarisation* (Burda et al. 2016, following
    /// Salakhutdinov & Murray 2008).
    pub binarise: bool,
    /// The seed of the shuffling and the binarisation; both also depend on the epoch.
    pub seed: u64,
}

/// An iterator over the batches of one epoch; see [`Dataset::shuffled`] and [`Dataset::in_order`].
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    dataset: &'a Dataset,
    batching: Batching,
    epoch: u64,
    device: &'a Device,
    order: Vec<usize>,
    step: usize,
}

impl Dataset {
    /// Iterates over all images in a random order, which depends on the seed and the epoch.
    pub fn shuffled<'a>(
        &'a self,
        batching: &Batching,
        epoch: u64,
        device: &'a Device,
    ) -> Batches<'a> {
        let order = Generator::stream(batching.seed, "shuffle", epoch, 0).permutation(self.len());
        self.batches(order, batching, epoch, device)
    }

    /// Iterates over all images in their stored order. If `batching` binarises, the pixels are
    /// those of epoch 0.
    pub fn in_order<'a>(&'a self, batching: &Batching, device: &'a Device) -> Batches<'a> {
        self.batches((0..self.len()).collect(), batching, 0, device)
    }

    /// The images and labels at these indices as one batch, in this order, binarised if `batching`
    /// says so; its batch size is ignored.
    ///
    /// # Errors
    /// [`Error::NoSuchImage`] if an index is out of range.
    pub fn chosen(
        &self,
        indices: &[usize],
        batching: &Batching,
        device: &Device,
    ) -> Result<Batch, Error> {
        let whole = Batching {
            size: indices.len(),
            ..*batching
        };
        let mut batches = self.batches(indices.to_vec(), &whole, 0, device);
        // No indices give an empty batch.
        batches
            .next()
            .unwrap_or_else(|| self.batch(indices, device))
    }

    /// The images and labels at these indices as one batch, in this order.
    ///
    /// # Errors
    /// [`Error::NoSuchImage`] if an index is out of range.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Result<Batch, Error> {
        self.batch_of(indices, |pixel| f32::from(pixel) / 255.0, device)
    }

    fn batches<'a>(
        &'a self,
        order: Vec<usize>,
        batching: &Batching,
        epoch: u64,
        device: &'a Device,
    ) -> Batches<'a> {
        Batches {
            dataset: self,
            batching: *batching,
            epoch,
            device,
            order,
            step: 0,
        }
    }

    fn batch_of(
        &self,
        indices: &[usize],
        mut value: impl FnMut(u8) -> f32,
        device: &Device,
    ) -> Result<Batch, Error> {
        let mut images = Vec::with_capacity(indices.len() * self.pixels());
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let Some(image) = self.image(index) else {
                return Err(Error::NoSuchImage {
                    index,
                    len: self.len(),
                });
            };
            images.extend(image.iter().map(|&pixel| value(pixel)));
            let label = self.labels().get(index).copied();
            labels.push(u32::from(label.unwrap_or_default()));
        }
        Ok(Batch {
            images: Tensor::from_vec(images, (indices.len(), self.pixels()), device)?,
            labels: Tensor::from_vec(labels, indices.len(), device)?,
        })
    }
}

impl Batches<'_> {
    /// The number of batches in a whole epoch.
    pub fn steps(&self) -> usize {
        self.order.len().div_ceil(self.batching.size.max(1))
    }

    /// Starts at the given step, counted from 0, without assembling the batches before it. The
    /// batches from there on are the same as in a full pass.
    #[must_use]
    pub fn from_step(mut self, step: usize) -> Self {
        self.step = step;
        self
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let indices = self
            .order
            .chunks(self.batching.size.max(1))
            .nth(self.step)?;
        let step = self.step as u64;
        self.step += 1;
        Some(if self.batching.binarise {
            let mut generator = Generator::stream(self.batching.seed, "binarise", self.epoch, step);
            // A pixel of 255 is always 1 and a pixel of 0 never: 255 equally likely outcomes.
            let draw = |pixel| f32::from(generator.random_range(0..255u8) < pixel);
            self.dataset.batch_of(indices, draw, self.device)
        } else {
            self.dataset.batch(indices, self.device)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;

    /// Five images of two pixels; the first pixel identifies the image.
    fn dataset() -> Dataset {
        Dataset::new(
            Shape::grey(1, 2),
            5,
            vec![10, 255, 11, 0, 12, 0, 13, 0, 14, 51],
            vec![0, 1, 2, 3, 4],
        )
        .unwrap()
    }

    fn batching(size: usize) -> Batching {
        Batching {
            size,
            binarise: false,
            seed: 1,
        }
    }

    fn labels(batches: Batches) -> Vec<Vec<u32>> {
        batches
            .map(|batch| batch.unwrap().labels.to_vec1().unwrap())
            .collect()
    }

    #[test]
    fn every_epoch_contains_every_image_once_in_a_new_order() {
        let dataset = dataset();
        let epoch = |seed, epoch| {
            let batches = dataset.shuffled(
                &Batching {
                    seed,
                    ..batching(2)
                },
                epoch,
                &Device::Cpu,
            );
            assert_eq!(batches.steps(), 3);
            labels(batches)
        };
        let first = epoch(1, 1);
        assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        let mut all = first.concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert_eq!(first, epoch(1, 1));
        assert!((2..6).any(|other| epoch(1, other) != first));
        assert!((2..6).any(|seed| epoch(seed, 1) != first));
    }

    #[test]
    fn pixels_and_labels_stay_together() {
        let dataset = dataset();
        for batch in dataset.shuffled(&batching(2), 3, &Device::Cpu) {
            let batch = batch.unwrap();
            let images = batch.images.to_vec2::<f32>().unwrap();
            for (image, label) in images.iter().zip(batch.labels.to_vec1::<u32>().unwrap()) {
                assert!((image[0] * 255.0 - (10.0 + label as f32)).abs() < 1e-4);
            }
        }
        assert_eq!(
            labels(dataset.in_order(&batching(3), &Device::Cpu)),
            [vec![0, 1, 2], vec![3, 4]]
        );
    }

    #[test]
    fn batches_from_a_step_equal_those_of_a_full_pass() {
        let dataset = dataset();
        for binarise in [false, true] {
            let batching = Batching {
                binarise,
                ..batching(2)
            };
            let pixels = |batches: Batches| -> Vec<Vec<Vec<f32>>> {
                batches
                    .map(|batch| batch.unwrap().images.to_vec2().unwrap())
                    .collect()
            };
            let whole = pixels(dataset.shuffled(&batching, 1, &Device::Cpu));
            for step in 0..4 {
                let rest = pixels(dataset.shuffled(&batching, 1, &Device::Cpu).from_step(step));
                assert_eq!(rest, whole[step.min(3)..]);
            }
        }
    }

    #[test]
    fn the_frequency_of_binarised_pixels_is_their_grey_value() {
        let dataset = Dataset::new(
            Shape::grey(1, 4),
            1,
            [0u8, 51, 204, 255].repeat(20_000),
            vec![0; 20_000],
        )
        .unwrap();
        let batching = Batching {
            binarise: true,
            ..batching(20_000)
        };
        let draw = |epoch| {
            let batch = dataset
                .shuffled(&batching, epoch, &Device::Cpu)
                .next()
                .unwrap()
                .unwrap();
            let values: Vec<f32> = batch.images.flatten_all().unwrap().to_vec1().unwrap();
            assert!(values.iter().all(|&v| v == 0.0 || v == 1.0));
            batch.images.mean(0).unwrap().to_vec1::<f32>().unwrap()
        };
        let mean = draw(1);
        assert_eq!((mean[0], mean[3]), (0.0, 1.0));
        // Four standard errors of 20,000 draws.
        assert!(
            (mean[1] - 0.2).abs() < 0.0114 && (mean[2] - 0.8).abs() < 0.0114,
            "{mean:?}"
        );
        assert_ne!(mean, draw(2), "every epoch samples new pixels");
    }

    #[test]
    fn chosen_images_keep_their_order_and_are_binarised_on_request() {
        let dataset = dataset();
        let binarised = Batching {
            binarise: true,
            ..batching(1)
        };
        let chosen = |indices: &[usize], batching: &Batching| {
            dataset.chosen(indices, batching, &Device::Cpu)
        };
        for batching in [batching(1), binarised] {
            let batch = chosen(&[4, 0, 4], &batching).unwrap();
            assert_eq!(batch.labels.to_vec1::<u32>().unwrap(), [4, 0, 4]);
            let pixels: Vec<f32> = batch.images.flatten_all().unwrap().to_vec1().unwrap();
            let whole = pixels.iter().all(|pixel| pixel.fract() == 0.0);
            assert_eq!(whole, batching.binarise);
            assert_eq!(chosen(&[], &batching).unwrap().images.dims(), [0, 2]);
            assert!(chosen(&[5], &batching).is_err());
        }
    }

    #[test]
    fn images_without_labels_have_batches_too() {
        let dataset = Dataset::unlabelled(Shape::grey(1, 2), vec![10, 255, 11, 0]).unwrap();
        let batches = dataset.in_order(&batching(3), &Device::Cpu);
        assert_eq!(labels(batches), [[0, 0]]);
        assert!(dataset.batch(&[2], &Device::Cpu).is_err());
    }

    #[test]
    fn indices_out_of_range_are_refused() {
        let error = dataset()
            .batch(&[0, 5], &Device::Cpu)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "there is no image 5: the data set has 5 images, numbered from 0"
        );
    }
}
