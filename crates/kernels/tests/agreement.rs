//! Each function has two implementations, fused for the CPU and composed of candle's operations.
//! One test for each function compares both, and both with finite differences. If there is a GPU,
//! and the build has the feature for it, the function must give the same results there.
#![expect(clippy::panic, reason = "a panic is a failed test")]

use std::sync::LazyLock;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use latent_kernels::{
    Activation, Adam, Convolution, Layer, Moments, TransposedConvolution, adam_update, backward,
    composed, gradient_error,
};
use latent_tolerance::{DOUBLE, SINGLE, central_difference, rounding, scaled};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Tanh,
    Activation::Silu,
    Activation::Gelu,
];

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Numbers in (−2, 2). Every other tensor is not contiguous: a transpose, or a part of a larger
/// tensor.
fn numbers(random: &mut impl Rng, shape: &[usize]) -> Result<Tensor> {
    let fill = |random: &mut dyn FnMut() -> f64, shape: &[usize]| {
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| random()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)
    };
    let kind = random.random_range(0..3);
    let mut draw = || random.random_range(-2.0..2.0);
    let last = shape.len().saturating_sub(1);
    match kind {
        0 if last > 0 => {
            let mut turned = shape.to_vec();
            turned.swap(0, last);
            fill(&mut draw, &turned)?.transpose(0, last)
        }
        1 if !shape.is_empty() => {
            let mut larger = shape.to_vec();
            larger[last] += 3;
            fill(&mut draw, &larger)?.narrow(last, 2, shape[last])
        }
        _ => fill(&mut draw, shape),
    }
}

/// Sizes that are 1, odd, a power of two, or one more than a vector's width.
fn size(random: &mut impl Rng) -> usize {
    [1, 2, 3, 5, 7, 8, 16, 17, 33][random.random_range(0..9)]
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>> {
    // On the CPU first: not every GPU has 64-bit floats.
    tensor
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1()
}

fn assert_close(what: &str, a: &Tensor, b: &Tensor, tolerance: f64) -> Result<()> {
    assert_eq!(a.dims(), b.dims(), "{what}");
    for (a, b) in flat(a)?.iter().zip(flat(b)?) {
        assert!(
            (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "{what}: {a} is not {b}"
        );
    }
    Ok(())
}

/// A bound on the rounding error of `operations`, on products of numbers below two, in this dtype.
fn lost(dtype: DType, operations: usize) -> f64 {
    let epsilon = if dtype == DType::F32 { SINGLE } else { DOUBLE };
    rounding(epsilon, operations, 4.0)
}

/// The number of terms of the longest sums: the gradient of a convolution's bias, over 19 images.
const TERMS: usize = 19 * 12 * 12;

type Function<'a> = &'a dyn Fn(&[Tensor]) -> Result<Tensor>;

/// The GPU that this build can use, if there is one.
fn accelerator() -> Option<&'static Device> {
    static FOUND: LazyLock<Option<Device>> = LazyLock::new(|| {
        let found = [Device::cuda_if_available, Device::metal_if_available]
            .into_iter()
            .filter_map(|device| device(0).ok())
            .find(|device| !device.is_cpu());
        if found.is_none() {
            latent_tolerance::skipped(
                "agreement with a GPU",
                "this build or this machine has no GPU",
            );
        }
        found
    });
    FOUND.as_ref()
}

#[test]
#[cfg_attr(
    not(any(feature = "cuda", feature = "metal")),
    ignore = "this build has neither of the features cuda and metal"
)]
fn a_build_for_a_gpu_finds_one() {
    // Without a GPU, the other tests would pass without comparing anything with it.
    assert!(accelerator().is_some(), "no GPU was found");
}

/// The inputs in this dtype on this device, with their layout in memory; the first ones are
/// variables.
fn leaves(inputs: &[Tensor], trained: usize, dtype: DType, device: &Device) -> Result<Vec<Tensor>> {
    inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let input = input.to_dtype(dtype)?.to_device(device)?;
            // The layout (a transpose or a part of a tensor) is preserved.
            Ok(if index < trained {
                Var::from_tensor(&input)?.as_tensor().clone()
            } else {
                input
            })
        })
        .collect()
}

