//! Convolutions as matrix products, without copying what they are products of.

use crate::element::Element;
use crate::fused::elementwise::{column_sums, pieces};
use crate::fused::parallel::{Spare, collect};
use crate::fused::tiles::{Indexed, PANEL, Panels, product_of};

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

    /// Pixels of the larger image at phase 0.
    ///
    /// A pixel is number i at *phase* r if it is stride · i + r in the image. Element t of the kernel
    /// meets it at p = i + d, where the *shift* d = (r + padding − t) / stride must be whole. So pixels
    /// of one phase meet the same elements with the same shifts: from there the transposed convolution
    /// is a convolution of the smaller image with stride 1.
    fn pixels(self) -> usize {
        self.size.div_ceil(self.stride)
    }

    /// The element of the kernel that pixels at a phase meet with a shift.
    fn element(self, phase: usize, shift: isize) -> Option<usize> {
        let element = (phase + self.padding).cast_signed() - self.stride.cast_signed() * shift;
        usize::try_from(element).ok().filter(|&t| t < self.kernel)
    }

    /// The lowest shift, or 0 if that is lower, and the highest.
    fn shifts(self) -> (isize, isize) {
        // Each element is met at one phase, and there with one shift.
        let shift = |element: usize| {
            let lead = (self.padding + self.stride - 1).cast_signed();
            (lead - element.cast_signed()).div_euclid(self.stride.cast_signed())
        };
        (shift(self.kernel - 1).min(0), shift(0))
    }

    /// Pixels of the smaller image and its padding, when pixels are looked at by phases.
    fn shifted(self) -> usize {
        let (lowest, highest) = self.shifts();
        self.pixels() + highest.abs_diff(lowest)
    }
}

/// How an image lies in a larger one, of zeros around it: rows, pixels of a row and numbers of a
/// pixel, of which `start` rows and pixels come before the image. What does not fit is cut off.
struct Frame {
    image: [usize; 2],
    framed: [usize; 2],
    start: [usize; 2],
    channels: usize,
}

impl Frame {
    /// Numbers in the image with its frame.
    fn size(&self) -> usize {
        self.framed[0] * self.framed[1] * self.channels
    }

    /// Frames images, where the zeros are in place already.
    fn fill<T: Element>(&self, images: &[T], framed: &mut [T]) {
        let [height, width] = self.image;
        let rows = height.min(self.framed[0].saturating_sub(self.start[0]));
        let columns = width.min(self.framed[1].saturating_sub(self.start[1])) * self.channels;
        for (image, framed) in images
            .chunks_exact(height * width * self.channels)
            .zip(framed.chunks_exact_mut(self.size()))
        {
            for row in 0..rows {
                let from = row * width * self.channels;
                let to = self.offset(row + self.start[0], self.start[1]);
                framed[to..][..columns].copy_from_slice(&image[from..][..columns]);
            }
        }
    }

    /// Where a pixel lies.
    fn offset(&self, row: usize, column: usize) -> usize {
        (row * self.framed[1] + column) * self.channels
    }

    /// Where pixels lie of so many images: those of `rows` × `columns`, `stride` pixels apart.
    fn grid(&self, images: usize, rows: usize, columns: usize, stride: usize) -> Vec<usize> {
        let pixels = pairs(0..rows, 0..columns)
            .map(|(row, column)| self.offset(row * stride, column * stride));
        pairs(0..images, pixels)
            .map(|(image, offset)| image * self.size() + offset)
            .collect()
    }
}

/// All pairs, those with the same first element together.
fn pairs<A: Copy, B>(
    a: impl Iterator<Item = A> + Clone,
    b: impl Iterator<Item = B> + Clone,
) -> impl Iterator<Item = (A, B)> + Clone {
    a.flat_map(move |a| b.clone().map(move |b| (a, b)))
}

/// The patches of an image that a kernel meets: a matrix of one row a position and one column an
/// element of the kernel (row, column, channel, in this order).
///
/// In an image with its padding around it, element (i, j) of that matrix lies where position i starts
/// plus where element j of the kernel lies: see [`Indexed`].
pub(super) struct Patches {
    pub(super) vertical: Axis,
    pub(super) horizontal: Axis,
    pub(super) channels: usize,
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

