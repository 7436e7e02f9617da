use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{Distribution, Generator, KlDivergence, Normal, StandardNormal};
use latent_kernels::Activation;

use super::likelihood::{Likelihood, PixelDistribution, PixelLikelihood, PixelModel};
use super::objective::{Bound, Draws, Objective};
use super::prior::{LatentPrior, Prior};
use crate::blocks::{ROWS, in_blocks};
use crate::error::refuse_no_samples;
use crate::log_mean_exp::LogMeanExp;
use crate::networks::{Condition, Labels, Linear, Mlp, Network};
use crate::{Conditional, Error, LatentModel, Loss, LossContext, Trainable};

/// A variational autoencoder with an encoder `E` and a decoder `D`, by default MLPs.
///
/// Kingma & Welling 2014, "Auto-Encoding Variational Bayes": the posterior q(z|x) is a diagonal normal distribution
/// (appendix C.2), with a [`Likelihood`] p(x|z) and a [`Prior`] p(z). If the networks are conditional on labels
/// ([`Network::Condition`]), the model is p(x|y).
///
/// With a Bernoulli likelihood, the ELBO bounds log p(x) of binary pixels. For grey pixels the reconstruction term is
/// the cross-entropy, and the ELBO bounds no probability.
#[derive(Clone, Debug)]
pub struct Vae<E: Network = Mlp, D = Mlp> {
    prior: LatentPrior<E::Condition>,
    likelihood: PixelModel,
    encoder: E,
    mean: Linear,
    log_variance: Linear,
    decoder: D,
    latent_size: usize,
    objective: Objective,
}

impl<E: Network<Condition: 'static>, D> Vae<E, D> {
    /// Builds a VAE from an encoder to `[n, features]` and a decoder from `[n, latent_size]` to `[n, pixels]`.
    ///
    /// The likelihood is Bernoulli with the decoder's output as logits, and the prior standard normal. The linear layers
    /// `mean` and `log_variance` of q(z|x) come from `builder`.
    ///
    /// # Errors
    /// `builder` contains variables of other shapes.
    pub fn from_networks(
        encoder: E,
        features: usize,
        decoder: D,
        latent_size: usize,
        objective: &Objective,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        let head = |name| {
            let builder = builder.pp(name);
            Linear::new(features, latent_size, Activation::Identity, &builder)
        };
        Ok(Self {
            prior: Prior::StandardNormal.build(latent_size, None, builder)?,
            likelihood: PixelModel::Bernoulli,
            encoder,
            mean: head("mean")?,
            log_variance: head("log_variance")?,
            decoder,
            latent_size,
            objective: objective.clone(),
        })
    }

    /// Replaces the likelihood, for images of `pixels` values. Its variables come from `builder` under `likelihood`.
    ///
    /// # Errors
    /// `builder` contains variables of other shapes.
    pub fn with_likelihood(
        self,
        likelihood: Likelihood,
        pixels: usize,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        let likelihood = PixelModel::new(likelihood, pixels, &builder.pp("likelihood"))?;
        Ok(Self { likelihood, ..self })
    }

    /// Replaces the likelihood by one of your own.
    #[must_use]
    pub fn with_pixel_likelihood(self, likelihood: impl PixelLikelihood + 'static) -> Self {
        Self {
            likelihood: PixelModel::Own(Arc::new(likelihood)),
            ..self
        }
    }

    /// Replaces the prior. Its variables come from `builder` under `prior`.
    ///
    /// # Errors
    /// Those of [`Prior::check`], or `builder` contains variables of other shapes.
    pub fn with_prior(self, prior: &Prior, builder: &VarBuilder) -> Result<Self, Error> {
        let classes = self.encoder.classes();
        let prior = prior.build(self.latent_size, classes, &builder.pp("prior"))?;
        Ok(Self { prior, ..self })
    }
}

impl<E: Network, D> Vae<E, D> {
    /// The prior p(z), or p(z|y) with a flow and labels.
    pub fn prior(&self) -> &LatentPrior<E::Condition> {
        &self.prior
    }
}

