use std::collections::HashSet;
use std::fmt;

use latent_distributions::Generator;
use latent_kernels::Shape;

use crate::Error;
use crate::checksum::sha256_hex;

/// Images of one shape, usually with class labels.
///
/// Pixels are bytes, from 0 for the background to 255 for full ink, in the order
/// `[image, row, column, channel]`. Labels are less than the number of classes; images without
/// labels have no classes. Classes and images may have names.
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
///
/// // One image of red, green and blue without a label.
/// let colour = Dataset::unlabelled(Shape { channels: 3, height: 1, width: 1 }, vec![9, 0, 0])?;
/// assert!(!colour.is_labelled() && colour.labels().is_empty());
/// # Ok::<(), latent_datasets::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Dataset {
    shape: Shape,
    /// 0 without labels.
    classes: usize,
    /// Empty if the classes are numbered.
    class_names: Vec<String>,
    images: Vec<u8>,
    /// Empty without labels.
    labels: Vec<u8>,
    /// Empty if the images have no names.
    names: Vec<String>,
}

impl Dataset {
    /// Creates a data set from images, `[labels.len(), height, width, channels]`, and labels from 0
    /// to `classes` − 1.
    ///
    /// # Errors
    /// [`Error::ImageShape`] if an image has no pixels, [`Error::Unpaired`] if the numbers of
    /// images and labels differ, [`Error::Label`] if a label is not less than `classes`.
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

    /// As [`Self::new`], without checks, for data known to be valid.
    pub(crate) fn from_parts(
        shape: Shape,
        classes: usize,
        images: Vec<u8>,
        labels: Vec<u8>,
    ) -> Self {
        Self {
            shape,
            classes,
            class_names: Vec::new(),
            images,
            labels,
            names: Vec::new(),
        }
    }

    /// Creates a data set from images without labels, `[images, height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::ImageShape`] if an image has no pixels, [`Error::PartialImage`] if the pixels are
    /// not a whole number of images.
    pub fn unlabelled(shape: Shape, images: Vec<u8>) -> Result<Self, Error> {
        let Some(pixels) = shape.checked_elem_count() else {
            return Err(Error::ImageShape(shape));
        };
        if !images.len().is_multiple_of(pixels) {
            return Err(Error::PartialImage {
                bytes: images.len(),
                shape,
            });
        }
        Ok(Self::from_parts(shape, 0, images, Vec::new()))
    }

    /// Names the classes, in the order of their labels.
    ///
    /// # Errors
    /// [`Error::ClassNames`] if the number of names is not that of the classes, or two are equal.
    pub fn with_class_names(mut self, names: Vec<String>) -> Result<Self, Error> {
        let distinct: HashSet<&String> = names.iter().collect();
        if names.len() != self.classes || distinct.len() != names.len() {
            return Err(Error::ClassNames {
                classes: self.classes,
                names,
            });
        }
        self.class_names = names;
        Ok(self)
    }

    /// Names the images, for example by their files.
    ///
    /// # Errors
    /// [`Error::ImageNames`] if the number of names is not that of the images.
    pub fn with_names(mut self, names: Vec<String>) -> Result<Self, Error> {
        if names.len() != self.len() {
            return Err(Error::ImageNames {
                images: self.len(),
                names: names.len(),
            });
        }
        self.names = names;
        Ok(self)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.images.len() / self.pixels()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The shape of an image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The number of values of an image: channels × height × width.
    pub fn pixels(&self) -> usize {
        self.shape.elem_count()
    }

    /// The number of classes; 0 without labels.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Whether the images have labels.
    pub fn is_labelled(&self) -> bool {
        self.classes > 0
    }

    /// The names of the classes, in the order of their labels; empty if they have none.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The name of a class: its number if it has no name.
    pub fn class_name(&self, label: u8) -> String {
        let name = self.class_names.get(usize::from(label));
        name.cloned().unwrap_or_else(|| label.to_string())
    }

    /// The names of the images, such as those of their files; empty if they have none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The pixels of one image, `[height, width, channels]`, counted from 0; `None` if out of
    /// range.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        self.images.chunks_exact(self.pixels()).nth(index)
    }

