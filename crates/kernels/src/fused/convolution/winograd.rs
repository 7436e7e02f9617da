//! Convolutions by 3×3 kernels with stride 1 as a product of transformed tiles: Lavin & Gray 2016, "Fast Algorithms for
//! Convolutional Neural Networks", F(4×4, 3×3).
//!
//! A tile of 4×4 outputs Y depends on 6×6 inputs D: Y = Aᵀ [(G K Gᵀ) ⊙ (Bᵀ D B)] A for one pair of channels. The sum over
//! channels is a matrix product for each of the 36 elements ⊙, so an output needs 2.25 multiplications for each pair of
//! channels instead of 9.

use std::ops::{Add, Mul, Sub};

use crate::element::Element;
use crate::fused::elementwise::{column_sums, pieces, vectorised};
use crate::fused::parallel::{Spare, collect};
use crate::fused::product::{Matrix, product_into_on_one_thread};

use super::patches::GROUP;

/// The size of a tile of outputs, in pixels.
const OUTPUT: usize = 4;
/// The size of a kernel.
const KERNEL: usize = 3;
/// The size of a tile of inputs and of a transformed tile.
const TILE: usize = OUTPUT + KERNEL - 1;
/// The number of elements of a transformed tile.
const AREA: usize = TILE * TILE;
/// The number of channels that are transformed together.
const LANES: usize = 8;
/// The smallest number of channels for which the products outweigh the transforms.
const CHANNELS: usize = 16;

/// One element of [`LANES`] channels.
#[derive(Clone, Copy)]
struct Lanes<T>([T; LANES]);

// Loops over indices, because the standard library's functions on arrays are not inlined, so not vectorised.
impl<T: Element> Lanes<T> {
    #[inline(always)]
    fn from_fn(f: impl Fn(usize) -> T) -> Self {
        let mut lanes = [T::zero(); LANES];
        for (lane, value) in lanes.iter_mut().enumerate() {
            *value = f(lane);
        }
        Self(lanes)
    }
}

impl<T: Element> Add for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::from_fn(|lane| self.0[lane] + other.0[lane])
    }
}

impl<T: Element> Sub for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::from_fn(|lane| self.0[lane] - other.0[lane])
    }
}

impl<T: Element> Mul<f64> for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f64) -> Self {
        let factor = T::from_f64(factor);
        Self::from_fn(|lane| self.0[lane] * factor)
    }
}

/// Bᵀ d: for inputs.
#[inline(always)]
fn of_input<T: Element>([d0, d1, d2, d3, d4, d5]: [Lanes<T>; TILE]) -> [Lanes<T>; TILE] {
    let (even, odd) = (d4 - d2 * 4.0, d3 - d1 * 4.0);
    let (even_2, odd_2) = (d4 - d2, (d3 - d1) * 2.0);
    [
        d0 * 4.0 - d2 * 5.0 + d4,
        even + odd,
        even - odd,
        even_2 + odd_2,
        even_2 - odd_2,
        d1 * 4.0 - d3 * 5.0 + d5,
    ]
}

/// G k: for kernels.
#[inline(always)]
fn of_kernel<T: Element>([k0, k1, k2]: [Lanes<T>; KERNEL]) -> [Lanes<T>; TILE] {
    let (even, odd) = ((k0 + k2) * (-1.0 / 6.0), k1 * (-1.0 / 6.0));
    let (even_2, odd_2) = (k0 * (1.0 / 24.0) + k2 * (1.0 / 6.0), k1 * (1.0 / 12.0));
    [
        k0 * 0.25,
        even + odd,
        even - odd,
        even_2 + odd_2,
        even_2 - odd_2,
        k2,
    ]
}

/// Aᵀ m: outputs from products.
#[inline(always)]
fn to_output<T: Element>([m0, m1, m2, m3, m4, m5]: [Lanes<T>; TILE]) -> [Lanes<T>; OUTPUT] {
    let (even, odd) = (m1 + m2, m1 - m2);
    let (even_2, odd_2) = (m3 + m4, m3 - m4);
    [
        m0 + even + even_2,
        odd + odd_2 * 2.0,
        even + even_2 * 4.0,
        odd + odd_2 * 8.0 + m5,
    ]
}

