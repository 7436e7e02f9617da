//! Properties of every bijector, tested in 64 bits, with parameters far from their initial values.

use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{D, DType, Device, Tensor, Var};
use latent_distributions::{
    ActNorm, Additive, Affine, Bijector, Chain, Conditioner, Coupling, Distribution, Elementwise,
    Error, FactorOut, Generator, InvertibleLinear, Logistic, LogisticMixture, Mask, Permutation,
    Pixelwise, Scaling, Shape, Sigmoid, StandardNormal, Transformed,
};
use latent_kernels::gradient_error;
use latent_tolerance::{DOUBLE, central_difference, monte_carlo, rounding, scaled};

type Result<T = ()> = std::result::Result<T, Error>;

const CPU: &Device = &Device::Cpu;

fn normal(seed: u64, shape: &[usize]) -> Result<Tensor> {
    Ok(Generator::new(seed).standard_normal(shape, DType::F64, CPU)?)
}

/// The rows of a matrix.
fn rows(tensor: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(tensor.to_vec2()?)
}

fn farthest(a: &Tensor, b: &Tensor) -> Result<f64> {
    assert_eq!(a.dims(), b.dims());
    Ok((a - b)?.abs()?.max_all()?.to_scalar()?)
}

/// A small network from the given columns of a coupling to `outputs` numbers.
#[derive(Clone)]
struct Network {
    weight: Var,
    bias: Var,
}

impl Network {
    fn new(seed: u64, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self {
            weight: Var::from_tensor(&normal(seed, &[inputs, outputs])?)?,
            bias: Var::from_tensor(&normal(seed + 1, &[outputs])?)?,
        })
    }

    fn of(&self, given: &Tensor) -> Result<Tensor> {
        Ok(given
            .contiguous()?
            .matmul(&self.weight)?
            .broadcast_add(&self.bias)?
            .tanh()?
            .affine(1.5, 0.0)?)
    }
}

/// A bijector and its variables.
struct Case {
    name: &'static str,
    bijector: Box<dyn Bijector>,
    variables: Vec<Var>,
}

fn additive(mask: Mask, seed: u64) -> Result<Case> {
    let network = Network::new(seed, mask.given(), mask.transformed())?;
    let variables = vec![network.weight.clone(), network.bias.clone()];
    let translation = move |given: &Tensor, (): &()| network.of(given);
    let bijector = Box::new(Coupling::new(mask, Additive, translation));
    Ok(Case {
        name: "additive coupling",
        bijector,
        variables,
    })
}

fn affine(mask: Mask, seed: u64) -> Result<Case> {
    let sizes = (mask.given(), mask.transformed());
    let networks = [
        Network::new(seed, sizes.0, sizes.1)?,
        Network::new(seed + 2, sizes.0, sizes.1)?,
    ];
    let of = |network: &Network| [network.weight.clone(), network.bias.clone()];
    let variables = networks.iter().flat_map(of).collect();
    let both = move |given: &Tensor, (): &()| Ok((networks[0].of(given)?, networks[1].of(given)?));
    Ok(Case {
        name: "affine coupling",
        bijector: Box::new(Coupling::new(mask, Affine, both)),
        variables,
    })
}

fn mixture(mask: Mask, seed: u64) -> Result<Case> {
    let mixture = LogisticMixture::new(3);
    let outputs = mixture.parameters() * mask.transformed();
    let network = Network::new(seed, mask.given(), outputs)?;
    let variables = vec![network.weight.clone(), network.bias.clone()];
    let parameters = move |given: &Tensor, (): &()| network.of(given);
    Ok(Case {
        name: "mixture coupling",
        bijector: Box::new(Coupling::new(mask, mixture, parameters)),
        variables,
    })
}

fn columns(name: &'static str, size: usize, seed: u64) -> Result<Case> {
    let (first, second) = (
        Var::from_tensor(&normal(seed, &[size])?)?,
        Var::from_tensor(&normal(seed + 1, &[size])?)?,
    );
    let parts = (first.as_tensor().clone(), second.as_tensor().clone());
    let bijector: Box<dyn Bijector> = match name {
        "scaling" => {
            return Ok(Case {
                name,
                bijector: Box::new(Scaling::new(parts.0)),
                variables: vec![first],
            });
        }
        _ => Box::new(ActNorm::new(parts.0, parts.1)),
    };
    Ok(Case {
        name,
        bijector,
        variables: vec![first, second],
    })
}