    /// The image with as much of its padding as the kernel reaches.
    fn padded(&self) -> Frame {
        let axes = [self.vertical, self.horizontal];
        Frame {
            image: axes.map(|axis| axis.size),
            framed: axes.map(Axis::padded),
            start: axes.map(|axis| axis.padding),
            channels: self.channels,
        }
    }

    /// Where the patches of so many padded images start.
    fn starts(&self, images: usize) -> Vec<usize> {
        let (rows, columns) = (self.vertical.positions, self.horizontal.positions);
        self.padded()
            .grid(images, rows, columns, self.vertical.stride)
    }

    /// Where the numbers of a patch lie, from its start on.
    fn offsets(&self) -> Vec<usize> {
        let padded = self.padded();
        let run = self.horizontal.kernel * self.channels;
        pairs(0..self.vertical.kernel, 0..run)
            .map(|(row, number)| padded.offset(row, 0) + number)
            .collect()
    }

    /// Where the numbers of a patch lie in the kernel `[channels, height, width]` that meets it.
    fn in_kernel(&self) -> Vec<usize> {
        pairs(0..self.area(), 0..self.channels)
            .map(|(position, channel)| channel * self.area() + position)
            .collect()
    }

    /// A weight `[k, channels, height, width]` as a matrix of a column a kernel, of which each element
    /// meets one of a patch.
    pub(super) fn kernels<T: Element>(&self, weight: &[T], k: usize) -> Panels<T> {
        let starts: Vec<usize> = (0..k).map(|kernel| kernel * self.patch()).collect();
        Panels::new(Indexed::new(weight, &self.in_kernel(), &starts))
    }

    /// From a matrix of a column a kernel, row by row, the weight.
    pub(super) fn weight<T: Element>(&self, kernels: &[T], k: usize) -> Vec<T> {
        let mut weight = vec![T::zero(); kernels.len()];
        for (row, offset) in kernels.chunks_exact(k).zip(self.in_kernel()) {
            for (element, start) in row.iter().zip((0..).step_by(self.patch())) {
                weight[start + offset] = *element;
            }
        }
        weight
    }

    /// P B for the patches P of every image, where `b` has a row for each number of a patch: a row a
    /// position. `finish` changes rows that are done, still in the cache.
    pub(super) fn times<T: Element>(
        &self,
        images: &[T],
        b: &Panels<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let frame = self.padded();
        let (image, size) = (self.image(), self.positions() * b.columns());
        let at_once = at_once(frame.size() + size);
        let (starts, offsets) = (self.starts(at_once), self.offsets());
        let count = images.len() / image;
        let spare = Spare::new(|| vec![T::zero(); at_once * frame.size()]);
        pieces(count * size, at_once * size, |first, result| {
            spare.with(|padded| {
                let starts = &starts[..result.len() / b.columns()];
                let images = &images[first / size * image..][..result.len() / size * image];
                frame.fill(images, padded);
                let patches = Indexed::new(padded, starts, &offsets);
                product_of(patches, b, result, false);
                finish(result);
            });
        })
    }

    /// Pᵀ A for the patches P of all images and `a` with a row of `k` numbers for each: a row of `k`
    /// for each number of a patch.
    pub(super) fn correlate<T: Element>(&self, images: &[T], a: &[T], k: usize) -> Vec<T> {
        let frame = self.padded();
        let (image, size) = (self.image(), self.positions() * k);
        let at_once = at_once(frame.size() + size);
        let (starts, offsets) = (self.starts(at_once), self.offsets());
        let groups = images.len().div_ceil(GROUP * image);
        let parts = collect(groups, |group| {
            let mut sum = vec![T::zero(); self.patch() * k];
            let mut padded = vec![T::zero(); at_once * frame.size()];
            let mut panels = Panels::empty(k);
            let images = &images[group * GROUP * image..];
            let images = &images[..images.len().min(GROUP * image)];
            for (images, a) in images
                .chunks(at_once * image)
                .zip(a[group * GROUP * size..].chunks(at_once * size))
            {
                frame.fill(images, &mut padded);
                panels.set(a);
                let patches = Indexed::new(&padded, &offsets, &starts[..a.len() / k]);
                product_of(patches, &panels, &mut sum, true);
            }
            sum
        });
        column_sums(&parts.concat(), self.patch() * k)
    }

