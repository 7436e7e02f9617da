use std::sync::LazyLock;

use serde::Serialize;

use crate::mnist::CLASSES;
use crate::{Dataset, Shape, synthetic};

/// A probable fault in how the images of a data set are stored.
///
/// Models expect bright strokes on a dark background, pixels from 0 to 255, and rows from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// No pixel is brighter than `brightest`, which is less than half of 255: for example, pixels
    /// are 0 and 1.
    Dark {
        /// The brightest pixel.
        brightest: u8,
    },
    /// Nine of ten images are dark on a bright background.
    Inverted,
    /// The images of digits are stored with rows and columns exchanged, as in EMNIST's files.
    Transposed,
}

/// The largest number of images that are examined.
const IMAGES: usize = 2000;

impl Dataset {
    /// Probable faults in how the images are stored; empty if there are none.
    ///
    /// `Transposed` is found by comparing the mean image of each class with those of the built-in
    /// digits, as stored and transposed. It is never reported for images that are not square or do
    /// not resemble digits.
    pub fn findings(&self) -> Vec<Finding> {
        let brightest = self.images().iter().copied().max();
        let Some(brightest) = brightest else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        if brightest < 128 {
            findings.push(Finding::Dark { brightest });
        }
        if self.is_inverted() {
            findings.push(Finding::Inverted);
        }
        let correlations = self.orientation();
        if correlations.is_some_and(|correlations| correlations.is_transposed()) {
            findings.push(Finding::Transposed);
        }
        findings
    }

    /// At most [`IMAGES`] images with their labels, if they have some, evenly spaced, since a data set may be sorted.
    fn sample(&self) -> impl Iterator<Item = (&[u8], Option<u8>)> {
        let step = self.len().div_ceil(IMAGES).max(1);
        let images = self.images().chunks_exact(self.pixels()).enumerate();
        let label = |index: usize| self.labels().get(index).copied();
        images
            .step_by(step)
            .map(move |(index, image)| (image, label(index)))
    }

    /// Whether nine of ten images have a border that is brighter than half of the range and than
    /// the interior.
    fn is_inverted(&self) -> bool {
        let Shape {
            channels,
            height,
            width,
        } = self.shape();
        if height < 3 || width < 3 {
            return false;
        }
        let is_border = |index: usize| {
            let pixel = index / channels;
            let (row, column) = (pixel / width, pixel % width);
            row == 0 || column == 0 || row == height - 1 || column == width - 1
        };
        let (mut inverted, mut count) = (0, 0);
        for (image, _) in self.sample() {
            let (mut border, mut inner) = ((0, 0), (0, 0));
            for (index, &pixel) in image.iter().enumerate() {
                let sum = if is_border(index) {
                    &mut border
                } else {
                    &mut inner
                };
                *sum = (sum.0 + u64::from(pixel), sum.1 + 1);
            }
            let mean = |(sum, count): (u64, u64)| sum as f64 / count as f64;
            count += 1;
            inverted += usize::from(mean(border) > 127.5 && mean(border) > mean(inner));
        }
        count > 0 && 10 * inverted >= 9 * count
    }

    /// The correlation of the class means with those of the built-in digits.
    ///
    /// `None` if it is not meaningful: images that are not square, grey and large enough, not ten
    /// classes, or fewer than three classes with images.
    fn orientation(&self) -> Option<Orientation> {
        let side = self.shape().height;
        if self.shape() != Shape::grey(side, side)
            || side < GRID
            || !(3..=CLASSES).contains(&self.classes())
        {
            return None;
        }
        let found = self.class_means();
        let known: Vec<usize> = (0..CLASSES)
            .filter(|&class| found[class].is_some())
            .collect();
        if known.len() < 3 {
            return None;
        }
        // The mean over classes (ink in the middle) carries no information about the orientation.
        let (found, digits) = (centred(&found, &known), centred(&DIGITS, &known));
        let mean = |transform: &dyn Fn(&Grid) -> Grid| {
            let pairs = found.iter().zip(&digits);
            let correlations = pairs.map(|(found, digit)| correlation(&transform(found), digit));
            correlations.sum::<f64>() / known.len() as f64
        };
        let others: [fn(&Grid) -> Grid; 6] = [
            flipped,
            |grid| flipped(&transposed(grid)),
            |grid| transposed(&flipped(grid)),
            |grid| transposed(&flipped(&transposed(grid))),
            |grid| flipped(&transposed(&flipped(grid))),
            |grid| flipped(&transposed(&flipped(&transposed(grid)))),
        ];
        Some(Orientation {
            upright: mean(&|grid| *grid),
            transposed: mean(&transposed),
            others: others
                .iter()
                .map(|other| mean(other))
                .fold(f64::MIN, f64::max),
        })
    }