fn linear(size: usize, seed: u64) -> Result<(InvertibleLinear, Vec<Var>)> {
    let variable = |seed, shape: &[usize]| -> Result<Var> {
        Ok(Var::from_tensor(&(normal(seed, shape)? * 0.5)?)?)
    };
    let variables = vec![
        variable(seed, &[size, size])?,
        variable(seed + 1, &[size, size])?,
        variable(seed + 2, &[size])?,
    ];
    let [lower, upper, log_diagonal] = [0, 1, 2].map(|i| variables[i].as_tensor().clone());
    Ok((InvertibleLinear::new(lower, upper, log_diagonal), variables))
}

/// The shape of [`image_cases`].
const IMAGE: Shape = Shape {
    channels: 2,
    height: 2,
    width: 4,
};

/// The bijectors of images, for vectors of the size of [`IMAGE`].
fn image_cases() -> Result<Vec<Case>> {
    let squeeze = || Ok::<_, Error>(Box::new(Permutation::squeeze(IMAGE, CPU)?));
    let squeezed = Shape {
        channels: 8,
        height: 1,
        width: 2,
    };
    let act_norm = |image: Shape, seed| -> Result<Case> {
        let size = image.channels;
        let [scale, translation] = [seed, seed + 1].map(|seed| normal(seed, &[size]));
        let variables = vec![Var::from_tensor(&scale?)?, Var::from_tensor(&translation?)?];
        let [scale, translation] = [0, 1].map(|i| variables[i].as_tensor().clone());
        Ok(Case {
            name: "pixelwise act-norm",
            bijector: Box::new(Pixelwise::new(image, ActNorm::new(scale, translation))),
            variables,
        })
    };
    let convolution = |image: Shape, seed| -> Result<Case> {
        let (linear, variables) = linear(image.channels, seed)?;
        Ok(Case {
            name: "invertible 1×1 convolution",
            bijector: Box::new(Pixelwise::new(image, linear)),
            variables,
        })
    };
    let factor_out = |mask: Mask, inner: Case| Case {
        name: "factor-out",
        bijector: Box::new(FactorOut::new(mask, inner.bijector)),
        variables: inner.variables,
    };
    // A level: the next one of half of the channels, the coupling that gives the distribution of
    // the others, a step, and the squeeze.
    let half = Shape {
        channels: 4,
        ..squeezed
    };
    let level = [
        factor_out(Mask::channels(squeezed)?, convolution(half, 60)?),
        affine(Mask::channels(squeezed)?, 64)?,
        convolution(squeezed, 68)?,
        act_norm(squeezed, 72)?,
    ];
    let variables = level.iter().flat_map(|case| case.variables.clone());
    let variables = variables.collect();
    let bijectors = level.into_iter().map(|case| case.bijector);
    let mut bijectors: Vec<Box<dyn Bijector>> = bijectors.collect();
    bijectors.push(squeeze()?);
    let size = Mask::channels(IMAGE)?.given();
    Ok(vec![
        Case {
            name: "squeeze",
            bijector: squeeze()?,
            variables: Vec::new(),
        },
        act_norm(IMAGE, 50)?,
        convolution(IMAGE, 52)?,
        convolution(squeezed, 54)?,
        affine(Mask::channels(IMAGE)?, 56)?,
        mixture(Mask::channels(IMAGE)?.swapped(), 58)?,
        factor_out(Mask::channels(IMAGE)?, columns("act-norm", size, 59)?),
        Case {
            name: "level of a multi-scale flow",
            bijector: Box::new(Chain::new(bijectors)),
            variables,
        },
    ])
}

/// [`cases`] for vectors of these sizes and [`image_cases`], with the sizes of their vectors.
fn all_cases(sizes: &[usize]) -> Result<Vec<(usize, Case)>> {
    let mut all = Vec::new();
    for &size in sizes {
        all.extend(cases(size)?.into_iter().map(|case| (size, case)));
    }
    let images = image_cases()?.into_iter();
    all.extend(images.map(|case| (IMAGE.elem_count(), case)));
    Ok(all)
}

