//! Normalizing flows.

use candle_core::{DType, Tensor, Var};
use candle_nn::VarBuilder;
use latent_distributions::{Distribution, Generator, Logistic};
use latent_models::{
    Activation, BaseDistribution, Condition, Conditional, Dequantisation, Error, Flow, FlowConfig,
    Labels, LatentModel, MaskPattern, MultiScaleConfig, Normalisation, Parameters, Preprocessing,
    Shape, Trainable, Transform, VariationalDequantisation,
};
use latent_tolerance::{monte_carlo, scaled};
use nalgebra::DMatrix;

use crate::{
    CLASSES, CPU, IMAGE, PIXELS, Result, images, labels, lost, lost_in_64_bits, step, vec1,
};

/// Small flows with every transform and option.
pub(crate) fn flows() -> Vec<(&'static str, FlowConfig)> {
    let small = |config: FlowConfig| FlowConfig {
        couplings: 3,
        hidden: vec![7],
        // A smooth activation, since finite differences may cross a kink.
        activation: Activation::Tanh,
        ..config
    };
    let real_nvp = FlowConfig {
        preprocessing: Preprocessing::Logit { lambda: 1e-3 },
        ..small(FlowConfig::real_nvp(3))
    };
    vec![
        ("nice", small(FlowConfig::nice())),
        ("real-nvp", real_nvp.clone()),
        (
            "mixture",
            FlowConfig {
                transform: Transform::Mixture { components: 3 },
                normalisation: Normalisation::ActNorm,
                base: BaseDistribution::Logistic,
                ..real_nvp
            },
        ),
    ]
}

/// Small multi-scale flows with every transform.
pub(crate) fn multi_scale_flows() -> Vec<(&'static str, MultiScaleConfig)> {
    let affine = MultiScaleConfig {
        couplings: vec![2],
        transform: Transform::Affine,
        channels: 3,
        blocks: 1,
        activation: Activation::Tanh,
        base: BaseDistribution::Normal,
        preprocessing: Preprocessing::Logit { lambda: 1e-3 },
        dequantisation: Dequantisation::Uniform,
        conditional_levels: None,
        classification_weight: 0.0,
    };
    let variational = Dequantisation::Variational(VariationalDequantisation {
        couplings: 2,
        channels: 3,
        blocks: 1,
        activation: Activation::Tanh,
    });
    vec![
        (
            "additive multi-scale flow",
            MultiScaleConfig {
                transform: Transform::Additive,
                blocks: 0,
                ..affine.clone()
            },
        ),
        ("multi-scale flow of one level", affine.clone()),
        (
            "multi-scale flow of two levels",
            MultiScaleConfig {
                couplings: vec![2, 2],
                transform: Transform::Mixture { components: 3 },
                base: BaseDistribution::Logistic,
                ..affine.clone()
            },
        ),
        (
            "multi-scale flow with variational dequantisation",
            MultiScaleConfig {
                dequantisation: variational,
                ..affine.clone()
            },
        ),
        (
            "multi-scale flow with a weight of classification",
            MultiScaleConfig {
                couplings: vec![1, 2],
                conditional_levels: Some(1),
                classification_weight: 0.5,
                ..affine
            },
        ),
    ]
}

/// A small flow in 64-bit floats with variables so large that it is far from the identity.
fn large<C>(
    build: impl Fn(&VarBuilder) -> std::result::Result<Flow<C>, Error>,
) -> Result<(Flow<C>, Vec<Var>)> {
    let parameters = Parameters::seeded(1, CPU);
    build(&parameters.builder())?;
    let mut variables = Vec::new();
    let mut tensors = std::collections::HashMap::new();
    for (index, (name, variable)) in parameters.variables().into_iter().enumerate() {
        let shape = variable.shape();
        let moved = Generator::new(index as u64).standard_normal(shape, DType::F64, CPU)?;
        // The inverse of a triangular matrix is of moderate size if its rows are.
        let size = if name.contains("linear") {
            shape.dims()[0]
        } else {
            1
        };
        let moved = (moved * (0.4 / (size as f64).sqrt()))?;
        let value = (variable.as_detached_tensor().to_dtype(DType::F64)? + moved)?;
        let variable = Var::from_tensor(&value)?;
        tensors.insert(name, variable.as_tensor().clone());
        variables.push(variable);
    }
    let builder = VarBuilder::from_tensors(tensors, DType::F64, CPU);
    Ok((build(&builder)?, variables))
}

