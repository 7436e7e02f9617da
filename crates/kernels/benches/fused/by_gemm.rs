//! Linear maps and 3×3 convolutions of stride 2 and padding 1 by the gemm crate, without other work
//! than the products. Convolutions copy the patches of a few images at a time (im2col), which stay
//! in the second-level cache, and reuse their buffers.

use gemm::{Parallelism, gemm};

#[derive(Clone, Copy)]
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    /// Whether the numbers are stored in column-major order.
    turned: bool,
}

impl<'a> Matrix<'a> {
    fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self {
            values,
            rows,
            columns,
            turned: false,
        }
    }

    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            turned: !self.turned,
            ..self
        }
    }

    fn strides(self) -> [isize; 2] {
        let [rows, columns] = [self.rows, self.columns].map(usize::cast_signed);
        if self.turned { [1, rows] } else { [columns, 1] }
    }
}

fn multiply(result: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
    assert_eq!((a.columns, result.len()), (b.rows, a.rows * b.columns));
    let ([a_row, a_column], [b_row, b_column]) = (a.strides(), b.strides());
    // SAFETY: the result has room for the whole product, and the strides stay within the matrices.
    #[expect(unsafe_code, reason = "gemm takes pointers")]
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            result.as_mut_ptr(),
            1,
            b.columns.cast_signed(),
            accumulate,
            a.values.as_ptr(),
            a_column,
            a_row,
            b.values.as_ptr(),
            b_column,
            b_row,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// x Wᵀ and the gradient of W.
#[derive(Clone)]
pub(crate) struct Linear {
    sizes: [usize; 3],
    input: Vec<f32>,
    weight: Vec<f32>,
    output: Vec<f32>,
    gradient: Vec<f32>,
}

impl Linear {
    pub(crate) fn new(batch: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            sizes: [batch, inputs, outputs],
            input: numbers(batch * inputs),
            weight: numbers(outputs * inputs),
            output: numbers(batch * outputs),
            gradient: numbers(outputs * inputs),
        }
    }

    pub(crate) fn run(&mut self, with_gradient: bool) {
        let [batch, inputs, outputs] = self.sizes;
        let input = Matrix::new(&self.input, batch, inputs);
        let weight = Matrix::new(&self.weight, outputs, inputs);
        multiply(&mut self.output, input, weight.transposed(), false);
        if with_gradient {
            let delta = Matrix::new(&self.output, batch, outputs);
            multiply(&mut self.gradient, delta.transposed(), input, false);
        }
    }
}

const KERNEL: usize = 3;
const AREA: usize = KERNEL * KERNEL;

/// A convolution from images `[batch, size, size, channels]` to `[batch, size / 2, size / 2, k]`.
#[derive(Clone)]
pub(crate) struct Images {
    size: usize,
    channels: usize,
    k: usize,
    large: Vec<f32>,
    small: Vec<f32>,
    /// One row for each element of a patch, one column for each kernel.
    kernels: Vec<f32>,
    weight_gradient: Vec<f32>,
    frame: Vec<f32>,
    patches: Vec<f32>,
}

impl Images {
    pub(crate) fn new(batch: usize, size: usize, channels: usize, k: usize) -> Self {
        let mut new = Self {
            size,
            channels,
            k,
            large: numbers(batch * size * size * channels),
            small: numbers(batch * size * size / 4 * k),
            kernels: numbers(AREA * channels * k),
            weight_gradient: numbers(AREA * channels * k),
            frame: vec![0.0; (size + 1) * (size + 1) * channels],
            patches: Vec::new(),
        };
        new.patches = vec![0.0; new.at_once() * new.positions() * new.patch()];
        new
    }

    fn positions(&self) -> usize {
        self.size * self.size / 4
    }

    fn patch(&self) -> usize {
        AREA * self.channels
    }

    fn at_once(&self) -> usize {
        ((1 << 16) / (self.positions() * self.patch())).clamp(1, 16)
    }