/// All bijectors of vectors, for vectors of `size` columns.
fn cases(size: usize) -> Result<Vec<Case>> {
    let order: Vec<u32> = Generator::new(9)
        .permutation(size)
        .iter()
        .map(|&i| i as u32)
        .collect();
    let fixed = |name, bijector: Box<dyn Bijector>| Case {
        name,
        bijector,
        variables: Vec::new(),
    };
    let chain = [
        columns("scaling", size, 40)?,
        affine(Mask::blocks(size)?, 41)?,
        columns("act-norm", size, 47)?,
        mixture(Mask::blocks(size)?.swapped(), 45)?,
    ];
    let variables = chain
        .iter()
        .flat_map(|case| case.variables.clone())
        .collect();
    let mut bijectors: Vec<Box<dyn Bijector>> =
        chain.into_iter().map(|case| case.bijector).collect();
    let (linear, variables_of_linear) = linear(size, 28)?;
    bijectors.push(Box::new(Permutation::new(&order, CPU)?));
    Ok(vec![
        additive(Mask::blocks(size)?, 10)?,
        additive(Mask::alternating(size)?.swapped(), 12)?,
        affine(Mask::checkerboard(Shape::grey(1, size))?, 14)?,
        affine(Mask::blocks(size)?.swapped(), 18)?,
        mixture(Mask::alternating(size)?, 22)?,
        columns("scaling", size, 24)?,
        columns("act-norm", size, 26)?,
        Case {
            name: "invertible linear map",
            bijector: Box::new(linear),
            variables: variables_of_linear,
        },
        fixed("permutation", Box::new(Permutation::new(&order, CPU)?)),
        fixed("sigmoid", Box::new(Sigmoid::new(0.05)?)),
        Case {
            name: "chain",
            bijector: Box::new(Chain::new(bijectors)),
            variables,
        },
        fixed("empty chain", Box::new(Chain::new(Vec::new()))),
    ])
}

/// A bound on the rounding error of the longest chain, forward and inverse: a thousand operations
/// on numbers that its five log-scales, each within ±2, may enlarge by e⁸.
fn lost() -> f64 {
    rounding(DOUBLE, 1000, 8f64.exp())
}

#[test]
fn inverse_undoes_forward_and_the_log_determinants_cancel() -> Result {
    for (size, case) in all_cases(&[2, 5, 8])? {
        let name = case.name;
        let x = normal(1, &[7, size])?;
        let (y, log_det) = case.bijector.forward_and_log_det(&x, &())?;
        let (back, inverse_log_det) = case.bijector.inverse_and_log_det(&y, &())?;
        assert_eq!((y.dims(), log_det.dims()), (x.dims(), &[7][..]), "{name}");
        assert!(farthest(&back, &x)? < lost(), "{name}");
        assert!(
            farthest(&log_det, &inverse_log_det.neg()?)? < lost(),
            "{name}"
        );
    }
    Ok(())
}

/// log |det| of a square matrix, by elimination.
fn log_determinant(mut matrix: Vec<Vec<f64>>) -> f64 {
    let size = matrix.len();
    let mut sum = 0.0;
    for column in 0..size {
        let best = (column..size)
            .max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()));
        matrix.swap(column, best.unwrap_or(column));
        let pivot = matrix[column].clone();
        sum += pivot[column].abs().ln();
        for row in &mut matrix[column + 1..] {
            let factor = row[column] / pivot[column];
            row.iter_mut()
                .zip(&pivot)
                .for_each(|(a, b)| *a -= factor * b);
        }
    }
    sum
}

#[test]
fn log_determinants_are_those_of_the_jacobian() -> Result {
    const STEP: f64 = 1e-5;
    for (size, case) in all_cases(&[5])? {
        let x = normal(2, &[1, size])?;
        let numbers = rows(&x)?.concat();
        let moved = |column: usize, step: f64| -> Result<Vec<f64>> {
            let mut numbers = numbers.clone();
            numbers[column] += step;
            let x = Tensor::from_vec(numbers, (1, size), CPU)?;
            Ok(rows(&case.bijector.forward_and_log_det(&x, &())?.0)?.concat())
        };
        let mut jacobian = Vec::new();
        for column in 0..size {
            let (up, down) = (moved(column, STEP)?, moved(column, -STEP)?);
            let slope = up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * STEP));
            jacobian.push(slope.collect());
        }
        let log_det = case
            .bijector
            .forward_and_log_det(&x, &())?
            .1
            .to_vec1::<f64>()?[0];
        let expected = log_determinant(jacobian);
        // Relative to the slopes: third derivatives of up to a thousand and values of up to fifty.
        let bound = central_difference(STEP, 1e3, DOUBLE, 100, 50.0);
        assert!(
            (log_det - expected).abs() < bound,
            "{}: {log_det}, not {expected}",
            case.name
        );
    }
    Ok(())
}