/// A y: the transpose of [`to_output`], for gradients of outputs.
#[inline(always)]
fn of_output<T: Element>([y0, y1, y2, y3]: [Lanes<T>; OUTPUT]) -> [Lanes<T>; TILE] {
    let (even, odd) = (y0 + y2, y1 + y3);
    let (even_2, odd_2) = (y0 + y2 * 4.0, y1 * 2.0 + y3 * 8.0);
    [
        y0,
        even + odd,
        even - odd,
        even_2 + odd_2,
        even_2 - odd_2,
        y3,
    ]
}

/// Gᵀ m: the transpose of [`of_kernel`], for gradients of kernels.
#[inline(always)]
fn to_kernel<T: Element>([m0, m1, m2, m3, m4, m5]: [Lanes<T>; TILE]) -> [Lanes<T>; KERNEL] {
    let (even, even_2) = ((m1 + m2) * (-1.0 / 6.0), m3 + m4);
    [
        m0 * 0.25 + even + even_2 * (1.0 / 24.0),
        (m2 - m1) * (1.0 / 6.0) + (m3 - m4) * (1.0 / 12.0),
        even + even_2 * (1.0 / 6.0) + m5,
    ]
}

/// Applies f to the columns and then to the rows of a matrix: element (i, j) is read by `get`, and that of the result
/// written by `put`.
#[inline(always)]
fn transform<T: Element, const N: usize, const M: usize>(
    f: impl Fn([Lanes<T>; N]) -> [Lanes<T>; M],
    get: impl Fn(usize, usize) -> Lanes<T>,
    mut put: impl FnMut(usize, usize, Lanes<T>),
) {
    let zero = Lanes([T::zero(); LANES]);
    let mut columns = [[zero; M]; N];
    for (j, transformed) in columns.iter_mut().enumerate() {
        let mut column = [zero; N];
        for (i, element) in column.iter_mut().enumerate() {
            *element = get(i, j);
        }
        *transformed = f(column);
    }
    for i in 0..M {
        let mut row = [zero; N];
        for (element, column) in row.iter_mut().zip(&columns) {
            *element = column[i];
        }
        for (j, &element) in f(row).iter().enumerate() {
            put(i, j, element);
        }
    }
}

/// Values as groups of [`LANES`] channels.
fn lanes<T>(values: &[T]) -> &[[T; LANES]] {
    values.as_chunks().0
}

fn lanes_mut<T>(values: &mut [T]) -> &mut [[T; LANES]] {
    values.as_chunks_mut().0
}

/// A matrix of `width` columns for each element of transformed tiles.
struct Transformed<T> {
    values: Vec<T>,
    width: usize,
    /// The distance between matrices, in elements.
    stride: usize,
}

impl<T: Element> Transformed<T> {
    /// Zeros, for `rows` rows.
    fn new(rows: usize, width: usize) -> Self {
        /// Keeps the matrices, which are written together, from sharing places in the cache.
        const APART: usize = 2 * LANES;
        let stride = rows * width + APART;
        Self {
            values: vec![T::zero(); AREA * stride],
            width,
            stride,
        }
    }

    /// The first `rows` rows of matrix `index`.
    fn matrix(&self, index: usize, rows: usize) -> Matrix<'_, T> {
        let values = &self.values[index * self.stride..][..rows * self.width];
        Matrix::new(values, rows, self.width)
    }

    /// The elements of [`Self::matrix`].
    fn elements(&mut self, index: usize, rows: usize) -> &mut [T] {
        &mut self.values[index * self.stride..][..rows * self.width]
    }
}

/// A convolution by 3×3 kernels with stride 1 from images of `inputs` channels to images of `outputs` channels.
#[derive(Clone, Copy)]
pub(super) struct Winograd {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) padding: usize,
}

/// Buffers for a few images.
struct Buffers<T> {
    /// An image, or a gradient, enlarged with zeros to whole tiles.
    padded: Vec<T>,
    inputs: Transformed<T>,
    outputs: Transformed<T>,
}

impl Winograd {
    /// Whether the convolution can be computed with these sizes, and is faster than without transforms.
    pub(super) fn suits(self) -> bool {
        let suits = |channels: usize| channels >= CHANNELS && channels.is_multiple_of(LANES);
        suits(self.inputs) && suits(self.outputs) && self.padding < KERNEL
    }