    /// The transpose of [`Self::times`] with the kernels of a weight `[k, channels, height, width]`:
    /// spreads a row of `k` numbers for each position of each image over the patches there, and adds
    /// up where they overlap. `finish` changes images that are done.
    pub(super) fn spread<T: Element>(
        &self,
        a: &[T],
        weight: &[T],
        k: usize,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let (vertical, horizontal) = (self.vertical, self.horizontal);
        let axes = [vertical, horizontal];
        let frame = Frame {
            image: axes.map(|axis| axis.positions),
            framed: axes.map(Axis::shifted),
            start: axes.map(|axis| axis.shifts().0.unsigned_abs()),
            channels: k,
        };
        let phases = self.phases(weight, k, &frame);
        let (image, size) = (self.image(), self.positions() * k);
        let at_once = at_once(frame.size() + 2 * image);
        let starts = frame.grid(at_once, vertical.pixels(), horizontal.pixels(), 1);
        let pixels = vertical.pixels() * horizontal.pixels();
        let spare = Spare::new(|| (vec![T::zero(); at_once * frame.size()], Vec::new()));
        pieces(a.len() / size * image, at_once * image, |first, images| {
            spare.with(|(padded, sums)| {
                let count = images.len() / image;
                frame.fill(&a[first / image * size..][..count * size], padded);
                let starts = &starts[..count * pixels];
                for phases in &phases {
                    let columns = phases.weight.columns();
                    sums.resize(starts.len() * columns, T::zero());
                    let a = Indexed::new(padded, starts, &phases.offsets);
                    product_of(a, &phases.weight, sums, false);
                    for (image, sums) in images
                        .chunks_exact_mut(image)
                        .zip(sums.chunks_exact(pixels * columns))
                    {
                        self.place(sums, &phases.members, image);
                    }
                }
                finish(images);
            });
        })
    }

    /// Phases to be computed together: each by itself, or all if they fit into one panel, with zeros
    /// for the shifts that are not their own.
    fn phases<T: Element>(&self, weight: &[T], k: usize, frame: &Frame) -> Vec<Phases<T>> {
        let stride = self.vertical.stride;
        let all = pairs(0..stride, 0..stride);
        if stride * stride * self.channels <= PANEL {
            vec![self.phases_together(all.collect(), weight, k, frame)]
        } else {
            all.map(|phase| self.phases_together(vec![phase], weight, k, frame))
                .collect()
        }
    }

    fn phases_together<T: Element>(
        &self,
        members: Vec<(usize, usize)>,
        weight: &[T],
        k: usize,
        frame: &Frame,
    ) -> Phases<T> {
        let (lowest, highest) = self.vertical.shifts();
        let (leftmost, rightmost) = self.horizontal.shifts();
        let columns = members.len() * self.channels;
        let (mut offsets, mut matrix) = (Vec::new(), Vec::new());
        for (down, right) in pairs(lowest..=highest, leftmost..=rightmost) {
            let elements: Vec<Option<usize>> = members
                .iter()
                .map(|&(row, column)| {
                    let element = self.vertical.element(row, down)? * self.horizontal.kernel;
                    Some(element + self.horizontal.element(column, right)?)
                })
                .collect();
            if elements.iter().all(Option::is_none) {
                continue;
            }
            let start = frame.offset(down.abs_diff(lowest), right.abs_diff(leftmost));
            offsets.extend(start..start + k);
            let mut rows = vec![T::zero(); k * columns];
            for (row, kernel) in rows
                .chunks_exact_mut(columns)
                .zip(weight.chunks_exact(self.patch()))
            {
                for (numbers, element) in row.chunks_exact_mut(self.channels).zip(&elements) {
                    let Some(element) = *element else { continue };
                    let channels = kernel[element..].iter().step_by(self.area());
                    for (number, &channel) in numbers.iter_mut().zip(channels) {
                        *number = channel;
                    }
                }
            }
            matrix.extend(rows);
        }
        let mut weight = Panels::empty(columns);
        weight.set(&matrix);
        Phases {
            members,
            offsets,
            weight,
        }
    }