/// A sum with unequal weights, so that misplaced gradients do not pass.
fn weighted(output: &Tensor) -> Result<Tensor> {
    let weights: Vec<f64> = (0..output.elem_count()).map(|i| (i as f64).cos()).collect();
    let weights = Tensor::from_vec(weights, output.shape(), &Device::Cpu)?
        .to_dtype(output.dtype())?
        .to_device(output.device())?;
    (output * weights)?.sum_all()
}

/// Checks that values and gradients of both implementations agree in both dtypes, with candle's
/// `backward` and with this crate's, that those in 64 bits are correct, and that a GPU gives the
/// same.
fn hold_together(
    name: &str,
    fused: Function,
    composed: Function,
    inputs: &[Tensor],
    trained: usize,
) -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let tolerance = lost(dtype, TERMS);
        let on_cpu = leaves(inputs, trained, dtype, &Device::Cpu)?;
        let (ours, theirs) = (fused(&on_cpu)?, composed(&on_cpu)?);
        let what = format!("{name} in {dtype:?}");
        assert_eq!(ours.dtype(), dtype);
        assert_close(&what, &ours, &theirs, tolerance)?;
        let mut others = Vec::new();
        if trained > 0 {
            others.extend([
                ("candle's backward", &on_cpu, weighted(&ours)?.backward()?),
                ("backward", &on_cpu, backward(&weighted(&ours)?)?),
            ]);
        }
        // Not every GPU has 64-bit floats.
        let elsewhere = accelerator().filter(|_| dtype == DType::F32);
        let there = elsewhere
            .map(|device| leaves(inputs, trained, dtype, device))
            .transpose()?;
        if let Some(there) = &there {
            let output = fused(there)?;
            assert!(!output.device().is_cpu());
            assert_close(&format!("{what} on a GPU"), &output, &theirs, tolerance)?;
            if trained > 0 {
                others.push(("a GPU", there, backward(&weighted(&output)?)?));
            }
        }
        if trained == 0 {
            continue;
        }
        let expected = weighted(&theirs)?.backward()?;
        for (how, leaves, gradients) in others {
            for (index, (leaf, on_cpu)) in leaves.iter().zip(&on_cpu).enumerate().take(trained) {
                let what = format!("{what}, gradient {index} by {how}");
                let (Some(ours), Some(theirs)) = (gradients.get(leaf), expected.get(on_cpu)) else {
                    panic!("{what}: missing");
                };
                // The gradient is a product of numbers below two and the exponential of such a
                // number.
                assert_close(&what, ours, theirs, tolerance * 2f64.exp())?;
            }
        }
    }
    Ok(())
}

/// Compares both implementations with finite differences in 64 bits.
fn hold_to_differences(
    name: &str,
    fused: Function,
    composed: Function,
    inputs: &[Tensor],
    trained: usize,
) -> Result<()> {
    let variables: Vec<Var> = inputs[..trained]
        .iter()
        .map(Var::from_tensor)
        .collect::<Result<_>>()?;
    let leaves: Vec<Tensor> = variables
        .iter()
        .map(|variable| variable.as_tensor().clone())
        .chain(inputs[trained..].iter().cloned())
        .collect();
    for (which, function) in [("fused", fused), ("composed", composed)] {
        let error = gradient_error(|| function(&leaves), &variables.iter().collect::<Vec<_>>())?;
        // The step of `gradient_error`; weighted sums of hundreds of numbers of up to e⁴, relative
        // to the gradient.
        let bound = central_difference(1e-5, 4f64.exp(), DOUBLE, 600, 4f64.exp());
        assert!(error < bound, "{name}, {which}: {error}");
    }
    Ok(())
}

fn hold(
    name: &str,
    fused: Function,
    composed: Function,
    trained: usize,
    inputs: impl Fn(&mut ChaCha8Rng) -> Result<Vec<Tensor>>,
) -> Result<()> {
    // candle's convolutions query the processors at every call, which is slow.
    let rounds = if name.starts_with("conv") { 4 } else { 25 };
    let mut differentiated = 0;
    for seed in 0..rounds {
        let is_enough = trained == 0 || differentiated > 0;
        if is_enough && seed >= scaled(rounds as usize, 1) as u64 {
            break;
        }
        let inputs = inputs(&mut random(seed))?;
        hold_together(name, fused, composed, &inputs, trained)?;
        if trained > 0 && inputs.iter().map(Tensor::elem_count).sum::<usize>() < 600 {
            hold_to_differences(name, fused, composed, &inputs, trained)?;
            differentiated += 1;
        }
    }
    assert!(
        trained == 0 || differentiated > 0,
        "{name}: no round is small enough for finite differences"
    );
    Ok(())
}

