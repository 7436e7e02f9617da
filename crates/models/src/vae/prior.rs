use std::fmt;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use latent_distributions::{
    Bijector, Chain, Distribution, Generator, KlDivergence, Mask, Normal, StandardNormal,
};
use latent_kernels::Activation;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::Transform;
use crate::error::{positive, refuse_too_many};
use crate::networks::{Condition, Mlp};

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
/// of Learning the Prior of Variational Auto-Encoder". In KL(q(z|x) ‖ p(z)) the expectation of log p(z) has no closed form
/// and is estimated from the draws of z in the loss.
///
/// In a conditional model the one-hot label is concatenated to the input of every coupling network: p(z|y).
///
/// The latents of [`LatentModel`](crate::LatentModel) are u, not z: their prior is N(0, I), and interpolation, temperature
/// and the transfer of a style to another label take place where the prior is simple.
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

    /// Builds the distribution over `latent_size` dimensions, conditional on labels of `classes` classes if there are any.
    /// The variables of coupling i come from `builder` under `i`.
    pub(super) fn build<C: Condition + 'static>(
        &self,
        latent_size: usize,
        classes: Option<usize>,
        builder: &VarBuilder,
    ) -> Result<LatentPrior<C>, Error> {
        self.check(latent_size)?;
        let base = StandardNormal::new(latent_size, builder.dtype(), builder.device());
        let Self::Flow(config) = self else {
            return Ok(LatentPrior { base, flow: None });
        };
        let couplings = (0..config.couplings)
            .map(|index| config.coupling(index, latent_size, classes, &builder.pp(index)))
            .collect::<Result<_, _>>()?;
        let flow = Some(Arc::new(Chain::new(couplings)));
        Ok(LatentPrior { base, flow })
    }
}

impl FlowPrior {
    fn coupling<C: Condition + 'static>(
        &self,
        index: usize,
        size: usize,
        classes: Option<usize>,
        builder: &VarBuilder,
    ) -> Result<Box<dyn Bijector<C>>, Error> {
        // The number of bits that distinguish the indices of all dimensions.
        let bits = (size - 1).ilog2() as usize + 1;
        let bit = index / 2 % bits;
        let is_transformed = |dimension: usize| (dimension >> bit) % 2 != index % 2;
        let partition = Mask::new(size, is_transformed)?;
        let (outputs, beside) = (partition.transformed(), classes.unwrap_or(0));
        let inputs = partition.given() + beside;
        let sizes = [&[inputs], &self.hidden[..], &[2 * outputs]].concat();
        let network = Mlp::small_last(&sizes, self.activation, Activation::Identity, builder)?;
        let network = C::concatenated(network, beside);
        Ok(Transform::Affine.coupling(partition, network))
    }
}

/// The prior of a VAE with its variables: z = f(u) with u from N(0, I). Without a flow, f is the identity; with one, f may
/// depend on the condition, and the prior is p(z|y).
pub struct LatentPrior<C = ()> {
    base: StandardNormal,
    flow: Option<Arc<Chain<C>>>,
}

impl<C> Clone for LatentPrior<C> {
    fn clone(&self) -> Self {
        Self {
            base: self.base.clone(),
            flow: self.flow.clone(),
        }
    }
}

impl<C> fmt::Debug for LatentPrior<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flow {
            None => self.base.fmt(formatter),
            Some(_) => formatter.write_str("Flow"),
        }
    }
}

impl<C: Condition> LatentPrior<C> {
    /// Maps u to z, `[n, latent_size]`.
    ///
    /// # Errors
    /// The shapes do not fit the model.
    pub fn forward(&self, base: &Tensor, condition: &C) -> Result<Tensor, Error> {
        match &self.flow {
            None => Ok(base.clone()),
            Some(flow) => Ok(flow.forward_and_log_det(base, condition)?.0),
        }
    }

    /// Maps z to u, `[n, latent_size]`: the inverse of [`Self::forward`].
    ///
    /// # Errors
    /// The shapes do not fit the model.
    pub fn inverse(&self, latents: &Tensor, condition: &C) -> Result<Tensor, Error> {
        match &self.flow {
            None => Ok(latents.clone()),
            Some(flow) => Ok(flow.inverse_and_log_det(latents, condition)?.0),
        }
    }

    /// log p(z), or log p(z|y) with a flow and labels, of latents `[n, latent_size]` or `[k, n, latent_size]`: `[n]` or
    /// `[k, n]`, in nats.
    ///
    /// # Errors
    /// The shapes do not fit the model.
    pub fn log_prob(&self, latents: &Tensor, condition: &C) -> Result<Tensor, Error> {
        let Some(flow) = &self.flow else {
            return Ok(self.base.log_prob(latents)?);
        };
        let (base, log_det) = match latents.dims3() {
            Err(_) => flow.inverse_and_log_det(latents, condition)?,
            Ok((draws, count, size)) => {
                let rows = latents.reshape((draws * count, size))?;
                flow.inverse_and_log_det(&rows, &condition.repeated(draws)?)?
            }
        };
        let log_prob = (self.base.log_prob(&base)? + log_det)?;
        Ok(log_prob.reshape(&latents.dims()[..latents.rank() - 1])?)
    }

    /// Draws `count` values of u from N(0, I), `[count, latent_size]`.
    pub(super) fn sample_base(
        &self,
        count: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        Ok(self.base.sample(&[count], generator)?)
    }

    /// KL(posterior ‖ self) of each image, in nats. In closed form, `[n]`, without a flow; with one, the expectation of
    /// log p(z) is estimated from `draws` of the posterior, `[n, d]` or `[k, n, d]`, with the result `[n]` or `[k, n]`.
    pub(super) fn kl_from(
        &self,
        posterior: &Normal,
        draws: &Tensor,
        condition: &C,
    ) -> Result<Tensor, Error> {
        if self.flow.is_none() {
            return Ok(posterior.kl_divergence(&self.base)?);
        }
        let log_prior = self.log_prob(draws, condition)?;
        Ok(log_prior.broadcast_add(&posterior.entropy()?)?.neg()?)
    }

    /// KL(posterior ‖ self) estimated from draws of the posterior: log q(z|x) − log p(z).
    pub(super) fn sampled_kl_from(
        &self,
        posterior: &Normal,
        draws: &Tensor,
        condition: &C,
    ) -> Result<Tensor, Error> {
        Ok((posterior.log_prob(draws)? - self.log_prob(draws, condition)?)?)
    }

    /// The type of the latents and their device.
    pub(super) fn kind(&self) -> (DType, &Device) {
        (self.base.dtype(), self.base.device())
    }

    /// Whether this is the standard normal distribution.
    pub(super) fn is_standard_normal(&self) -> bool {
        self.flow.is_none()
    }
}
