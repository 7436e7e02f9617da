use std::borrow::Cow;

use candle_core::{Result, Tensor, bail};

use crate::Activation;
use crate::element::Element;
use crate::elementwise::{column_sums, pieces};
use crate::parallel::collect;
use crate::product::{Matrix, product_into};
use crate::sequence::{Layer, Map, sequence};

/// How a convolution's kernel moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Pixels from one position of the kernel to the next, both ways.
    pub stride: usize,
    /// Rows and columns of zeros around the image, on each side.
    pub padding: usize,
}

/// How the transpose of a convolution undoes that movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedConvolution {
    /// Pixels from one position of the kernel to the next, in the result.
    pub stride: usize,
    /// Rows and columns that are cut from the result, on each side.
    pub padding: usize,
    /// Rows and columns that are added to the result, at the lower and the right edge: several sizes
    /// shrink to one under a convolution with a stride, and this tells them apart.
    pub output_padding: usize,
}

/// activation(x ∗ W + b): a two-dimensional convolution (cross-correlation, as everywhere in this
/// field) and what follows it.
///
/// `input` is `[n, height, width, in]` with the channels of a pixel together, `weight` is
/// `[out, in, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`. The result is
/// `[n, h, w, out]` with h = ⌊(height + 2 padding − kernel height) / stride⌋ + 1, and w alike.
///
/// # Errors
/// The shapes do not fit together, the kernel is larger than the padded image, the stride is 0, or
/// dtypes or devices differ.
pub fn conv2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: Convolution,
    activation: Activation,
) -> Result<Tensor> {
    let layer = Layer::Conv2d {
        weight,
        bias,
        convolution,
        activation,
    };
    sequence(input, &[layer])
}

/// activation(x ∗ᵀ W + b): the transpose of a convolution, which spreads every pixel over a patch of
/// a larger image, and what follows it.
///
/// `input` is `[n, height, width, in]` with the channels of a pixel together, `weight` is
/// `[in, out, kernel height, kernel width]` (PyTorch's layout) and `bias` is `[out]`. The result is
/// `[n, h, w, out]` with h = (height − 1) stride − 2 padding + kernel height + output padding, and w
/// alike.
///
/// # Errors
/// The shapes do not fit together, the padding leaves nothing, the stride is 0 or not larger than the
/// output padding, or dtypes or devices differ.
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    convolution: TransposedConvolution,
    activation: Activation,
) -> Result<Tensor> {
    let layer = Layer::ConvTranspose2d {
        weight,
        bias,
        convolution,
        activation,
    };
    sequence(input, &[layer])
}

/// The sizes of a batch of images.
fn images(shape: &[usize]) -> Result<[usize; 4]> {
    match shape.try_into() {
        Ok(sizes) => Ok(sizes),
        Err(_) => bail!("a convolution needs images [n, height, width, channels], not {shape:?}"),
    }
}

/// No images at all are fine; images or kernels of no numbers are not.
fn refuse_nothing(shape: &[usize], weight: &Tensor) -> Result<()> {
    if shape[1..].contains(&0) || weight.dims().contains(&0) {
        bail!(
            "a convolution of images {shape:?} by a kernel {:?}: every size must be at least 1",
            weight.shape()
        );
    }
    Ok(())
}

/// The patches of an image that a kernel meets: a matrix of one row a position and one column an
/// element of the kernel (row, column, channel, in this order).
struct Patches {
    height: usize,
    width: usize,
    channels: usize,
    kernel_height: usize,
    kernel_width: usize,
    stride: usize,
    padding: usize,
    /// Positions of the kernel, vertically and horizontally.
    rows: usize,
    columns: usize,
}

impl Patches {
    /// Numbers in an image.
    fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Positions of the kernel in an image.
    fn positions(&self) -> usize {
        self.rows * self.columns
    }

