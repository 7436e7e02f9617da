//! Properties of every kernel: its formula, its gradient, and finite results at extreme arguments.

use candle_core::{DType, Device, Result, Tensor, Var};
use latent_kernels::{
    Activation, Adam, Moments, adam_update, affine_coupling, affine_coupling_inverse,
    bernoulli_log_likelihood, categorical_log_likelihood, dequantised_logit, diagonal_affine,
    gradient_error, kl_to_standard_normal, linear, logistic_mixture, logistic_mixture_inverse,
    normal_log_density, reparametrise, sigmoid, standard_logistic_log_density,
    standard_normal_log_density,
};
use latent_tolerance::{DOUBLE, SINGLE, central_difference, rounding};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers in (−2, 2), at least 10⁻³ away from 0, where ReLU has no derivative.
fn numbers(seed: u64, shape: &[usize]) -> Result<Var> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..shape.iter().product())
        .map(|_| random.random_range(1e-3..2.0) * if random.random() { 1.0 } else { -1.0 })
        .collect();
    Var::from_vec(values, shape, &Device::Cpu)
}

fn assert_close(actual: &Tensor, expected: &[f64], tolerance: f64) -> Result<()> {
    let actual = actual
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    assert_eq!(actual.len(), expected.len());
    for (a, e) in actual.iter().zip(expected) {
        assert!(
            (a - e).abs() <= tolerance * (1.0 + e.abs()),
            "{actual:?} is not {expected:?}"
        );
    }
    Ok(())
}

/// A bound on the rounding error of operations on numbers below two, or on their products, in 64
/// bits.
fn lost(operations: usize) -> f64 {
    rounding(DOUBLE, operations, 4.0)
}

/// A bound on the deviation of finite differences from a correct gradient, with the step of
/// `gradient_error`: third derivatives of up to a hundred, and weighted sums of a hundred
/// operations and of magnitude ten.
fn differences() -> f64 {
    central_difference(1e-5, 100.0, DOUBLE, 100, 10.0)
}