/// A leading shape of up to three dimensions.
fn leading(random: &mut impl Rng) -> Vec<usize> {
    (0..random.random_range(0..3))
        .map(|_| size(random))
        .collect()
}

#[test]
fn linear() -> Result<()> {
    for activation in ACTIVATIONS {
        hold(
            "linear",
            &|x| latent_kernels::linear(&x[0], &x[1], &x[2], activation),
            &|x| composed::linear(&x[0], &x[1], &x[2], activation),
            3,
            |random| {
                let (inputs, outputs) = (size(random), size(random));
                let shape = [leading(random), vec![inputs]].concat();
                Ok(vec![
                    numbers(random, &shape)?,
                    numbers(random, &[outputs, inputs])?,
                    numbers(random, &[outputs])?,
                ])
            },
        )?;
    }
    Ok(())
}

#[test]
fn sequence() -> Result<()> {
    // An encoder with labels, and a decoder: every kind of layer, in most orders.
    fn layers(x: &[Tensor], activation: Activation) -> Vec<Layer<'_>> {
        let (weight, bias) = (&x[4], &x[5]);
        vec![
            Layer::Unflatten(4, 4, 1),
            Layer::Conv2d {
                weight: &x[1],
                bias: &x[2],
                convolution: Convolution {
                    stride: 2,
                    padding: 1,
                },
                activation: Activation::Identity,
            },
            Layer::AddLinear {
                input: &x[3],
                weight,
                bias,
                activation,
            },
            Layer::ConvTranspose2d {
                weight: &x[6],
                bias: &x[7],
                convolution: TransposedConvolution {
                    stride: 2,
                    padding: 1,
                    output_padding: [1, 1],
                },
                activation,
            },
            Layer::AddLinear {
                input: &x[3],
                weight: &x[8],
                bias: &x[9],
                activation,
            },
            Layer::Flatten,
            Layer::Linear {
                weight: &x[10],
                bias: &x[11],
                activation: Activation::Tanh,
            },
            Layer::Unflatten(1, 1, 5),
        ]
    }
    for activation in ACTIVATIONS {
        // Also with gradients for the input alone, or for some of the weights.
        for trained in [1, 3, 12] {
            hold(
                "convolutions and linear maps",
                &|x| latent_kernels::sequence(&x[0], &layers(x, activation)),
                &|x| composed::sequence(&x[0], &layers(x, activation)),
                trained,
                |random| {
                    let (channels, images) = (random.random_range(1..4), size(random).min(17));
                    [
                        &[images, 16][..],
                        &[channels, 1, 3, 3],
                        &[channels],
                        &[images, 3],
                        &[4 * channels, 3],
                        &[4 * channels],
                        &[channels, 2, 3, 3],
                        &[2],
                        &[32, 3],
                        &[32],
                        &[5, 32],
                        &[5],
                    ]
                    .into_iter()
                    .map(|shape| numbers(random, shape))
                    .collect()
                },
            )?;
        }
    }
    Ok(())
}

#[test]
fn skip_connections() -> Result<()> {
    // One around another, the outer one from the input, and one after both.
    fn layers(x: &[Tensor], activation: Activation) -> Vec<Layer<'_>> {
        let map = |number: usize, activation| Layer::Linear {
            weight: &x[number],
            bias: &x[number + 1],
            activation,
        };
        vec![
            Layer::Skip,
            Layer::Activation(activation),
            map(1, Activation::Tanh),
            Layer::Skip,
            Layer::Activation(activation),
            map(3, activation),
            Layer::AddSkip,
            Layer::AddSkip,
            Layer::Activation(activation),
            Layer::Skip,
            map(5, Activation::Identity),
            Layer::AddSkip,
        ]
    }
    for activation in ACTIVATIONS {
        // Also with gradients for the input alone, for some of the weights, and for none.
        for trained in [0, 1, 4, 7] {
            hold(
                "skip connections",
                &|x| latent_kernels::sequence(&x[0], &layers(x, activation)),
                &|x| composed::sequence(&x[0], &layers(x, activation)),
                trained,
                |random| {
                    let (width, rows) = (random.random_range(1..5), size(random).min(17));
                    let (weight, bias) = ([width, width], [width]);
                    [
                        &[rows, width][..],
                        &weight,
                        &bias,
                        &weight,
                        &bias,
                        &weight,
                        &bias,
                    ]
                    .into_iter()
                    .map(|shape| numbers(random, shape))
                    .collect()
                },
            )?;
        }
    }
    Ok(())
}