    /// The pixels of all images, `[len, height, width, channels]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The label of each image; empty if the images have no labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The number of images of each class, `[classes]`.
    pub fn counts_by_class(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The labels that occur, in ascending order, without duplicates.
    pub fn classes_present(&self) -> Vec<u8> {
        let mut classes = self.labels.clone();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// Keeps the images whose label is in `classes`, in their order.
    #[must_use]
    pub fn of_classes(self, classes: &[u8]) -> Self {
        if self.labels.iter().all(|label| classes.contains(label)) {
            return self;
        }
        let is_wanted = |index: &usize| classes.contains(&self.labels[*index]);
        let indices: Vec<usize> = (0..self.len()).filter(is_wanted).collect();
        self.selected(&indices)
    }

    /// Orders the images at random, with each class evenly spread: any run of consecutive images has
    /// its share of every class, up to about one image. Images without labels are one class.
    ///
    /// Within each class the order is random, by the seed; the k-th of a class's n images is at the
    /// fraction (k + ½) / n of the whole.
    #[must_use]
    pub fn stratified(self, seed: u64) -> Self {
        let mut of_class = vec![Vec::new(); self.classes.max(1)];
        for index in Generator::stream(seed, "stratify", 0, 0).permutation(self.len()) {
            let label = self.labels.get(index).copied().unwrap_or_default();
            of_class[usize::from(label)].push(index);
        }
        let mut places: Vec<(f64, usize)> = Vec::with_capacity(self.len());
        for indices in &of_class {
            let place = |(k, &index)| ((k as f64 + 0.5) / indices.len() as f64, index);
            places.extend(indices.iter().enumerate().map(place));
        }
        // Equal fractions of several classes keep the order of the classes.
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let order: Vec<usize> = places.into_iter().map(|(_, index)| index).collect();
        self.selected(&order)
    }

    /// Keeps `count` images at equal distances from the first to the last, or all of them if there
    /// are no more. The first images need not be typical: a data set may be sorted by class or by
    /// writer.
    #[must_use]
    pub fn evenly_spaced(self, count: usize) -> Self {
        let len = self.len();
        if count >= len {
            return self;
        }
        let indices: Vec<usize> = (0..count).map(|index| index * len / count).collect();
        self.selected(&indices)
    }

    /// Keeps a random subset of `count` images, in random order; all of them if there are no more.
    #[must_use]
    pub fn random_subset(self, count: usize, generator: &mut Generator) -> Self {
        let order = generator.permutation(self.len());
        let indices: Vec<usize> = order.into_iter().take(count).collect();
        self.selected(&indices)
    }

    /// Converts colour to grey: the luminance of sRGB, 0.2126 red + 0.7152 green + 0.0722 blue (ITU-R BT.709), rounded.
    #[must_use]
    pub fn in_grey(self) -> Self {
        if self.shape.channels != 3 {
            return self;
        }
        let luminance = |pixel: &[u8]| {
            let weighted = pixel.iter().zip([2126, 7152, 722]);
            let sum: u32 = weighted
                .map(|(&value, weight)| u32::from(value) * weight)
                .sum();
            ((sum + 5000) / 10_000) as u8
        };
        Self {
            shape: Shape::grey(self.shape.height, self.shape.width),
            images: self.images.chunks_exact(3).map(luminance).collect(),
            ..self
        }
    }

    /// Replaces each pixel p by 255 − p.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        self.images
            .iter_mut()
            .for_each(|pixel| *pixel = u8::MAX - *pixel);
        self
    }

    /// The same labels and names with other images, one for each.
    ///
    /// # Errors
    /// [`Error::ImageShape`], [`Error::PartialImage`] or [`Error::ImageNames`] if the pixels are not as many images.
    pub(crate) fn with_images(&self, shape: Shape, images: Vec<u8>) -> Result<Self, Error> {
        let images = Self::unlabelled(shape, images)?;
        if images.len() != self.len() {
            return Err(Error::ImageNames {
                images: images.len(),
                names: self.len(),
            });
        }
        Ok(Self {
            classes: self.classes,
            class_names: self.class_names.clone(),
            labels: self.labels.clone(),
            names: self.names.clone(),
            ..images
        })
    }

    /// The images at these indices (all in range), in this order.
    fn selected(&self, indices: &[usize]) -> Self {
        let pixels = self.pixels();
        let image = |&index: &usize| &self.images[index * pixels..(index + 1) * pixels];
        let mut images = Vec::with_capacity(indices.len() * pixels);
        for image in indices.iter().map(image) {
            images.extend_from_slice(image);
        }
        // Labels and names are empty or complete.
        let labels = indices.iter().filter_map(|&index| self.labels.get(index));
        let names = indices.iter().filter_map(|&index| self.names.get(index));
        Self {
            shape: self.shape,
            classes: self.classes,
            class_names: self.class_names.clone(),
            images,
            labels: labels.copied().collect(),
            names: names.cloned().collect(),
        }
    }

    /// Keeps the first `limit` images, or all of them if there are no more.
    #[must_use]
    pub fn truncated(mut self, limit: usize) -> Self {
        self.images.truncate(limit.saturating_mul(self.pixels()));
        self.labels.truncate(limit);
        self.names.truncate(limit);
        self
    }

    /// Drops the first `count` images.
    #[must_use]
    pub fn without_first(mut self, count: usize) -> Self {
        let count = count.min(self.len());
        self.images.drain(..count * self.pixels());
        self.labels.drain(..count.min(self.labels.len()));
        self.names.drain(..count.min(self.names.len()));
        self
    }

    /// Statistics of the pixels of all images.
    pub fn pixel_statistics(&self) -> PixelStatistics {
        // Integers until the end: sums of millions of pixels, and the difference that gives the
        // variance, stay exact.
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

    /// The SHA-256 of all pixels followed by all labels, without a header, as 64 lower-case
    /// hexadecimal digits: equal for the same images and labels in the same order, whatever their
    /// file format.
    pub fn checksum(&self) -> String {
        sha256_hex(&[&self.images, &self.labels])
    }
}

/// Without the pixels, which may be many megabytes.
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

/// Statistics over all pixels of all images, scaled from 0–255 to `[0, 1]`.
///
/// They are NaN for an empty data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelStatistics {
    /// The mean: 0.1307 for MNIST's training set.
    pub mean: f64,
    /// The standard deviation (with division by n, not n − 1): 0.3081 for MNIST's training set.
    pub standard_deviation: f64,
    /// The fraction of pixels that are exactly 0.
    pub zero_fraction: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Splits;

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
        fn each_image_is_a_slice_of_all_pixels(dataset in dataset()) {
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
        fn counts_by_class_sum_to_the_number_of_images(dataset in dataset()) {
            let counts = dataset.counts_by_class();
            prop_assert_eq!(counts.iter().sum::<usize>(), dataset.len());
            for label in 0..10 {
                prop_assert_eq!(counts[label as usize] > 0, dataset.labels().contains(&label));
            }
        }

        #[test]
        fn a_selection_by_class_keeps_the_images_of_these_classes_in_order(
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
        fn evenly_spaced_images_have_the_requested_count_and_keep_their_order(
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
        fn held_out_images_are_the_last_training_images(dataset in dataset(), count in 0_usize..10) {
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
        fn pixel_statistics_match_their_definition(dataset in dataset()) {
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
    fn every_kind_of_invalid_data_has_its_message() {
        let message = |dataset: Result<Dataset, Error>| dataset.unwrap_err().to_string();
        assert_eq!(
            message(Dataset::new(Shape::grey(0, 28), 10, vec![], vec![])),
            "images of shape 1 × 0 × 28 (channels × height × width), expected at least one pixel and \
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
            "the images have 784 bytes, expected 2 × 1 × 28 × 28: one image for each label"
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