#[test]
fn every_variable_receives_the_gradient_of_finite_differences() -> Result {
    for (size, case) in all_cases(&[4])? {
        let value = Var::from_tensor(&normal(3, &[3, size])?.affine(0.1, 0.5)?)?;
        let mut variables: Vec<&Var> = case.variables.iter().collect();
        variables.push(&value);
        let both = |map: &dyn Fn() -> Result<(Tensor, Tensor)>| {
            let (y, log_det) = map().map_err(|error| candle_core::Error::Msg(error.to_string()))?;
            Tensor::cat(&[y.flatten_all()?, log_det], 0)
        };
        let bijector = &case.bijector;
        let errors = [
            gradient_error(
                || both(&|| bijector.forward_and_log_det(&value, &())),
                &variables,
            )?,
            gradient_error(
                || both(&|| bijector.inverse_and_log_det(&value, &())),
                &variables,
            )?,
        ];
        // The step of `gradient_error`. Errors are relative to the gradients; third derivatives and
        // values are then at most a thousand, since chains multiply scales.
        let bound = central_difference(1e-5, 1e3, DOUBLE, 100, 1e3);
        assert!(
            errors.iter().all(|&error| error < bound),
            "{}: {errors:?}",
            case.name
        );
    }
    Ok(())
}

#[test]
fn initialisation_returns_the_latents_of_the_initialised_bijector() -> Result {
    for (size, case) in all_cases(&[5])? {
        let data = (normal(6, &[9, size])? * 0.1)?.affine(1.0, 0.5)?;
        let latents = case.bijector.initialise(&data, &())?;
        let expected = case.bijector.inverse_and_log_det(&data, &())?.0;
        assert!(farthest(&latents, &expected)? < lost(), "{}", case.name);
    }
    Ok(())
}

/// A network that counts its calls, and adds the condition if it is conditional.
struct Counted {
    calls: Arc<AtomicUsize>,
    is_conditional: bool,
}

impl Conditioner<f64> for Counted {
    type Parameters = Tensor;

    fn parameters(&self, given: &Tensor, condition: &f64) -> Result<Tensor> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let shift = if self.is_conditional { *condition } else { 0.0 };
        Ok((given.sin()? + shift)?)
    }

    fn is_conditional(&self) -> bool {
        self.is_conditional
    }
}

#[test]
fn inverses_under_several_conditions_share_what_does_not_depend_on_them() -> Result {
    let mask = Mask::blocks(4)?;
    // From the latent side to the data side: couplings, one of them in a level, and their calls.
    let calls: Vec<Arc<AtomicUsize>> = (0..4).map(|_| Arc::default()).collect();
    let coupling = |index: usize, mask: &Mask, is_conditional| -> Box<dyn Bijector<f64>> {
        let counted = Counted {
            calls: calls[index].clone(),
            is_conditional,
        };
        Box::new(Coupling::new(mask.clone(), Additive, counted))
    };
    let inner = coupling(1, &Mask::blocks(2)?, true);
    let chain = Chain::new(vec![
        coupling(0, &mask, false),
        Box::new(FactorOut::new(mask.clone(), inner)),
        coupling(2, &mask.clone().swapped(), false),
        Box::new(ActNorm::new(normal(2, &[4])?, normal(3, &[4])?)),
        coupling(3, &mask, false),
    ]);
    let data = normal(5, &[6, 4])?;
    let conditions = [0.0, 1.0, -2.0];
    let each = chain.inverse_under_each(&data, &conditions)?;
    let counted: Vec<usize> = calls
        .iter()
        .map(|calls| calls.load(Ordering::Relaxed))
        .collect();
    assert_eq!(counted, [3, 3, 1, 1]);
    for ((latents, log_det), condition) in each.iter().zip(&conditions) {
        let (expected, expected_log_det) = chain.inverse_and_log_det(&data, condition)?;
        assert!(farthest(latents, &expected)? < lost());
        assert!(farthest(log_det, &expected_log_det)? < lost());
    }
    assert!(farthest(&each[0].0, &each[1].0)? > 0.1);
    assert!(chain.inverse_under_each(&data, &[])?.is_empty());

    // Without a conditional part, everything is computed once.
    let chain = Chain::new(vec![coupling(0, &mask, false)]);
    assert!(!chain.is_conditional());
    assert_eq!(chain.inverse_under_each(&data, &conditions)?.len(), 3);
    assert_eq!(calls[0].load(Ordering::Relaxed), 3 + 3 + 1);
    Ok(())
}