#[test]
fn skip_connections_without_start_end_or_equal_shapes_are_refused() -> Result<()> {
    let mut random = random(0);
    let input = numbers(&mut random, &[3, 4])?;
    let weight = numbers(&mut random, &[2, 4])?;
    let bias = numbers(&mut random, &[2])?;
    let map = Layer::Linear {
        weight: &weight,
        bias: &bias,
        activation: Activation::Identity,
    };
    for (layers, part) in [
        (&[Layer::Skip, map][..], "no end"),
        (&[map, Layer::AddSkip], "not started"),
        (&[Layer::Skip, Layer::AddSkip], "between"),
        (&[Layer::Skip, map, Layer::AddSkip], "the same"),
    ] {
        let error = latent_kernels::sequence(&input, layers).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn a_sequence_of_no_layers_is_its_input() -> Result<()> {
    let input = numbers(&mut random(0), &[3, 6])?;
    let output = latent_kernels::sequence(&input, &[])?;
    assert_close("nothing", &output, &input, 0.0)?;
    let output = latent_kernels::sequence(&input, &[Layer::Unflatten(1, 2, 3), Layer::Flatten])?;
    assert_close("layers without effect", &output, &input, 0.0)
}

#[test]
fn conv2d() -> Result<()> {
    for (stride, padding) in [(1, 0), (2, 1), (3, 2), (1, 3)] {
        for activation in ACTIVATIONS {
            let convolution = Convolution { stride, padding };
            hold(
                "conv2d",
                &|x| latent_kernels::conv2d(&x[0], &x[1], &x[2], convolution, activation),
                &|x| composed::conv2d(&x[0], &x[1], &x[2], convolution, activation),
                3,
                |random| {
                    let (inputs, outputs) = (random.random_range(1..4), random.random_range(1..6));
                    let images = [1, 2, 19][random.random_range(0..3)];
                    // candle has no gradient if the stride leaves a rest of the image unused.
                    let kernels = [random.random_range(1..4), random.random_range(1..4)];
                    let sizes = kernels.map(|kernel: usize| {
                        let positions =
                            random.random_range(1..4usize).max(2 * padding / stride + 1);
                        (positions * stride + kernel)
                            .saturating_sub(2 * padding)
                            .max(1)
                    });
                    Ok(vec![
                        numbers(random, &[images, sizes[0], sizes[1], inputs])?,
                        numbers(random, &[outputs, inputs, kernels[0], kernels[1]])?,
                        numbers(random, &[outputs])?,
                    ])
                },
            )?;
        }
    }
    Ok(())
}

#[test]
fn conv_transpose2d() -> Result<()> {
    for activation in ACTIVATIONS {
        for (stride, padding, output_padding) in [
            (1, 0, [0, 0]),
            (2, 1, [1, 1]),
            (2, 0, [0, 0]),
            (2, 1, [0, 1]),
            (3, 1, [2, 1]),
        ] {
            let convolution = TransposedConvolution {
                stride,
                padding,
                output_padding,
            };
            hold(
                "conv_transpose2d",
                &|x| latent_kernels::conv_transpose2d(&x[0], &x[1], &x[2], convolution, activation),
                &|x| composed::conv_transpose2d(&x[0], &x[1], &x[2], convolution, activation),
                3,
                |random| {
                    let (inputs, outputs) = (random.random_range(1..6), random.random_range(1..4));
                    let images = [1, 2, 19][random.random_range(0..3)];
                    let sizes = [random.random_range(2..6), random.random_range(2..6)];
                    let kernels = [random.random_range(2..4), random.random_range(2..4)];
                    Ok(vec![
                        numbers(random, &[images, sizes[0], sizes[1], inputs])?,
                        numbers(random, &[inputs, outputs, kernels[0], kernels[1]])?,
                        numbers(random, &[outputs])?,
                    ])
                },
            )?;
        }
    }
    Ok(())
}

#[test]
fn bernoulli() -> Result<()> {
    let targets =
        |random: &mut ChaCha8Rng, shape: &[usize]| numbers(random, shape)?.affine(0.25, 0.5);
    hold(
        "bernoulli_log_likelihood",
        &|x| latent_kernels::bernoulli_log_likelihood(&x[0], &x[1]),
        &|x| composed::bernoulli_log_likelihood(&x[0], &x[1]),
        1,
        |random| {
            let shape = [leading(random), vec![size(random)]].concat();
            // Several samples for the same targets.
            let draws = [leading(random), shape.clone()].concat();
            Ok(vec![numbers(random, &draws)?, targets(random, &shape)?])
        },
    )?;
    hold(
        "bernoulli_log_likelihood with a gradient for the targets",
        &|x| latent_kernels::bernoulli_log_likelihood(&x[0], &x[1]),
        &|x| composed::bernoulli_log_likelihood(&x[0], &x[1]),
        2,
        |random| {
            let shape = [size(random), size(random)];
            Ok(vec![numbers(random, &shape)?, targets(random, &shape)?])
        },
    )?;
    hold(
        "sigmoid",
        &|x| latent_kernels::sigmoid(&x[0]),
        &|x| composed::sigmoid(&x[0]),
        1,
        |random| {
            let shape = [size(random), size(random)];
            Ok(vec![numbers(random, &shape)?])
        },
    )
}

#[test]
fn normal() -> Result<()> {
    let shapes = |random: &mut ChaCha8Rng| [leading(random), vec![size(random)]].concat();
    hold(
        "reparametrise",
        &|x| latent_kernels::reparametrise(&x[0], &x[1], &x[2]),
        &|x| composed::reparametrise(&x[0], &x[1], &x[2]),
        3,
        |random| {
            let shape = shapes(random);
            (0..3).map(|_| numbers(random, &shape)).collect()
        },
    )?;
    hold(
        "kl_to_standard_normal",
        &|x| latent_kernels::kl_to_standard_normal(&x[0], &x[1]),
        &|x| composed::kl_to_standard_normal(&x[0], &x[1]),
        2,
        |random| {
            let shape = shapes(random);
            (0..2).map(|_| numbers(random, &shape)).collect()
        },
    )?;
    hold(
        "standard_normal_log_density",
        &|x| latent_kernels::standard_normal_log_density(&x[0]),
        &|x| composed::standard_normal_log_density(&x[0]),
        1,
        |random| {
            let shape = shapes(random);
            Ok(vec![numbers(random, &shape)?])
        },
    )?;
    hold(
        "normal_log_density",
        &|x| latent_kernels::normal_log_density(&x[0], &x[1], &x[2]),
        &|x| composed::normal_log_density(&x[0], &x[1], &x[2]),
        3,
        |random| {
            let shape = shapes(random);
            (0..3).map(|_| numbers(random, &shape)).collect()
        },
    )
}

#[test]
fn columns() -> Result<()> {
    let some = |x: &[Tensor]| -> Result<(usize, usize)> {
        let width = x[0].dim(D::Minus1)?;
        let first = (width - 1) / 3;
        Ok((first, (width - first).div_ceil(2)))
    };
    hold(
        "columns",
        &|x| {
            let (first, count) = some(x)?;
            latent_kernels::narrow(&x[0], first, count)
        },
        &|x| {
            let (first, count) = some(x)?;
            composed::narrow(&x[0], first, count)
        },
        1,
        |random| {
            let shape = [size(random), size(random)];
            Ok(vec![numbers(random, &shape)?])
        },
    )?;
    hold(
        "concat",
        &|x| latent_kernels::concat(&x[0], &x[1]),
        &|x| composed::concat(&x[0], &x[1]),
        2,
        |random| {
            let rows = size(random);
            let mut part = || {
                let shape = [rows, size(random)];
                numbers(random, &shape)
            };
            Ok(vec![part()?, part()?])
        },
    )?;
    let three = Tensor::new(&[[1f32, 2.0, 3.0]], &Device::Cpu)?;
    assert_eq!(latent_kernels::narrow(&three, 3, 0)?.dims(), [1, 0]);
    for (first, count) in [(3, 1), (0, 4), (2, usize::MAX)] {
        assert!(latent_kernels::narrow(&three, first, count).is_err());
    }
    let two_rows = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    assert!(latent_kernels::concat(&three, &two_rows).is_err());
    Ok(())
}

/// Both results of a coupling as one tensor.
fn joined((value, log_det): (Tensor, Tensor)) -> Result<Tensor> {
    Tensor::cat(&[value.flatten_all()?, log_det.flatten_all()?], 0)
}

#[test]
fn coupling() -> Result<()> {
    let inputs = |random: &mut ChaCha8Rng| -> Result<Vec<Tensor>> {
        let shape = [size(random), size(random)];
        (0..3).map(|_| numbers(random, &shape)).collect()
    };
    hold(
        "affine_coupling",
        &|x| joined(latent_kernels::affine_coupling(&x[0], &x[1], &x[2])?),
        &|x| joined(composed::affine_coupling(&x[0], &x[1], &x[2])?),
        3,
        inputs,
    )?;
    hold(
        "affine_coupling_inverse",
        &|x| {
            joined(latent_kernels::affine_coupling_inverse(
                &x[0], &x[1], &x[2],
            )?)
        },
        &|x| joined(composed::affine_coupling_inverse(&x[0], &x[1], &x[2])?),
        3,
        inputs,
    )
}

#[test]
fn transposed_blocks() -> Result<()> {
    hold(
        "transpose_blocks",
        &|x| latent_kernels::transpose_blocks(&x[0]),
        &|x| composed::transpose_blocks(&x[0]),
        1,
        |random| {
            let shape = [size(random), size(random), size(random), size(random)];
            Ok(vec![numbers(random, &shape)?])
        },
    )
}

#[test]
fn diagonal() -> Result<()> {
    let inputs = |random: &mut ChaCha8Rng| -> Result<Vec<Tensor>> {
        let width = size(random);
        let rows = [size(random), width];
        Ok(vec![
            numbers(random, &rows)?,
            numbers(random, &[width])?,
            numbers(random, &[width])?,
        ])
    };
    hold(
        "diagonal_affine",
        &|x| joined(latent_kernels::diagonal_affine(&x[0], &x[1], &x[2])?),
        &|x| joined(composed::diagonal_affine(&x[0], &x[1], &x[2])?),
        3,
        inputs,
    )?;
    hold(
        "diagonal_affine_inverse",
        &|x| {
            joined(latent_kernels::diagonal_affine_inverse(
                &x[0], &x[1], &x[2],
            )?)
        },
        &|x| joined(composed::diagonal_affine_inverse(&x[0], &x[1], &x[2])?),
        3,
        inputs,
    )
}

#[test]
fn mixtures() -> Result<()> {
    for components in [1, 2, 5] {
        hold(
            "logistic_mixture",
            &|x| joined(latent_kernels::logistic_mixture(&x[0], &x[1], components)?),
            &|x| joined(composed::logistic_mixture(&x[0], &x[1], components)?),
            2,
            |random| {
                let (rows, width) = (size(random), size(random));
                let parameters = (3 * components + 2) * width;
                Ok(vec![
                    numbers(random, &[rows, width])?,
                    numbers(random, &[rows, parameters])?,
                ])
            },
        )?;
    }
    Ok(())
}

#[test]
fn dequantisation() -> Result<()> {
    for lambda in [0.0, 1e-6, 0.05] {
        hold(
            "dequantised_logit",
            &|x| joined(latent_kernels::dequantised_logit(&x[0], &x[1], lambda)?),
            &|x| joined(composed::dequantised_logit(&x[0], &x[1], lambda)?),
            0,
            |random| {
                let shape = [size(random), size(random)];
                // Levels in [0, 1], including black and white, and noise in (0, 1).
                let pixels = (numbers(random, &shape)?
                    .affine(80.0, 128.0)?
                    .clamp(0.0, 255.0)?)
                .round()?
                .affine(1.0 / 255.0, 0.0)?;
                Ok(vec![pixels, numbers(random, &shape)?.affine(0.24, 0.5)?])
            },
        )?;
    }
    Ok(())
}

#[test]
fn adam() -> Result<()> {
    for seed in 0..10 {
        let mut random = random(seed);
        for dtype in [DType::F32, DType::F64] {
            let shape = [size(&mut random), 1000 * size(&mut random)];
            let start = numbers(&mut random, &shape)?.to_dtype(dtype)?;
            let adam = Adam {
                weight_decay: if seed % 2 == 0 { 0.0 } else { 0.3 },
                ..Adam::default()
            };
            let (ours, theirs) = (Var::from_tensor(&start)?, Var::from_tensor(&start.copy()?)?);
            let moments = [Moments::zeros_like(&ours)?, Moments::zeros_like(&theirs)?];
            for step in 1..4 {
                let gradient = numbers(&mut random, &shape)?.to_dtype(dtype)?;
                adam_update(&ours, &gradient, &moments[0], &adam, step)?;
                composed::adam_update(&theirs, &gradient, &moments[1], &adam, step)?;
            }
            // Three steps of ten operations.
            let tolerance = lost(dtype, 30);
            assert_close("a parameter", &ours, &theirs, tolerance)?;
            assert_close("m", &moments[0].first, &moments[1].first, tolerance)?;
            assert_close("v", &moments[0].second, &moments[1].second, tolerance)?;
        }
    }
    Ok(())
}

#[test]
fn a_variable_used_several_times_gets_the_sum_of_its_gradients() -> Result<()> {
    let mut random = random(1);
    let weight = Var::from_tensor(&numbers(&mut random, &[4, 4])?.contiguous()?)?;
    let bias = Var::from_tensor(&numbers(&mut random, &[4])?.contiguous()?)?;
    let input = numbers(&mut random, &[3, 4])?;
    let loss = || -> Result<Tensor> {
        let hidden = latent_kernels::linear(&input, &weight, &bias, Activation::Tanh)?;
        let hidden = latent_kernels::linear(&hidden, &weight, &bias, Activation::Tanh)?;
        // The variable is also used by one of candle's own operations.
        hidden.sum_all()? + weight.sqr()?.sum_all()?
    };
    let (ours, theirs) = (backward(&loss()?)?, loss()?.backward()?);
    for variable in [&weight, &bias] {
        let (Some(ours), Some(theirs)) = (ours.get(variable), theirs.get(variable)) else {
            panic!("a gradient is missing");
        };
        assert_close("a sum of gradients", ours, theirs, lost(DType::F64, 100))?;
    }
    Ok(())
}

#[test]
fn averages_and_norms() -> Result<()> {
    for seed in 0..25 {
        let mut random = random(seed);
        let shape = [leading(&mut random), vec![size(&mut random)]].concat();
        let (average, value) = (numbers(&mut random, &shape)?, numbers(&mut random, &shape)?);
        for dtype in [DType::F32, DType::F64] {
            let tolerance = lost(dtype, 4);
            let (average, value) = (average.to_dtype(dtype)?, value.to_dtype(dtype)?);
            let moved = |update: fn(&Var, &Tensor, f64) -> Result<()>| {
                let average = Var::from_tensor(&average.copy()?)?;
                update(&average, &value, 0.7)?;
                Ok::<_, candle_core::Error>(average.as_detached_tensor())
            };
            let expected = ((&average * 0.7)? + (&value * 0.3)?)?;
            let (ours, theirs) = (
                moved(latent_kernels::average_update)?,
                moved(composed::average_update)?,
            );
            assert_close("average", &ours, &expected, tolerance)?;
            assert_close("average, composed", &theirs, &expected, tolerance)?;

            let expected: f64 = flat(&value)?.iter().map(|x| x * x).sum();
            for norm in [
                latent_kernels::squared_norm(&value)?,
                composed::squared_norm(&value)?,
            ] {
                let tolerance = lost(dtype, value.elem_count());
                assert!((norm - expected).abs() <= tolerance * expected);
            }
        }
    }
    let (average, other) = (
        Var::zeros(3, DType::F32, &Device::Cpu)?,
        numbers(&mut random(0), &[4])?,
    );
    assert!(latent_kernels::average_update(&average, &other, 0.5).is_err());
    Ok(())
}