impl<E, D> Vae<E, D>
where
    E: Network,
    D: Network<Condition = E::Condition>,
{
    /// The posterior q(z|x) = N(μ(x), diag σ²(x)), or q(z|x, y) for a conditional model: batch `[n]`, event
    /// `latent_size`.
    pub fn posterior(&self, images: &Tensor, condition: &E::Condition) -> Result<Normal, Error> {
        let hidden = self.encoder.forward(images, condition)?;
        let log_scale = (self.log_variance.forward(&hidden)? * 0.5)?;
        Ok(Normal::new(self.mean.forward(&hidden)?, log_scale)?)
    }

    /// The likelihood p(x|z), or p(x|z, y) for a conditional model, for latents `[n, latent_size]` or
    /// `[k, n, latent_size]`.
    pub fn likelihood(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
    ) -> Result<PixelDistribution, Error> {
        let Ok((draws, count, size)) = latents.dims3() else {
            return self
                .likelihood
                .given(self.decoder.forward(latents, condition)?);
        };
        let latents = latents.reshape((draws * count, size))?;
        let output = self
            .decoder
            .forward(&latents, &condition.repeated(draws)?)?;
        self.likelihood.given(output.reshape((draws, count, ()))?)
    }

    /// The likelihood for latents of [`LatentModel`], `[n, latent_size]`, which are u of a flow prior z = f(u).
    fn decoded(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
    ) -> Result<PixelDistribution, Error> {
        self.likelihood(&self.prior.forward(latents, condition)?, condition)
    }

    /// [`Self::posterior`], computed in blocks to bound the memory.
    fn posterior_in_blocks(
        &self,
        images: &Tensor,
        condition: &E::Condition,
    ) -> Result<Normal, Error> {
        let parameters = in_blocks(images.dim(0)?, ROWS, 1, |first, count| {
            let condition = condition.narrow(first, count)?;
            let posterior = self.posterior(&images.narrow(0, first, count)?, &condition)?;
            Ok(Tensor::stack(&[posterior.loc(), posterior.log_scale()], 0)?)
        })?;
        Ok(Normal::new(parameters.get(0)?, parameters.get(1)?)?)
    }

    /// log p(x|z) of n images for latents `[n, latent_size]` or `[k, n, latent_size]`: `[n]` or `[k, n]`, computed in
    /// blocks to bound the memory.
    fn log_likelihood_given(
        &self,
        latents: &Tensor,
        images: &Tensor,
        condition: &E::Condition,
    ) -> Result<Tensor, Error> {
        let has_draws = latents.rank() == 3;
        let draws = if has_draws { latents.dim(0)? } else { 1 };
        let axis = usize::from(has_draws);
        in_blocks(images.dim(0)?, ROWS, axis, |first, count| {
            let images = images.narrow(0, first, count)?;
            let latents = latents.narrow(axis, first, count)?;
            let condition = condition.narrow(first, count)?;
            in_blocks(draws, ROWS / count.max(1), 0, |first, count| {
                let latents = if has_draws {
                    latents.narrow(0, first, count)?
                } else {
                    latents.clone()
                };
                Ok(self.likelihood(&latents, &condition)?.log_prob(&images)?)
            })
        })
    }
}