#[test]
fn a_squeeze_has_the_colours_of_a_checkerboard_in_the_halves_of_the_channels() -> Result {
    // The pixels (0, 0), (0, 1), …, with two channels each.
    let image = Tensor::arange(0f64, 16.0, CPU)?.unsqueeze(0)?;
    let (squeezed, _) = Permutation::squeeze(IMAGE, CPU)?.inverse_and_log_det(&image, &())?;
    let [first, second] = [
        [0., 1., 10., 11., 2., 3., 8., 9.],
        [4., 5., 14., 15., 6., 7., 12., 13.],
    ];
    assert_eq!(rows(&squeezed)?, [[first, second].concat()]);
    let odd = Shape { width: 3, ..IMAGE };
    let refused = Permutation::squeeze(odd, CPU);
    assert!(matches!(
        refused,
        Err(Error::OddImage {
            height: 2,
            width: 3
        })
    ));
    Ok(())
}

#[test]
fn couplings_do_not_change_a_bit_of_the_given_columns() -> Result {
    let mask = Mask::alternating(7)?;
    for case in [
        additive(mask.clone(), 10)?,
        affine(mask.clone(), 14)?,
        mixture(mask, 22)?,
    ] {
        let x = normal(4, &[5, 7])?;
        let (y, _) = case.bijector.forward_and_log_det(&x, &())?;
        for (before, after) in rows(&x)?.iter().zip(rows(&y)?) {
            for (column, (before, after)) in before.iter().zip(after).enumerate() {
                let is_same = before.to_bits() == after.to_bits();
                assert_eq!(is_same, column % 2 == 0, "{}, {column}", case.name);
            }
        }
    }
    Ok(())
}

#[test]
fn the_density_of_a_flow_integrates_to_one() -> Result {
    // The integral of p over a plane, by the midpoint rule.
    const COUNT: usize = 20_000;
    let chain = Chain::new(vec![
        columns("scaling", 2, 50)?.bijector,
        affine(Mask::blocks(2)?, 51)?.bijector,
        mixture(Mask::blocks(2)?.swapped(), 55)?.bijector,
        columns("act-norm", 2, 57)?.bijector,
    ]);
    let flow = Transformed::new(StandardNormal::new(2, DType::F64, CPU), chain);
    let draws = rows(&flow.sample(&[COUNT], &mut Generator::new(5))?)?;
    // Cells are narrow where the density is high: several between neighbouring quantiles, and as
    // many beyond the farthest draws, over half their range.
    let quantiles = scaled(100, 70);
    let axis = |i: usize, parts: usize| -> Vec<(f64, f64)> {
        let mut sorted: Vec<f64> = draws.iter().map(|draw| draw[i]).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        let beyond = |share: i32| f64::from(share) / 40.0 * (high - low);
        let mut edges: Vec<f64> = (1..=20).rev().map(|share| low - beyond(share)).collect();
        edges.extend(sorted.iter().step_by(COUNT / quantiles));
        edges.extend((0..=20).map(|share| high + beyond(share)));
        let cells = |pair: &[f64]| {
            let (start, width) = (pair[0], (pair[1] - pair[0]) / parts as f64);
            (0..parts).map(move |cell| (start + (cell as f64 + 0.5) * width, width))
        };
        edges.windows(2).flat_map(cells).collect()
    };
    let integral = |parts: usize| -> Result<f64> {
        let (first, second) = (axis(0, parts), axis(1, parts));
        let widths: Vec<f64> = second.iter().map(|(_, width)| *width).collect();
        let widths = Tensor::from_vec(widths, second.len(), CPU)?;
        let mut integral = 0.0;
        for (x, width) in first {
            let points: Vec<f64> = second.iter().flat_map(|(y, _)| [x, *y]).collect();
            let points = Tensor::from_vec(points, (second.len(), 2), CPU)?;
            let density = (flow.log_prob(&points)?.exp()? * &widths)?.sum_all()?;
            integral += density.to_scalar::<f64>()? * width;
        }
        Ok(integral)
    };
    let parts = scaled(8, 4);
    let (coarse, fine) = (integral(parts / 2)?, integral(parts)?);
    // Halving the cells removes three quarters of the rule's error (Richardson). Of 20,000 draws,
    // less than one is expected beyond each end.
    let bound = (coarse - fine).abs() + 4.0 / COUNT as f64;
    assert!(
        bound < 0.01,
        "{coarse} and {fine}: the grid is too coarse for this test"
    );
    assert!((fine - 1.0).abs() < bound, "{fine} ± {bound}");
    Ok(())
}