    /// Positions in a kernel.
    fn area(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// Numbers in a patch.
    fn patch(&self) -> usize {
        self.area() * self.channels
    }

    /// Images whose patches stay in a processor's second cache together.
    fn images_at_once(&self) -> usize {
        const NUMBERS: usize = 1 << 16;
        (NUMBERS / (self.positions() * self.patch()).max(1)).clamp(1, GROUP)
    }

    /// Where the image and a row of a patch overlap, for every row of every patch: calls
    /// `overlap(start in the image, start in the patches, length)` with lengths and starts in
    /// numbers, and `outside(start, length)` for the parts of patches that lie outside the image.
    #[inline(always)]
    fn each_row(
        &self,
        mut overlap: impl FnMut(usize, usize, usize),
        mut outside: impl FnMut(usize, usize),
    ) {
        let run = self.kernel_width * self.channels;
        let mut patch_start = 0;
        for row in 0..self.rows {
            for column in 0..self.columns {
                // The kernel's left edge, counted in columns from the padded image's edge.
                let left = column * self.stride;
                let before = self.padding.saturating_sub(left).min(self.kernel_width);
                let after = (self.padding + self.width)
                    .saturating_sub(left)
                    .clamp(before, self.kernel_width);
                for kernel_row in 0..self.kernel_height {
                    let y = (row * self.stride + kernel_row).wrapping_sub(self.padding);
                    if y >= self.height || before == after {
                        outside(patch_start, run);
                    } else {
                        let x = left + before - self.padding;
                        outside(patch_start, before * self.channels);
                        overlap(
                            (y * self.width + x) * self.channels,
                            patch_start + before * self.channels,
                            (after - before) * self.channels,
                        );
                        outside(
                            patch_start + after * self.channels,
                            (self.kernel_width - after) * self.channels,
                        );
                    }
                    patch_start += run;
                }
            }
        }
    }

    /// The patches of one image.
    fn gather<T: Element>(&self, image: &[T], patches: &mut [T]) {
        let patches = std::cell::Cell::from_mut(patches).as_slice_of_cells();
        self.each_row(
            |from, to, len| {
                for (patch, &pixel) in patches[to..][..len].iter().zip(&image[from..][..len]) {
                    patch.set(pixel);
                }
            },
            |start, len| {
                patches[start..][..len]
                    .iter()
                    .for_each(|p| p.set(T::zero()));
            },
        );
    }

    /// Adds patches to where they lie in one image: the transpose of [`Self::gather`].
    fn scatter_add<T: Element>(&self, patches: &[T], image: &mut [T]) {
        self.each_row(
            |to, from, len| {
                for (pixel, &patch) in image[to..][..len].iter_mut().zip(&patches[from..][..len]) {
                    *pixel += patch;
                }
            },
            |_, _| {},
        );
    }

    /// P B for the patches P of every image, where `b` has a row for each number of a patch:
    /// a matrix of a row a position, in `result`; `finish` changes rows that are done, still in the
    /// cache.
    fn times<T: Element>(
        &self,
        images: &[T],
        b: Matrix<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let columns = self.positions() * b.columns();
        let count = images.len() / self.image();
        self.in_blocks(count, columns, |image, block, scratch| {
            let count = block.len() / columns;
            let gathered = self.gather_all(&images[image * self.image()..], count, scratch);
            product_into(block, gathered, b, false);
            finish(block);
        })
    }

    /// Spreads A B over the images, the transpose of gathering their patches: `a` holds a row of
    /// `b.rows()` numbers for each position of each image, and `b` has a column for each number of a
    /// patch. `finish` changes images that are done.
    fn spread<T: Element>(
        &self,
        a: &[T],
        b: Matrix<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let row = self.positions() * b.rows();
        self.in_blocks(a.len() / row, self.image(), |image, block, scratch| {
            let count = block.len() / self.image();
            let rows = count * self.positions();
            let a = Matrix::new(&a[image * row..][..count * row], rows, b.rows());
            let patches = &mut scratch[..rows * self.patch()];
            product_into(patches, a, b, false);
            for (patches, image) in patches
                .chunks_exact(self.positions() * self.patch())
                .zip(block.chunks_exact_mut(self.image()))
            {
                self.scatter_add(patches, image);
            }
            finish(block);
        })
    }

    /// Aᵀ P for the patches P of all images and `a` with a row of `k` numbers for each: `k` rows of a
    /// patch's size.
    fn correlate<T: Element>(&self, a: &[T], images: &[T], k: usize) -> Vec<T> {
        let row = self.positions() * k;
        let group = GROUP * row;
        let parts = collect(a.len().div_ceil(group), |index| {
            let mut sum = vec![T::zero(); k * self.patch()];
            let mut scratch = self.scratch();
            let block = self.images_at_once();
            let rest = &a[index * group..];
            let a = &rest[..rest.len().min(group)];
            for (number, a) in a.chunks(block * row).enumerate() {
                let image = index * GROUP + number * block;
                let count = a.len() / row;
                let gathered =
                    self.gather_all(&images[image * self.image()..], count, &mut scratch);
                let a = Matrix::new(a, count * self.positions(), k);
                product_into(&mut sum, a.transposed(), gathered, true);
            }
            sum
        });
        column_sums(&parts.concat(), k * self.patch())
    }

    /// Memory for the patches of as many images as are gathered together.
    fn scratch<T: Element>(&self) -> Vec<T> {
        vec![T::zero(); self.images_at_once() * self.positions() * self.patch()]
    }

    /// The patches of the first `count` images.
    fn gather_all<'a, T: Element>(
        &self,
        images: &[T],
        count: usize,
        scratch: &'a mut [T],
    ) -> Matrix<'a, T> {
        let rows = count * self.positions();
        let patches = &mut scratch[..rows * self.patch()];
        for (image, patches) in images
            .chunks_exact(self.image())
            .zip(patches.chunks_exact_mut(self.positions() * self.patch()))
        {
            self.gather(image, patches);
        }
        Matrix::new(patches, rows, self.patch())
    }

    /// `size` numbers for each of `count` images, made in parallel by `work(number of its first image,
    /// block, scratch)` from zeros, in blocks of as many images as are gathered together.
    fn in_blocks<T: Element>(
        &self,
        count: usize,
        size: usize,
        work: impl Fn(usize, &mut [T], &mut [T]) + Sync,
    ) -> Vec<T> {
        let at_once = self.images_at_once();
        let group = GROUP * size;
        pieces(count * size, group, |start, group| {
            let mut scratch = self.scratch();
            for (number, block) in group.chunks_mut(at_once * size).enumerate() {
                work(start / size + number * at_once, block, &mut scratch);
            }
        })
    }
}

