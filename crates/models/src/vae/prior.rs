use std::fmt;
use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{
    Affine, Bijector, Chain, Coupling, Distribution, Generator, KlDivergence, Mask, Normal,
    StandardNormal, Transformed,
};
use latent_kernels::{Activation, narrow};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::{positive, refuse_too_many};
use crate::networks::Mlp;

/// The prior distribution p(z) of a VAE.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "a table such as { kind = 'standard-normal' }"
)]
#[non_exhaustive]
pub enum Prior {
    /// The standard normal distribution N(0, I).
    #[default]
    StandardNormal,
    /// A flow that is trained with the VAE.
    Flow(FlowPrior),
}

/// The configuration of a flow prior: a RealNVP over latents, z = f(u) with u from N(0, I).
///
/// log p(z) = log N(u; 0, I) + log |det ∂u/∂z| with u = f⁻¹(z): Dinh et al. 2017, equation 3. As the prior of a VAE:
/// Chen et al. 2017, "Variational Lossy Autoencoder", section 3.2; Xu et al. 2019, "On the Necessity and Effectiveness
/// of Learning the Prior of Variational Auto-Encoder". KL(q(z|x) ‖ p(z)) has no closed form and is estimated as
/// log q(z|x) − log p(z) from the draws of z in the loss.
///
/// Coupling 2i transforms the dimensions whose index has bit i set, given the others; coupling 2i + 1 transforms the
/// others. After the highest bit, the sequence restarts at bit 0. Log-scales are 2 tanh(s/2), so a coupling scales by
/// e⁻² to e².
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowPrior {
    /// The number of coupling layers.
    pub couplings: usize,
    /// The sizes of the hidden layers of each coupling network.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer.
    pub activation: Activation,
}

impl Default for FlowPrior {
    /// Six couplings, each with two hidden layers of 128 units and [`Activation::Silu`].
    fn default() -> Self {
        Self {
            couplings: 6,
            hidden: vec![128, 128],
            activation: Activation::Silu,
        }
    }
}

impl Prior {
    /// Checks that the prior can be built for `latent_size` dimensions.
    ///
    /// # Errors
    /// [`Error::Config`] for the first invalid field.
    pub fn check(&self, latent_size: usize) -> Result<(), Error> {
        let Self::Flow(config) = self else {
            return Ok(());
        };
        if latent_size < 2 {
            return Err(Error::Config {
                key: "latent_size",
                value: latent_size.to_string(),
                remedy: "a flow prior needs 2 or more, since a coupling transforms some dimensions given others",
            });
        }
        positive("prior.couplings", config.couplings)?;
        for &size in &config.hidden {
            positive("prior.hidden", size)?;
        }
        let outputs = latent_size.saturating_mul(2);
        let sizes = [&[latent_size], &config.hidden[..], &[outputs]].concat();
        let weights = sizes.windows(2).fold(0usize, |sum, pair| {
            sum.saturating_add(pair[0].saturating_mul(pair[1]))
        });
        refuse_too_many(weights, "prior.hidden", &format!("{:?}", config.hidden))?;
        let weights = weights.saturating_mul(config.couplings);
        refuse_too_many(weights, "prior.couplings", &config.couplings)
    }

    /// Builds the distribution over `latent_size` dimensions. The variables of coupling i come from `builder` under `i`.
    pub(super) fn build(
        &self,
        latent_size: usize,
        builder: &VarBuilder,
    ) -> Result<LatentPrior, Error> {
        self.check(latent_size)?;
        let normal = StandardNormal::new(latent_size, builder.dtype(), builder.device());
        let Self::Flow(config) = self else {
            return Ok(LatentPrior::StandardNormal(normal));
        };
        let couplings = (0..config.couplings)
            .map(|index| config.coupling(index, latent_size, &builder.pp(index)))
            .collect::<Result<_, _>>()?;
        let flow = Transformed::new(normal, Chain::new(couplings));
        Ok(LatentPrior::Flow(Arc::new(flow)))
    }
}

impl FlowPrior {
    fn coupling(
        &self,
        index: usize,
        size: usize,
        builder: &VarBuilder,
    ) -> Result<Box<dyn Bijector>, Error> {
        // The number of bits that distinguish the indices of all dimensions.
        let bits = (size - 1).ilog2() as usize + 1;
        let bit = index / 2 % bits;
        let is_transformed = |dimension: usize| (dimension >> bit) % 2 != index % 2;
        let partition = Mask::new(size, is_transformed)?;
        let outputs = partition.transformed();
        let sizes = [&[partition.given()], &self.hidden[..], &[2 * outputs]].concat();
        let network = Mlp::small_last(&sizes, self.activation, Activation::Identity, builder)?;
        let parameters = move |given: &Tensor, (): &()| {
            let both = network.forward(given)?;
            let log_scale = ((narrow(&both, 0, outputs)? * 0.5)?.tanh()? * 2.0)?;
            Ok((log_scale, narrow(&both, outputs, outputs)?))
        };
        Ok(Box::new(Coupling::new(partition, Affine, parameters)))
    }
}

/// A prior with its variables.
#[derive(Clone)]
pub(super) enum LatentPrior {
    StandardNormal(StandardNormal),
    Flow(Arc<Transformed<StandardNormal, Chain>>),
}

impl fmt::Debug for LatentPrior {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardNormal(normal) => normal.fmt(formatter),
            Self::Flow(_) => formatter.write_str("Flow"),
        }
    }
}

impl LatentPrior {
    /// KL(posterior ‖ self) of each image, in nats: in closed form, `[n]`, if there is one; otherwise estimated from
    /// `draws` of the posterior, `[n, d]` or `[k, n, d]`, with the result `[n]` or `[k, n]`.
    pub(super) fn kl_from(&self, posterior: &Normal, draws: &Tensor) -> Result<Tensor, Error> {
        match self {
            Self::StandardNormal(normal) => Ok(posterior.kl_divergence(normal)?),
            Self::Flow(_) => self.sampled_kl_from(posterior, draws),
        }
    }

    /// KL(posterior ‖ self) estimated from draws of the posterior: log q(z|x) − log p(z).
    pub(super) fn sampled_kl_from(
        &self,
        posterior: &Normal,
        draws: &Tensor,
    ) -> Result<Tensor, Error> {
        Ok((posterior.log_prob(draws)? - self.log_prob(draws)?)?)
    }

    /// Whether this is the standard normal distribution.
    pub(super) fn is_standard_normal(&self) -> bool {
        matches!(self, Self::StandardNormal(_))
    }

    fn distribution(&self) -> &dyn Distribution {
        match self {
            Self::StandardNormal(normal) => normal,
            Self::Flow(flow) => &**flow,
        }
    }
}

impl Distribution for LatentPrior {
    fn log_prob(&self, value: &Tensor) -> Result<Tensor, latent_distributions::Error> {
        self.distribution().log_prob(value)
    }

    fn sample(
        &self,
        sample_shape: &[usize],
        generator: &mut Generator,
    ) -> Result<Tensor, latent_distributions::Error> {
        self.distribution().sample(sample_shape, generator)
    }
}