#[test]
fn samples_of_a_flow_follow_its_density() -> Result {
    // A χ² test: the share of draws in each cell of a plane, compared with the integral of the
    // density.
    let chain = Chain::new(vec![
        affine(Mask::blocks(2)?, 61)?.bijector,
        mixture(Mask::blocks(2)?.swapped(), 65)?.bijector,
    ]);
    let flow = Transformed::new(StandardNormal::new(2, DType::F64, CPU), chain);
    let count = scaled(40_000, 5_000);
    let side = scaled(40, 12);
    let draws = rows(&flow.sample(&[count], &mut Generator::new(6))?)?;
    let mut sorted = [0, 1].map(|i| draws.iter().map(|draw| draw[i]).collect::<Vec<_>>());
    for values in &mut sorted {
        values.sort_by(f64::total_cmp);
    }
    // Cells between the deciles of both columns, each integrated on a square grid of points.
    let edges = sorted.map(|values| (1..10).map(|i| values[i * count / 10]).collect::<Vec<_>>());
    let (mut chi_squared, mut cells) = (0.0, 0);
    for i in 0..8 {
        for j in 0..8 {
            let (left, bottom) = (edges[0][i], edges[1][j]);
            let (width, height) = (edges[0][i + 1] - left, edges[1][j + 1] - bottom);
            let inside = |draw: &&Vec<f64>| {
                (left..left + width).contains(&draw[0])
                    && (bottom..bottom + height).contains(&draw[1])
            };
            let found = draws.iter().filter(inside).count() as f64;
            let points: Vec<f64> = (0..side * side)
                .flat_map(|point| {
                    let at = |index: usize| (index as f64 + 0.5) / side as f64;
                    [
                        left + width * at(point / side),
                        bottom + height * at(point % side),
                    ]
                })
                .collect();
            let density = flow
                .log_prob(&Tensor::from_vec(points, (side * side, 2), CPU)?)?
                .exp()?
                .mean_all()?
                .to_scalar::<f64>()?;
            let expected = density * width * height * count as f64;
            if expected > 10.0 {
                chi_squared += (found - expected).powi(2) / expected;
                cells += 1;
            }
        }
    }
    assert!(cells > 20, "{cells}");
    // Four standard deviations above the mean of a χ² distribution with `cells` degrees of freedom.
    let bound = f64::from(cells) + 4.0 * (2.0 * f64::from(cells)).sqrt();
    assert!(chi_squared < bound, "{chi_squared} over {cells} cells");
    Ok(())
}

#[test]
fn data_dependent_initialisation_of_act_norm_standardises_the_data() -> Result {
    let zeros = || Ok::<_, Error>(Var::zeros(4, DType::F64, CPU)?);
    let (log_scale, translation) = (zeros()?, zeros()?);
    let norm = ActNorm::new(
        log_scale.as_tensor().clone(),
        translation.as_tensor().clone(),
    );
    let data = normal(7, &[500, 4])?.affine(3.0, -2.0)?;
    let latents = norm.initialise(&data, &())?;
    let mean = latents.mean(0)?.abs()?.max_all()?.to_scalar::<f64>()?;
    let variance = (latents.sqr()?.mean(0)? - 1.0)?
        .abs()?
        .max_all()?
        .to_scalar::<f64>()?;
    // A sum of 500 numbers of up to ten deviations; and the constant 1e-5 relative to a variance of
    // nine.
    let lost = rounding(DOUBLE, 500, 10.0);
    assert!(mean < lost, "{mean}");
    assert!(variance < 1e-5 / 8.0 + lost, "{variance}");
    // The variables were updated.
    assert!(
        log_scale
            .to_vec1::<f64>()?
            .iter()
            // The log of a standard deviation estimated from n draws has the standard error 1 /
            // √(2n).
            .all(|s| (s - 3f64.ln()).abs() < monte_carlo(FRAC_1_SQRT_2, 500))
    );
    Ok(())
}