#[test]
fn linear_is_the_sum_of_products_for_any_leading_shape() -> Result<()> {
    for leading in [vec![], vec![1], vec![3], vec![2, 3], vec![2, 1, 2]] {
        let input = numbers(1, &[leading.clone(), vec![4]].concat())?;
        let (weight, bias) = (numbers(2, &[5, 4])?, numbers(3, &[5])?);
        let output = linear(&input, &weight, &bias, Activation::Tanh)?;
        assert_eq!(output.dims(), [leading, vec![5]].concat());

        let (w, b) = (weight.to_vec2::<f64>()?, bias.to_vec1::<f64>()?);
        let expected: Vec<f64> = input
            .flatten_all()?
            .to_vec1::<f64>()?
            .chunks(4)
            .flat_map(|x| {
                (0..5)
                    .map(|o| (b[o] + (0..4).map(|i| w[o][i] * x[i]).sum::<f64>()).tanh())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_close(&output, &expected, lost(10))?;
    }
    Ok(())
}

#[test]
fn silu_and_gelu_match_their_formulas_and_are_finite_at_extremes() -> Result<()> {
    let (weight, bias) = (
        Tensor::ones((1, 1), DType::F64, &Device::Cpu)?,
        Tensor::zeros(1, DType::F64, &Device::Cpu)?,
    );
    let values: [f64; 11] = [
        -1000.0, -30.0, -4.0, -0.5, -1e-9, 0.0, 1e-9, 0.3, 2.0, 30.0, 1000.0,
    ];
    let x = Var::from_tensor(&Tensor::new(&values, &Device::Cpu)?.unsqueeze(1)?)?;
    let silu = |x: f64| x / (1.0 + (-x).exp());
    let gelu = |x: f64| {
        let argument = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
        0.5 * x * (1.0 + argument.tanh())
    };
    for (activation, f) in [
        (Activation::Silu, &silu as &dyn Fn(f64) -> f64),
        (Activation::Gelu, &gelu),
    ] {
        let output = linear(&x, &weight, &bias, activation)?;
        let found = output.flatten_all()?.to_vec1::<f64>()?;
        for (found, x) in found.into_iter().zip(values) {
            let bound = rounding(DOUBLE, 20, x.abs());
            assert!(
                (found - f(x)).abs() <= bound,
                "{activation:?} of {x} is {found}"
            );
        }
        let gradients = output.sum_all()?.backward()?;
        let gradients = gradients.get(&x).unwrap().flatten_all()?.to_vec1::<f64>()?;
        let (first, last) = (gradients[0], gradients[values.len() - 1]);
        assert!(
            first.abs() < 1e-12 && (last - 1.0).abs() < 1e-12,
            "{gradients:?}"
        );
        // Nothing overflows in 32 bits either.
        let narrow = |tensor: &Tensor| tensor.to_dtype(DType::F32);
        let x = Var::from_tensor(&narrow(&x)?)?;
        let output = linear(&x, &narrow(&weight)?, &narrow(&bias)?, activation)?;
        let gradients = output.sum_all()?.backward()?;
        let gradients = gradients.get(&x).unwrap().flatten_all()?.to_vec1::<f32>()?;
        let output = output.flatten_all()?.to_vec1::<f32>()?;
        assert!(
            gradients
                .iter()
                .chain(&output)
                .all(|value| value.is_finite())
        );
    }
    Ok(())
}

#[test]
fn linear_accepts_inputs_that_are_not_contiguous() -> Result<()> {
    let input = numbers(1, &[4, 3])?;
    let (weight, bias) = (numbers(2, &[2, 4])?, numbers(3, &[2])?);
    let strided = linear(&input.t()?, &weight, &bias, Activation::Relu)?;
    let copied = linear(&input.t()?.contiguous()?, &weight, &bias, Activation::Relu)?;
    assert_close(&strided, &copied.flatten_all()?.to_vec1()?, 0.0)
}

#[test]
fn linear_refuses_mismatched_shapes() -> Result<()> {
    let (weight, bias) = (numbers(2, &[5, 4])?, numbers(3, &[5])?);
    assert!(
        linear(
            numbers(1, &[2, 3])?.as_tensor(),
            &weight,
            &bias,
            Activation::Identity
        )
        .is_err()
    );
    assert!(
        linear(
            numbers(1, &[2, 4])?.as_tensor(),
            &weight,
            numbers(3, &[4])?.as_tensor(),
            Activation::Identity
        )
        .is_err()
    );
    Ok(())
}

#[test]
fn gradients_match_finite_differences() -> Result<()> {
    let (x, weight, bias) = (
        numbers(1, &[3, 4])?,
        numbers(2, &[5, 4])?,
        numbers(3, &[5])?,
    );
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::Tanh,
        Activation::Silu,
        Activation::Gelu,
    ] {
        let error = gradient_error(
            || linear(&x, &weight, &bias, activation),
            &[&x, &weight, &bias],
        )?;
        assert!(error < differences(), "linear with {activation:?}: {error}");
    }
    let (a, b, c) = (
        numbers(4, &[3, 4])?,
        numbers(5, &[3, 4])?,
        numbers(6, &[2, 3, 4])?,
    );
    let checks: [(&str, f64); 5] = [
        (
            "bernoulli_log_likelihood",
            gradient_error(|| bernoulli_log_likelihood(&a, &b), &[&a, &b])?,
        ),
        ("sigmoid", gradient_error(|| sigmoid(&a), &[&a])?),
        (
            "kl_to_standard_normal",
            gradient_error(|| kl_to_standard_normal(&a, &b), &[&a, &b])?,
        ),
        (
            "reparametrise",
            gradient_error(|| reparametrise(&a, &b, &c), &[&a, &b, &c])?,
        ),
        (
            "normal_log_density",
            gradient_error(|| normal_log_density(&c, &a, &b), &[&c, &a, &b])?,
        ),
    ];
    for (name, error) in checks {
        assert!(error < differences(), "{name}: {error}");
    }
    Ok(())
}

#[test]
fn missing_and_wrong_gradients_are_detected() -> Result<()> {
    let (a, b) = (numbers(4, &[3])?, numbers(5, &[3])?);
    assert!(gradient_error(|| a.sqr(), &[&a, &b]).is_err());
    // Detaching one factor halves the gradient of a product.
    assert!(gradient_error(|| a.as_tensor() * a.detach(), &[&a])? > 1e-2);
    Ok(())
}

#[test]
fn extreme_logits_give_finite_values_and_gradients() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let logits = Tensor::new(&[[-1000f64, 1000.0, -1000.0, 1000.0, 0.0]], &Device::Cpu)?;
        let logits = Var::from_tensor(&logits.to_dtype(dtype)?)?;
        let targets = Tensor::new(&[[0f64, 1.0, 1.0, 0.0, 1.0]], &Device::Cpu)?.to_dtype(dtype)?;
        let likelihood = bernoulli_log_likelihood(&logits, &targets)?;
        // Relative to the result, whose terms have the same sign.
        let lost = rounding(SINGLE, 5, 1.0);
        assert_close(&likelihood, &[-2000.0 - 2f64.ln()], lost)?;
        let gradients = likelihood.sum_all()?.backward()?;
        // x − σ(l), exactly ½ at a logit of 0, where an untrained network starts.
        assert_close(
            gradients.get(&logits).unwrap(),
            &[0.0, 0.0, 1.0, -1.0, 0.5],
            0.0,
        )?;
        assert_close(&sigmoid(&logits)?, &[0.0, 1.0, 0.0, 1.0, 0.5], 0.0)?;
    }
    Ok(())
}

