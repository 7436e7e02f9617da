//! Measures each kernel and the hardware limit: floating-point operations per second compared with
//! those of gemm on a large product, bytes per second compared with a plain copy.
//!
//! `just bench-kernels` runs the benchmark. Products are counted in operations (a "Gitem" is 10⁹ of
//! them), elementwise passes in the bytes that they must at least read and write.
#![expect(clippy::expect_used, reason = "a panic is a failed benchmark")]

use candle_core::{Device, Result, Tensor, Var};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use latent_kernels::{
    Activation, Adam, Convolution, Moments, TransposedConvolution, adam_update, affine_coupling,
    backward, bernoulli_log_likelihood, conv_transpose2d, conv2d, dequantised_logit,
    diagonal_affine, kl_to_standard_normal, linear, logistic_mixture, reparametrise,
};

/// An allocator that keeps freed memory, as in the applications.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const BATCH: usize = 128;
const FLOAT: usize = size_of::<f32>();

fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("the count fits the shape")
}

fn variable(shape: &[usize]) -> Var {
    Var::from_tensor(&numbers(shape)).expect("a tensor becomes a variable")
}

/// Times `work`, each call of which has as many operations or bytes as `counter` says.
fn time(
    bencher: Bencher,
    counter: impl divan::counter::IntoCounter,
    work: impl Fn() -> Result<Tensor>,
) {
    bencher
        .counter(counter)
        .bench_local(|| black_box(work().expect("the shapes fit")));
}

/// The limits of the machine.
mod ceiling {
    use super::{Bencher, BytesCount, FLOAT, ItemsCount, numbers, time};

    #[divan::bench]
    fn gemm_1024(bencher: Bencher) {
        let (a, b) = (numbers(&[1024, 1024]), numbers(&[1024, 1024]));
        time(bencher, ItemsCount::new(2usize << 30), || a.matmul(&b));
    }

    #[divan::bench(args = [1 << 16, 1 << 20, 1 << 24])]
    fn copy(bencher: Bencher, elements: usize) {
        let a = numbers(&[elements]);
        time(bencher, BytesCount::new(2 * elements * FLOAT), || a.copy());
    }
}

/// Outputs of a layer, inputs, and images in a batch.
const LAYERS: [(usize, usize, usize); 4] = [
    (512, 784, 128),
    (512, 784, 32),
    (512, 512, 128),
    (784, 512, 128),
];

#[divan::bench(args = LAYERS)]
fn linear_relu(bencher: Bencher, (outputs, inputs, batch): (usize, usize, usize)) {
    let input = numbers(&[batch, inputs]);
    let (weight, bias) = (numbers(&[outputs, inputs]), numbers(&[outputs]));
    let operations = ItemsCount::new(2 * batch * inputs * outputs);
    time(bencher, operations, || {
        linear(&input, &weight, &bias, Activation::Relu)
    });
}

#[divan::bench(args = LAYERS)]
fn linear_relu_gradients(bencher: Bencher, (outputs, inputs, batch): (usize, usize, usize)) {
    let input = variable(&[batch, inputs]);
    let (weight, bias) = (variable(&[outputs, inputs]), variable(&[outputs]));
    let operations = ItemsCount::new(6 * batch * inputs * outputs);
    time(bencher, operations, || {
        let output = linear(&input, &weight, &bias, Activation::Relu)?.sum_all()?;
        backward(&output)?;
        Ok(output)
    });
}

#[divan::bench]
fn conv2d_32_to_64(bencher: Bencher) {
    let input = numbers(&[BATCH, 14, 14, 32]);
    let (weight, bias) = (numbers(&[64, 32, 3, 3]), numbers(&[64]));
    let convolution = Convolution {
        stride: 2,
        padding: 1,
    };
    let operations = ItemsCount::new(2 * BATCH * 7 * 7 * 64 * 32 * 9);
    time(bencher, operations, || {
        conv2d(&input, &weight, &bias, convolution, Activation::Relu)
    });
}

#[divan::bench]
fn conv_transpose2d_64_to_32(bencher: Bencher) {
    let input = numbers(&[BATCH, 7, 7, 64]);
    let (weight, bias) = (numbers(&[64, 32, 3, 3]), numbers(&[32]));
    let convolution = TransposedConvolution {
        stride: 2,
        padding: 1,
        output_padding: [1, 1],
    };
    let operations = ItemsCount::new(2 * BATCH * 7 * 7 * 64 * 32 * 9);
    time(bencher, operations, || {
        conv_transpose2d(&input, &weight, &bias, convolution, Activation::Relu)
    });
}

#[divan::bench]
fn conv2d_32_to_64_gradients(bencher: Bencher) {
    let input = variable(&[BATCH, 14, 14, 32]);
    let (weight, bias) = (variable(&[64, 32, 3, 3]), variable(&[64]));
    let convolution = Convolution {
        stride: 2,
        padding: 1,
    };
    let operations = ItemsCount::new(6 * BATCH * 7 * 7 * 64 * 32 * 9);
    time(bencher, operations, || {
        let output = conv2d(&input, &weight, &bias, convolution, Activation::Relu)?.sum_all()?;
        backward(&output)?;
        Ok(output)
    });
}