#[test]
fn a_constant_column_keeps_its_scale_through_several_normalisations() -> Result {
    // The first column is constant, the second is not.
    let data = normal(7, &[500, 2])?.broadcast_mul(&Tensor::new(&[0.0, 3.0], CPU)?)?;
    let data = (data + 0.25)?;
    let zeros = || Tensor::zeros(2, DType::F64, CPU);
    let norms = (0..10).map(|_| {
        let norm: Box<dyn Bijector> = Box::new(ActNorm::new(zeros()?, zeros()?));
        Ok(norm)
    });
    let chain = Chain::new(norms.collect::<Result<_>>()?);
    chain.initialise(&data, &())?;
    // The distance of another value in that column from the constant is unchanged.
    let other = Tensor::new(&[[1.25, 0.25]], CPU)?;
    let (latents, log_det) = chain.inverse_and_log_det(&other, &())?;
    assert!((rows(&latents)?[0][0] - 1.0).abs() < 1e-12);
    let deviation = (-log_det.to_vec1::<f64>()?[0]).exp();
    // The standard error of the standard deviation of 500 draws is 3 / √1000.
    assert!(
        (deviation - 3.0).abs() < 5.0 * 3.0 / 1000f64.sqrt(),
        "{deviation}"
    );

    // In a single vector every column is constant, and normalisation maps it to zero.
    let chain: Chain = Chain::new(vec![
        Box::new(Scaling::new(zeros()?)),
        Box::new(ActNorm::new(zeros()?, zeros()?)),
    ]);
    let latents = chain.initialise(&data.narrow(0, 0, 1)?, &())?;
    assert_eq!(rows(&latents)?, [[0.0, 0.0]]);
    let (_, log_det) = chain.inverse_and_log_det(&data, &())?;
    assert_eq!(log_det.abs()?.max_all()?.to_scalar::<f64>()?, 0.0);
    Ok(())
}

#[test]
fn initialisation_without_data_is_refused() -> Result {
    let none = Tensor::zeros((0, 3), DType::F64, CPU)?;
    for name in ["act-norm", "scaling"] {
        let bijector = columns(name, 3, 70)?.bijector;
        let refusal = bijector.initialise(&none, &());
        assert!(matches!(refusal, Err(Error::NoVectors)), "{refusal:?}");
    }
    Ok(())
}

#[test]
fn a_permutation_makes_the_parts_of_a_partition_contiguous() -> Result {
    let checkerboard = Mask::checkerboard(Shape::grey(3, 4))?;
    let network = Network::new(80, 6, 6)?;
    let translation = |network: &Network| {
        let network = network.clone();
        move |given: &Tensor, (): &()| network.of(given)
    };
    let direct = Coupling::new(checkerboard.clone(), Additive, translation(&network));
    let halves = Coupling::new(Mask::blocks(12)?, Additive, translation(&network));
    let chain: Chain = Chain::new(vec![
        Box::new(halves),
        Box::new(Permutation::from_mask(&checkerboard, CPU)?),
    ]);
    let data = normal(10, &[4, 12])?;
    let (expected, _) = direct.inverse_and_log_det(&data, &())?;
    let (halves, _) = chain.inverse_and_log_det(&data, &())?;
    let order = Tensor::new(checkerboard.order(), CPU)?;
    assert_eq!(rows(&expected.index_select(&order, 1)?)?, rows(&halves)?);
    Ok(())
}