#[test]
fn bernoulli_log_likelihood_matches_its_formula() -> Result<()> {
    let (logits, targets) = (
        numbers(1, &[2, 3])?,
        sigmoid(numbers(2, &[2, 3])?.as_tensor())?,
    );
    let (l, x) = (logits.to_vec2::<f64>()?, targets.to_vec2::<f64>()?);
    let expected: Vec<f64> = (0..2)
        .map(|i| {
            (0..3)
                .map(|j| {
                    let p = 1.0 / (1.0 + (-l[i][j]).exp());
                    x[i][j] * p.ln() + (1.0 - x[i][j]) * (1.0 - p).ln()
                })
                .sum()
        })
        .collect();
    assert_close(
        &bernoulli_log_likelihood(&logits, &targets)?,
        &expected,
        lost(3 * 8),
    )
}

#[test]
fn kl_of_the_standard_normal_to_itself_is_zero() -> Result<()> {
    let zeros = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    assert_close(&kl_to_standard_normal(&zeros, &zeros)?, &[0.0, 0.0], 0.0)
}

/// The update of algorithm 1 of Kingma & Ba, for one number.
fn adam_by_hand(mut parameter: f64, gradients: &[f64], adam: &Adam) -> f64 {
    let (mut m, mut v) = (0.0, 0.0);
    for (t, g) in (1..).zip(gradients) {
        m = adam.beta1 * m + (1.0 - adam.beta1) * g;
        v = adam.beta2 * v + (1.0 - adam.beta2) * g * g;
        let m_hat = m / (1.0 - adam.beta1.powi(t));
        let v_hat = v / (1.0 - adam.beta2.powi(t));
        parameter -= adam.learning_rate * m_hat / (v_hat.sqrt() + adam.epsilon);
    }
    parameter
}

#[test]
fn adam_matches_the_published_algorithm() -> Result<()> {
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let start = [0.5, -1.0, 2.0];
    let gradients = [[0.1, -3.0, 0.0], [0.2, 1.0, 0.0], [-0.4, 1e-9, 1e9]];
    let parameter = Var::new(&start, &Device::Cpu)?;
    let moments = Moments::zeros_like(&parameter)?;
    for (step, gradient) in (1..).zip(&gradients) {
        adam_update(
            &parameter,
            &Tensor::new(gradient, &Device::Cpu)?,
            &moments,
            &adam,
            step,
        )?;
    }
    let expected: Vec<f64> = (0..3)
        .map(|i| adam_by_hand(start[i], &gradients.map(|g| g[i]), &adam))
        .collect();
    // Three steps of ten operations.
    assert_close(&parameter, &expected, lost(30))
}

#[test]
fn the_first_step_of_adam_has_the_size_of_the_learning_rate() -> Result<()> {
    for scale in [1e-3, 1.0, 1e6] {
        let parameter = Var::new(&[1.0f64, 1.0], &Device::Cpu)?;
        let moments = Moments::zeros_like(&parameter)?;
        let gradient = Tensor::new(&[scale, -scale], &Device::Cpu)?;
        adam_update(&parameter, &gradient, &moments, &Adam::default(), 1)?;
        // Up to ε = 1e-8 relative to the gradient, which is at least 1e-3: 1e-5 of a step of 1e-3.
        assert_close(&parameter, &[0.999, 1.001], 1e-8 + lost(10))?;
    }
    Ok(())
}

