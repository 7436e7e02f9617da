//! Properties of all models and of the tools for latent spaces.

mod blocks;
mod classifier;
mod conditional;
mod convolutional;
mod every_model;
mod flows;
mod ladder;
mod latent_space;
mod objectives;
mod parameters;
mod prior;
mod vae;

use candle_core::{DType, Device, Tensor};
use latent_distributions::Generator;
use latent_models::{
    Activation, Bound, ConvolutionalConfig, ConvolutionalVaeConfig, Error, FlowPrior,
    InitialSamples, Likelihood, LossContext, ModelConfig, Objective, Prior, Shape, VaeConfig,
};

use latent_tolerance::{DOUBLE, SINGLE, rounding};

use flows::{flows, multi_scale_flows};
use ladder::{ladder, ladder_with_flow, ladder_without_blocks};

type Result<T = ()> = std::result::Result<T, Error>;

const CPU: &Device = &Device::Cpu;

/// The shape of the images.
const IMAGE: Shape = Shape::grey(2, 4);
const PIXELS: usize = IMAGE.elem_count();
/// The number of classes.
const CLASSES: usize = 10;

/// The bound of rounding errors of the models in these tests, in 32-bit floats, for values of this magnitude: a hundred
/// operations in layers of up to eight inputs, activations, and a sum over eight pixels.
fn lost(magnitude: f64) -> f64 {
    rounding(SINGLE, 100, magnitude)
}

/// The same bound in 64-bit floats.
fn lost_in_64_bits(magnitude: f64) -> f64 {
    rounding(DOUBLE, 100, magnitude)
}

/// A small model of every kind, and VAEs with every bound, by name.
fn models() -> Vec<(String, ModelConfig)> {
    let vaes = [vaes(), vaes_by_bound(), convolutional_vaes(), ladders()].concat();
    vaes.into_iter()
        .map(|(name, config)| (name.to_owned(), config))
        .chain(flows().into_iter().flat_map(|(name, config)| {
            let conditional_name = format!("conditional {name}");
            [
                (name.to_owned(), ModelConfig::Flow(config.clone())),
                (conditional_name, ModelConfig::ConditionalFlow(config)),
            ]
        }))
        .chain(multi_scale_flows().into_iter().flat_map(|(name, config)| {
            let conditional_name = format!("conditional {name}");
            [
                (name.to_owned(), ModelConfig::MultiScaleFlow(config.clone())),
                (
                    conditional_name,
                    ModelConfig::ConditionalMultiScaleFlow(config),
                ),
            ]
        }))
        .collect()
}

fn vae(hidden: &[usize], activation: Activation, latent_size: usize) -> VaeConfig {
    VaeConfig {
        hidden: hidden.to_vec(),
        activation,
        latent_size,
        ..VaeConfig::default()
    }
}

/// Fully connected VAEs with several sizes, likelihoods and priors.
fn vaes() -> Vec<(&'static str, ModelConfig)> {
    let flow_prior = Prior::Flow(FlowPrior {
        couplings: 3,
        hidden: vec![6],
        activation: Activation::Gelu,
    });
    vec![
        ("vae", ModelConfig::Vae(vae(&[8], Activation::Relu, 2))),
        (
            "deep vae",
            ModelConfig::Vae(vae(&[7, 5], Activation::Tanh, 3)),
        ),
        (
            "residual vae",
            ModelConfig::Vae(VaeConfig {
                blocks: 2,
                ..vae(&[7, 5], Activation::Silu, 3)
            }),
        ),
        (
            "vae of 256 levels",
            ModelConfig::Vae(VaeConfig {
                likelihood: Likelihood::DiscretisedLogistic,
                ..vae(&[8], Activation::Silu, 2)
            }),
        ),
        (
            "vae with a flow as prior",
            ModelConfig::Vae(VaeConfig {
                prior: flow_prior.clone(),
                ..vae(&[8], Activation::Tanh, 3)
            }),
        ),
        (
            "conditional vae of 256 levels with a flow as prior",
            ModelConfig::ConditionalVae(VaeConfig {
                likelihood: Likelihood::DiscretisedLogistic,
                prior: flow_prior,
                objective: Objective {
                    bound: Bound::ImportanceWeighted,
                    samples: 3,
                    ..Objective::default()
                },
                ..vae(&[8], Activation::Silu, 2)
            }),
        ),
        (
            "linear vae",
            ModelConfig::Vae(vae(&[], Activation::Identity, 1)),
        ),
        (
            "conditional vae",
            ModelConfig::ConditionalVae(vae(&[7, 5], Activation::Tanh, 3)),
        ),
        (
            "conditional linear vae",
            ModelConfig::ConditionalVae(vae(&[], Activation::Identity, 1)),
        ),
    ]
}

