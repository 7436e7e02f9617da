//! Convolutions as matrix products: the patches of a few images at a time are copied into a matrix, which
//! stays in the second cache.

use crate::element::Element;
use crate::fused::elementwise::{column_sums, pieces};
use crate::fused::parallel::{Spare, collect};
use crate::fused::product::{Matrix, product_into_on_one_thread};

/// One direction of a convolution, from a larger image to a smaller one: element t of the kernel, at
/// position p, meets pixel stride · p + t − padding of the larger image.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// Pixels of the larger image.
    pub(super) size: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// Positions of the kernel: pixels of the smaller image.
    pub(super) positions: usize,
}

impl Axis {
    /// Pixels that the kernel reaches of the larger image and its padding.
    fn padded(self) -> usize {
        (self.positions - 1) * self.stride + self.kernel
    }

    /// Pixels of the larger image that the kernel reaches. (A stride may leave some at the end.)
    fn reached(self) -> usize {
        self.size.min(self.padded().saturating_sub(self.padding))
    }
}

/// The patches of an image that a kernel meets: a matrix of one row a position and one column an
/// element of the kernel (row, column, channel, in this order).
pub(super) struct Patches {
    pub(super) vertical: Axis,
    pub(super) horizontal: Axis,
    pub(super) channels: usize,
}

/// Memory for the patches of a few images.
struct Buffers<T> {
    /// One image with as much of its padding as the kernel reaches. Where the padding is, it is zero.
    padded: Vec<T>,
    patches: Vec<T>,
}

impl Patches {
    /// Numbers in an image.
    fn image(&self) -> usize {
        self.vertical.size * self.horizontal.size * self.channels
    }

    /// Positions of the kernel in an image.
    fn positions(&self) -> usize {
        self.vertical.positions * self.horizontal.positions
    }

    /// Positions in a kernel.
    fn area(&self) -> usize {
        self.vertical.kernel * self.horizontal.kernel
    }

    /// Numbers in a patch.
    fn patch(&self) -> usize {
        self.area() * self.channels
    }

    /// How many images are computed together.
    fn at_once(&self) -> usize {
        /// Numbers of patches that stay in a processor's second cache, with what is made of them.
        const CACHE: usize = 1 << 16;
        (CACHE / (self.positions() * self.patch())).clamp(1, GROUP)
    }

    fn buffers<T: Element>(&self) -> Buffers<T> {
        let padded = self.vertical.padded() * self.horizontal.padded() * self.channels;
        Buffers {
            padded: vec![T::zero(); padded],
            patches: vec![T::zero(); self.at_once() * self.positions() * self.patch()],
        }
    }

    /// Numbers of a row of the padded image.
    fn padded_row(&self) -> usize {
        self.horizontal.padded() * self.channels
    }

    /// How many rows of the image the kernel reaches.
    fn inner_rows(&self) -> usize {
        match self.horizontal.reached() {
            0 => 0,
            _ => self.vertical.reached(),
        }
    }

    /// Where numbers of a row of the image lie in the padded image, and how many of them.
    fn inner_row(&self, row: usize) -> (usize, usize) {
        let start = (row + self.vertical.padding) * self.padded_row();
        let left = self.horizontal.padding * self.channels;
        (start + left, self.horizontal.reached() * self.channels)
    }

    /// Where the rows of patches start in the padded image, patch by patch. Each is one run of numbers.
    fn runs(&self) -> impl Iterator<Item = usize> {
        let (down, right) = (self.vertical, self.horizontal);
        let row = self.padded_row();
        pairs(0..down.positions, 0..right.positions).flat_map(move |(y, x)| {
            let start = y * down.stride * row + x * right.stride * self.channels;
            (0..down.kernel).map(move |kernel_row| start + kernel_row * row)
        })
    }

    /// Numbers of a row of a patch.
    fn run(&self) -> usize {
        self.horizontal.kernel * self.channels
    }