#[test]
fn categorical_log_likelihood_is_log_softmax_and_finite_at_extremes() -> Result<()> {
    let labels = Tensor::new(&[2u32, 0], &Device::Cpu)?;
    let logits = numbers(1, &[2, 3])?;
    let l = logits.to_vec2::<f64>()?;
    let expected: Vec<f64> = [(0, 2), (1, 0)]
        .map(|(row, label): (usize, usize)| {
            (l[row][label].exp() / l[row].iter().map(|x| x.exp()).sum::<f64>()).ln()
        })
        .to_vec();
    assert_close(
        &categorical_log_likelihood(&logits, &labels)?,
        &expected,
        lost(10),
    )?;
    let error = gradient_error(|| categorical_log_likelihood(&logits, &labels), &[&logits])?;
    assert!(error < differences(), "{error}");

    let extreme = Var::new(
        &[[1000f32, 0.0, -1000.0], [1000.0, -1000.0, 0.0]],
        &Device::Cpu,
    )?;
    let likelihood = categorical_log_likelihood(&extreme, &labels)?;
    // exp(−1000) is 0, and nothing else is rounded.
    assert_close(&likelihood, &[-2000.0, 0.0], 0.0)?;
    let gradients = likelihood.sum_all()?.backward()?;
    assert_close(
        gradients.get(&extreme).unwrap(),
        &[-1.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        0.0,
    )
}

/// Parameters of `components` for values of `width`, uniform in ±`size`.
fn mixture(seed: u64, rows: usize, width: usize, components: usize, size: f64) -> Result<Tensor> {
    let parameters = numbers(seed, &[rows, (3 * components + 2) * width])?;
    parameters.as_tensor() * (size / 2.0)
}

#[test]
fn a_mixture_with_zero_parameters_is_the_identity() -> Result<()> {
    for components in [1, 3] {
        let value = numbers(1, &[5, 7])?;
        let zeros = Tensor::zeros((5, (3 * components + 2) * 7), DType::F64, &Device::Cpu)?;
        let (same, log_det) = logistic_mixture(&value, &zeros, components)?;
        // About twenty operations for each component; seven columns.
        assert_close(
            &same,
            &value.flatten_all()?.to_vec1()?,
            lost(20 * components),
        )?;
        assert_close(&log_det, &[0.0; 5], lost(7 * 20 * components))?;
    }
    Ok(())
}

#[test]
fn a_mixture_is_the_logit_of_its_distribution_function() -> Result<()> {
    // By the definition, for moderate numbers.
    let (x, components) = (0.7, 2);
    let (a, b): (f64, f64) = (0.4, -0.3);
    let (logits, means, scales) = ([0.5, -0.2], [1.1, -0.6], [0.3, -0.8]);
    let bounded = |r: f64| 5.0 * (r / 5.0).tanh();
    let total: f64 = logits.iter().map(|l: &f64| l.exp()).sum();
    let (mut cdf, mut density) = (0.0, 0.0);
    for k in 0..components {
        let scale = bounded(scales[k]).exp();
        let sigma = 1.0 / (1.0 + (-(x - means[k]) / scale).exp());
        cdf += logits[k].exp() / total * sigma;
        density += logits[k].exp() / total * sigma * (1.0 - sigma) / scale;
    }
    let z = bounded(a).exp() * (cdf / (1.0 - cdf)).ln() + b;
    let log_derivative = (density / (cdf * (1.0 - cdf))).ln() + bounded(a);

    let row = [&[a, b][..], &logits, &means, &scales].concat();
    let parameters = Tensor::new(vec![row], &Device::Cpu)?;
    let value = Tensor::new(&[[x]], &Device::Cpu)?;
    let (transformed, log_det) = logistic_mixture(&value, &parameters, components)?;
    assert_close(&transformed, &[z], lost(2 * 20))?;
    assert_close(&log_det, &[log_derivative], lost(2 * 20))
}

#[test]
fn the_inverse_of_a_mixture_is_accurate_up_to_rounding() -> Result<()> {
    for components in [1, 2, 4, 7] {
        for size in [0.5, 4.0, 30.0] {
            let parameters = mixture(2, 40, 9, components, size)?;
            // Near the middle, and far in the tails.
            for reach in [1.0, 20.0] {
                let value = (numbers(3, &[40, 9])?.as_tensor() * reach)?;
                let (y, log_det) = logistic_mixture(&value, &parameters, components)?;
                let (back, inverse_log_det) =
                    logistic_mixture_inverse(&y, &parameters, components)?;
                // Where the map is flat, the rounding of y loses the value of x.
                let (again, _) = logistic_mixture(&back, &parameters, components)?;
                // The logarithm of a slope is at most 5 + 5, and values are up to twice the reach.
                let steep = rounding(DOUBLE, 20 * components, 2.0 * reach * 10f64.exp());
                assert_close(&again, &y.flatten_all()?.to_vec1()?, steep)?;
                if size < 1.0 {
                    assert_close(&back, &value.flatten_all()?.to_vec1()?, steep)?;
                    assert_close(&(log_det + inverse_log_det)?, &[0.0; 40], 9.0 * steep)?;
                }

                // Where the map is steep, the rounding of x loses the value of y.
                let single = |tensor: &Tensor| tensor.to_dtype(DType::F32);
                let (y, p) = (single(&y)?, single(&parameters)?);
                let (back, _) = logistic_mixture_inverse(&y, &p, components)?;
                let (again, _) = logistic_mixture(
                    &back.to_dtype(DType::F64)?,
                    &p.to_dtype(DType::F64)?,
                    components,
                )?;
                let y = y.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
                if size < 1.0 {
                    // Log-scales of ±½ twice: slopes of up to e, which multiply the rounding of x.
                    let bound = rounding(SINGLE, 20, 2.0 * 1f64.exp());
                    assert_close(&again, &y, bound)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_of_the_inverse_mixture_match_finite_differences() -> Result<()> {
    for components in [1, 3] {
        let value = numbers(4, &[3, 2])?;
        let parameters = Var::from_tensor(&mixture(5, 3, 2, components, 1.5)?)?;
        let both = || {
            let (x, log_det) = logistic_mixture_inverse(&value, &parameters, components)?;
            Tensor::cat(&[x.flatten_all()?, log_det], 0)
        };
        let error = gradient_error(both, &[&value, &parameters])?;
        assert!(error < differences(), "{error}");
    }
    Ok(())
}

#[test]
fn a_mixture_stays_finite_at_the_extremes() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for size in [1e2, 1e6] {
            let parameters = Var::from_tensor(&mixture(6, 20, 5, 3, size)?.to_dtype(dtype)?)?;
            let value =
                Var::from_tensor(&(numbers(7, &[20, 5])?.as_tensor() * 1e3)?.to_dtype(dtype)?)?;
            let (y, log_det) = logistic_mixture(&value, &parameters, 3)?;
            let loss = (y.sum_all()? + log_det.sum_all()?)?;
            let gradients = loss.backward()?;
            let far = Var::from_tensor(&y.detach())?;
            let (back, log_det_back) = logistic_mixture_inverse(&far, &parameters, 3)?;
            let inverse = (back.sum_all()? + log_det_back.sum_all()?)?.backward()?;
            let detached = parameters.as_detached_tensor();
            let (untracked, _) = logistic_mixture_inverse(&y.detach(), &detached, 3)?;
            // Tracking gradients does not change values.
            assert_eq!(
                back.to_dtype(DType::F64)?.to_vec2::<f64>()?,
                untracked.to_dtype(DType::F64)?.to_vec2::<f64>()?
            );
            assert!(inverse.get(&far).is_some());
            for tensor in [
                &y,
                &log_det,
                gradients
                    .get(&value)
                    .ok_or(candle_core::Error::Msg("none".to_owned()))?,
                gradients
                    .get(&parameters)
                    .ok_or(candle_core::Error::Msg("none".to_owned()))?,
                &untracked,
            ] {
                let sum = tensor
                    .to_dtype(DType::F64)?
                    .abs()?
                    .sum_all()?
                    .to_scalar::<f64>()?;
                assert!(sum.is_finite(), "{dtype:?}, {size}: {tensor}");
            }
        }
    }
    Ok(())
}

#[test]
fn mixtures_with_mismatched_shapes_are_refused() -> Result<()> {
    let value = numbers(1, &[2, 3])?;
    for (components, parameters) in [(0, [2, 6]), (33, [2, 303]), (2, [2, 23]), (2, [3, 24])] {
        let parameters = numbers(2, &parameters)?;
        assert!(logistic_mixture(&value, &parameters, components).is_err());
        assert!(logistic_mixture_inverse(&value, &parameters, components).is_err());
    }
    Ok(())
}

#[test]
fn the_standard_logistic_log_density_matches_its_formula() -> Result<()> {
    let value = numbers(8, &[4, 6])?;
    let expected: Vec<f64> = value
        .to_vec2::<f64>()?
        .iter()
        .map(|row| row.iter().map(|x| -x - 2.0 * (1.0 + (-x).exp()).ln()).sum())
        .collect();
    assert_close(
        &standard_logistic_log_density(&value)?,
        &expected,
        lost(6 * 6),
    )?;
    let error = gradient_error(|| standard_logistic_log_density(&value), &[&value])?;
    assert!(error < differences(), "{error}");
    let far = Tensor::new(&[[1e4f32, -1e4]], &Device::Cpu)?;
    assert_close(
        &standard_logistic_log_density(&far)?,
        &[-2e4],
        rounding(SINGLE, 4, 1.0),
    )
}

#[test]
fn an_empty_batch_has_no_densities_and_an_empty_event_has_density_one() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (rows, width) in [(0, 3), (2, 0), (0, 0)] {
            let of = |shape: &[usize]| Var::zeros(shape, dtype, &Device::Cpu);
            let (a, b, c) = (
                of(&[rows, width])?,
                of(&[rows, width])?,
                of(&[rows, width])?,
            );
            let noise = of(&[rows, width])?.as_detached_tensor();
            let parameters = of(&[rows, 5 * width])?;
            let densities = [
                bernoulli_log_likelihood(&a, &noise)?,
                bernoulli_log_likelihood(&a, &b)?,
                kl_to_standard_normal(&a, &b)?,
                normal_log_density(&a, &b, &c)?,
                standard_normal_log_density(&a)?,
                standard_logistic_log_density(&a)?,
                affine_coupling(&a, &b, &c)?.1,
                affine_coupling_inverse(&a, &b, &c)?.1,
                logistic_mixture(&a, &parameters, 1)?.1,
                logistic_mixture_inverse(&a, &parameters, 1)?.1,
                dequantised_logit(&noise, &noise, 0.05)?.1,
            ];
            for (index, density) in densities.iter().enumerate() {
                assert_eq!(density.dims(), [rows], "density {index}");
                assert_close(density, &vec![0.0; rows], 0.0)?;
                let gradients = latent_kernels::backward(&density.sum_all()?)?;
                if let Some(gradient) = gradients.get(&a) {
                    assert_eq!(gradient.dims(), [rows, width], "density {index}");
                }
            }
            for values in [
                sigmoid(&a)?,
                reparametrise(&a, &b, &noise)?,
                affine_coupling(&a, &b, &c)?.0,
                logistic_mixture_inverse(&a, &parameters, 1)?.0,
                diagonal_affine(&a, of(&[width])?.as_tensor(), of(&[width])?.as_tensor())?.0,
                latent_kernels::narrow(&a, 0, width)?,
            ] {
                assert_eq!(values.dims(), [rows, width]);
            }
            for outputs in [0, 4] {
                let (weight, bias) = (of(&[outputs, width])?, of(&[outputs])?);
                let sums = linear(&a, &weight, &bias, Activation::Tanh)?;
                assert_eq!(sums.dims(), [rows, outputs]);
                latent_kernels::backward(&sums.sum_all()?)?;
            }
            assert_eq!(latent_kernels::squared_norm(&a)?, 0.0);
            latent_kernels::average_update(&a, &noise, 0.5)?;
            adam_update(&a, &noise, &Moments::zeros_like(&a)?, &Adam::default(), 1)?;
        }
    }
    Ok(())
}