    /// The mean image of each class with images, on a coarse grid, over the examined images.
    fn class_means(&self) -> [Option<Grid>; CLASSES] {
        let mut sums = [[[0.0; GRID]; GRID]; CLASSES];
        let mut counts = [0.0; CLASSES];
        let side = self.shape().height;
        for (image, label) in self.sample() {
            let Some(label) = label else { continue };
            let sum = &mut sums[usize::from(label)];
            counts[usize::from(label)] += 1.0;
            for (index, &pixel) in image.iter().enumerate() {
                // The value of a cell is the sum of the pixels whose centres are in it.
                let cell = |place: usize| (2 * place + 1) * GRID / (2 * side);
                sum[cell(index / side)][cell(index % side)] += f64::from(pixel);
            }
        }
        let mut classes = sums.into_iter().zip(counts);
        std::array::from_fn(|_| {
            let (sum, count) = classes.next()?;
            (count > 0.0).then(|| sum.map(|row| row.map(|value| value / count)))
        })
    }
}

/// The class means of the built-in digits.
static DIGITS: LazyLock<[Option<Grid>; CLASSES]> =
    LazyLock::new(|| synthetic(0, 500, 1).train.class_means());

/// The side of the grid on which images are compared.
const GRID: usize = 8;

type Grid = [[f64; GRID]; GRID];

/// For each orientation, the correlation between the mean image of a class and that of upright digits, averaged over the
/// classes.
#[derive(Debug)]
struct Orientation {
    upright: f64,
    transposed: f64,
    /// The highest correlation of the six other rotations and reflections.
    others: f64,
}

impl Orientation {
    /// Whether the images are digits and correlate clearly better when transposed.
    fn is_transposed(&self) -> bool {
        self.transposed > 0.4
            && self.transposed > self.upright + 0.2
            && self.transposed > self.others
    }
}

/// The grid turned upside down.
fn flipped(grid: &Grid) -> Grid {
    std::array::from_fn(|row| grid[GRID - 1 - row])
}

fn transposed(grid: &Grid) -> Grid {
    std::array::from_fn(|row| std::array::from_fn(|column| grid[column][row]))
}

/// The grids of these classes minus their mean.
fn centred(grids: &[Option<Grid>; CLASSES], classes: &[usize]) -> Vec<Grid> {
    let grids: Vec<Grid> = classes.iter().filter_map(|&class| grids[class]).collect();
    let mean = |row: usize, column: usize| {
        grids.iter().map(|grid| grid[row][column]).sum::<f64>() / grids.len() as f64
    };
    let mean: Grid = std::array::from_fn(|row| std::array::from_fn(|column| mean(row, column)));
    let less = |grid: &Grid| {
        std::array::from_fn(|row| {
            std::array::from_fn(|column| grid[row][column] - mean[row][column])
        })
    };
    grids.iter().map(less).collect()
}