    /// Copies the patches of images into a matrix, of which it returns the numbers (im2col).
    fn gather<'a, T: Element>(&self, images: &[T], buffers: &'a mut Buffers<T>) -> &'a [T] {
        let row = self.horizontal.size * self.channels;
        let size = self.positions() * self.patch();
        let Buffers { padded, patches } = buffers;
        let mut count = 0;
        for (image, patches) in images
            .chunks_exact(self.image())
            .zip(patches.chunks_exact_mut(size))
        {
            for index in 0..self.inner_rows() {
                let (start, length) = self.inner_row(index);
                padded[start..][..length].copy_from_slice(&image[index * row..][..length]);
            }
            for (run, start) in patches.chunks_exact_mut(self.run()).zip(self.runs()) {
                run.copy_from_slice(&padded[start..][..run.len()]);
            }
            count += 1;
        }
        &patches[..count * size]
    }

    /// Adds up patches where they overlap: the images that they are of (col2im).
    fn scatter<T: Element>(&self, buffers: &mut Buffers<T>, images: &mut [T]) {
        let row = self.horizontal.size * self.channels;
        let size = self.positions() * self.patch();
        let Buffers { padded, patches } = buffers;
        for (image, patches) in images
            .chunks_exact_mut(self.image())
            .zip(patches.chunks_exact(size))
        {
            padded.fill(T::zero());
            for (run, start) in patches.chunks_exact(self.run()).zip(self.runs()) {
                for (sum, &value) in padded[start..][..run.len()].iter_mut().zip(run) {
                    *sum += value;
                }
            }
            for index in 0..self.inner_rows() {
                let (start, length) = self.inner_row(index);
                image[index * row..][..length].copy_from_slice(&padded[start..][..length]);
            }
        }
    }

    /// Where the numbers of a patch lie in the kernel `[channels, height, width]` that meets it.
    fn in_kernel(&self) -> Vec<usize> {
        pairs(0..self.area(), 0..self.channels)
            .map(|(position, channel)| channel * self.area() + position)
            .collect()
    }

    /// A weight `[k, channels, height, width]` as a matrix of a row a kernel, of which each element meets
    /// one of a patch.
    pub(super) fn kernels<T: Element>(&self, weight: &[T]) -> Vec<T> {
        let offsets = self.in_kernel();
        weight
            .chunks_exact(self.patch())
            .flat_map(|kernel| offsets.iter().map(|&offset| kernel[offset]))
            .collect()
    }

    /// From a matrix of a row a kernel the weight.
    pub(super) fn weight<T: Element>(&self, kernels: &[T]) -> Vec<T> {
        let offsets = self.in_kernel();
        let mut weight = vec![T::zero(); kernels.len()];
        for (weight, kernel) in weight
            .chunks_exact_mut(self.patch())
            .zip(kernels.chunks_exact(self.patch()))
        {
            for (&element, &offset) in kernel.iter().zip(&offsets) {
                weight[offset] = element;
            }
        }
        weight
    }

    /// P Kᵀ for the patches P of every image and the `k` rows of [`Self::kernels`]: a row a position.
    /// `finish` changes rows that are done, still in the cache.
    pub(super) fn times<T: Element>(
        &self,
        images: &[T],
        kernels: &[T],
        k: usize,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let kernels = Matrix::new(kernels, k, self.patch());
        let (image, size) = (self.image(), self.positions() * k);
        let spare = Spare::new(|| self.buffers());
        let count = images.len() / image;
        pieces(count * size, self.at_once() * size, |first, result| {
            spare.with(|buffers| {
                let images = &images[first / size * image..][..result.len() / size * image];
                let patches = self.gather(images, buffers);
                let patches = Matrix::new(patches, result.len() / k, self.patch());
                product_into_on_one_thread(result, patches, kernels.transposed(), false);
                finish(result);
            });
        })
    }

    /// Aᵀ P for the patches P of all images and `a` with a row of `k` numbers for each: a row a kernel, as
    /// in [`Self::kernels`].
    pub(super) fn correlate<T: Element>(&self, images: &[T], a: &[T], k: usize) -> Vec<T> {
        let (image, size) = (self.image(), self.positions() * k);
        let groups = images.len().div_ceil(GROUP * image);
        let spare = Spare::new(|| self.buffers());
        let parts = collect(groups, |group| {
            let mut sum = vec![T::zero(); k * self.patch()];
            let images = &images[group * GROUP * image..];
            let images = &images[..images.len().min(GROUP * image)];
            spare.with(|buffers| {
                for (images, a) in images
                    .chunks(self.at_once() * image)
                    .zip(a[group * GROUP * size..].chunks(self.at_once() * size))
                {
                    let rows = images.len() / image * self.positions();
                    let patches = self.gather(images, buffers);
                    let patches = Matrix::new(patches, rows, self.patch());
                    let a = Matrix::new(&a[..rows * k], rows, k);
                    product_into_on_one_thread(&mut sum, a.transposed(), patches, true);
                }
            });
            sum
        });
        column_sums(&parts.concat(), self.patch() * k)
    }

    /// The transpose of [`Self::times`]: spreads a row of `k` numbers for each position of each image over
    /// the patches there, and adds up where they overlap. `finish` changes images that are done.
    pub(super) fn spread<T: Element>(
        &self,
        a: &[T],
        kernels: &[T],
        k: usize,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let kernels = Matrix::new(kernels, k, self.patch());
        let (image, size) = (self.image(), self.positions() * k);
        let spare = Spare::new(|| self.buffers());
        let len = a.len() / size * image;
        pieces(len, self.at_once() * image, |first, images| {
            let rows = images.len() / image * self.positions();
            let a = Matrix::new(&a[first / image * size..][..rows * k], rows, k);
            spare.with(|buffers| {
                let patches = &mut buffers.patches[..rows * self.patch()];
                product_into_on_one_thread(patches, a, kernels, false);
                self.scatter(buffers, images);
                finish(images);
            });
        })
    }
}