/// Shapes of images with mask patterns, including rectangles and odd numbers of pixels.
const HALVED: [(Shape, MaskPattern); 9] = [
    (Shape::grey(1, 2), MaskPattern::Alternating),
    (Shape::grey(1, 5), MaskPattern::Alternating),
    (Shape::grey(2, 4), MaskPattern::Blocks),
    (Shape::grey(1, 2), MaskPattern::Checkerboard),
    (Shape::grey(5, 1), MaskPattern::Checkerboard),
    (Shape::grey(2, 3), MaskPattern::Checkerboard),
    (Shape::grey(3, 3), MaskPattern::Checkerboard),
    (Shape::grey(5, 4), MaskPattern::Checkerboard),
    (COLOUR, MaskPattern::Checkerboard),
];

const COLOUR: Shape = Shape {
    channels: 3,
    height: 2,
    width: 2,
};

/// Checks a property for every small flow, conditional and unconditional, with every shape and mask pattern.
fn for_every_flow(law: &impl Law) -> Result {
    for (name, config) in flows() {
        for (image, mask) in HALVED {
            let config = FlowConfig {
                mask,
                ..config.clone()
            };
            let name = format!("{name}, {mask:?} of {image}");
            let pixels = image.elem_count();
            let (flow, _) = large(|builder| Flow::new(image, &config, builder))?;
            law.holds(&name, pixels, &flow, &())?;
            let (flow, _) = large(|builder| Flow::conditional(image, CLASSES, &config, builder))?;
            let labels = Labels::new(&[3, 0, 9, 3], CLASSES, DType::F64, CPU)?;
            law.holds(&format!("conditional {name}"), pixels, &flow, &labels)?;
        }
    }
    for (name, config) in multi_scale_flows() {
        // The last two are padded.
        for image in [
            Shape::grey(2, 2),
            Shape::grey(4, 8),
            Shape::grey(3, 5),
            COLOUR,
        ] {
            let name = format!("{name}, {image}");
            let (flow, _) = large(|builder| Flow::multi_scale(image, &config, builder))?;
            law.holds(&name, flow.latent_size(), &flow, &())?;
            let (flow, _) =
                large(|builder| Flow::conditional_multi_scale(image, CLASSES, &config, builder))?;
            let labels = Labels::new(&[3, 0, 9, 3], CLASSES, DType::F64, CPU)?;
            let name = format!("conditional {name}");
            law.holds(&name, flow.latent_size(), &flow, &labels)?;
        }
    }
    Ok(())
}

/// A property of a flow, for four images.
trait Law {
    fn holds<C: Condition + 'static>(
        &self,
        name: &str,
        pixels: usize,
        flow: &Flow<C>,
        condition: &C,
    ) -> Result;
}

#[test]
fn inverse_and_forward_cancel_with_their_log_determinants() -> Result {
    struct Inverse;

    impl Law for Inverse {
        fn holds<C: Condition + 'static>(
            &self,
            name: &str,
            pixels: usize,
            flow: &Flow<C>,
            condition: &C,
        ) -> Result {
            let latents = Generator::new(5).standard_normal((4, pixels), DType::F64, CPU)?;
            let (values, there) = flow.forward(&latents, condition)?;
            let (back, and_back) = flow.inverse(&values, condition)?;
            let far = (back - &latents)?.abs()?.max_all()?.to_scalar::<f64>()?;
            // Up to four couplings, normalisations and linear maps can amplify rounding errors by e⁸.
            let bound = lost_in_64_bits(8f64.exp());
            assert!(far < bound, "{name}: {far}");
            let rest = (there + and_back)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(rest < bound, "{name}: {rest}");
            Ok(())
        }
    }

    for_every_flow(&Inverse)
}

