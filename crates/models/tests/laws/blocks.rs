//! Computation in blocks gives the same results as in one piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Tensor};
use latent_distributions::{Distribution, Generator, StandardNormal};
use latent_kernels::dequantised_logit;
use latent_models::{
    Activation, Bound, Condition, Conditional, ConditionalVae, Flow, FlowConfig, Labels,
    LatentModel, LossContext, Mlp, Network, Objective, Parameters, Preprocessing, Trainable, Vae,
    VaeConfig,
};
use latent_tolerance::{SINGLE, rounding};

use crate::{CLASSES, CPU, IMAGE, PIXELS, Result, images, labels, step};

/// The largest batch of a network outside of training.
const MAX: usize = 2000;

/// A number of images that needs three blocks.
const MANY: usize = 2 * MAX + 100;

/// A network that records its largest batch.
struct Recording<N>(N, Arc<AtomicUsize>);

type RecordedVae = Vae<Recording<Mlp>, Recording<Mlp>>;

impl<N: Network> Network for Recording<N> {
    type Condition = N::Condition;

    fn forward(&self, input: &Tensor, condition: &N::Condition) -> candle_core::Result<Tensor> {
        self.1.fetch_max(input.dim(0)?, Ordering::Relaxed);
        self.0.forward(input, condition)
    }
}

/// A VAE of recording networks, and a function that returns and resets the largest batch.
fn recorded(bound: Bound, samples: usize) -> Result<(RecordedVae, impl Fn() -> usize)> {
    let builder = Parameters::seeded(1, CPU).builder();
    let most = Arc::new(AtomicUsize::new(0));
    let network = |name, sizes: &[usize], last| -> Result<_> {
        let mlp = Mlp::new(sizes, Activation::Tanh, last, &builder.pp(name))?;
        Ok(Recording(mlp, Arc::clone(&most)))
    };
    let objective = Objective {
        bound,
        samples,
        ..Objective::default()
    };
    let vae = Vae::from_networks(
        network("encoder", &[PIXELS, 6], Activation::Tanh)?,
        6,
        network("decoder", &[3, 6, PIXELS], Activation::Identity)?,
        3,
        &objective,
        &builder,
    )?;
    Ok((vae, move || most.swap(0, Ordering::Relaxed)))
}

/// The order of the sums in a matrix product may depend on the number of rows. The bound is a hundred roundings: two or
/// three layers with sums of at most ten terms.
fn assert_same(what: &str, found: &Tensor, expected: &Tensor) -> Result {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let scale = (expected.abs()? + 1.0)?;
    let far = ((found - expected)?.abs()? / scale)?;
    let far = far.max_all()?.to_scalar::<f32>()?;
    let bound = rounding(SINGLE, 100, 1.0);
    assert!(f64::from(far) <= bound, "{what}: {far}");
    Ok(())
}

#[test]
fn bounds_with_many_draws_are_the_same_in_blocks() -> Result {
    for bound in [
        Bound::Elbo,
        Bound::MonteCarloElbo,
        Bound::ImportanceWeighted,
    ] {
        let (vae, largest) = recorded(bound, 500)?;
        let (images, labels) = (images(30)?, labels(30)?);
        let found = vae.loss(&images, &labels, &mut step(2))?;
        assert!((1..=MAX).contains(&largest()), "{bound:?}");
        // Training is not divided into blocks: gradients need the whole graph.
        let mut at_once = LossContext::training(Generator::new(2), f64::INFINITY);
        let expected = vae.loss(&images, &labels, &mut at_once)?;
        assert_eq!(largest(), 500 * 30);
        assert_same("the objective", &found.objective, &expected.objective)?;
        for ((name, found), (_, expected)) in found.parts.iter().zip(&expected.parts) {
            assert_same(name, found, expected)?;
        }
    }
    Ok(())
}