/// All pairs, those with the same first element together.
fn pairs<A: Copy, B>(
    a: impl Iterator<Item = A>,
    b: impl Iterator<Item = B> + Clone,
) -> impl Iterator<Item = (A, B)> {
    a.flat_map(move |a| b.clone().map(move |b| (a, b)))
}

/// Images over which one thread sums the gradient of the weights: fixed, so that the number of threads
/// changes no sum.
const GROUP: usize = 16;

#[cfg(test)]
mod tests {
    use latent_tolerance::{DOUBLE, rounding};

    use super::*;

    /// Patches of several shapes: with and without padding, strides, images smaller than the kernel,
    /// few channels and many.
    fn shapes() -> Vec<Patches> {
        let mut shapes = Vec::new();
        // Miri takes its time.
        let sizes = if cfg!(miri) { 1..2 } else { 0..3 };
        for (height, width) in [(1, 1), (4, 3), (7, 5)][sizes].iter().copied() {
            for kernels in [(1, 1), (3, 3), (2, 4)] {
                for (stride, padding) in [(1, 0), (2, 1), (3, 2), (1, 4), (5, 0), (11, 4)] {
                    let axis = |size: usize, kernel: usize| {
                        let room = (size + 2 * padding).checked_sub(kernel)?;
                        Some(Axis {
                            size,
                            kernel,
                            stride,
                            padding,
                            positions: room / stride + 1,
                        })
                    };
                    if let (Some(vertical), Some(horizontal)) =
                        (axis(height, kernels.0), axis(width, kernels.1))
                    {
                        shapes.extend([2, 9].map(|channels| Patches {
                            vertical,
                            horizontal,
                            channels,
                        }));
                    }
                }
            }
        }
        shapes
    }

    /// The number of an image, by its index, that a number of a patch is; none where there is padding.
    fn pixel(patches: &Patches, position: usize, number: usize) -> Option<usize> {
        let (rows, columns) = (patches.vertical, patches.horizontal);
        let (number, channel) = (number / patches.channels, number % patches.channels);
        let y = position / columns.positions * rows.stride + number / columns.kernel;
        let x = position % columns.positions * columns.stride + number % columns.kernel;
        let (y, x) = (
            y.checked_sub(rows.padding)?,
            x.checked_sub(columns.padding)?,
        );
        let inside = y < rows.size && x < columns.size;
        inside.then_some((y * columns.size + x) * patches.channels + channel)
    }