    /// Puts the sums for the pixels of an image at some phases, number by number of the pixels, where
    /// these lie.
    fn place<T: Element>(&self, sums: &[T], members: &[(usize, usize)], image: &mut [T]) {
        let Self {
            vertical,
            horizontal,
            channels,
        } = *self;
        let columns = members.len() * channels;
        for (row, sums) in sums.chunks_exact(horizontal.pixels() * columns).enumerate() {
            for (member, &(down, right)) in members.iter().enumerate() {
                let row = row * vertical.stride + down;
                if row >= vertical.size {
                    continue;
                }
                let pixels = image[row * horizontal.size * channels..]
                    [..horizontal.size * channels]
                    .chunks_exact_mut(channels)
                    .skip(right)
                    .step_by(horizontal.stride);
                let sums = sums[member * channels..].chunks(columns);
                for (pixel, sums) in pixels.zip(sums) {
                    pixel.copy_from_slice(&sums[..channels]);
                }
            }
        }
    }
}

/// Pixels of the larger image that are computed together: those of one phase, or of several.
struct Phases<T> {
    /// The phases, vertical and horizontal.
    members: Vec<(usize, usize)>,
    /// Where the numbers that the pixels are made of lie in the smaller image with its padding, from
    /// where pixel 0 starts.
    offsets: Vec<usize>,
    /// What these are multiplied by: a row for each, and a column for each channel of each phase.
    weight: Panels<T>,
}

/// Images over which one thread sums the gradient of the weights: fixed, so that the number of threads
/// changes no sum.
const GROUP: usize = 16;

/// How many images, of so many numbers each in all, stay in a processor's second cache together.
fn at_once(numbers: usize) -> usize {
    const CACHE: usize = 1 << 16;
    (CACHE / numbers.max(1)).clamp(1, GROUP)
}

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
                for (stride, padding) in [(1, 0), (2, 1), (3, 2), (1, 4), (5, 0)] {
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
            let frame = patches.padded();
            let mut padded = vec![0.0; frame.size()];
            frame.fill(&image, &mut padded);
            let (starts, offsets) = (patches.starts(1), patches.offsets());
            assert_eq!(starts.len(), patches.positions());
            assert_eq!(offsets.len(), patches.patch());
            for (position, start) in starts.into_iter().enumerate() {
                for (number, offset) in offsets.iter().enumerate() {
                    let expected = pixel(&patches, position, number).map_or(0.0, |i| image[i]);
                    assert_eq!(padded[start + offset], expected);
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
            let spread = patches.spread(&a, &weight, k, |_| {});
            assert_eq!(spread.len(), expected.len());
            for (a, b) in spread.iter().zip(&expected) {
                // Each pixel collects k products from every place of a kernel.
                let terms = k * patches.in_kernel().len();
                assert!((a - b).abs() <= rounding(DOUBLE, terms, terms as f64));
            }
        }
    }

    #[test]
    fn kernels_lie_as_patches_do_and_turn_back() {
        for patches in shapes() {
            let k = 3;
            let weight: Vec<f64> = (0..k * patches.patch()).map(|i| i as f64).collect();
            let kernels: Vec<f64> = pairs(patches.in_kernel().iter(), 0..k)
                .map(|(&offset, kernel)| weight[kernel * patches.patch() + offset])
                .collect();
            let (channels, area) = (patches.channels, patches.area());
            let channel_of = |number: usize| (number % channels * area + number / channels) as f64;
            assert!((0..patches.patch()).all(|n| kernels[n * k] == channel_of(n)));
            assert_eq!(patches.weight(&kernels, k), weight);
        }
    }
}