#[divan::bench]
fn conv_transpose2d_64_to_32_gradients(bencher: Bencher) {
    let input = variable(&[BATCH, 7, 7, 64]);
    let (weight, bias) = (variable(&[64, 32, 3, 3]), variable(&[32]));
    let convolution = TransposedConvolution {
        stride: 2,
        padding: 1,
        output_padding: [1, 1],
    };
    let operations = ItemsCount::new(6 * BATCH * 7 * 7 * 64 * 32 * 9);
    time(bencher, operations, || {
        let output =
            conv_transpose2d(&input, &weight, &bias, convolution, Activation::Relu)?.sum_all()?;
        backward(&output)?;
        Ok(output)
    });
}

#[divan::bench]
fn bernoulli(bencher: Bencher) {
    let (logits, targets) = (numbers(&[BATCH, 784]), numbers(&[BATCH, 784]));
    let bytes = BytesCount::new(2 * BATCH * 784 * FLOAT);
    time(bencher, bytes, || {
        bernoulli_log_likelihood(&logits, &targets)
    });
}

#[divan::bench]
fn bernoulli_gradient(bencher: Bencher) {
    let (logits, targets) = (variable(&[BATCH, 784]), numbers(&[BATCH, 784]));
    let bytes = BytesCount::new(5 * BATCH * 784 * FLOAT);
    time(bencher, bytes, || {
        let sum = bernoulli_log_likelihood(&logits, &targets)?.sum_all()?;
        backward(&sum)?;
        Ok(sum)
    });
}

#[divan::bench]
fn kl(bencher: Bencher) {
    let (loc, log_scale) = (numbers(&[BATCH, 50]), numbers(&[BATCH, 50]));
    let bytes = BytesCount::new(2 * BATCH * 50 * FLOAT);
    time(bencher, bytes, || kl_to_standard_normal(&loc, &log_scale));
}

#[divan::bench]
fn reparametrisation(bencher: Bencher) {
    let shape = [BATCH, 50];
    let (loc, log_scale, noise) = (numbers(&shape), numbers(&shape), numbers(&shape));
    let bytes = BytesCount::new(4 * BATCH * 50 * FLOAT);
    time(bencher, bytes, || reparametrise(&loc, &log_scale, &noise));
}

#[divan::bench]
fn coupling(bencher: Bencher) {
    let shape = [BATCH, 392];
    let (value, log_scale, translation) = (numbers(&shape), numbers(&shape), numbers(&shape));
    let bytes = BytesCount::new(5 * BATCH * 392 * FLOAT);
    time(bencher, bytes, || {
        Ok(affine_coupling(&value, &log_scale, &translation)?.0)
    });
}

#[divan::bench]
fn diagonal(bencher: Bencher) {
    let (value, columns) = (numbers(&[BATCH, 784]), numbers(&[784]));
    let bytes = BytesCount::new(2 * BATCH * 784 * FLOAT);
    time(bencher, bytes, || {
        Ok(diagonal_affine(&value, &columns, &columns)?.0)
    });
}

#[divan::bench(args = [1, 4, 8])]
fn mixture(bencher: Bencher, components: usize) {
    let parameters = numbers(&[BATCH, (3 * components + 2) * 392]);
    let value = numbers(&[BATCH, 392]);
    let bytes = BytesCount::new((3 * components + 5) * BATCH * 392 * FLOAT);
    time(bencher, bytes, || {
        Ok(logistic_mixture(&value, &parameters, components)?.0)
    });
}

#[divan::bench(args = [1, 4, 8])]
fn mixture_gradient(bencher: Bencher, components: usize) {
    let parameters = variable(&[BATCH, (3 * components + 2) * 392]);
    let value = numbers(&[BATCH, 392]);
    let bytes = BytesCount::new(2 * (3 * components + 5) * BATCH * 392 * FLOAT);
    bencher.counter(bytes).bench_local(|| {
        let (transformed, log_det) = logistic_mixture(&value, &parameters, components)?;
        backward(&(transformed.sum_all()? + log_det.sum_all()?)?)
    });
}

#[divan::bench]
fn dequantisation(bencher: Bencher) {
    let pixels = numbers(&[BATCH, 784])
        .abs()
        .expect("an elementwise function");
    let bytes = BytesCount::new(5 * BATCH * 784 * FLOAT);
    time(bencher, bytes, || {
        Ok(dequantised_logit(&pixels, &pixels, 1e-6)?.0)
    });
}

#[divan::bench(args = [1 << 16, 1 << 20, 1 << 23])]
fn adam(bencher: Bencher, parameters: usize) {
    let (parameter, gradient) = (variable(&[parameters]), numbers(&[parameters]));
    let moments = Moments::zeros_like(&parameter).expect("zeros");
    bencher
        .counter(BytesCount::new(7 * parameters * FLOAT))
        .bench_local(|| adam_update(&parameter, &gradient, &moments, &Adam::default(), 1));
}