    #[test]
    fn patches_are_what_the_kernel_meets_with_zeros_around_the_image() {
        for patches in shapes() {
            let image: Vec<f64> = (1..=patches.image()).map(|i| i as f64).collect();
            let mut buffers = patches.buffers();
            let found = patches.gather(&image, &mut buffers);
            assert_eq!(found.len(), patches.positions() * patches.patch());
            for (position, patch) in found.chunks_exact(patches.patch()).enumerate() {
                for (number, &element) in patch.iter().enumerate() {
                    let expected = pixel(&patches, position, number).map_or(0.0, |i| image[i]);
                    assert_eq!(element, expected);
                }
            }
        }
    }

    #[test]
    fn spreading_adds_up_patches_where_they_lie() {
        for patches in shapes() {
            let (k, images) = (2, 2);
            let size = patches.positions() * k;
            let a: Vec<f64> = (0..images * size).map(|i| (i as f64).sin()).collect();
            let weight: Vec<f64> = (0..k * patches.patch()).map(|i| (i as f64).cos()).collect();
            let mut expected = vec![0.0; images * patches.image()];
            for (image, a) in expected
                .chunks_exact_mut(patches.image())
                .zip(a.chunks_exact(size))
            {
                for (position, a) in a.chunks_exact(k).enumerate() {
                    for (number, &offset) in patches.in_kernel().iter().enumerate() {
                        if let Some(index) = pixel(&patches, position, number) {
                            let start = |k: usize| k * patches.patch();
                            image[index] += (0..k)
                                .map(|k| a[k] * weight[start(k) + offset])
                                .sum::<f64>();
                        }
                    }
                }
            }
            let spread = patches.spread(&a, &patches.kernels(&weight), k, |_| {});
            assert_eq!(spread.len(), expected.len());
            for (a, b) in spread.iter().zip(&expected) {
                // Each pixel collects k products from every place of a kernel.
                let terms = k * patches.in_kernel().len();
                assert!((a - b).abs() <= rounding(DOUBLE, terms, terms as f64));
            }
        }
    }

    #[test]
    fn correlation_sums_over_all_positions_of_all_images() {
        // Of one group of images and of several, at once and in parts: the convolutions of the presets.
        let axis = |size: usize| Axis {
            size,
            kernel: 3,
            stride: 2,
            padding: 1,
            positions: size.div_ceil(2),
        };
        let preset = |size, channels| Patches {
            vertical: axis(size),
            horizontal: axis(size),
            channels,
        };
        let presets = [preset(28, 1), preset(14, 32)];
        let presets = presets.into_iter().take(if cfg!(miri) { 0 } else { 2 });
        for patches in shapes().into_iter().chain(presets) {
            for images in [1, 2, GROUP + 3, 2 * GROUP] {
                let k = 3;
                let size = patches.positions() * k;
                let pixels: Vec<f64> = (0..images * patches.image())
                    .map(|i| (i as f64).cos())
                    .collect();
                let a: Vec<f64> = (0..images * size).map(|i| (i as f64).sin()).collect();
                let mut expected = vec![0.0; k * patches.patch()];
                for (image, a) in pixels
                    .chunks_exact(patches.image())
                    .zip(a.chunks_exact(size))
                {
                    for (position, a) in a.chunks_exact(k).enumerate() {
                        for number in 0..patches.patch() {
                            if let Some(index) = pixel(&patches, position, number) {
                                for (k, a) in a.iter().enumerate() {
                                    expected[k * patches.patch() + number] += a * image[index];
                                }
                            }
                        }
                    }
                }
                let found = patches.correlate(&pixels, &a, k);
                assert_eq!(found.len(), expected.len());
                let terms = images * patches.positions();
                let bound = rounding(DOUBLE, terms, terms as f64);
                for (a, b) in found.iter().zip(&expected) {
                    assert!((a - b).abs() <= bound, "{images} images: {a} is not {b}");
                }
            }
        }
    }

    #[test]
    fn kernels_lie_as_patches_do_and_turn_back() {
        for patches in shapes() {
            let k = 3;
            let weight: Vec<f64> = (0..k * patches.patch()).map(|i| i as f64).collect();
            let kernels = patches.kernels(&weight);
            let (channels, area) = (patches.channels, patches.area());
            let channel_of = |number: usize| (number % channels * area + number / channels) as f64;
            assert!((0..patches.patch()).all(|n| kernels[n] == channel_of(n)));
            assert_eq!(patches.weight(&kernels), weight);
        }
    }
}