#[test]
fn the_log_determinant_agrees_with_a_numerical_jacobian() -> Result {
    struct Jacobian;

    impl Law for Jacobian {
        fn holds<C: Condition + 'static>(
            &self,
            name: &str,
            pixels: usize,
            flow: &Flow<C>,
            condition: &C,
        ) -> Result {
            /// The cube root of the 64-bit rounding error, which balances the rounding and truncation errors of a
            /// central difference: a relative error of 10⁻¹⁰.
            const STEP: f64 = 6e-6;
            let latents = Generator::new(5).standard_normal((4, pixels), DType::F64, CPU)?;
            let (data, _) = flow.forward(&latents, condition)?;
            let (_, log_det) = flow.inverse(&data, condition)?;
            let moved = |pixel: usize, by: f64| -> Result<Vec<Vec<f64>>> {
                let mut step = vec![0.0; pixels];
                step[pixel] = by;
                let data = data.broadcast_add(&Tensor::new(step, CPU)?)?;
                Ok(flow.inverse(&data, condition)?.0.to_vec2()?)
            };
            let mut jacobians = vec![DMatrix::zeros(pixels, pixels); 4];
            for pixel in 0..pixels {
                let (up, down) = (moved(pixel, STEP)?, moved(pixel, -STEP)?);
                for (image, jacobian) in jacobians.iter_mut().enumerate() {
                    for row in 0..pixels {
                        let slope = (up[image][row] - down[image][row]) / (2.0 * STEP);
                        jacobian[(row, pixel)] = slope;
                    }
                }
            }
            for (jacobian, log_det) in jacobians.into_iter().zip(log_det.to_vec1::<f64>()?) {
                let expected = jacobian.determinant().abs().ln();
                // The errors of up to 20 rows, amplified by the inverse Jacobian by a factor of at most 100.
                assert!(
                    (log_det - expected).abs() < 20.0 * 100.0 * 1e-10 * (1.0 + expected.abs()),
                    "{name}: {log_det} {expected}"
                );
            }
            Ok(())
        }
    }

    for_every_flow(&Jacobian)
}

#[test]
fn a_coupling_keeps_one_part_of_the_mask_and_transforms_the_other() -> Result {
    for (image, mask) in HALVED {
        let (pixels, width) = (image.elem_count(), image.width);
        let config = FlowConfig {
            mask,
            hidden: vec![7],
            activation: Activation::Tanh,
            ..FlowConfig::real_nvp(1)
        };
        let (flow, _) = large(|builder| Flow::new(image, &config, builder))?;
        let data = Generator::new(5).standard_normal((1, pixels), DType::F64, CPU)?;
        let latents = flow.inverse(&data, &())?.0;
        for number in 0..pixels {
            let pixel = number / image.channels;
            let mut step = vec![0.0; pixels];
            step[number] = 1.0;
            let data = data.broadcast_add(&Tensor::new(step, CPU)?)?;
            let moved = flow.inverse(&data, &())?.0.ne(&latents)?;
            let moved = moved.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
            // A change of a given pixel affects that pixel and all transformed ones.
            let is_transformed = match mask {
                MaskPattern::Alternating => number % 2 == 1,
                MaskPattern::Checkerboard => (pixel / width + pixel % width) % 2 == 1,
                MaskPattern::Blocks => number >= pixels.div_ceil(2),
            };
            let expected = if is_transformed { 1 } else { 1 + pixels / 2 };
            assert_eq!(moved, expected as f64, "{mask:?} of {image}: {number}");
        }
    }
    Ok(())
}

/// ∫ p over the plane of two pixels by the midpoint rule with `steps`² cells. The grid exceeds the range of the
/// draws by 30 % on each side.
fn integral(flow: &Flow<()>, draws: &Tensor, steps: usize) -> Result<f64> {
    let (low, high) = (
        draws.min(0)?.to_vec1::<f64>()?,
        draws.max(0)?.to_vec1::<f64>()?,
    );
    // The midpoints of the cells and their width.
    let side = |axis: usize| -> (Vec<f64>, f64) {
        let reach = high[axis] - low[axis];
        let width = 1.6 * reach / steps as f64;
        let first = low[axis] - 0.3 * reach;
        let middles = (0..steps).map(|i| first + (i as f64 + 0.5) * width);
        (middles.collect(), width)
    };
    let ((first, width), (second, height)) = (side(0), side(1));
    let points: Vec<f64> = second
        .iter()
        .flat_map(|&y| first.iter().flat_map(move |&x| [x, y]))
        .collect();
    let points = Tensor::from_vec(points, (steps * steps, 2), CPU)?;
    let total = flow.log_prob(&points, &())?.exp()?.sum_all()?;
    Ok(total.to_scalar::<f64>()? * width * height)
}