    /// The convolution that takes the gradients of the outputs to those of the inputs.
    pub(super) fn reversed(self) -> Self {
        let (height, width) = self.output_size();
        Self {
            height,
            width,
            inputs: self.outputs,
            outputs: self.inputs,
            padding: KERNEL - 1 - self.padding,
        }
    }

    fn output_size(self) -> (usize, usize) {
        let size = |size: usize| size + 2 * self.padding + 1 - KERNEL;
        (size(self.height), size(self.width))
    }

    /// The numbers of rows and columns of tiles in an image.
    fn tiles(self) -> (usize, usize) {
        let (height, width) = self.output_size();
        (height.div_ceil(OUTPUT), width.div_ceil(OUTPUT))
    }

    fn tile_count(self) -> usize {
        let (rows, columns) = self.tiles();
        rows * columns
    }

    /// The number of elements of an image.
    fn input(self) -> usize {
        self.height * self.width * self.inputs
    }

    /// The number of elements of an image of outputs.
    fn output(self) -> usize {
        let (height, width) = self.output_size();
        height * width * self.outputs
    }

    /// The number of images that are computed together.
    fn at_once(self) -> usize {
        /// The number of elements of transformed tiles that fit into the second-level cache.
        const CACHE: usize = 1 << 17;
        let image = AREA * self.tile_count() * (self.inputs + self.outputs);
        (CACHE / image).clamp(1, GROUP)
    }

    fn buffers<T: Element>(self) -> Buffers<T> {
        let (rows, columns) = self.tiles();
        let pixels = (rows * OUTPUT + KERNEL - 1) * (columns * OUTPUT + KERNEL - 1);
        let tiles = self.at_once() * self.tile_count();
        Buffers {
            padded: vec![T::zero(); pixels * self.inputs.max(self.outputs)],
            inputs: Transformed::new(tiles, self.inputs),
            outputs: Transformed::new(tiles, self.outputs),
        }
    }

    /// The transformed kernels of a weight `[outputs, inputs, 3, 3]`: matrices from inputs to outputs.
    fn kernels<T: Element>(self, weight: &[T]) -> Transformed<T> {
        self.kernels_by(|output, input, place| {
            weight[(output * self.inputs + input) * KERNEL * KERNEL + place]
        })
    }

    /// The transformed kernels of [`Self::reversed`] for a weight `[inputs, outputs, 3, 3]`.
    fn reversed_kernels<T: Element>(self, weight: &[T]) -> Transformed<T> {
        self.kernels_by(|output, input, place| {
            weight[(input * self.outputs + output + 1) * KERNEL * KERNEL - 1 - place]
        })
    }

    /// The transformed kernels of a weight whose elements are read by output, input and place in the kernel.
    fn kernels_by<T: Element>(self, weight: impl Fn(usize, usize, usize) -> T) -> Transformed<T> {
        let mut kernels = Transformed::new(self.inputs, self.outputs);
        let stride = kernels.stride;
        let values = lanes_mut(&mut kernels.values);
        vectorised(
            #[inline(always)]
            || {
                for input in 0..self.inputs {
                    for first in (0..self.outputs).step_by(LANES) {
                        transform(
                            of_kernel,
                            |y, x| {
                                Lanes::from_fn(|lane| weight(first + lane, input, y * KERNEL + x))
                            },
                            |i, j, element| {
                                let matrix = (i * TILE + j) * stride;
                                let place = matrix + input * self.outputs + first;
                                values[place / LANES] = element.0;
                            },
                        );
                    }
                }
            },
        );
        kernels
    }

    /// Transforms the tiles of an image, with or without an overlap, into the rows of `transformed` from tile `first`.
    #[inline(always)]
    fn tiles_of<T: Element, const N: usize>(
        self,
        f: impl Fn([Lanes<T>; N]) -> [Lanes<T>; TILE] + Copy,
        padded: &[T],
        row: usize,
        first: usize,
        transformed: &mut Transformed<T>,
    ) {
        let (rows, columns) = self.tiles();
        let channels = transformed.width / LANES;
        let stride = transformed.stride / LANES;
        let (padded, values) = (lanes(padded), lanes_mut(&mut transformed.values));
        for tile in 0..rows * columns {
            let (y, x) = (tile / columns * OUTPUT, tile % columns * OUTPUT);
            for channel in 0..channels {
                let start = (y * row + x) * channels + channel;
                let place = (first + tile) * channels + channel;
                transform(
                    f,
                    |i, j| Lanes(padded[start + (i * row + j) * channels]),
                    |i, j, element| values[place + (i * TILE + j) * stride] = element.0,
                );
            }
        }
    }

