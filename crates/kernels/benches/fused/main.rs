//! Measures each fused operation relative to the same operation composed of candle's, and the
//! convolutions and linear maps relative to bare products by the gemm crate.
//!
//! `just bench-fused` prints the table of the crate's README. Both forms alternate in one process
//! on one thread, and the fastest of many calls counts, which reduces the effect of other load on
//! the machine. The whole measurement is repeated three times: ratios are the median, the smallest
//! and the largest.
#![expect(clippy::expect_used, reason = "a panic is a failed benchmark")]
#![expect(clippy::print_stdout, reason = "the benchmark prints a table")]

mod by_gemm;

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor, Var};
use latent_kernels as fused;
use latent_kernels::{
    Activation, Adam, Convolution, Layer, Moments, TransposedConvolution, backward, composed,
};

use by_gemm::{Images, Linear};

/// An allocator that keeps freed memory, as in the applications.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Repetitions of the whole measurement.
const ROUNDS: usize = 3;
/// The measuring time of both forms of an operation in a round, and the minimum number of calls.
const BUDGET: Duration = Duration::from_millis(300);
const LEAST: usize = 10;

type Work = Box<dyn Fn()>;

/// The fused form of an operation and the form to compare with.
type Pair = [Work; 2];

struct Case {
    name: String,
    forward: Pair,
    /// With the gradients that training computes.
    gradients: Option<Pair>,
}

fn main() {
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_wanted = |case: &Case| filter.as_ref().is_none_or(|word| case.name.contains(word));
    let cases: Vec<Case> = cases().into_iter().filter(is_wanted).collect();
    let rounds: Vec<Vec<[Option<[f64; 2]>; 2]>> = (0..ROUNDS)
        .map(|_| cases.iter().map(measure).collect())
        .collect();
    println!("| operation | shapes | fused, µs | forward | fused, µs | with gradients |");
    println!("|---|---|---|---|---|---|");
    for (index, case) in cases.iter().enumerate() {
        let column = |which: usize| {
            let found: Option<Vec<[f64; 2]>> =
                rounds.iter().map(|round| round[index][which]).collect();
            found.map_or_else(|| "| |".to_owned(), |found| summary(&found))
        };
        println!("| {} {} {} |", case.name, column(0), column(1));
    }
}

/// The time of the fused form in microseconds, and the time of the other form divided by it.
fn measure(case: &Case) -> [Option<[f64; 2]>; 2] {
    [Some(&case.forward), case.gradients.as_ref()].map(|pair| pair.map(fastest))
}

fn fastest(pair: &Pair) -> [f64; 2] {
    let mut fastest = [Duration::MAX; 2];
    let start = Instant::now();
    let mut calls = 0;
    while calls < LEAST || start.elapsed() < BUDGET {
        for (fastest, work) in fastest.iter_mut().zip(pair) {
            let start = Instant::now();
            work();
            *fastest = start.elapsed().min(*fastest);
        }
        calls += 1;
    }
    let [fused, other] = fastest.map(|time| time.as_secs_f64() * 1e6);
    [fused, other / fused]
}

fn summary(found: &[[f64; 2]]) -> String {
    let mut ratios: Vec<f64> = found.iter().map(|[_, ratio]| *ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let time = found.iter().map(|[time, _]| *time).fold(f64::MAX, f64::min);
    let [low, median, high] = [0, ratios.len() / 2, ratios.len() - 1].map(|i| ratios[i]);
    format!("| {time:.1} | {median:.2} ({low:.2}–{high:.2})")
}

/// Numbers in (0, 1), like pixels.
fn numbers(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|i| 0.5 + 0.49 * (i as f32 * 0.37).sin())
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("the count fits the shape")
}

/// An operation on inputs of these shapes; the first `trained` inputs get gradients.
fn case(
    name: impl Into<String>,
    shapes: &[&[usize]],
    trained: usize,
    fused: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + Copy + 'static,
    composed: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + Copy + 'static,
) -> Case {
    let inputs: Vec<Tensor> = shapes.iter().map(|shape| numbers(shape)).collect();
    Case {
        name: name.into(),
        forward: [forward(&inputs, fused), forward(&inputs, composed)],
        gradients: (trained > 0).then(|| {
            [
                gradients(&inputs, trained, fused),
                gradients(&inputs, trained, composed),
            ]
        }),
    }
}