#[test]
fn flow_densities_integrate_to_one_and_every_variable_has_a_gradient() -> Result {
    const DRAWS: usize = 10_000;
    for (name, config) in flows() {
        let (flow, variables) = large(|builder| Flow::new(Shape::grey(1, 2), &config, builder))?;
        let mut generator = Generator::new(3);
        let latents = flow.sample_prior(DRAWS, &mut generator)?;
        let draws = flow.forward(&latents, &())?.0;
        let steps = scaled(1000, 400);
        let (coarse, fine) = (
            integral(&flow, &draws, steps / 2)?,
            integral(&flow, &draws, steps)?,
        );
        // The error of the midpoint rule is estimated from twice the cell width (Richardson). Outside of the grid, fewer
        // than one draw is expected on each side.
        let bound = (coarse - fine).abs() + 4.0 / DRAWS as f64;
        assert!(
            bound < 0.02,
            "{name}: {coarse} and {fine}: too coarse to tell"
        );
        assert!((fine - 1.0).abs() < bound, "{name}: {fine} ± {bound}");

        let few = draws.narrow(0, 0, 3)?;
        let gradients = flow.log_prob(&few, &())?.mean_all()?.backward()?;
        let missing = variables
            .iter()
            .position(|variable| gradients.get(variable).is_none());
        assert_eq!(missing, None, "{name}");
    }
    Ok(())
}

/// The integral of p over the four pixels of an image of 2×2, from draws of a wider distribution: the mean of p / q.
#[test]
fn densities_of_multi_scale_flows_integrate_to_one() -> Result {
    /// The scale of q relative to the standard deviation; its tails are those of a logistic distribution.
    const WIDE: f64 = 0.8;
    let draws = scaled(400_000, 40_000);
    for (name, config) in multi_scale_flows() {
        let image = Shape::grey(2, 2);
        let config = MultiScaleConfig {
            couplings: vec![2],
            conditional_levels: None,
            ..config
        };
        let (flow, _) = large(|builder| Flow::multi_scale(image, &config, builder))?;
        let mut generator = Generator::new(3);
        let latents = flow.sample_prior(2000, &mut generator)?;
        let samples = flow.forward(&latents, &())?.0;
        let mean = samples.mean(0)?;
        let deviation = samples.broadcast_sub(&mean)?.sqr()?.mean(0)?.sqrt()?;
        let scale = (deviation * WIDE)?;
        let wide = Logistic::new(mean, scale.log()?)?;
        let points = wide.sample(&[draws], &mut generator)?;
        let ratios = (flow.log_prob(&points, &())? - wide.log_prob(&points)?)?.exp()?;
        let integral = ratios.mean_all()?.to_scalar::<f64>()?;
        let variance = ratios.affine(1.0, -integral)?.sqr()?.mean_all()?;
        let bound = monte_carlo(variance.to_scalar::<f64>()?.sqrt(), draws);
        assert!(bound < 0.2, "{name}: {bound} is too large to tell");
        assert!(
            (integral - 1.0).abs() < bound,
            "{name}: {integral} ± {bound}"
        );
    }
    Ok(())
}