/// Images that one thread works through, and over which it sums the gradient of the weights: fixed,
/// so that the number of threads changes no sum.
const GROUP: usize = 16;

/// A weight `[a, b, height, width]` as `[a, height, width, b]`, where `area` is height × width: the
/// order in which a patch's numbers lie.
fn channels_last<T: Element>(weight: &[T], b: usize, area: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(weight.len());
    for kernel in weight.chunks_exact(b * area) {
        for position in 0..area {
            result.extend((0..b).map(|channel| kernel[channel * area + position]));
        }
    }
    result
}

/// A weight `[k, channels, height, width]` as `[height, width, channels, k]`: a row for each number of a
/// patch, as [`Patches::times`] wants it and as gemm reads it without turning it first.
fn patch_rows<T: Element>(weight: &[T], k: usize, channels: usize, area: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(weight.len());
    for position in 0..area {
        for channel in 0..channels {
            result.extend((0..k).map(|row| weight[(row * channels + channel) * area + position]));
        }
    }
    result
}

/// The inverse of [`channels_last`].
fn channels_first<T: Element>(weight: &[T], b: usize, area: usize) -> Vec<T> {
    channels_last(weight, area, b)
}

pub(crate) struct Conv2d {
    patches: Patches,
    outputs: usize,
    activation: Activation,
}

impl Conv2d {
    pub(crate) fn check(
        shape: &mut Vec<usize>,
        weight: &Tensor,
        bias: &Tensor,
        convolution: Convolution,
        activation: Activation,
    ) -> Result<Self> {
        let Convolution { stride, padding } = convolution;
        let [images, height, width, channels] = images(shape)?;
        let (outputs, inputs, kernel_height, kernel_width) = weight.dims4()?;
        if inputs != channels || bias.dims() != [outputs] {
            bail!(
                "a convolution needs an input [n, height, width, in], a weight [out, in, height, width] \
             and a bias [out]: these are {shape:?}, {:?} and {:?}",
                weight.shape(),
                bias.shape()
            );
        }
        let positions = |size: usize, kernel: usize| {
            (size + 2 * padding)
                .checked_sub(kernel)
                .filter(|_| stride > 0 && kernel > 0)
                .map(|room| room / stride + 1)
        };
        let (Some(rows), Some(columns)) = (
            positions(height, kernel_height),
            positions(width, kernel_width),
        ) else {
            bail!(
                "a kernel of {kernel_height}×{kernel_width} with stride {stride} has no place in images of \
             {height}×{width} with padding {padding}"
            );
        };
        refuse_nothing(shape, weight)?;
        *shape = vec![images, rows, columns, outputs];
        Ok(Self {
            patches: Patches {
                height,
                width,
                channels,
                kernel_height,
                kernel_width,
                stride,
                padding,
                rows,
                columns,
            },
            outputs,
            activation,
        })
    }
}