    /// The start of each contiguous run of a patch in the padded image, by position and row of the
    /// kernel.
    fn runs(&self) -> impl Iterator<Item = usize> + use<> {
        let (half, row, channels) = (
            self.size / 2,
            (self.size + 1) * self.channels,
            self.channels,
        );
        (0..half).flat_map(move |y| {
            (0..half).flat_map(move |x| {
                (0..KERNEL).map(move |down| (2 * y + down) * row + 2 * x * channels)
            })
        })
    }

    /// im2col.
    fn gather(&mut self, first: usize, images: usize) {
        let (row, run) = (self.size * self.channels, KERNEL * self.channels);
        let (image, patches) = (self.size * row, self.positions() * self.patch());
        for index in 0..images {
            let image = &self.large[(first + index) * image..][..image];
            let framed = self.frame.chunks_exact_mut(row + self.channels).skip(1);
            for (framed, row) in framed.zip(image.chunks_exact(row)) {
                framed[self.channels..].copy_from_slice(row);
            }
            let runs = self.runs();
            let patches = self.patches[index * patches..][..patches].chunks_exact_mut(run);
            for (patch, start) in patches.zip(runs) {
                patch.copy_from_slice(&self.frame[start..][..run]);
            }
        }
    }

    /// col2im.
    fn scatter(&mut self, first: usize, images: usize) {
        let (row, run) = (self.size * self.channels, KERNEL * self.channels);
        let (image, patches) = (self.size * row, self.positions() * self.patch());
        for index in 0..images {
            self.frame.fill(0.0);
            let runs = self.runs();
            let patches = self.patches[index * patches..][..patches].chunks_exact(run);
            for (patch, start) in patches.zip(runs) {
                for (sum, value) in self.frame[start..][..run].iter_mut().zip(patch) {
                    *sum += value;
                }
            }
            let image = &mut self.large[(first + index) * image..][..image];
            let framed = self.frame.chunks_exact(row + self.channels).skip(1);
            for (framed, row) in framed.zip(image.chunks_exact_mut(row)) {
                row.copy_from_slice(&framed[self.channels..]);
            }
        }
        // The border is the padding of the next images.
        self.frame.fill(0.0);
    }

    /// The convolution.
    pub(crate) fn times(&mut self) {
        self.each(|images, first, count| {
            images.gather(first, count);
            let (rows, columns) = (count * images.positions(), images.patch());
            let patches = Matrix::new(&images.patches[..rows * columns], rows, columns);
            let kernels = Matrix::new(&images.kernels, columns, images.k);
            let start = first * images.positions() * images.k;
            let result = &mut images.small[start..][..rows * images.k];
            multiply(result, patches, kernels, false);
        });
    }

    /// The gradient of the weights.
    fn correlate(&mut self) {
        self.weight_gradient.fill(0.0);
        self.each(|images, first, count| {
            images.gather(first, count);
            let (rows, columns) = (count * images.positions(), images.patch());
            let patches = Matrix::new(&images.patches[..rows * columns], rows, columns);
            let start = first * images.positions() * images.k;
            let small = Matrix::new(&images.small[start..][..rows * images.k], rows, images.k);
            let result = &mut images.weight_gradient;
            multiply(result, patches.transposed(), small, true);
        });
    }

    /// The transposed convolution.
    pub(crate) fn spread(&mut self) {
        self.each(|images, first, count| {
            let (rows, columns) = (count * images.positions(), images.patch());
            let start = first * images.positions() * images.k;
            let small = Matrix::new(&images.small[start..][..rows * images.k], rows, images.k);
            let kernels = Matrix::new(&images.kernels, columns, images.k);
            let result = &mut images.patches[..rows * columns];
            multiply(result, small, kernels.transposed(), false);
            images.scatter(first, count);
        });
    }

    /// A training step: the convolution or its transpose, and both gradients.
    pub(crate) fn all(&mut self) {
        self.times();
        self.correlate();
        self.spread();
    }

    fn each(&mut self, work: impl Fn(&mut Self, usize, usize)) {
        let count = self.large.len() / (self.size * self.size * self.channels);
        for first in (0..count).step_by(self.at_once()) {
            work(self, first, self.at_once().min(count - first));
        }
    }
}