/// The bound by one draw of the noise is on average below log P(x), and the estimate by many draws agrees with it. log P(x) is the
/// integral over the four pixels' noise of the density of the levels.
#[test]
fn dequantisation_bounds_the_probability_of_the_levels() -> Result {
    const STEPS: usize = 16;
    let image = Shape::grey(2, 2);
    let levels = [90.0, 200.0, 30.0, 140.0];
    let pixels = Tensor::new(&[levels.map(|level| level / 255.0)], CPU)?;
    for (name, config) in multi_scale_flows() {
        let config = MultiScaleConfig {
            couplings: vec![2],
            conditional_levels: None,
            ..config
        };
        let (flow, _) = large(|builder| Flow::multi_scale(image, &config, builder))?;
        // y = logit(λ + (1 − 2λ) w) with w = (level + u) / 256 at the midpoints of the cells, and |dy/du|.
        let Preprocessing::Logit { lambda } = config.preprocessing else {
            unreachable!("all flows here have a logit");
        };
        let (mut points, mut slopes) = (Vec::new(), Vec::new());
        for cell in 0..STEPS.pow(4) {
            let mut slope = 1.0;
            for (pixel, level) in levels.iter().enumerate() {
                let step = cell / STEPS.pow(pixel as u32) % STEPS;
                let noise = (step as f64 + 0.5) / STEPS as f64;
                let unit = lambda + (1.0 - 2.0 * lambda) * (level + noise) / 256.0;
                points.push((unit / (1.0 - unit)).ln());
                slope *= (1.0 - 2.0 * lambda) / 256.0 / (unit * (1.0 - unit));
            }
            slopes.push(slope);
        }
        let points = Tensor::from_vec(points, (slopes.len(), 4), CPU)?;
        let slopes = Tensor::new(slopes, CPU)?;
        let densities = (flow.log_prob(&points, &())?.exp()? * slopes)?;
        let exact = densities.mean_all()?.to_scalar::<f64>()?.ln();

        let draws = scaled(4000, 1000);
        let many = pixels.broadcast_as((draws, 4))?.contiguous()?;
        let bounds = flow.log_likelihood(&many, &(), 1, &mut Generator::new(7))?;
        let mean = bounds.mean_all()?.to_scalar::<f64>()?;
        let variance = bounds.affine(1.0, -mean)?.sqr()?.mean_all()?;
        let error = monte_carlo(variance.to_scalar::<f64>()?.sqrt(), draws);
        assert!(mean < exact + error, "{name}: {mean} is above {exact}");
        // The mean of the weights, of which the bounds are logarithms.
        let weights = bounds.affine(1.0, -exact)?.exp()?.mean_all()?;
        let estimate = exact + weights.to_scalar::<f64>()?.ln();
        // The weights vary as their logarithms do, and the midpoint rule is exact to (1/16)² / 24 of the curvature.
        let bound = 2.0 * error + 1e-3;
        assert!(
            (estimate - exact).abs() < bound,
            "{name}: {estimate}, not {exact} ± {bound}"
        );
    }
    Ok(())
}

/// A mask, a squeeze and a factor-out move every pixel to one latent: a flow that is the identity up to these has the density
/// of its base distribution.
#[test]
fn an_initial_multi_scale_flow_is_a_permutation() -> Result {
    let image = Shape::grey(8, 4);
    let config = MultiScaleConfig {
        transform: Transform::Affine,
        channels: 3,
        ..MultiScaleConfig::default()
    };
    let parameters = Parameters::seeded(1, CPU);
    let build = |builder: &VarBuilder| Flow::multi_scale(image, &config, builder);
    build(&parameters.builder())?;
    for (_, variable) in parameters.variables() {
        variable.set(&variable.zeros_like()?)?;
    }
    let flow = build(&parameters.builder())?;
    let values = Tensor::arange(0f32, 32.0, CPU)?.unsqueeze(0)?;
    let (latents, log_det) = flow.inverse(&values, &())?;
    assert_eq!(vec1(&log_det)?, [0.0]);
    let mut sorted = vec1(&latents)?;
    assert_ne!(sorted, vec1(&values)?);
    sorted.sort_by(f32::total_cmp);
    assert_eq!(sorted, vec1(&values)?);
    Ok(())
}