impl Map<2> for Conv2d {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [weight, bias]: [&[T]; 2]) -> Vec<T> {
        let patches = &self.patches;
        let weight = patch_rows(weight, self.outputs, patches.channels, patches.area());
        let weight = Matrix::new(&weight, patches.patch(), self.outputs);
        patches.times(&input, weight, |rows| self.activation.with_bias(rows, bias))
    }

    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        _: [&[T]; 2],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Option<Vec<T>>; 2] {
        let patches = &self.patches;
        let of_weight = || {
            let correlated = patches.correlate(gradient, input, self.outputs);
            channels_first(&correlated, patches.channels, patches.area())
        };
        [
            wanted[0].then(of_weight),
            wanted[1].then(|| column_sums(gradient, self.outputs)),
        ]
    }

    fn input_gradient<'a, T: Element>(
        &self,
        [weight, _]: [&[T]; 2],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        let patches = &self.patches;
        let weight = channels_last(weight, patches.channels, patches.area());
        let weight = Matrix::new(&weight, self.outputs, patches.patch());
        Cow::Owned(patches.spread(&gradient, weight, |_| {}))
    }
}

pub(crate) struct ConvTranspose2d {
    /// Of the result, whose patches are what the input's pixels are spread over.
    patches: Patches,
    inputs: usize,
    activation: Activation,
}

impl ConvTranspose2d {
    pub(crate) fn check(
        shape: &mut Vec<usize>,
        weight: &Tensor,
        bias: &Tensor,
        convolution: TransposedConvolution,
        activation: Activation,
    ) -> Result<Self> {
        let TransposedConvolution {
            stride,
            padding,
            output_padding,
        } = convolution;
        let [images, rows, columns, channels] = images(shape)?;
        let (inputs, outputs, kernel_height, kernel_width) = weight.dims4()?;
        if inputs != channels || bias.dims() != [outputs] {
            bail!(
                "a transposed convolution needs an input [n, height, width, in], a weight [in, out, height, \
             width] and a bias [out]: these are {shape:?}, {:?} and {:?}",
                weight.shape(),
                bias.shape()
            );
        }
        let size = |positions: usize, kernel: usize| {
            (positions.checked_sub(1)? * stride + kernel + output_padding)
                .checked_sub(2 * padding)
                .filter(|&size| size > 0 && kernel > 0)
        };
        let (Some(height), Some(width)) = (size(rows, kernel_height), size(columns, kernel_width))
        else {
            bail!(
                "a padding of {padding} leaves nothing of the transposed convolution of {rows}×{columns} \
             pixels by a kernel of {kernel_height}×{kernel_width}"
            );
        };
        if output_padding >= stride {
            bail!(
                "a transposed convolution needs an output padding below its stride: they are \
             {output_padding} and {stride}"
            );
        }
        refuse_nothing(shape, weight)?;
        *shape = vec![images, height, width, outputs];
        Ok(Self {
            patches: Patches {
                height,
                width,
                channels: outputs,
                kernel_height,
                kernel_width,
                stride,
                padding,
                rows,
                columns,
            },
            inputs,
            activation,
        })
    }
}

impl Map<2> for ConvTranspose2d {
    fn activation(&self) -> Activation {
        self.activation
    }

    fn forward<T: Element>(&self, input: Cow<[T]>, [weight, bias]: [&[T]; 2]) -> Vec<T> {
        let patches = &self.patches;
        let weight = channels_last(weight, patches.channels, patches.area());
        let weight = Matrix::new(&weight, self.inputs, patches.patch());
        patches.spread(&input, weight, |image| {
            self.activation.with_bias(image, bias)
        })
    }