fn forward(inputs: &[Tensor], work: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'static) -> Work {
    let inputs = inputs.to_vec();
    Box::new(move || {
        black_box(work(&inputs).expect("the shapes fit"));
    })
}

fn gradients(
    inputs: &[Tensor],
    trained: usize,
    work: impl Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'static,
) -> Work {
    let variable = |tensor: &Tensor| Var::from_tensor(tensor).map(|var| var.as_tensor().clone());
    let mut inputs = inputs.to_vec();
    for input in &mut inputs[..trained] {
        *input = variable(input).expect("a tensor becomes a variable");
    }
    let run = move || {
        let outputs = work(&inputs)?;
        let sums = outputs.iter().map(Tensor::sum_all);
        let loss = sums.reduce(|a, b| a? + b?).expect("there is a result")?;
        backward(&loss)
    };
    Box::new(move || {
        black_box(run().expect("the shapes fit"));
    })
}

/// A function of this crate and its composed form, with the same arguments.
macro_rules! both {
    ($function:ident($($argument:expr),*) -> one, $x:ident) => {
        (
            |$x: &[Tensor]| Ok(vec![fused::$function($($argument),*)?]),
            |$x: &[Tensor]| Ok(vec![composed::$function($($argument),*)?]),
        )
    };
    ($function:ident($($argument:expr),*) -> two, $x:ident) => {
        (
            |$x: &[Tensor]| fused::$function($($argument),*).map(|(a, b)| vec![a, b]),
            |$x: &[Tensor]| composed::$function($($argument),*).map(|(a, b)| vec![a, b]),
        )
    };
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    networks(&mut cases);
    distributions(&mut cases);
    bijectors(&mut cases);
    updates(&mut cases);
    products(&mut cases);
    cases
}

const SMALLER: Convolution = Convolution {
    stride: 2,
    padding: 1,
};
const LARGER: TransposedConvolution = TransposedConvolution {
    stride: 2,
    padding: 1,
    output_padding: [1, 1],
};

/// The layers of the presets' networks, with weights and biases from index 1 on.
fn linear_layers(x: &[Tensor]) -> Vec<Layer<'_>> {
    x.as_chunks::<2>()
        .0
        .iter()
        .map(|[weight, bias]| Layer::Linear {
            weight,
            bias,
            activation: Activation::Relu,
        })
        .collect()
}

fn networks(cases: &mut Vec<Case>) {
    for (batch, sizes) in [
        (32, &[784, 512, 4][..]),
        (128, &[784, 512, 4]),
        (32, &[2, 512, 784]),
        (128, &[2, 512, 784]),
        (200, &[392, 384, 384, 784]),
        (200, &[392, 512, 512, 5488]),
        (128, &[392, 1024, 1024, 392]),
        (200, &[392, 1024, 1024, 392]),
    ] {
        let mut shapes = vec![vec![batch, sizes[0]]];
        for pair in sizes.windows(2) {
            shapes.extend([vec![pair[1], pair[0]], vec![pair[1]]]);
        }
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let name: Vec<String> = sizes.iter().map(usize::to_string).collect();
        // The input is a variable too: between couplings a gradient flows to it.
        let (f, c) = both!(sequence(&x[0], &linear_layers(&x[1..])) -> one, x);
        let name = format!("`sequence`, linear | {}, batch {batch}", name.join("-"));
        cases.push(case(name, &shapes, shapes.len(), f, c));
    }
    for batch in [32, 128] {
        for (size, inputs, outputs) in [(28, 1, 32), (14, 32, 64)] {
            let shapes: [&[usize]; 3] = [
                &[batch, size, size, inputs],
                &[outputs, inputs, 3, 3],
                &[outputs],
            ];
            let (f, c) = both!(conv2d(&x[0], &x[1], &x[2], SMALLER, Activation::Relu) -> one, x);
            let name = format!("`conv2d` | {size}×{size}×{inputs} to {outputs}, batch {batch}");
            cases.push(case(name, &shapes, 3, f, c));
        }
        for (size, inputs, outputs) in [(7, 64, 32), (14, 32, 1)] {
            let shapes: [&[usize]; 3] = [
                &[batch, size, size, inputs],
                &[inputs, outputs, 3, 3],
                &[outputs],
            ];
            let (f, c) =
                both!(conv_transpose2d(&x[0], &x[1], &x[2], LARGER, Activation::Relu) -> one, x);
            let name =
                format!("`conv_transpose2d` | {size}×{size}×{inputs} to {outputs}, batch {batch}");
            cases.push(case(name, &shapes, 3, f, c));
        }
    }
}

