//! Normalising flows.

use candle_core::{DType, Tensor, Var};
use candle_nn::VarBuilder;
use latent_distributions::Generator;
use latent_models::{
    Activation, Error, Flow, FlowConfig, Halves, Labels, LatentModel, Normalisation, Parameters,
    Preprocessing, Prior, Trainable, Transform,
};

use crate::{CPU, PIXELS, Result, images, labels, step, vec1};

/// Small flows of every kind.
pub(crate) fn flows() -> Vec<(&'static str, FlowConfig)> {
    let small = |config: FlowConfig| FlowConfig {
        couplings: 3,
        hidden: vec![7],
        // Without corners, which finite differences may step over.
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
                prior: Prior::Logistic,
                ..real_nvp
            },
        ),
    ]
}

/// A small flow in 64 bits, its variables made large enough that it is far from the identity.
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
        let value = (variable.as_detached_tensor().to_dtype(DType::F64)? + (moved * 0.4)?)?;
        let variable = Var::from_tensor(&value)?;
        tensors.insert(name, variable.as_tensor().clone());
        variables.push(variable);
    }
    let builder = VarBuilder::from_tensors(tensors, DType::F64, CPU);
    Ok((build(&builder)?, variables))
}

#[test]
fn a_flow_is_undone_by_its_inverse_and_log_determinants_cancel() -> Result {
    for (name, config) in flows() {
        for (pixels, halves) in [
            (2, Halves::Alternating),
            (5, Halves::Alternating),
            (8, Halves::Blocks),
            (9, Halves::Checkerboard),
        ] {
            let config = FlowConfig {
                halves,
                ..config.clone()
            };
            let (flow, _) = large(|builder| Flow::new(pixels, &config, builder))?;
            let latents = Generator::new(5).standard_normal((4, pixels), DType::F64, CPU)?;
            let (values, there) = flow.forward(&latents, &())?;
            let (back, and_back) = flow.inverse(&values, &())?;
            let far = (back - &latents)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(far < 1e-9, "{name}: {far}");
            let rest = (there + and_back)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(rest < 1e-9, "{name}: {rest}");
        }
    }
    Ok(())
}

#[test]
fn a_flow_s_density_integrates_to_one_and_its_variables_learn() -> Result {
    for (name, config) in flows() {
        let (flow, variables) = large(|builder| Flow::new(2, &config, builder))?;
        let mut generator = Generator::new(3);
        let latents = flow.sample_prior(10_000, &mut generator)?;
        let draws = flow.forward(&latents, &())?.0;
        let (low, high) = (
            draws.min(0)?.to_vec1::<f64>()?,
            draws.max(0)?.to_vec1::<f64>()?,
        );
        let steps = 1000;
        // The middles of cells that reach beyond all draws, and their width.
        let side = |axis: usize| -> (Vec<f64>, f64) {
            let reach = high[axis] - low[axis];
            let width = 1.6 * reach / f64::from(steps);
            let first = low[axis] - 0.3 * reach;
            let middles = (0..steps).map(|i| first + (f64::from(i) + 0.5) * width);
            (middles.collect(), width)
        };
        let ((first, width), (second, height)) = (side(0), side(1));
        let points: Vec<f64> = second
            .iter()
            .flat_map(|&y| first.iter().flat_map(move |&x| [x, y]))
            .collect();
        let points = Tensor::from_vec(points, ((steps * steps) as usize, 2), CPU)?;
        let total = flow.log_prob(&points, &())?.exp()?.sum_all()?;
        let total = total.to_scalar::<f64>()? * width * height;
        assert!((total - 1.0).abs() < 4e-3, "{name}: {total}");

        let few = draws.narrow(0, 0, 3)?;
        let gradients = flow.log_prob(&few, &())?.mean_all()?.backward()?;
        let missing = variables
            .iter()
            .position(|variable| gradients.get(variable).is_none());
        assert_eq!(missing, None, "{name}");
    }
    Ok(())
}

#[test]
fn a_conditional_flow_s_density_is_another_for_another_label() -> Result {
    for (name, config) in flows() {
        let (flow, _) = large(|builder| Flow::conditional(6, &config, builder))?;
        let values = Generator::new(5).standard_normal((4, 6), DType::F64, CPU)?;
        let given = |label| -> Result<Tensor> {
            let labels = Labels::all(label, 4, DType::F64, CPU)?;
            flow.log_prob(&values, &labels)
        };
        let apart = (given(3)? - given(4)?)?
            .abs()?
            .min_all()?
            .to_scalar::<f64>()?;
        // Additive couplings move latents, whose scales and prior then make the difference.
        assert!(apart > 1e-6, "{name}: {apart}");
    }
    Ok(())
}

#[test]
fn a_flow_gives_images_back_and_scores_a_batch_as_its_images() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
        // Levels of 256, black and white among them.
        let images = ((images(4)? * 255.0)?.round()? / 255.0)?;
        let images = Tensor::cat(&[&images, &images.zeros_like()?, &images.ones_like()?], 0)?;
        let back = flow.decode(&flow.encode(&images, &())?, &())?;
        let far = (back - &images)?.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(far < 1e-3, "{name}: {far}");

        let data = flow.forward(&flow.encode(&images, &())?, &())?.0;
        let together = vec1(&flow.log_prob(&data, &())?)?;
        for (index, together) in together.iter().enumerate() {
            let alone = vec1(&flow.log_prob(&data.narrow(0, index, 1)?, &())?)?[0];
            let close = (alone - together).abs() <= 1e-4 * (1.0 + together.abs());
            assert!(close, "{name}: {alone} {together}");
        }
    }
    Ok(())
}