/// The part of a flow that does not depend on the label is computed once for all labels, with the result of each label alone.
#[test]
fn densities_under_each_label_are_those_under_the_label() -> Result {
    let image = Shape::grey(4, 8);
    let count = 3;
    let images = Generator::new(5).uniform((count, 32), DType::F64, CPU)?;
    for (name, config) in multi_scale_flows() {
        let (flow, _) = large(|builder| Flow::conditional_multi_scale(image, 3, &config, builder))?;
        let labels: Vec<_> = [2, 0, 2, 1]
            .iter()
            .map(|&label| Labels::all(label, count, 3, DType::F64, CPU))
            .collect::<std::result::Result<_, _>>()?;
        let each = flow.log_likelihood_under_each(&images, &labels, 2, &mut Generator::new(1))?;
        assert_eq!(each.len(), 4);
        for (found, label) in each.iter().zip(&labels) {
            let alone = flow.log_likelihood(&images, label, 2, &mut Generator::new(1))?;
            let far = (found - alone)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(far <= lost_in_64_bits(1000.0), "{name}: {far}");
        }
        let different = (&each[0] - &each[1])?
            .abs()?
            .min_all()?
            .to_scalar::<f64>()?;
        assert!(different > 1e-3, "{name}: the label has no effect");

        // The loss with a weight of classification, by the definitions of its terms.
        let told = Tensor::new(&[2u32, 0, 1], CPU)?;
        let loss = flow.loss(&images, &told, &mut step(3))?;
        let part = |name| loss.parts.iter().find(|(found, _)| *found == name);
        let (_, log_density) = part("log_density").unwrap();
        let mut expected = log_density.neg()?;
        if config.classification_weight > 0.0 {
            let (_, log_posterior) = part("label_log_posterior").unwrap();
            expected = (expected - (log_posterior * config.classification_weight)?)?;
            let all = [0, 1, 2];
            let noise = &mut step(3).generator;
            let posterior = flow.class_log_posterior(&images, &all, 1, noise)?;
            let own = posterior.gather(&told.unsqueeze(1)?, 1)?.squeeze(1)?;
            let far = (own - log_posterior)?
                .abs()?
                .max_all()?
                .to_scalar::<f64>()?;
            assert!(far <= lost_in_64_bits(1000.0), "{name}: {far}");
        }
        let far = (expected - &loss.objective)?.abs()?.max_all()?;
        assert!(far.to_scalar::<f64>()? <= lost_in_64_bits(1000.0), "{name}");
    }
    Ok(())
}

#[test]
fn padded_images_are_reconstructed() -> Result {
    for (name, config) in multi_scale_flows() {
        for image in [
            Shape::grey(3, 5),
            Shape::grey(1, 1),
            Shape { width: 1, ..COLOUR },
        ] {
            let parameters = Parameters::seeded(1, CPU);
            let flow = Flow::multi_scale(image, &config, &parameters.builder())?;
            let levels = Generator::new(2).uniform((5, image.elem_count()), DType::F32, CPU)?;
            let images = ((levels * 255.0)?.round()? / 255.0)?;
            let latents = flow.encode(&images, &())?;
            assert_eq!(latents.dims(), [5, flow.latent_size()], "{name}");
            let far = (flow.decode(&latents, &())? - &images)?.abs()?.max_all()?;
            assert!(f64::from(far.to_scalar::<f32>()?) < lost(10.0), "{name}");
        }
    }
    Ok(())
}

#[test]
fn the_density_of_a_conditional_flow_depends_on_the_label() -> Result {
    for (name, config) in flows() {
        let (flow, _) =
            large(|builder| Flow::conditional(Shape::grey(2, 3), CLASSES, &config, builder))?;
        let values = Generator::new(5).standard_normal((4, 6), DType::F64, CPU)?;
        let given = |label| -> Result<Tensor> {
            let labels = Labels::all(label, 4, CLASSES, DType::F64, CPU)?;
            flow.log_prob(&values, &labels)
        };
        let apart = (given(3)? - given(4)?)?
            .abs()?
            .min_all()?
            .to_scalar::<f64>()?;
        // Additive couplings preserve volume, so the label changes the density only through the latents.
        assert!(apart > lost_in_64_bits(6f64.exp()), "{name}: {apart}");
    }
    Ok(())
}

#[test]
fn flows_reconstruct_images_and_the_density_does_not_depend_on_the_batch() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
        // 256 levels, including black and white.
        let images = ((images(4)? * 255.0)?.round()? / 255.0)?;
        let images = Tensor::cat(&[&images, &images.zeros_like()?, &images.ones_like()?], 0)?;
        let back = flow.decode(&flow.encode(&images, &())?, &())?;
        let far = (back - &images)?.abs()?.max_all()?.to_scalar::<f32>()?;
        // The derivative of the sigmoid is small where that of the logit is large, so rounding errors are not amplified.
        assert!(f64::from(far) < lost(10.0), "{name}: {far}");

        let data = flow.forward(&flow.encode(&images, &())?, &())?.0;
        let together = vec1(&flow.log_prob(&data, &())?)?;
        for (index, together) in together.iter().enumerate() {
            let alone = vec1(&flow.log_prob(&data.narrow(0, index, 1)?, &())?)?[0];
            let bound = lost(10.0 + f64::from(together.abs()));
            let close = f64::from((alone - together).abs()) <= bound;
            assert!(close, "{name}: {alone} {together}");
        }
    }
    Ok(())
}