    /// Copies an image to an offset in a larger one, whose other pixels remain as they are. `row` is the width of the
    /// larger image in pixels.
    fn copied<T: Element>(
        image: &[T],
        [width, channels]: [usize; 2],
        padding: usize,
        padded: &mut [T],
        row: usize,
    ) {
        for (index, pixels) in image.chunks_exact(width * channels).enumerate() {
            let start = ((index + padding) * row + padding) * channels;
            padded[start..][..pixels.len()].copy_from_slice(pixels);
        }
    }

    /// Transforms the tiles of images; returns their number.
    fn transform_inputs<T: Element>(self, images: &[T], buffers: &mut Buffers<T>) -> usize {
        let row = self.tiles().1 * OUTPUT + KERNEL - 1;
        let Buffers { padded, inputs, .. } = buffers;
        padded.fill(T::zero());
        let mut first = 0;
        for image in images.chunks_exact(self.input()) {
            Self::copied(image, [self.width, self.inputs], self.padding, padded, row);
            vectorised(
                #[inline(always)]
                || self.tiles_of(of_input, padded, row, first, inputs),
            );
            first += self.tile_count();
        }
        first
    }

    /// Transforms the tiles of gradients of outputs.
    fn transform_gradients<T: Element>(self, gradients: &[T], buffers: &mut Buffers<T>) {
        let row = self.tiles().1 * OUTPUT;
        let width = self.output_size().1;
        let Buffers {
            padded, outputs, ..
        } = buffers;
        padded.fill(T::zero());
        let mut first = 0;
        for gradient in gradients.chunks_exact(self.output()) {
            Self::copied(gradient, [width, self.outputs], 0, padded, row);
            vectorised(
                #[inline(always)]
                || self.tiles_of(of_output, padded, row, first, outputs),
            );
            first += self.tile_count();
        }
    }

    /// Transforms products back, into images of outputs.
    fn transform_back<T: Element>(self, outputs: &Transformed<T>, images: &mut [T]) {
        let (height, width) = self.output_size();
        let (rows, columns) = self.tiles();
        let channels = self.outputs / LANES;
        let stride = outputs.stride / LANES;
        let values = lanes(&outputs.values);
        vectorised(
            #[inline(always)]
            || {
                for (index, image) in images.chunks_exact_mut(self.output()).enumerate() {
                    let image = lanes_mut(image);
                    for tile in 0..rows * columns {
                        let (y, x) = (tile / columns * OUTPUT, tile % columns * OUTPUT);
                        for channel in 0..channels {
                            let place = (index * rows * columns + tile) * channels + channel;
                            let start = (y * width + x) * channels + channel;
                            transform(
                                to_output,
                                |i, j| Lanes(values[place + (i * TILE + j) * stride]),
                                |i, j, element| {
                                    if y + i < height && x + j < width {
                                        image[start + (i * width + j) * channels] = element.0;
                                    }
                                },
                            );
                        }
                    }
                }
            },
        );
    }

    /// The outputs for images and a weight `[outputs, inputs, 3, 3]`. `finish` is applied to complete images while they are
    /// in the cache.
    pub(super) fn times<T: Element>(
        self,
        images: &[T],
        weight: &[T],
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        self.convolve(images, &self.kernels(weight), finish)
    }

    /// The gradients of the images, from those of the outputs: the transpose of [`Self::times`].
    pub(super) fn spread<T: Element>(self, gradients: &[T], weight: &[T]) -> Vec<T> {
        let reversed = self.reversed();
        reversed.convolve(gradients, &reversed.reversed_kernels(weight), |_| {})
    }