#[test]
fn a_uniform_density_has_eight_bits_a_pixel() -> Result {
    // A flow of no effect with a logistic base on logits is a uniform density of pixels.
    let config = FlowConfig {
        couplings: 1,
        hidden: vec![3],
        prior: Prior::Logistic,
        preprocessing: Preprocessing::Logit { lambda: 0.0 },
        ..FlowConfig::real_nvp(1)
    };
    let parameters = Parameters::seeded(1, CPU);
    let build = |builder: &VarBuilder| Flow::new(PIXELS, &config, builder);
    build(&parameters.builder())?;
    for (_, variable) in parameters.variables() {
        variable.set(&variable.zeros_like()?)?;
    }
    let flow = build(&parameters.builder())?;
    let loss = flow.loss(&images(50)?, &labels(50)?, &mut step(1))?;
    let (name, bits) = &loss.parts[1];
    assert_eq!(*name, "bits_per_dimension");
    for bits in vec1(bits)? {
        assert!((bits - 8.0).abs() < 1e-4, "{bits}");
    }
    // And so has a density of 1 over the unit interval itself.
    let config = FlowConfig {
        preprocessing: Preprocessing::Unit,
        ..config
    };
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    let loss = flow.loss(&images(5)?, &labels(5)?, &mut step(1))?;
    let parts: Vec<Vec<f32>> = loss
        .parts
        .iter()
        .map(|(_, part)| vec1(part))
        .collect::<Result<_>>()?;
    for (nats, bits) in parts[0].iter().zip(&parts[1]) {
        let expected = 8.0 - nats / (PIXELS as f32 * std::f32::consts::LN_2);
        assert!((bits - expected).abs() < 1e-4, "{bits} {expected}");
    }
    Ok(())
}

#[test]
fn an_act_norm_begins_with_what_arrives_there() -> Result {
    let (_, config) = flows().remove(1);
    let config = FlowConfig {
        normalisation: Normalisation::ActNorm,
        ..config
    };
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    let images = images(300)?;
    flow.begin(&images, &labels(300)?, &mut Generator::new(1))?;
    let latents = flow.encode_sample(&images, &(), &mut Generator::new(1))?;
    // The last coupling begins as almost the identity.
    let mean = latents.mean(0)?.abs()?.max_all()?.to_scalar::<f32>()?;
    let square = (latents.sqr()?.mean(0)? - 1.0)?
        .abs()?
        .max_all()?
        .to_scalar::<f32>()?;
    assert!(mean < 0.2 && square < 0.4, "{mean} {square}");
    Ok(())
}

#[test]
fn mixtures_begin_with_components_that_are_apart() -> Result {
    let (_, config) = flows().remove(2);
    let parameters = Parameters::seeded(1, CPU);
    let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
    // Of two colours.
    let (images, labels) = (images(300)?.round()?, labels(300)?);
    let loss = || -> Result<f32> {
        let loss = flow.loss(&images, &labels, &mut step(1))?;
        Ok(loss.objective.mean_all()?.to_scalar()?)
    };
    flow.begin(&images, &labels, &mut Generator::new(1))?;
    let begun = loss()?;
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
    // What begins so is nearer to them than what begins as the identity.
    let alike = loss()?;
    assert!(begun < alike, "{begun} {alike}");
    Ok(())
}

#[test]
fn a_flow_s_log_likelihood_of_images_is_its_bits_in_nats_and_grows_with_the_draws() -> Result {
    for (name, config) in flows() {
        let parameters = Parameters::seeded(1, CPU);
        let flow = Flow::new(PIXELS, &config, &parameters.builder())?;
        let images = images(200)?;
        let loss = flow.loss(&images, &labels(200)?, &mut step(6))?;
        let bits = vec1(&loss.parts[1].1)?;
        let estimate = |samples| -> Result<Vec<f32>> {
            vec1(&flow.log_likelihood(&images, &(), samples, &mut Generator::new(6))?)
        };
        let one = estimate(1)?;
        for (one, bits) in one.iter().zip(bits) {
            let nats = -bits * std::f32::consts::LN_2 * PIXELS as f32;
            assert!((one - nats).abs() < 2e-3, "{name}: {one} {nats}");
        }
        // The mean is taken of densities, not of their logarithms.
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        // (To a flow that begins as a uniform density, noise is all the same.)
        let gain = mean(&estimate(50)?) - mean(&one);
        let least = if name == "real-nvp" { 1e-3 } else { -1e-3 };
        assert!(gain > least, "{name}: {gain}");
        assert!(
            flow.log_likelihood(&images, &(), 0, &mut Generator::new(6))
                .is_err()
        );
    }
    Ok(())
}

#[test]
fn flows_that_cannot_be_are_refused_by_the_field_s_name() {
    let refusal = |config: FlowConfig| match config.check(PIXELS) {
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
    let halves = Halves::Checkerboard;
    assert_eq!(
        match (FlowConfig {
            halves,
            ..good.clone()
        })
        .check(6)
        {
            Err(Error::Config { key, .. }) => key,
            other => panic!("{other:?}"),
        },
        "halves"
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
    for lambda in [-1e-3, 0.5, f64::NAN] {
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
    assert!(Flow::new(1, &good, &parameters.builder()).is_err());
}