fn distributions(cases: &mut Vec<Case>) {
    for shape in [[32, 784], [128, 784]] {
        let text = format!("{shape:?}");
        let (f, c) = both!(bernoulli_log_likelihood(&x[0], &x[1]) -> one, x);
        let name = format!("`bernoulli_log_likelihood` | {text}");
        cases.push(case(name, &[&shape, &shape], 1, f, c));
    }
}

fn bijectors(cases: &mut Vec<Case>) {
    let (batch, width) = (200, 392);
    let half: &[usize] = &[batch, width];
    let whole: &[usize] = &[batch, 2 * width];
    let (f, c) = both!(affine_coupling(&x[0], &x[1], &x[2]) -> two, x);
    cases.push(case("`affine_coupling` | [200, 392]", &[half; 3], 3, f, c));
    let (f, c) = both!(affine_coupling_inverse(&x[0], &x[1], &x[2]) -> two, x);
    let name = "`affine_coupling_inverse` | [200, 392]";
    cases.push(case(name, &[half; 3], 3, f, c));
    let row: &[usize] = &[2 * width];
    let (f, c) = both!(diagonal_affine(&x[0], &x[1], &x[2]) -> two, x);
    let name = "`diagonal_affine` | [200, 784]";
    cases.push(case(name, &[whole, row, row], 3, f, c));
    let (f, c) = both!(diagonal_affine_inverse(&x[0], &x[1], &x[2]) -> two, x);
    let name = "`diagonal_affine_inverse` | [200, 784]";
    cases.push(case(name, &[whole, row, row], 3, f, c));
    let parameters: &[usize] = &[batch, 14 * width];
    let (f, c) = both!(logistic_mixture(&x[0], &x[1], 4) -> two, x);
    let name = "`logistic_mixture` | [200, 392], 4 components";
    cases.push(case(name, &[half, parameters], 2, f, c));
}

fn updates(cases: &mut Vec<Case>) {
    let variable = |len: usize| Var::from_tensor(&numbers(&[len])).expect("a variable");
    for len in [512, 100_000, 400_000, 1_000_000] {
        let gradient = numbers(&[len]);
        let update = |is_fused: bool| -> Work {
            let (parameter, gradient) = (variable(len), gradient.clone());
            let moments = Moments::zeros_like(&parameter).expect("zeros");
            let run = if is_fused {
                fused::adam_update
            } else {
                composed::adam_update
            };
            Box::new(move || {
                run(&parameter, &gradient, &moments, &Adam::default(), 1).expect("one shape");
            })
        };
        cases.push(Case {
            name: format!("`adam_update` | [{len}]"),
            forward: [update(true), update(false)],
            gradients: None,
        });
        let average = |is_fused: bool| -> Work {
            let (average, value) = (variable(len), gradient.clone());
            let run = if is_fused {
                fused::average_update
            } else {
                composed::average_update
            };
            Box::new(move || run(&average, &value, 0.999).expect("one shape"))
        };
        cases.push(Case {
            name: format!("`average_update` | [{len}]"),
            forward: [average(true), average(false)],
            gradients: None,
        });
        let norm = |is_fused: bool| -> Work {
            let values = gradient.clone();
            let run = if is_fused {
                fused::squared_norm
            } else {
                composed::squared_norm
            };
            Box::new(move || {
                black_box(run(&values).expect("floats"));
            })
        };
        cases.push(Case {
            name: format!("`squared_norm` | [{len}]"),
            forward: [norm(true), norm(false)],
            gradients: None,
        });
    }
}