/// Pearson's correlation of two grids; 0 if one is constant.
fn correlation(a: &Grid, b: &Grid) -> f64 {
    let (a, b) = (a.as_flattened(), b.as_flattened());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut product, mut squares) = (0.0, (0.0, 0.0));
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        product += a * b;
        squares = (squares.0 + a * a, squares.1 + b * b);
    }
    let scale = (squares.0 * squares.1).sqrt();
    if scale > 0.0 { product / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::mnist_from_directory;

    fn with_images(dataset: &Dataset, change: impl Fn(&[u8]) -> Vec<u8>) -> Dataset {
        let images = dataset.images().chunks_exact(dataset.pixels());
        Dataset::new(
            dataset.shape(),
            dataset.classes(),
            images.flat_map(change).collect(),
            dataset.labels().to_vec(),
        )
        .unwrap()
    }

    fn transposed(dataset: &Dataset) -> Dataset {
        let side = dataset.shape().width;
        with_images(dataset, |image| {
            (0..image.len())
                .map(|index| image[index % side * side + index / side])
                .collect()
        })
    }

    /// Checks the findings of digits, correctly stored and in every wrong way.
    fn hold(name: &str, digits: &Dataset) {
        println!("{name}: {:?}", digits.orientation());
        println!("{name}: {:?}", transposed(digits).orientation());
        assert_eq!(digits.findings(), [], "{name}");
        let inverted = with_images(digits, |image| image.iter().map(|p| 255 - p).collect());
        assert_eq!(inverted.findings(), [Finding::Inverted], "{name}");
        assert_eq!(
            transposed(digits).findings(),
            [Finding::Transposed],
            "{name}"
        );
        let binary = with_images(digits, |image| {
            image.iter().map(|&pixel| u8::from(pixel > 127)).collect()
        });
        assert_eq!(
            binary.findings(),
            [Finding::Dark { brightest: 1 }],
            "{name}"
        );
    }

    #[test]
    fn findings_report_wrongly_stored_digits_and_nothing_else() {
        hold("built-in digits", &synthetic(1, 1000, 1).train);
        // Few images and few classes.
        for seed in 0..20 {
            hold("100 built-in digits", &synthetic(seed, 100, 1).train);
        }
        let Some(directory) = std::env::var_os("LATENT_DATA_DIR") else {
            latent_tolerance::skipped(
                "findings on MNIST",
                "LATENT_DATA_DIR is not a directory with its files",
            );
            return;
        };
        let mnist = mnist_from_directory(Path::new(&directory)).unwrap();
        for images in [&mnist.train, &mnist.test] {
            hold("MNIST", images);
        }
        for start in 0..20 {
            let some = mnist.train.clone().without_first(3000 * start);
            hold("300 images of MNIST", &some.truncated(300));
        }
    }

    /// Images of other classes than digits, and rotated and reflected digits.
    #[test]
    fn images_other_than_digits_are_never_reported_as_transposed() {
        const LAST: usize = 27;
        let digits = synthetic(1, 600, 1).train;
        let mut highest = f64::MIN;
        let mut hold = |what: String, data: &Dataset| {
            let orientation = data.orientation().unwrap();
            highest = highest.max(orientation.transposed);
            assert!(!orientation.is_transposed(), "{what}: {orientation:?}");
        };
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            // Like letters: shapes of strokes with other labels.
            let mut labels: Vec<u8> = (0..10).collect();
            for last in (1..10).rev() {
                labels.swap(last, random.random_range(0..=last));
            }
            let displaced = labels
                .iter()
                .enumerate()
                .all(|(i, &label)| i != usize::from(label));
            if !displaced {
                continue;
            }
            let named = digits
                .labels()
                .iter()
                .map(|&label| labels[usize::from(label)]);
            let images = digits.images().to_vec();
            let other =
                Dataset::new(Shape::grey(28, 28), CLASSES, images, named.collect()).unwrap();
            hold(format!("{labels:?}"), &other);
            hold(format!("{labels:?}, transposed"), &transposed(&other));
        }
        for _ in 0..500 {
            // Like clothes: a smooth shape for each class.
            let shapes: Vec<Vec<u8>> = (0..10).map(|_| smooth(&mut random)).collect();
            let labels: Vec<u8> = (0..10).collect();
            hold(
                "smooth shapes".to_owned(),
                &Dataset::new(Shape::grey(28, 28), CLASSES, shapes.concat(), labels).unwrap(),
            );
        }
        for (name, place) in [
            (
                "upside down",
                (|r, c| (LAST - r, c)) as fn(usize, usize) -> (usize, usize),
            ),
            ("mirrored", |r, c| (r, LAST - c)),
            ("turned by 180°", |r, c| (LAST - r, LAST - c)),
            ("turned by 90°", |r, c| (c, LAST - r)),
            ("turned by 270°", |r, c| (LAST - c, r)),
        ] {
            let moved = with_images(&digits, |image| {
                let from = |index: usize| {
                    let (row, column) = place(index / 28, index % 28);
                    image[28 * row + column]
                };
                (0..784).map(from).collect()
            });
            hold(name.to_owned(), &moved);
        }
        println!("the highest correlation with transposed digits: {highest:.2}");
    }

    /// A few soft discs of random position, size and sign.
    fn smooth(random: &mut ChaCha8Rng) -> Vec<u8> {
        let discs: Vec<[f64; 4]> = (0..6)
            .map(|_| {
                let [row, column, size, height] = random.random::<[f64; 4]>();
                [28.0 * row, 28.0 * column, 2.0 + 6.0 * size, height - 0.3]
            })
            .collect();
        let value = |index: usize| {
            let (row, column) = ((index / 28) as f64, (index % 28) as f64);
            let sum: f64 = discs
                .iter()
                .map(|[r, c, size, height]| {
                    let squared = (row - r).powi(2) + (column - c).powi(2);
                    height * (-squared / (2.0 * size * size)).exp()
                })
                .sum();
            (255.0 * sum.clamp(0.0, 1.0)) as u8
        };
        (0..784).map(value).collect()
    }

    #[test]
    fn small_and_empty_data_sets_have_no_findings() {
        let of = |height, width, images: Vec<u8>, labels: Vec<u8>| {
            Dataset::new(Shape::grey(height, width), CLASSES, images, labels)
                .unwrap()
                .findings()
        };
        assert_eq!(of(1, 1, vec![], vec![]), []);
        assert_eq!(of(1, 1, vec![255], vec![0]), []);
        assert_eq!(of(2, 3, vec![200; 6], vec![4]), []);
        assert_eq!(
            of(1, 2, vec![0, 16], vec![4]),
            [Finding::Dark { brightest: 16 }]
        );
        // Like photographs: as bright at the border as in the interior.
        let noise: Vec<u8> = (0..28 * 28 * 50).map(|i| (i * i % 251) as u8).collect();
        assert_eq!(of(28, 28, noise, (0..50).map(|i| i % 10).collect()), []);
    }
}