/// VAEs with bounds other than the ELBO with one draw.
fn vaes_by_bound() -> Vec<(&'static str, ModelConfig)> {
    let by = |bound, samples, beta| {
        ModelConfig::Vae(VaeConfig {
            objective: Objective {
                bound,
                samples,
                beta,
                ..Objective::default()
            },
            ..vae(&[8], Activation::Tanh, 2)
        })
    };
    vec![
        ("vae by 3 draws", by(Bound::Elbo, 3, 0.5)),
        (
            "vae by a sampled divergence",
            by(Bound::MonteCarloElbo, 1, 1.0),
        ),
        ("iwae", by(Bound::ImportanceWeighted, 3, 1.0)),
        ("weighted iwae", by(Bound::ImportanceWeighted, 3, 0.5)),
        (
            "vae in a warm-up, by more draws later",
            ModelConfig::Vae(VaeConfig {
                objective: Objective {
                    samples: 3,
                    warm_up_epochs: 2.0,
                    initial: Some(InitialSamples {
                        samples: 2,
                        epochs: 1.0,
                    }),
                    ..Objective::default()
                },
                ..vae(&[8], Activation::Tanh, 2)
            }),
        ),
    ]
}

fn convolutional_vaes() -> Vec<(&'static str, ModelConfig)> {
    let config = ConvolutionalConfig {
        channels: vec![3],
        features: 6,
        ..ConvolutionalConfig::default()
    };
    let residual = ConvolutionalVaeConfig {
        networks: ConvolutionalConfig {
            channels: vec![2, 3],
            blocks: 2,
            features: 5,
            mirrored: true,
            activation: Activation::Silu,
            latent_size: 3,
        },
        prior: Prior::Flow(FlowPrior {
            couplings: 2,
            hidden: vec![4],
            activation: Activation::Silu,
        }),
        ..ConvolutionalVaeConfig::default()
    };
    vec![
        (
            "convolutional vae",
            ModelConfig::ConvolutionalVae(config.clone().into()),
        ),
        (
            "conditional convolutional vae",
            ModelConfig::ConditionalConvolutionalVae(config.into()),
        ),
        (
            "residual convolutional vae with a flow as prior",
            ModelConfig::ConvolutionalVae(residual.clone()),
        ),
        (
            "conditional residual convolutional vae with a flow as prior",
            ModelConfig::ConditionalConvolutionalVae(residual),
        ),
    ]
}

fn ladders() -> Vec<(&'static str, ModelConfig)> {
    let mut importance_weighted = ladder();
    importance_weighted.objective.bound = Bound::ImportanceWeighted;
    importance_weighted.objective.samples = 3;
    vec![
        ("ladder vae", ModelConfig::LadderVae(ladder())),
        (
            "ladder vae without blocks",
            ModelConfig::LadderVae(ladder_without_blocks()),
        ),
        (
            "ladder vae with a flow as prior",
            ModelConfig::LadderVae(ladder_with_flow()),
        ),
        (
            "conditional ladder vae with a flow as prior",
            ModelConfig::ConditionalLadderVae(ladder_with_flow()),
        ),
        (
            "importance-weighted ladder vae",
            ModelConfig::LadderVae(importance_weighted),
        ),
    ]
}

fn images(count: usize) -> Result<Tensor> {
    Ok(Generator::new(3).uniform((count, PIXELS), DType::F32, CPU)?)
}

fn labels(count: usize) -> Result<Tensor> {
    let labels: Vec<u32> = (0..count).map(|i| (i % 10) as u32).collect();
    Ok(Tensor::new(labels, CPU)?)
}

fn step(seed: u64) -> LossContext {
    LossContext::evaluation(Generator::new(seed))
}

fn vec1(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