    fn convolve<T: Element>(
        self,
        images: &[T],
        kernels: &Transformed<T>,
        finish: impl Fn(&mut [T]) + Sync,
    ) -> Vec<T> {
        let (input, output) = (self.input(), self.output());
        let spare = Spare::new(|| self.buffers());
        let len = images.len() / input * output;
        pieces(len, self.at_once() * output, |first, result| {
            spare.with(|buffers| {
                let images = &images[first / output * input..][..result.len() / output * input];
                let tiles = self.transform_inputs(images, buffers);
                for index in 0..AREA {
                    product_into_on_one_thread(
                        buffers.outputs.elements(index, tiles),
                        buffers.inputs.matrix(index, tiles),
                        kernels.matrix(index, self.inputs),
                        false,
                    );
                }
                self.transform_back(&buffers.outputs, result);
                finish(result);
            });
        })
    }

    /// The gradient of the weight, `[outputs, inputs, 3, 3]`, from images and the gradients of their outputs.
    pub(super) fn correlate<T: Element>(self, images: &[T], gradients: &[T]) -> Vec<T> {
        let (input, output) = (self.input(), self.output());
        let groups = images.len().div_ceil(GROUP * input);
        let spare = Spare::new(|| self.buffers());
        let parts = collect(groups, |group| {
            let mut sums = Transformed::new(self.inputs, self.outputs);
            let images = &images[group * GROUP * input..];
            let images = &images[..images.len().min(GROUP * input)];
            let gradients = &gradients[group * GROUP * output..];
            spare.with(|buffers| {
                for (images, gradients) in images
                    .chunks(self.at_once() * input)
                    .zip(gradients.chunks(self.at_once() * output))
                {
                    let tiles = self.transform_inputs(images, buffers);
                    let gradients = &gradients[..images.len() / input * output];
                    self.transform_gradients(gradients, buffers);
                    for index in 0..AREA {
                        product_into_on_one_thread(
                            sums.elements(index, self.inputs),
                            buffers.inputs.matrix(index, tiles).transposed(),
                            buffers.outputs.matrix(index, tiles),
                            true,
                        );
                    }
                }
            });
            self.weight(&sums)
        });
        let size = self.outputs * self.inputs * KERNEL * KERNEL;
        column_sums(&parts.concat(), size)
    }

    /// Transforms sums of products of tiles back, into a gradient of the weight.
    fn weight<T: Element>(self, sums: &Transformed<T>) -> Vec<T> {
        let mut weight = vec![T::zero(); self.outputs * self.inputs * KERNEL * KERNEL];
        let values = lanes(&sums.values);
        vectorised(
            #[inline(always)]
            || {
                for input in 0..self.inputs {
                    for first in (0..self.outputs).step_by(LANES) {
                        transform(
                            to_kernel,
                            |i, j| {
                                let matrix = (i * TILE + j) * sums.stride;
                                let place = matrix + input * self.outputs + first;
                                Lanes(values[place / LANES])
                            },
                            |y, x, element| {
                                for lane in 0..LANES {
                                    let kernel = (first + lane) * self.inputs + input;
                                    let place = kernel * KERNEL * KERNEL + y * KERNEL + x;
                                    weight[place] = element.0[lane];
                                }
                            },
                        );
                    }
                }
            },
        );
        weight
    }
}

#[cfg(test)]
mod tests {
    use latent_tolerance::{DOUBLE, SINGLE, rounding};

    use super::*;
    use crate::fused::convolution::patches::{Axis, Patches};

    /// Convolutions of several shapes: images smaller than a tile, whole tiles, and rests; several groups of images.
    fn shapes() -> Vec<(Winograd, usize)> {
        let shapes = [
            ([1, 1], [16, 16], 1, 1),
            ([3, 5], [16, 24], 0, 2),
            ([4, 4], [24, 16], 1, 3),
            ([7, 7], [16, 16], 2, GROUP + 3),
            ([14, 9], [16, 32], 1, 2),
        ];
        let count = if cfg!(miri) { 2 } else { shapes.len() };
        shapes[..count]
            .iter()
            .map(|&([height, width], [inputs, outputs], padding, images)| {
                let winograd = Winograd {
                    height,
                    width,
                    inputs,
                    outputs,
                    padding,
                };
                (winograd, images)
            })
            .collect()
    }