/// Linear maps and convolutions compared with bare products by gemm, without the bias, the
/// activation and candle's graph of the fused operations: the possible gain of another
/// implementation.
fn products(cases: &mut Vec<Case>) {
    for (batch, inputs, outputs) in [
        (32, 784, 512),
        (128, 784, 512),
        (128, 512, 784),
        (200, 392, 384),
        (200, 384, 784),
        (128, 392, 1024),
        (128, 1024, 1024),
        (200, 1024, 1024),
        (200, 512, 5488),
    ] {
        let shapes: [&[usize]; 3] = [&[batch, inputs], &[outputs, inputs], &[outputs]];
        let tensors = shapes.map(numbers);
        let linear = |x: &[Tensor]| {
            let output = fused::linear(&x[0], &x[1], &x[2], Activation::Identity)?;
            Ok(vec![output])
        };
        let by_gemm = Linear::new(batch, inputs, outputs);
        // The gradient of the weights alone: the gradient of the input uses gemm in both.
        let weights = [tensors[1].clone(), tensors[2].clone(), tensors[0].clone()];
        let turned = move |x: &[Tensor]| linear(&[x[2].clone(), x[0].clone(), x[1].clone()]);
        cases.push(Case {
            name: format!("`linear` by gemm | {inputs}-{outputs}, batch {batch}"),
            forward: [
                forward(&tensors, linear),
                repeat(by_gemm.clone(), |by_gemm| by_gemm.run(false)),
            ],
            gradients: Some([
                gradients(&weights, 2, turned),
                repeat(by_gemm, |by_gemm| by_gemm.run(true)),
            ]),
        });
    }
    for batch in [32, 128] {
        for (size, inputs, outputs) in [(28, 1, 32), (14, 32, 64)] {
            let shapes: [&[usize]; 3] = [
                &[batch, size, size, inputs],
                &[outputs, inputs, 3, 3],
                &[outputs],
            ];
            let tensors = shapes.map(numbers);
            let run = |x: &[Tensor]| {
                let output = fused::conv2d(&x[0], &x[1], &x[2], SMALLER, Activation::Identity)?;
                Ok(vec![output])
            };
            let images = Images::new(batch, size, inputs, outputs);
            cases.push(Case {
                name: format!(
                    "`conv2d` by gemm | {size}×{size}×{inputs} to {outputs}, batch {batch}"
                ),
                forward: [
                    forward(&tensors, run),
                    repeat(images.clone(), Images::times),
                ],
                gradients: Some([gradients(&tensors, 3, run), repeat(images, Images::all)]),
            });
        }
        for (size, inputs, outputs) in [(7, 64, 32), (14, 32, 1)] {
            let shapes: [&[usize]; 3] = [
                &[batch, size, size, inputs],
                &[inputs, outputs, 3, 3],
                &[outputs],
            ];
            let tensors = shapes.map(numbers);
            let run = |x: &[Tensor]| {
                let activation = Activation::Identity;
                let output = fused::conv_transpose2d(&x[0], &x[1], &x[2], LARGER, activation)?;
                Ok(vec![output])
            };
            let images = Images::new(batch, 2 * size, outputs, inputs);
            cases.push(Case {
                name: format!(
                    "`conv_transpose2d` by gemm | {size}×{size}×{inputs} to {outputs}, batch {batch}"
                ),
                forward: [
                    forward(&tensors, run),
                    repeat(images.clone(), Images::spread),
                ],
                gradients: Some([gradients(&tensors, 3, run), repeat(images, Images::all)]),
            });
        }
    }
}

fn repeat<T: 'static>(state: T, work: impl Fn(&mut T) + 'static) -> Work {
    let state = std::cell::RefCell::new(state);
    Box::new(move || work(&mut state.borrow_mut()))
}