impl<E, D> Trainable for Vae<E, D>
where
    E: Network,
    D: Network<Condition = E::Condition>,
{
    /// [`Objective::loss`], with the number of draws of z from q(z|x) that the objective sets.
    ///
    /// With a likelihood of 256 levels, there is an additional part `bits_per_dimension`: the negative ELBO divided by
    /// the number of pixels and log 2.
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error> {
        let condition = E::Condition::from_labels(labels, self.classes(), images.dtype())?;
        let posterior = self.posterior(images, &condition)?;
        let draws = Draws::of(&posterior, &self.objective, context)?;
        let latents = &draws.latents;
        let likelihood = if context.is_training() {
            self.likelihood(latents, &condition)?.log_prob(images)?
        } else {
            self.log_likelihood_given(latents, images, &condition)?
        };
        // Evaluation uses the final β, so that metrics are comparable between epochs.
        let epochs = if context.is_training() {
            context.epochs
        } else {
            f64::INFINITY
        };
        let kl = match self.objective.bound {
            Bound::Elbo => self.prior.kl_from(&posterior, latents, &condition)?,
            Bound::MonteCarloElbo | Bound::ImportanceWeighted => {
                self.prior
                    .sampled_kl_from(&draws.density, latents, &condition)?
            }
        };
        draws.weigh(&likelihood, &kl, self.objective.beta_after(epochs))?;
        let loss = self.objective.loss(&likelihood, &kl, epochs)?;
        self.likelihood
            .with_bits_per_dimension(loss, images.dim(1)?)
    }

    fn samples_after(&self, epochs: f64) -> usize {
        self.objective.samples_after(epochs)
    }
}

impl<E, D> LatentModel for Vae<E, D>
where
    E: Network,
    D: Network<Condition = E::Condition>,
{
    type Condition = E::Condition;

    fn latent_size(&self) -> usize {
        self.latent_size
    }

    fn classes(&self) -> Option<usize> {
        self.encoder.classes().or_else(|| self.decoder.classes())
    }

    fn encode(&self, images: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        let posterior = self.posterior_in_blocks(images, condition)?;
        self.prior.inverse(posterior.loc(), condition)
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &E::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let posterior = self.posterior_in_blocks(images, condition)?;
        let latents = posterior.sample(&[], generator)?;
        self.prior.inverse(&latents, condition)
    }

    fn kl_by_dimension(
        &self,
        images: &Tensor,
        condition: &E::Condition,
    ) -> Result<Option<Tensor>, Error> {
        if !self.prior.is_standard_normal() {
            return Ok(None);
        }
        let posterior = self.posterior_in_blocks(images, condition)?;
        // Each dimension as a separate one-dimensional distribution.
        let [loc, log_scale] =
            [posterior.loc(), posterior.log_scale()].map(|of_all| of_all.unsqueeze(2));
        let one = StandardNormal::new(1, images.dtype(), images.device());
        Ok(Some(Normal::new(loc?, log_scale?)?.kl_divergence(&one)?))
    }

    fn decoder_latents(&self, latents: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        self.prior.forward(latents, condition)
    }

    fn prior_log_prob(
        &self,
        decoder_latents: &Tensor,
        condition: &E::Condition,
    ) -> Result<Option<Tensor>, Error> {
        self.prior.log_prob(decoder_latents, condition).map(Some)
    }

    fn decode(&self, latents: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let condition = condition.narrow(first, count)?;
            self.decoded(&latents.narrow(0, first, count)?, &condition)?
                .location()
        })
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let condition = condition.narrow(first, count)?;
            let likelihood = self.decoded(&latents.narrow(0, first, count)?, &condition)?;
            Ok(likelihood.sample(&[], generator)?)
        })
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        self.prior.sample_base(count, generator)
    }

    /// Estimates log p(x) by importance sampling from q(z|x): Burda et al. 2016, equation 8. The memory does not depend
    /// on the number of draws.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &E::Condition,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        refuse_no_samples(samples)?;
        let posterior = self.posterior_in_blocks(images, condition)?;
        let count = images.dim(0)?;
        let at_once = (ROWS / count.max(1)).max(1);
        let mut mean = LogMeanExp::new(count);
        for first in (0..samples).step_by(at_once) {
            let latents = posterior.sample(&[at_once.min(samples - first)], generator)?;
            let likelihood = self.log_likelihood_given(&latents, images, condition)?;
            let joint = (likelihood + self.prior.log_prob(&latents, condition)?)?;
            mean.add(&(joint - posterior.log_prob(&latents)?)?)?;
        }
        Ok(mean.finish(images.dtype(), images.device())?)
    }
}

impl<E, D> Conditional for Vae<E, D>
where
    E: Network<Condition = Labels>,
    D: Network<Condition = Labels>,
{
}
