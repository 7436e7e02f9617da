use std::fmt;

use latent_kernels::Shape;

use crate::Error;
use crate::checksum::sha256_hex;

/// Images of one shape, each with the label of its class.
///
/// Pixels are bytes, 0 the background and 255 the strongest ink, in the order
/// `[image, row, column, channel]`; a label is less than the number of classes.
///
/// ```
/// use latent_datasets::{Dataset, Shape};
///
/// // Two images of 1 × 2 pixels, of 8 classes.
/// let dataset = Dataset::new(Shape::grey(1, 2), 8, vec![0, 255, 51, 0], vec![7, 1])?;
/// assert_eq!(dataset.len(), 2);
/// assert_eq!(dataset.image(1), Some([51, 0].as_slice()));
/// assert_eq!(dataset.labels(), [7, 1]);
/// assert_eq!(dataset.pixel_statistics().zero_fraction, 0.5);
/// # Ok::<(), latent_datasets::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Dataset {
    shape: Shape,
    classes: usize,
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Dataset {
    /// Pairs images, `[labels.len(), height, width, channels]`, with labels from 0 to `classes` − 1.
    ///
    /// # Errors
    /// [`Error::ImageShape`] where an image has no pixels, [`Error::Unpaired`] where there is not
    /// one label an image, [`Error::Label`] where a label is not less than `classes`.
    pub fn new(
        shape: Shape,
        classes: usize,
        images: Vec<u8>,
        labels: Vec<u8>,
    ) -> Result<Self, Error> {
        let Some(pixels) = shape.checked_elem_count() else {
            return Err(Error::ImageShape(shape));
        };
        if pixels.checked_mul(labels.len()) != Some(images.len()) {
            return Err(Error::Unpaired {
                bytes: images.len(),
                labels: labels.len(),
                shape,
            });
        }
        if let Some(index) = labels.iter().position(|&label| label as usize >= classes) {
            return Err(Error::Label {
                index,
                found: labels[index],
                classes,
            });
        }
        Ok(Self::from_parts(shape, classes, images, labels))
    }

    /// As [`Self::new`], for images and labels that are right by construction.
    pub(crate) fn from_parts(
        shape: Shape,
        classes: usize,
        images: Vec<u8>,
        labels: Vec<u8>,
    ) -> Self {
        Self {
            shape,
            classes,
            images,
            labels,
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of an image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Numbers of an image: channels × height × width.
    pub fn pixels(&self) -> usize {
        self.shape.elem_count()
    }

    /// The number of classes: every label is less.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The pixels of one image, `[height, width, channels]`, counted from 0; `None` beyond the last.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        self.images.chunks_exact(self.pixels()).nth(index)
    }

    /// The pixels of all images, `[len, height, width, channels]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The label of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// How many images each class has, `[classes]`.
    pub fn counts_by_class(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The labels that occur, each once, in ascending order.
    pub fn classes_present(&self) -> Vec<u8> {
        let mut classes = self.labels.clone();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// The images whose label is one of `classes`, in their order.
    #[must_use]
    pub fn of_classes(self, classes: &[u8]) -> Self {
        if self.labels.iter().all(|label| classes.contains(label)) {
            return self;
        }
        let is_wanted = |index: &usize| classes.contains(&self.labels[*index]);
        let indices: Vec<usize> = (0..self.len()).filter(is_wanted).collect();
        self.selected(&indices)
    }

    /// `count` images at equal distances from the first to the last; all of them, where there are no more
    /// than that. A data set may be sorted, by class or by writer: its first images need not be typical.
    #[must_use]
    pub fn evenly_spaced(self, count: usize) -> Self {
        let len = self.len();
        if count >= len {
            return self;
        }
        let indices: Vec<usize> = (0..count).map(|index| index * len / count).collect();
        self.selected(&indices)
    }

    /// The images at these places, which exist, in this order.
    fn selected(&self, indices: &[usize]) -> Self {
        let pixels = self.pixels();
        let image = |&index: &usize| &self.images[index * pixels..(index + 1) * pixels];
        Self {
            shape: self.shape,
            classes: self.classes,
            images: indices.iter().flat_map(image).copied().collect(),
            labels: indices.iter().map(|&index| self.labels[index]).collect(),
        }
    }

    /// The first `limit` images; all of them, where there are no more than that.
    #[must_use]
    pub fn truncated(mut self, limit: usize) -> Self {
        self.labels.truncate(limit);
        self.images.truncate(self.labels.len() * self.pixels());
        self
    }

    /// All but the first `count` images.
    #[must_use]
    pub fn without_first(mut self, count: usize) -> Self {
        let count = count.min(self.labels.len());
        self.images.drain(..count * self.pixels());
        self.labels.drain(..count);
        self
    }

    /// What the pixels of all images together are like.
    pub fn pixel_statistics(&self) -> PixelStatistics {
        // Whole numbers until the end, so that nothing is lost: not in a sum of millions of
        // pixels, and not in the difference that is the variance.
        let count = self.images.len() as u128;
        let (mut sum, mut squares, mut zeros) = (0, 0, 0_u64);
        for &pixel in &self.images {
            let pixel = u64::from(pixel);
            sum += pixel;
            squares += pixel * pixel;
            zeros += u64::from(pixel == 0);
        }
        let (sum, squares) = (u128::from(sum), u128::from(squares));
        PixelStatistics {
            mean: sum as f64 / (255 * count) as f64,
            standard_deviation: ((count * squares - sum * sum) as f64).sqrt()
                / (255 * count) as f64,
            zero_fraction: zeros as f64 / count as f64,
        }
    }

    /// The SHA-256 of all pixels followed by all labels, without any header, as 64 lower-case
    /// hexadecimal digits: equal for the same images in the same order, wherever they came from.
    pub fn checksum(&self) -> String {
        sha256_hex(&[&self.images, &self.labels])
    }
}

/// Without the pixels, which are many megabytes.
impl fmt::Debug for Dataset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dataset")
            .field("len", &self.len())
            .field("shape", &self.shape)
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

/// Statistics over every pixel of every image, with pixels scaled from 0–255 to `[0, 1]`.
///
/// Those of an empty data set are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelStatistics {
    /// The mean: 0.1307 for MNIST's training set.
    pub mean: f64,
    /// The standard deviation (divided by the number of pixels, not by one less): 0.3081 for
    /// MNIST's training set.
    pub standard_deviation: f64,
    /// The share of pixels that are exactly 0.
    pub zero_fraction: f64,
}

/// A data set in the two parts in which it is published, with images of one size, and what is held out
/// of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// What the data set is called, such as `mnist`.
    pub name: String,
    /// The images to learn from.
    pub train: Dataset,
    /// The images to select a model by, if some of those to learn from were [held
    /// out](Self::held_out).
    pub validation: Option<Dataset>,
    /// The images to judge by, which select nothing.
    pub test: Dataset,
}

impl Splits {
    /// The last `count` training images are held out for validation, or a sixth of them where that is
    /// fewer, but one at least; none, if `count` is 0 or there are validation images already.
    #[must_use]
    pub fn held_out(mut self, count: usize) -> Self {
        if count > 0 && self.validation.is_none() {
            let most = (self.train.len() / 6).max(1);
            let rest = self.train.len().saturating_sub(count.min(most));
            self.validation = Some(self.train.clone().without_first(rest));
            self.train = self.train.truncated(rest);
        }
        self
    }

    /// The first `limit` images of either.
    #[must_use]
    pub fn truncated(self, limit: usize) -> Self {
        Self {
            train: self.train.truncated(limit),
            test: self.test.truncated(limit),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dataset() -> impl Strategy<Value = Dataset> {
        (1_usize..5, 1_usize..5, 0_usize..20).prop_flat_map(|(height, width, len)| {
            let images = prop::collection::vec(any::<u8>(), len * height * width);
            let labels = prop::collection::vec(0_u8..10, len);
            (images, labels).prop_map(move |(images, labels)| {
                Dataset::new(Shape::grey(height, width), 10, images, labels).unwrap()
            })
        })
    }

    proptest! {
        #[test]
        fn images_are_the_parts_of_the_whole(dataset in dataset()) {
            let indices = 0..dataset.len();
            let images: Vec<_> = indices.map_while(|index| dataset.image(index)).collect();
            prop_assert_eq!(images.len(), dataset.labels().len());
            prop_assert_eq!(images.concat(), dataset.images());
            prop_assert_eq!(dataset.image(dataset.len()), None);
        }

        #[test]
        fn truncation_keeps_the_first(dataset in dataset(), limit in 0_usize..25) {
            let short = dataset.clone().truncated(limit);
            prop_assert_eq!(short.len(), limit.min(dataset.len()));
            prop_assert!(dataset.images().starts_with(short.images()));
            prop_assert!(dataset.labels().starts_with(short.labels()));
            prop_assert_eq!(short.images().len(), short.len() * dataset.pixels());
            prop_assert_eq!(short == dataset, limit >= dataset.len());
            prop_assert_eq!(short.checksum() == dataset.checksum(), limit >= dataset.len());
        }

        #[test]
        fn every_image_has_a_class(dataset in dataset()) {
            let counts = dataset.counts_by_class();
            prop_assert_eq!(counts.iter().sum::<usize>(), dataset.len());
            for label in 0..10 {
                prop_assert_eq!(counts[label as usize] > 0, dataset.labels().contains(&label));
            }
        }

        #[test]
        fn a_selection_by_class_holds_the_images_of_these_classes_in_their_order(
            dataset in dataset(),
            classes in prop::collection::vec(0_u8..10, 0..10),
        ) {
            let selected = dataset.clone().of_classes(&classes);
            let expected: Vec<_> = (0..dataset.len())
                .filter(|&index| classes.contains(&dataset.labels()[index]))
                .map(|index| (dataset.image(index), dataset.labels()[index]))
                .collect();
            let found: Vec<_> = (0..selected.len())
                .map(|index| (selected.image(index), selected.labels()[index]))
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(dataset.clone().of_classes(&dataset.classes_present()), dataset);
        }

        #[test]
        fn evenly_spaced_images_are_as_many_as_asked_for_and_in_order(
            dataset in dataset(),
            count in 0_usize..25,
        ) {
            let some = dataset.clone().evenly_spaced(count);
            prop_assert_eq!(some.len(), count.min(dataset.len()));
            for index in 0..some.len() {
                let from = index * dataset.len() / some.len();
                prop_assert_eq!(some.image(index), dataset.image(from));
                prop_assert_eq!(some.labels()[index], dataset.labels()[from]);
            }
        }

        #[test]
        fn what_is_held_out_is_the_end(dataset in dataset(), count in 0_usize..10) {
            let whole = Splits {
                name: "some".to_owned(),
                train: dataset.clone(),
                validation: None,
                test: dataset.clone(),
            };
            let parts = whole.clone().held_out(count);
            prop_assert_eq!(&parts.test, &whole.test);
            let Some(validation) = parts.validation else {
                prop_assert!(count == 0 && parts.train == dataset);
                return Ok(());
            };
            let most = (dataset.len() / 6).max(1).min(dataset.len());
            prop_assert_eq!(validation.len(), count.min(most));
            let images = [parts.train.images(), validation.images()].concat();
            let labels = [parts.train.labels(), validation.labels()].concat();
            prop_assert!(images == dataset.images() && labels == dataset.labels());
        }

        #[test]
        fn statistics_are_those_of_the_definition(dataset in dataset()) {
            prop_assume!(!dataset.is_empty());
            let pixels = dataset.images().iter();
            let values: Vec<_> = pixels.map(|&pixel| f64::from(pixel) / 255.0).collect();
            let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let mean = mean_of(&values);
            let squares: Vec<_> = values.iter().map(|value| (value - mean).powi(2)).collect();

            let statistics = dataset.pixel_statistics();
            prop_assert!((statistics.mean - mean).abs() < 1e-12);
            prop_assert!((statistics.standard_deviation - mean_of(&squares).sqrt()).abs() < 1e-12);
        }
    }

    #[test]
    fn each_broken_promise_is_named() {
        let message = |dataset: Result<Dataset, Error>| dataset.unwrap_err().to_string();
        assert_eq!(
            message(Dataset::new(Shape::grey(0, 28), 10, vec![], vec![])),
            "images of shape 1 × 0 × 28 (channels × height × width), expected one pixel or more, and \
             no more than an address can count"
        );
        assert!(Dataset::new(Shape::grey(usize::MAX, 2), 10, vec![], vec![]).is_err());
        assert_eq!(
            message(Dataset::new(
                Shape::grey(28, 28),
                10,
                vec![0; 784],
                vec![1, 2]
            )),
            "the images have 784 bytes, expected 2 × 1 × 28 × 28, one image a label"
        );
        assert_eq!(
            message(Dataset::new(
                Shape::grey(1, 1),
                10,
                vec![0; 3],
                vec![9, 26, 10]
            )),
            "label 26 of image 1 (counted from 0), expected 0 to 9"
        );
    }
}