#[test]
fn the_inverse_sigmoid_of_0_and_1_is_the_logit_of_lambda() -> Result {
    let ends = Tensor::new(&[[0.0, 1.0]], CPU)?;
    let sigmoid = Sigmoid::new(1e-6)?;
    let (logits, _) = Bijector::<()>::inverse_and_log_det(&sigmoid, &ends, &())?;
    let expected = (1e-6f64 / (1.0 - 1e-6)).ln();
    for (logit, expected) in rows(&logits)?.concat().iter().zip([expected, -expected]) {
        assert!(
            (logit - expected).abs() < rounding(DOUBLE, 4, expected),
            "{logit}"
        );
    }
    for lambda in [-0.1, 0.5, f64::NAN] {
        assert!(matches!(Sigmoid::new(lambda), Err(Error::Lambda(_))));
    }
    Ok(())
}

#[test]
fn the_sigmoid_of_a_logistic_variable_is_uniform() -> Result {
    // The logit of a uniform variable has the logistic distribution.
    let zeros = Tensor::zeros(3, DType::F64, CPU)?;
    let flow = Transformed::new(Logistic::new(zeros.clone(), zeros)?, Sigmoid::new(0.0)?);
    let value = Generator::new(11).uniform((50, 3), DType::F64, CPU)?;
    let log_prob = flow
        .log_prob(&value)?
        .abs()?
        .max_all()?
        .to_scalar::<f64>()?;
    // Two sums of three logarithms of up to ten, which cancel.
    assert!(log_prob < rounding(DOUBLE, 2 * 3 * 4, 10.0), "{log_prob}");
    Ok(())
}

#[test]
fn invalid_partitions_permutations_and_sizes_are_refused() -> Result {
    assert!(matches!(Mask::blocks(1), Err(Error::Mask { size: 1 })));
    assert!(matches!(Mask::blocks(0), Err(Error::Mask { size: 0 })));
    assert!(matches!(
        Permutation::new(&[0, 2, 2], CPU),
        Err(Error::Permutation { size: 3 })
    ));
    let coupling = additive(Mask::blocks(4)?, 90)?.bijector;
    let five = normal(1, &[2, 5])?;
    assert!(matches!(
        coupling.forward_and_log_det(&five, &()),
        Err(Error::EventSize {
            found: 5,
            expected: 4
        })
    ));
    assert_eq!(five.dim(D::Minus1)?, 5);
    Ok(())
}

#[test]
fn the_initial_logistic_mixture_is_an_odd_function_and_the_identity_for_one_component() -> Result {
    let x = normal(3, &[20, 2])?;
    for components in [1, 2, 5] {
        let mixture = LogisticMixture::new(components);
        let begin = mixture.initial(2, DType::F64, CPU)?;
        let begin = begin.broadcast_as((20, begin.elem_count()))?.contiguous()?;
        let (y, log_det) = mixture.inverse_and_log_det(&x, &begin)?;
        let (mirrored, same) = mixture.inverse_and_log_det(&x.neg()?, &begin)?;
        let largest = |t: Tensor| -> Result<f64> { Ok(t.abs()?.max_all()?.to_scalar()?) };
        let lost = rounding(DOUBLE, 100, 10.0);
        assert!(largest((&y + mirrored)?)? < lost);
        assert!(largest((&log_det - same)?)? < lost);
        if components == 1 {
            assert!(largest((&y - &x)?)? < lost);
        }
    }
    Ok(())
}

#[test]
fn data_dependent_initialisation_of_scaling_gives_mean_magnitude_one() -> Result {
    let data = normal(3, &[500, 3])?.broadcast_mul(&Tensor::new(&[1e-3, 1.0, 0.0], CPU)?)?;
    let scaling = Scaling::new(Tensor::zeros(3, DType::F64, CPU)?);
    let fitted = Bijector::<()>::initialise(&scaling, &data, &())?;
    let sizes = fitted.abs()?.mean(0)?.to_vec1::<f64>()?;
    // The constant 1e-5 is noticeable relative to the smallest magnitude.
    let magnitudes = data.abs()?.mean(0)?.to_vec1::<f64>()?;
    for (size, magnitude) in sizes.iter().zip(magnitudes) {
        let expected = magnitude / (magnitude + 1e-5);
        assert!((size - expected).abs() <= rounding(DOUBLE, 500, expected));
    }
    assert!(sizes[0] > 0.9 && sizes[1] > 0.9 && sizes[2] == 0.0);
    Ok(())
}
