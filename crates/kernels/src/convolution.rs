use std::borrow::Cow;

use candle_core::{Result, Tensor, bail};

use crate::Activation;
use crate::element::Element;
use crate::elementwise::{column_sums, pieces, vectorised};
use crate::parallel::collect;
use crate::sequence::{Layer, Map, sequence};
use crate::tiles::{Indexed, Panels, product_of};

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
///
/// In an image with its padding around it, element (i, j) of that matrix lies where position i starts
/// plus where element j of the kernel lies: see [`Indexed`].
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

    /// Height and width of what the kernel reaches of an image and its padding.
    fn padded_size(&self) -> (usize, usize) {
        (
            (self.rows - 1) * self.stride + self.kernel_height,
            (self.columns - 1) * self.stride + self.kernel_width,
        )
    }

    /// Numbers in an image with its padding.
    fn padded(&self) -> usize {
        let (height, width) = self.padded_size();
        height * width * self.channels
    }

    /// Where the rows of an image lie in it and in the image with its padding, as far as the kernel
    /// reaches: calls `each(start in the image, start in the padded image, length)`.
    #[inline(always)]
    fn each_row(&self, mut each: impl FnMut(usize, usize, usize)) {
        let (height, width) = self.padded_size();
        let rows = self.height.min(height.saturating_sub(self.padding));
        let columns = self.width.min(width.saturating_sub(self.padding));
        for row in 0..rows {
            each(
                row * self.width * self.channels,
                ((row + self.padding) * width + self.padding) * self.channels,
                columns * self.channels,
            );
        }
    }

    /// Puts images into `padded`, whose padding is zero already.
    fn pad<T: Element>(&self, images: &[T], padded: &mut [T]) {
        for (image, padded) in images
            .chunks_exact(self.image())
            .zip(padded.chunks_exact_mut(self.padded()))
        {
            self.each_row(|from, to, len| {
                padded[to..][..len].copy_from_slice(&image[from..][..len]);
            });
        }
    }

    /// Where the patches of so many padded images start.
    fn starts(&self, images: usize) -> Vec<usize> {
        let (_, width) = self.padded_size();
        let start = |image, row, column| {
            image * self.padded() + (row * width + column) * self.stride * self.channels
        };
        (0..images)
            .flat_map(|image| (0..self.rows).map(move |row| (image, row)))
            .flat_map(|(image, row)| (0..self.columns).map(move |column| start(image, row, column)))
            .collect()
    }

    /// Where the numbers of a patch lie, from its start on.
    fn offsets(&self) -> Vec<usize> {
        let (_, width) = self.padded_size();
        let run = self.kernel_width * self.channels;
        (0..self.kernel_height)
            .flat_map(|row| (0..run).map(move |number| row * width * self.channels + number))
            .collect()
    }

    /// Where the numbers of a patch lie in the kernel `[channels, height, width]` that meets it.
    fn in_kernel(&self) -> Vec<usize> {
        let area = self.area();
        (0..area)
            .flat_map(|position| (0..self.channels).map(move |c| c * area + position))
            .collect()
    }

    /// Where each of `k` kernels starts in a weight `[k, channels, height, width]`.
    fn kernels(&self, k: usize) -> Vec<usize> {
        (0..k).map(|kernel| kernel * self.patch()).collect()
    }

    /// A weight `[k, channels, height, width]` as a matrix of a row a kernel, of which each element
    /// meets one of a patch.
    fn kernels_in_rows<T: Element>(&self, weight: &[T], k: usize) -> Panels<T> {
        Panels::new(Indexed::new(weight, &self.kernels(k), &self.in_kernel()))
    }

    /// The same with a column a kernel.
    fn kernels_in_columns<T: Element>(&self, weight: &[T], k: usize) -> Panels<T> {
        Panels::new(Indexed::new(weight, &self.in_kernel(), &self.kernels(k)))
    }

    /// From a matrix of a column a kernel, row by row, the weight.
    fn weight<T: Element>(&self, columns: &[T], k: usize) -> Vec<T> {
        let mut weight = vec![T::zero(); columns.len()];
        for (row, offset) in columns.chunks_exact(k).zip(self.in_kernel()) {
            for (element, start) in row.iter().zip((0..).step_by(self.patch())) {
                weight[start + offset] = *element;
            }
        }
        weight
    }

    /// Adds up patches, which start at `starts`, in `padded`, and takes the image out of it.
    fn scatter_add<T: Element>(
        &self,
        patches: &[T],
        starts: &[usize],
        padded: &mut [T],
        image: &mut [T],
    ) {
        let (_, width) = self.padded_size();
        let run = self.kernel_width * self.channels;
        padded.fill(T::zero());
        vectorised(
            #[inline(always)]
            || {
                for (patch, start) in patches.chunks_exact(self.patch()).zip(starts) {
                    for (row, patch) in patch.chunks_exact(run).enumerate() {
                        let start = start + row * width * self.channels;
                        for (pixel, &number) in padded[start..][..run].iter_mut().zip(patch) {
                            *pixel += number;
                        }
                    }
                }
            },
        );
        self.each_row(|to, from, len| {
            image[to..][..len].copy_from_slice(&padded[from..][..len]);
        });
    }

    /// P B for the patches P of every image, where `b` has a row for each number of a patch: a row a
    /// position. `finish` changes rows that are done, still in the cache.
    fn times<T: Element>(
        &self,
        images: &[T],
        b: &Panels<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let size = self.positions() * b.columns();
        let at_once = at_once(self.padded() + size);
        let (starts, offsets) = (self.starts(at_once), self.offsets());
        pieces(
            images.len() / self.image() * size,
            GROUP * size,
            |first, group| {
                let images = &images[first / size * self.image()..];
                let mut padded = vec![T::zero(); at_once * self.padded()];
                for (images, result) in images
                    .chunks(at_once * self.image())
                    .zip(group.chunks_mut(at_once * size))
                {
                    let starts = &starts[..result.len() / b.columns()];
                    self.pad(images, &mut padded);
                    let patches = Indexed::new(&padded, starts, &offsets);
                    product_of(patches, b, result, false);
                    finish(result);
                }
            },
        )
    }

    /// Spreads A B over the images, the transpose of taking their patches: `a` holds a row for each
    /// position of each image, and `b` has a column for each number of a patch. `finish` changes
    /// images that are done.
    fn spread<T: Element>(
        &self,
        a: &[T],
        b: &Panels<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let (image, size) = (self.image(), self.positions() * self.patch());
        let row = b.rows();
        let at_once = at_once(size);
        let starts = self.starts(1);
        let rows: Vec<usize> = (0..at_once * self.positions()).map(|i| i * row).collect();
        let offsets: Vec<usize> = (0..row).collect();
        let images = a.len() / (self.positions() * row);
        pieces(images * image, GROUP * image, |first, group| {
            let a = &a[first / image * self.positions() * row..];
            let mut padded = vec![T::zero(); self.padded()];
            let mut patches = vec![T::zero(); at_once * size];
            for (a, images) in a
                .chunks(at_once * self.positions() * row)
                .zip(group.chunks_mut(at_once * image))
            {
                let patches = &mut patches[..images.len() / image * size];
                let a = Indexed::new(
                    a,
                    &rows[..images.len() / image * self.positions()],
                    &offsets,
                );
                product_of(a, b, patches, false);
                for (patches, image) in patches
                    .chunks_exact(size)
                    .zip(images.chunks_exact_mut(image))
                {
                    self.scatter_add(patches, &starts, &mut padded, image);
                }
                finish(images);
            }
        })
    }

    /// Pᵀ A for the patches P of all images and `a` with a row of `k` numbers for each: a row of `k`
    /// for each number of a patch.
    fn correlate<T: Element>(&self, images: &[T], a: &[T], k: usize) -> Vec<T> {
        let size = self.positions() * k;
        let at_once = at_once(self.padded() + size);
        let (starts, offsets) = (self.starts(at_once), self.offsets());
        let groups = images.len().div_ceil(GROUP * self.image());
        let parts = collect(groups, |group| {
            let mut sum = vec![T::zero(); self.patch() * k];
            let mut padded = vec![T::zero(); at_once * self.padded()];
            let mut panels = Panels::empty(k);
            let images = &images[group * GROUP * self.image()..];
            let images = &images[..images.len().min(GROUP * self.image())];
            for (images, a) in images
                .chunks(at_once * self.image())
                .zip(a[group * GROUP * size..].chunks(at_once * size))
            {
                self.pad(images, &mut padded);
                panels.set(a);
                let patches = Indexed::new(&padded, &offsets, &starts[..a.len() / k]);
                product_of(patches, &panels, &mut sum, true);
            }
            sum
        });
        column_sums(&parts.concat(), self.patch() * k)
    }
}

