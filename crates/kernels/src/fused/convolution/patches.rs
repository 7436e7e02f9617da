//! Convolutions as matrix products: the patches of a few images at a time are copied into a matrix
//! that stays in the second-level cache.

use crate::element::Element;
use crate::fused::elementwise::{column_sums, pieces};
use crate::fused::parallel::{Spare, collect};
use crate::fused::product::{Matrix, product_into_on_one_thread};

/// One axis of a convolution from a larger image to a smaller one: element t of the kernel, at
/// position p, multiplies pixel stride · p + t − padding of the larger image.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// The size of the larger image, in pixels.
    pub(super) size: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    /// The number of positions of the kernel: the size of the smaller image, in pixels.
    pub(super) positions: usize,
}

impl Axis {
    /// The extent of the padded larger image that the kernel covers, in pixels.
    fn padded(self) -> usize {
        (self.positions - 1) * self.stride + self.kernel
    }

    /// The extent of the larger image that the kernel covers, in pixels. (A stride may leave a rest
    /// at the end.)
    fn reached(self) -> usize {
        self.size.min(self.padded().saturating_sub(self.padding))
    }
}

/// The patches of an image: a matrix with one row for each position of the kernel and one column
/// for each element of the kernel (in the order row, column, channel).
pub(super) struct Patches {
    pub(super) vertical: Axis,
    pub(super) horizontal: Axis,
    pub(super) channels: usize,
}

/// Buffers for the patches of a few images.
struct Buffers<T> {
    /// One image with the covered part of its padding, which is always zero.
    padded: Vec<T>,
    patches: Vec<T>,
}

impl Patches {
    /// The number of elements of an image.
    fn image(&self) -> usize {
        self.vertical.size * self.horizontal.size * self.channels
    }

    /// The number of positions of the kernel in an image.
    fn positions(&self) -> usize {
        self.vertical.positions * self.horizontal.positions
    }

    /// The number of pixels of a kernel.
    fn area(&self) -> usize {
        self.vertical.kernel * self.horizontal.kernel
    }

    /// The number of elements of a patch.
    fn patch(&self) -> usize {
        self.area() * self.channels
    }

    /// The number of images that are computed together.
    fn at_once(&self) -> usize {
        /// The number of elements of patches that fit into the second-level cache with their
        /// results.
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

    /// The number of elements of a row of the padded image.
    fn padded_row(&self) -> usize {
        self.horizontal.padded() * self.channels
    }

    /// The number of image rows that the kernel covers.
    fn inner_rows(&self) -> usize {
        match self.horizontal.reached() {
            0 => 0,
            _ => self.vertical.reached(),
        }
    }

    /// The offset of a row of the image in the padded image, and its length.
    fn inner_row(&self, row: usize) -> (usize, usize) {
        let start = (row + self.vertical.padding) * self.padded_row();
        let left = self.horizontal.padding * self.channels;
        (start + left, self.horizontal.reached() * self.channels)
    }

    /// The offsets of the rows of all patches in the padded image, patch by patch. Each row is
    /// contiguous.
    fn runs(&self) -> impl Iterator<Item = usize> {
        let (down, right) = (self.vertical, self.horizontal);
        let row = self.padded_row();
        pairs(0..down.positions, 0..right.positions).flat_map(move |(y, x)| {
            let start = y * down.stride * row + x * right.stride * self.channels;
            (0..down.kernel).map(move |kernel_row| start + kernel_row * row)
        })
    }

    /// The number of elements of a row of a patch.
    fn run(&self) -> usize {
        self.horizontal.kernel * self.channels
    }

    /// Copies the patches of images into a matrix and returns its elements (im2col).
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

    /// Adds overlapping patches into images (col2im).
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

    /// The index in a kernel `[channels, height, width]` of each element of a patch.
    fn in_kernel(&self) -> Vec<usize> {
        pairs(0..self.area(), 0..self.channels)
            .map(|(position, channel)| channel * self.area() + position)
            .collect()
    }

    /// Rearranges a weight `[k, channels, height, width]` into a matrix with one row for each
    /// kernel and columns in the order of a patch.
    pub(super) fn kernels<T: Element>(&self, weight: &[T]) -> Vec<T> {
        let offsets = self.in_kernel();
        weight
            .chunks_exact(self.patch())
            .flat_map(|kernel| offsets.iter().map(|&offset| kernel[offset]))
            .collect()
    }

    /// The inverse of [`Self::kernels`].
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

    /// P Kᵀ for the patches P of every image and the `k` rows of [`Self::kernels`]: one row for
    /// each position. `finish` is applied to complete rows while they are in the cache.
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

    /// Aᵀ P for the patches P of all images, where `a` has a row of `k` numbers for each patch: one
    /// row for each kernel, as in [`Self::kernels`].
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

    /// The transpose of [`Self::times`]: multiplies a row of `k` numbers for each position into a
    /// patch and adds overlapping patches. `finish` is applied to complete images.
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

/// All pairs, grouped by the first element.
fn pairs<A: Copy, B>(
    a: impl Iterator<Item = A>,
    b: impl Iterator<Item = B> + Clone,
) -> impl Iterator<Item = (A, B)> {
    a.flat_map(move |a| b.clone().map(move |b| (a, b)))
}

/// The number of images over which one thread sums the gradient of the weights. It is constant, so
/// that sums do not depend on the number of threads.
pub(super) const GROUP: usize = 16;

#[cfg(test)]
mod tests {
    use latent_tolerance::{DOUBLE, rounding};

    use super::*;

    /// Patches of several shapes: with and without padding and strides, images smaller than the
    /// kernel, few and many channels.
    fn shapes() -> Vec<Patches> {
        let mut shapes = Vec::new();
        // Miri is slow.
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

    /// The index of the pixel at an element of a patch; `None` in the padding.
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
    fn patches_contain_the_covered_pixels_and_zeros_in_the_padding() {
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
    fn spreading_adds_patches_at_their_positions() {
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
                // Each pixel is a sum of k products for every element of a kernel.
                let terms = k * patches.in_kernel().len();
                assert!((a - b).abs() <= rounding(DOUBLE, terms, terms as f64));
            }
        }
    }

    #[test]
    fn correlation_sums_over_all_positions_of_all_images() {
        // One and several groups of images, processed whole and in parts: the convolutions of the
        // presets.
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
    fn kernels_have_the_order_of_patches_and_convert_back() {
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