#[test]
fn a_uniform_density_has_eight_bits_per_dimension() -> Result {
    // An identity flow with a logistic base distribution on logits gives λ + (1 − 2λ) u a uniform density, so u has the
    // density 1 − 2λ.
    let lambda = 1e-3f64;
    let uniform = 8.0 - (1.0 - 2.0 * lambda).log2() as f32;
    let config = FlowConfig {
        couplings: 1,
        hidden: vec![3],
        base: BaseDistribution::Logistic,
        preprocessing: Preprocessing::Logit { lambda },
        ..FlowConfig::real_nvp(1)
    };
    let parameters = Parameters::seeded(1, CPU);
    let build = |builder: &VarBuilder| Flow::new(IMAGE, &config, builder);
    build(&parameters.builder())?;
    for (_, variable) in parameters.variables() {
        variable.set(&variable.zeros_like()?)?;
    }
    let flow = build(&parameters.builder())?;
    let loss = flow.loss(&images(50)?, &labels(50)?, &mut step(1))?;
    let (name, bits) = &loss.parts[1];
    assert_eq!(*name, "bits_per_dimension");
    for bits in vec1(bits)? {
        assert!(f64::from((bits - uniform).abs()) <= lost(8.0), "{bits}");
    }
    // A density of 1 on the unit interval.
    let config = FlowConfig {
        preprocessing: Preprocessing::Unit,
        ..config
    };
    let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
    let loss = flow.loss(&images(5)?, &labels(5)?, &mut step(1))?;
    let parts: Vec<Vec<f32>> = loss
        .parts
        .iter()
        .map(|(_, part)| vec1(part))
        .collect::<Result<_>>()?;
    for (nats, bits) in parts[0].iter().zip(&parts[1]) {
        let expected = 8.0 - nats / (PIXELS as f32 * std::f32::consts::LN_2);
        let apart = f64::from((bits - expected).abs());
        assert!(apart <= lost(8.0), "{bits} {expected}");
    }
    Ok(())
}

#[test]
fn act_norm_is_initialised_from_the_data() -> Result {
    let (_, config) = flows().remove(1);
    let config = FlowConfig {
        normalisation: Normalisation::ActNorm,
        ..config
    };
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
    let images = images(300)?;
    flow.initialise(&images, &labels(300)?, &mut Generator::new(1))?;
    let latents = flow.encode_sample(&images, &(), &mut Generator::new(1))?;
    // The last coupling is initially close to the identity.
    let mean = latents.mean(0)?.abs()?.max_all()?.to_scalar::<f32>()?;
    let square = (latents.sqr()?.mean(0)? - 1.0)?
        .abs()?
        .max_all()?
        .to_scalar::<f32>()?;
    assert!(mean < 0.2 && square < 0.4, "{mean} {square}");
    Ok(())
}

#[test]
fn initialisation_from_a_single_image_does_not_make_densities_extreme() -> Result {
    for (name, config) in flows() {
        let config = FlowConfig {
            couplings: 10,
            normalisation: Normalisation::ActNorm,
            ..config
        };
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
        // With a single image, no dimension has a variance.
        flow.initialise(&images(1)?, &labels(1)?, &mut Generator::new(1))?;
        let others = Generator::new(8).uniform((20, PIXELS), DType::F32, CPU)?;
        let loss = flow.loss(&others, &labels(20)?, &mut step(2))?;
        let worst = loss.objective.max_all()?.to_scalar::<f32>()?;
        // Logits with λ = 0.001 are within ±7. With standard deviations of 1 and couplings close to the identity, 8 pixels
        // have at most 8 (½ 14² + log √τ) = 800 nats.
        assert!(worst < 1e3, "{name}: {worst} nats");
    }
    Ok(())
}