/// Images that one thread works through, and over which it sums the gradient of the weights: fixed,
/// so that the number of threads changes no sum.
const GROUP: usize = 16;

/// How many images, of so many numbers each in all, stay in a processor's second cache together.
fn at_once(numbers: usize) -> usize {
    const CACHE: usize = 1 << 16;
    (CACHE / numbers.max(1)).clamp(1, GROUP)
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
        let weight = patches.kernels_in_columns(weight, self.outputs);
        patches.times(&input, &weight, |rows| {
            self.activation.with_bias(rows, bias)
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
            let correlated = patches.correlate(input, gradient, self.outputs);
            patches.weight(&correlated, self.outputs)
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
        let weight = patches.kernels_in_rows(weight, self.outputs);
        Cow::Owned(patches.spread(&gradient, &weight, |_| {}))
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
        let weight = patches.kernels_in_rows(weight, self.inputs);
        patches.spread(&input, &weight, |image| {
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
            let correlated = patches.correlate(gradient, input, self.inputs);
            patches.weight(&correlated, self.inputs)
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
        let weight = patches.kernels_in_columns(weight, self.inputs);
        Cow::Owned(patches.times(&gradient, &weight, |_| {}))
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

    fn padded(patches: &Patches, image: &[f64]) -> Vec<f64> {
        let mut padded = vec![0.0; patches.padded()];
        patches.pad(image, &mut padded);
        padded
    }

    #[test]
    fn patches_are_what_the_kernel_meets_with_zeros_around_the_image() {
        for patches in shapes() {
            let image: Vec<f64> = (1..=patches.image()).map(|i| i as f64).collect();
            let padded = padded(&patches, &image);
            for (position, start) in patches.starts(1).into_iter().enumerate() {
                let mut offsets = patches.offsets().into_iter();
                for y in 0..patches.kernel_height {
                    for x in 0..patches.kernel_width {
                        for channel in 0..patches.channels {
                            let expected = pixel(&patches, position, y, x)
                                .map_or(0.0, |pixel| image[pixel * patches.channels + channel]);
                            assert_eq!(
                                offsets.next().map(|offset| padded[start + offset]),
                                Some(expected)
                            );
                        }
                    }
                }
                assert_eq!(offsets.next(), None);
            }
        }
    }

    #[test]
    fn scattering_is_the_transpose_of_gathering() {
        for patches in shapes() {
            let image: Vec<f64> = (0..patches.image()).map(|i| (i as f64).sin()).collect();
            let size = patches.positions() * patches.patch();
            let other: Vec<f64> = (0..size).map(|i| (i as f64).cos()).collect();
            let mut padded = padded(&patches, &image);
            let starts = patches.starts(1);
            let gathered = starts
                .iter()
                .flat_map(|start| {
                    patches
                        .offsets()
                        .into_iter()
                        .map(move |offset| start + offset)
                })
                .map(|index| padded[index]);
            let there: f64 = gathered.zip(&other).map(|(a, b)| a * b).sum();
            let mut scattered = vec![0.0; image.len()];
            patches.scatter_add(&other, &starts, &mut padded, &mut scattered);
            let back: f64 = image.iter().zip(&scattered).map(|(a, b)| a * b).sum();
            assert!((there - back).abs() < 1e-10);
        }
    }

    #[test]
    fn kernels_lie_as_patches_do_and_turn_back() {
        for patches in shapes() {
            let k = 3;
            let weight: Vec<f64> = (0..k * patches.patch()).map(|i| i as f64).collect();
            let channels_last: Vec<f64> = (0..patches.patch())
                .map(|i| (i % patches.channels * patches.area() + i / patches.channels) as f64)
                .collect();
            let first: Vec<f64> = patches.in_kernel().iter().map(|&i| weight[i]).collect();
            assert_eq!(first, channels_last);
            let columns: Vec<f64> = patches
                .in_kernel()
                .iter()
                .flat_map(|&offset| {
                    patches
                        .kernels(k)
                        .into_iter()
                        .map(move |start| start + offset)
                })
                .map(|index| weight[index])
                .collect();
            assert_eq!(patches.weight(&columns, k), weight);
        }
    }
}