#[test]
fn encoding_and_decoding_are_the_same_in_blocks() -> Result {
    let (vae, largest) = recorded(Bound::Elbo, 1)?;
    let images = images(MANY)?;
    let posterior = vae.posterior(&images, &())?;
    let latents = posterior.sample(&[], &mut Generator::new(5))?;
    let likelihood = vae.likelihood(&latents, &())?;
    assert_eq!(largest(), MANY);

    let generator = || Generator::new(5);
    let sampled = vae.encode_sample(&images, &(), &mut generator())?;
    assert_same("encode", &vae.encode(&images, &())?, posterior.loc())?;
    assert_same("encode_sample", &sampled, &latents)?;
    assert_same(
        "decode",
        &vae.decode(&latents, &())?,
        &likelihood.location()?,
    )?;
    let pixels = vae.decode_sample(&latents, &(), &mut generator())?;
    let expected = likelihood.sample(&[], &mut generator())?;
    // A pixel may differ if the uniform draw is within rounding of its probability.
    let differ = (pixels - expected)?.abs()?.sum_all()?.to_scalar::<f32>()?;
    assert!(differ <= 2.0, "{differ}");
    assert_eq!(
        vae.sample(MANY, &(), &mut generator())?.dims(),
        [MANY, PIXELS]
    );
    assert_eq!(
        vae.kl_by_dimension(&images, &())?
            .map(|kl| kl.dims().to_vec()),
        Some(vec![MANY, 3])
    );

    // The expected value for two draws: log ½ (exp a + exp b).
    let estimate = vae.log_likelihood(&images, &(), 2, &mut generator())?;
    assert!((1..=MAX).contains(&largest()));
    let latents = posterior.sample(&[2], &mut generator())?;
    let prior = StandardNormal::new(3, DType::F32, CPU).log_prob(&latents)?;
    let joint = (vae.likelihood(&latents, &())?.log_prob(&images)? + prior)?;
    let weights = (joint - posterior.log_prob(&latents)?)?.to_dtype(DType::F64)?;
    let expected = (weights.exp()?.mean(0)?.log()?).to_dtype(DType::F32)?;
    assert_same("log_likelihood", &estimate, &expected)
}

#[test]
fn each_image_of_a_block_has_its_own_label() -> Result {
    let digits: Vec<u8> = (0..MANY).map(|image| (image % 10) as u8).collect();
    let told = Labels::new(&digits, CLASSES, DType::F32, CPU)?;
    let config = VaeConfig {
        hidden: vec![6],
        latent_size: 3,
        ..VaeConfig::default()
    };
    let builder = Parameters::seeded(1, CPU).builder();
    let vae: ConditionalVae = Vae::conditional(PIXELS, CLASSES, &config, &builder)?;
    let latents = vae.sample_prior(MANY, &mut Generator::new(5))?;
    let expected = vae.likelihood(&latents, &told)?.location()?;
    assert_same("decode", &vae.decode(&latents, &told)?, &expected)?;
    let generated = vae.sample_conditional(&digits, &mut Generator::new(5))?;
    assert_same("generate", &generated, &expected)?;

    let lambda = 1e-3;
    let config = FlowConfig {
        couplings: 2,
        hidden: vec![6],
        preprocessing: Preprocessing::Logit { lambda },
        ..FlowConfig::default()
    };
    let flow = Flow::conditional(
        IMAGE,
        CLASSES,
        &config,
        &Parameters::seeded(1, CPU).builder(),
    )?;
    let images = images(MANY)?;
    let noise = Generator::new(5).uniform((MANY, PIXELS), DType::F32, CPU)?;
    let (data, log_det) = dequantised_logit(&images, &noise, lambda)?;
    let expected = flow.inverse(&data, &told)?.0;
    let sampled = flow.encode_sample(&images, &told, &mut Generator::new(5))?;
    assert_same("a flow's encode_sample", &sampled, &expected)?;
    let estimate = flow.log_likelihood(&images, &told, 1, &mut Generator::new(5))?;
    let expected = (flow.log_prob(&data, &told)? + log_det)?;
    assert_same("a flow's log_likelihood", &estimate, &expected)?;
    let decoded = flow.decode(&sampled, &told)?;
    // Single rows on both sides of the boundary of a block.
    for row in [MAX - 1, MAX] {
        let alone = flow.decode(&sampled.narrow(0, row, 1)?, &told.narrow(row, 1)?)?;
        assert_same("a flow's decode", &decoded.narrow(0, row, 1)?, &alone)?;
    }
    Ok(())
}