    /// The same convolution without transforms.
    fn direct(winograd: Winograd) -> Patches {
        let (rows, columns) = winograd.output_size();
        let axis = |size, positions| Axis {
            size,
            kernel: KERNEL,
            stride: 1,
            padding: winograd.padding,
            positions,
        };
        Patches {
            vertical: axis(winograd.height, rows),
            horizontal: axis(winograd.width, columns),
            channels: winograd.inputs,
        }
    }

    /// Numbers in [−1, 1] without a pattern, so that sums do not cancel.
    fn numbers<T: Element>(count: usize, start: f64) -> Vec<T> {
        (0..count)
            .map(|i| T::from_f64(((i * i % 9973) as f64 * 0.37 + start).sin()))
            .collect()
    }

    /// Compares sums of `terms` products of numbers in [−1, 1] in 64-bit floats.
    ///
    /// The transforms multiply the rounding of a sum by at most the product of the largest absolute row sums of the three
    /// matrices on both sides: Bᵀ 10, G 1/2 and Aᵀ 19, squared (Higham 2002, section 3.5); 24 additions more.
    fn assert_close(found: &[f64], expected: &[f64], terms: usize, case: &str) {
        const AMPLIFICATION: f64 = 10.0 * 10.0 * 0.25 * 19.0 * 19.0;
        assert_eq!(found.len(), expected.len());
        let bound = rounding(DOUBLE, terms + 24, AMPLIFICATION * terms as f64);
        for (found, expected) in found.iter().zip(expected) {
            let difference = (found - expected).abs();
            assert!(difference <= bound, "{case}: {difference} above {bound}");
        }
    }

    /// The root mean square of the differences, relative to that of the expected numbers.
    fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
        assert_eq!(found.len(), expected.len());
        let squares: f64 = found
            .iter()
            .zip(expected)
            .map(|(&found, expected)| (f64::from(found) - expected).powi(2))
            .sum();
        (squares / expected.iter().map(|value| value * value).sum::<f64>()).sqrt()
    }

    /// Outputs, gradients of images, and gradients of kernels, all in `T`.
    fn results<T: Element>(winograd: Winograd, count: usize, is_direct: bool) -> [Vec<T>; 3] {
        let area = KERNEL * KERNEL;
        let weight: Vec<T> = numbers(winograd.outputs * winograd.inputs * area, 0.1);
        let images: Vec<T> = numbers(count * winograd.input(), 0.2);
        let gradients: Vec<T> = numbers(count * winograd.output(), 0.3);
        if !is_direct {
            return [
                winograd.times(&images, &weight, |_| {}),
                winograd.spread(&gradients, &weight),
                winograd.correlate(&images, &gradients),
            ];
        }
        let (patches, outputs) = (direct(winograd), winograd.outputs);
        let kernels = patches.kernels(&weight);
        [
            patches.times(&images, &kernels, outputs, |_| {}),
            patches.spread(&gradients, &kernels, outputs, |_| {}),
            patches.weight(&patches.correlate(&images, &gradients, outputs)),
        ]
    }

    #[test]
    fn transformed_tiles_give_the_direct_convolution_and_its_gradients() {
        for (winograd, count) in shapes() {
            assert!(winograd.suits());
            let area = KERNEL * KERNEL;
            let terms = [
                area * winograd.inputs,
                area * winograd.outputs,
                count * winograd.output() / winograd.outputs,
            ];
            let expected = results::<f64>(winograd, count, true);
            let found = results::<f64>(winograd, count, false);
            let single = results::<f32>(winograd, count, false);
            let cases = ["outputs", "gradients of images", "gradients of kernels"];
            for (index, case) in cases.into_iter().enumerate() {
                assert_close(&found[index], &expected[index], terms[index], case);
                // At most 12 units in the last place were measured, for sums without cancellation.
                let error = relative_error(&single[index], &expected[index]);
                assert!(error < 32.0 * SINGLE, "{case}: {error}");
            }
        }
    }

    #[test]
    fn unsuitable_sizes_are_refused() {
        let suits = |inputs, outputs, padding| {
            let (height, width) = (5, 5);
            Winograd {
                height,
                width,
                inputs,
                outputs,
                padding,
            }
            .suits()
        };
        assert!(suits(16, 24, 1));
        assert!(!suits(8, 16, 1) && !suits(16, 20, 1) && !suits(16, 16, 3));
    }
}