    fn operand_gradients<T: Element>(
        &self,
        input: &[T],
        _: [&[T]; 2],
        gradient: &[T],
        wanted: [bool; 2],
    ) -> [Option<Vec<T>>; 2] {
        let patches = &self.patches;
        let of_weight = || {
            let correlated = patches.correlate(input, gradient, self.inputs);
            channels_first(&correlated, patches.channels, patches.area())
        };
        [
            wanted[0].then(of_weight),
            wanted[1].then(|| column_sums(gradient, patches.channels)),
        ]
    }

    fn input_gradient<'a, T: Element>(
        &self,
        [weight, _]: [&[T]; 2],
        gradient: Cow<'a, [T]>,
    ) -> Cow<'a, [T]> {
        let patches = &self.patches;
        let weight = patch_rows(weight, self.inputs, patches.channels, patches.area());
        let weight = Matrix::new(&weight, patches.patch(), self.inputs);
        Cow::Owned(patches.times(&gradient, weight, |_| {}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patches of several shapes: with and without padding, strides, images smaller than the kernel.
    fn shapes() -> Vec<Patches> {
        let mut shapes = Vec::new();
        for (height, width) in [(1, 1), (4, 5), (7, 3)] {
            for (kernel_height, kernel_width) in [(1, 1), (3, 3), (2, 4)] {
                for (stride, padding) in [(1, 0), (2, 1), (3, 2), (1, 4)] {
                    let positions = |size: usize, kernel: usize| {
                        (size + 2 * padding)
                            .checked_sub(kernel)
                            .map(|room| room / stride + 1)
                    };
                    if let (Some(rows), Some(columns)) = (
                        positions(height, kernel_height),
                        positions(width, kernel_width),
                    ) {
                        shapes.push(Patches {
                            height,
                            width,
                            channels: 2,
                            kernel_height,
                            kernel_width,
                            stride,
                            padding,
                            rows,
                            columns,
                        });
                    }
                }
            }
        }
        shapes
    }

    /// What the kernel's element (y, x) meets at a position: the index of its pixel, if it is one.
    fn pixel(patches: &Patches, position: usize, y: usize, x: usize) -> Option<usize> {
        let (row, column) = (position / patches.columns, position % patches.columns);
        let y = (row * patches.stride + y).checked_sub(patches.padding)?;
        let x = (column * patches.stride + x).checked_sub(patches.padding)?;
        (y < patches.height && x < patches.width).then_some(y * patches.width + x)
    }

    #[test]
    fn patches_are_what_the_kernel_meets_with_zeros_around_the_image() {
        for patches in shapes() {
            let image: Vec<f64> = (1..=patches.image()).map(|i| i as f64).collect();
            let mut gathered = vec![f64::NAN; patches.positions() * patches.patch()];
            patches.gather(&image, &mut gathered);
            let mut index = 0;
            for position in 0..patches.positions() {
                for y in 0..patches.kernel_height {
                    for x in 0..patches.kernel_width {
                        for channel in 0..patches.channels {
                            let expected = pixel(&patches, position, y, x)
                                .map_or(0.0, |pixel| image[pixel * patches.channels + channel]);
                            assert_eq!(gathered[index], expected);
                            index += 1;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn scattering_is_the_transpose_of_gathering() {
        for patches in shapes() {
            let image: Vec<f64> = (0..patches.image()).map(|i| (i as f64).sin()).collect();
            let size = patches.positions() * patches.patch();
            let other: Vec<f64> = (0..size).map(|i| (i as f64).cos()).collect();
            let (mut gathered, mut scattered) = (vec![0.0; size], vec![0.0; image.len()]);
            patches.gather(&image, &mut gathered);
            patches.scatter_add(&other, &mut scattered);
            let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
            assert!((dot(&gathered, &other) - dot(&image, &scattered)).abs() < 1e-10);
        }
    }

    #[test]
    fn weights_turn_there_and_back() {
        let weight: Vec<f64> = (0..2 * 3 * 4).map(f64::from).collect();
        let turned = channels_last(&weight, 3, 4);
        assert_eq!(turned[..4], [0.0, 4.0, 8.0, 1.0]);
        assert_eq!(channels_first(&turned, 3, 4), weight);
        // [2, 3, 4] to [4, 3, 2].
        assert_eq!(
            patch_rows(&weight, 2, 3, 4)[..6],
            [0.0, 12.0, 4.0, 16.0, 8.0, 20.0]
        );
    }
}