#[test]
fn mixture_components_are_initialised_apart() -> Result {
    let (_, config) = flows().remove(2);
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
    // Binary images.
    let (images, labels) = (images(300)?.round()?, labels(300)?);
    let loss = || -> Result<f32> {
        let loss = flow.loss(&images, &labels, &mut step(1))?;
        Ok(loss.objective.mean_all()?.to_scalar()?)
    };
    flow.initialise(&images, &labels, &mut Generator::new(1))?;
    let at_start = loss()?;
    let biases = parameters.variables();
    let biases = biases
        .iter()
        .filter(|(name, _)| name.ends_with("mixture.2.bias"));
    let mut couplings = 0;
    for (_, bias) in biases {
        let blocks = vec1(&bias.reshape((11, ()))?.mean(1)?)?;
        let expected = [0.0, 0.0, 0.0, 0.0, 0.0, -1.5, 0.0, 1.5];
        assert_eq!(blocks[..8], expected);
        bias.set(&bias.zeros_like()?)?;
        couplings += 1;
    }
    assert_eq!(couplings, 3);
    // This initialisation gives a higher density than the identity.
    let alike = loss()?;
    assert!(at_start < alike, "{at_start} {alike}");
    Ok(())
}

#[test]
fn the_log_likelihood_matches_the_bits_per_dimension_and_rises_with_the_draws() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(IMAGE, &config, &parameters.builder())?;
        let images = images(200)?;
        let loss = flow.loss(&images, &labels(200)?, &mut step(6))?;
        let bits = vec1(&loss.parts[1].1)?;
        let estimate = |samples| -> Result<Vec<f32>> {
            vec1(&flow.log_likelihood(&images, &(), samples, &mut Generator::new(6))?)
        };
        let one = estimate(1)?;
        for (one, bits) in one.iter().zip(bits) {
            let nats = -bits * std::f32::consts::LN_2 * PIXELS as f32;
            // Rounding error of sums over eight pixels of up to ten nats.
            let apart = f64::from((one - nats).abs());
            assert!(apart <= lost(80.0), "{name}: {one} {nats}");
        }
        // The estimate is the logarithm of a mean of densities, not a mean of logarithms.
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        // (For a flow that is initially a uniform density, the noise has no effect.)
        let gain = f64::from(mean(&estimate(50)?) - mean(&one));
        let least = if name == "real-nvp" {
            lost(80.0)
        } else {
            -lost(80.0)
        };
        assert!(gain > least, "{name}: {gain}");
        assert!(
            flow.log_likelihood(&images, &(), 0, &mut Generator::new(6))
                .is_err()
        );
    }
    Ok(())
}

#[test]
fn errors_for_invalid_flow_configurations_name_the_field() {
    let refusal = |config: FlowConfig| match config.check(IMAGE, CLASSES) {
        Err(Error::Config { key, .. }) => key,
        other => panic!("{other:?}"),
    };
    let good = FlowConfig::default();
    assert_eq!(
        refusal(FlowConfig {
            couplings: 0,
            ..good.clone()
        }),
        "couplings"
    );
    assert_eq!(
        refusal(FlowConfig {
            hidden: vec![0],
            ..good.clone()
        }),
        "hidden"
    );
    assert_eq!(
        refusal(FlowConfig {
            couplings: 1 << 20,
            ..good.clone()
        }),
        "couplings"
    );
    assert_eq!(
        refusal(FlowConfig {
            hidden: vec![1 << 20; 2],
            ..good.clone()
        }),
        "hidden"
    );
    for components in [0, 33] {
        let transform = Transform::Mixture { components };
        assert_eq!(
            refusal(FlowConfig {
                transform,
                ..good.clone()
            }),
            "transform.components"
        );
    }
    for lambda in [-1e-3, 0.0, 1e-40, 0.5, f64::NAN] {
        let preprocessing = Preprocessing::Logit { lambda };
        assert_eq!(
            refusal(FlowConfig {
                preprocessing,
                ..good.clone()
            }),
            "preprocessing.lambda"
        );
    }
    let parameters = Parameters::seeded(1, CPU);
    assert!(Flow::new(Shape::grey(1, 1), &good, &parameters.builder()).is_err());
    // One pixel with three channels has no checkerboard mask, but an alternating one.
    let one = Shape {
        channels: 3,
        ..Shape::grey(1, 1)
    };
    assert!(good.check(one, 0).is_ok());
    let checkerboard = FlowConfig {
        mask: MaskPattern::Checkerboard,
        ..good
    };
    assert!(checkerboard.check(one, 0).is_err());
}
