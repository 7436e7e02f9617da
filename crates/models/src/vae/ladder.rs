use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{
    Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal,
};
use latent_kernels::{Activation, Shape, narrow};
use serde::{Deserialize, Serialize};

use super::likelihood::{Likelihood, PixelDistribution, PixelModel};
use super::objective::{Bound, GradientEstimator, Objective, mean_over_draws};
use super::prior::{LatentPrior, Prior};
use crate::blocks::in_blocks;
use crate::error::{positive, refuse_no_samples, refuse_too_many};
use crate::log_mean_exp::LogMeanExp;
use crate::networks::{
    AdditiveConditioning, Condition, Conv2d, ConvolutionalEncoder, Features, Labels, Linear,
    Sequential, TopDown,
};
use crate::{Conditional, ConvolutionalConfig, Error, LatentModel, Loss, LossContext, Trainable};

/// The configuration of a [`LadderVae`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LadderVaeConfig {
    /// The bottom-up and the top-down network. `latent_size` is that of the top level. Below it, a level of latents precedes
    /// each residual block of the top-down network; without blocks, there is one level at each resolution.
    #[serde(flatten)]
    pub networks: ConvolutionalConfig,
    /// The number of channels of the latents of each level below the top.
    pub latent_channels: usize,
    /// The KL divergence of each level below which it is not penalised, in nats: free bits, Kingma et al. 2016, "Improved
    /// Variational Inference with Inverse Autoregressive Flow", equation 15. Only in training; metrics are of the ELBO.
    pub free_bits: f64,
    /// The likelihood p(x|z).
    pub likelihood: Likelihood,
    /// The training objective.
    pub objective: Objective,
    /// The prior of the top level.
    pub prior: Prior,
}

impl Default for LadderVaeConfig {
    /// The default networks, two latent channels, no free bits, Bernoulli likelihood, standard normal prior.
    fn default() -> Self {
        Self {
            networks: ConvolutionalConfig::default(),
            latent_channels: 2,
            free_bits: 0.0,
            likelihood: Likelihood::default(),
            objective: Objective::default(),
            prior: Prior::default(),
        }
    }
}

impl LadderVaeConfig {
    /// Checks that the model can be built for images of this shape and labels of `classes` classes (0 without labels).
    ///
    /// # Errors
    /// Those of [`ConvolutionalConfig::check`]; there are more than 16 levels; the objective or the
    /// prior is invalid; free bits are combined with the importance-weighted bound, or that with the path gradient.
    pub fn check(&self, image: Shape, classes: usize) -> Result<(), Error> {
        self.networks.check(image, classes)?;
        positive("latent_channels", self.latent_channels)?;
        let levels = 1 + self.networks.groups() * self.networks.channels.len();
        if levels > KL_OF_LEVELS.len() {
            return Err(Error::Config {
                key: "blocks",
                value: self.networks.blocks.to_string(),
                remedy: "a level precedes each residual block of the decoder: use 16 levels or fewer",
            });
        }
        let largest = self.networks.channels.iter().max().copied().unwrap_or(1);
        let weights = largest.saturating_mul(self.latent_channels);
        refuse_too_many(weights, "latent_channels", &self.latent_channels)?;
        self.objective.check()?;
        self.prior.check(self.networks.latent_size)?;
        if !self.free_bits.is_finite() || self.free_bits < 0.0 {
            return Err(Error::Config {
                key: "free_bits",
                value: self.free_bits.to_string(),
                remedy: "it must be 0 or a positive number",
            });
        }
        if self.objective.bound == Bound::ImportanceWeighted {
            if self.free_bits > 0.0 {
                return Err(Error::Config {
                    key: "free_bits",
                    value: self.free_bits.to_string(),
                    remedy: "the importance-weighted bound has no KL divergence of a level: use 0",
                });
            }
            if self.objective.gradient == GradientEstimator::Path {
                return Err(Error::Config {
                    key: "objective.gradient",
                    value: "path".to_owned(),
                    remedy: "the importance-weighted bound of several levels needs the gradient total",
                });
            }
        }
        Ok(())
    }
}

/// The metrics of the KL divergence of each level, numbered from 1, the level next to the pixels.
const KL_OF_LEVELS: [&str; 16] = [
    "kl_1", "kl_2", "kl_3", "kl_4", "kl_5", "kl_6", "kl_7", "kl_8", "kl_9", "kl_10", "kl_11",
    "kl_12", "kl_13", "kl_14", "kl_15", "kl_16",
];

/// The number of rows in a block outside of training: fewer than for other models, since all hidden states of the bottom-up
/// network are kept until the top-down network has used them.
const ROWS: usize = 500;

/// A hierarchical VAE whose L levels of latents are inferred from the top down: Sønderby et al. 2016, "Ladder Variational
/// Autoencoders", with convolutional residual networks.
///
/// ```text
/// p(x, z) = p(x|z₁, …, z_L) p(z_L) Π p(z_l|z_l+1, …, z_L)
/// q(z|x)  = q(z_L|x) Π q(z_l|x, z_l+1, …, z_L)
/// ```
///
/// A bottom-up network computes features of the image at each resolution. The top-down network is shared by the prior and the
/// posterior: μ and σ of `p(z_l|…)` depend on its hidden state, and the posterior on the features of the image as well.
/// The top level is a vector whose prior may be a flow; the others are images of [`LadderVaeConfig::latent_channels`]
/// channels.
///
/// The latents of [`LatentModel`] are u with the prior N(0, I): of the flow z = f(u) at the top, and of z = μ + σ ⊙ u at the
/// other levels. They are concatenated from the top level to the lowest ([`LatentModel::levels`]).
#[derive(Clone, Debug)]
pub struct LadderVae<F: Sequential = Conv2d, G = Linear> {
    bottom_up: ConvolutionalEncoder<F>,
    mean: Linear,
    log_variance: Linear,
    prior: LatentPrior<F::Condition>,
    top_down: TopDown<G>,
    likelihood: PixelModel,
    objective: Objective,
    free_bits: f64,
    /// The number of latents of each level, from the top.
    levels: Vec<usize>,
}

/// What one pass of inference gives for each of the rows of images × draws.
struct Inference {
    /// The decoder's output, `[rows, pixels]`.
    output: Tensor,
    /// For each level from the top: the posterior and the draw, of z at the top and of u below it.
    levels: Vec<(Normal, Tensor)>,
}

/// A [`LadderVae`] that is conditional on labels: a linear map of the label is added in the first layer of both networks, and
/// the label is an input of the couplings of a flow prior.
pub type ConditionalLadderVae =
    LadderVae<AdditiveConditioning<Conv2d>, AdditiveConditioning<Linear>>;

impl LadderVae {
    /// Builds the model for images of this shape. The variables from `builder` are named `encoder`, `mean`,
    /// `log_variance`, `decoder` and, if they have variables, `likelihood` and `prior`.
    ///
    /// # Errors
    /// Those of [`LadderVaeConfig::check`], or `builder` contains variables of other shapes.
    pub fn new(
        image: Shape,
        config: &LadderVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, 0)?;
        let networks = &config.networks;
        let encoder = ConvolutionalEncoder::new(image, networks, &builder.pp("encoder"))?;
        let first = networks.first_linear(image, &builder.pp("decoder"))?;
        Self::with_networks(encoder, first, image, config, builder)
    }
}

impl ConditionalLadderVae {
    /// Builds the model for images of this shape with labels of `classes` classes. The variables have the names of
    /// [`LadderVae::new`].
    ///
    /// # Errors
    /// Those of [`LadderVae::new`], or `classes` is 0.
    pub fn conditional(
        image: Shape,
        classes: usize,
        config: &LadderVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, classes)?;
        positive("classes", classes)?;
        let networks = &config.networks;
        let encoder =
            ConvolutionalEncoder::conditional(image, classes, networks, &builder.pp("encoder"))?;
        let first = networks.first_conditional_linear(image, classes, &builder.pp("decoder"))?;
        Self::with_networks(encoder, first, image, config, builder)
    }
}

impl<F: Sequential<Condition: 'static>, G> LadderVae<F, G> {
    /// Builds the model with its bottom-up network and the first layer of the top-down one.
    fn with_networks(
        bottom_up: ConvolutionalEncoder<F>,
        first: G,
        image: Shape,
        config: &LadderVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        let (networks, channels) = (&config.networks, config.latent_channels);
        let head = |name| {
            let builder = builder.pp(name);
            let (features, size) = (networks.features, networks.latent_size);
            Linear::new(features, size, Activation::Identity, &builder)
        };
        let [decoder, likelihood, prior] =
            ["decoder", "likelihood", "prior"].map(|name| builder.pp(name));
        let classes = Sequential::classes(&bottom_up);
        Ok(Self {
            bottom_up,
            mean: head("mean")?,
            log_variance: head("log_variance")?,
            prior: config.prior.build(networks.latent_size, classes, &prior)?,
            top_down: TopDown::with_first(first, image, networks, channels, &decoder)?,
            likelihood: PixelModel::new(config.likelihood, image.elem_count(), &likelihood)?,
            objective: config.objective.clone(),
            free_bits: config.free_bits,
            levels: networks.levels(image, channels),
        })
    }
}

impl<F: Sequential, G: Sequential<Condition = F::Condition>> LadderVae<F, G> {
    /// The posterior of the top level: batch `[n]`.
    fn top(&self, features: &Features) -> Result<Normal, Error> {
        let log_scale = (self.log_variance.forward(&features.last)? * 0.5)?;
        Ok(Normal::new(self.mean.forward(&features.last)?, log_scale)?)
    }

    /// Draws all levels by `draw`, from the top down, for images with these features.
    fn infer(
        &self,
        features: &Features,
        condition: &F::Condition,
        mut draw: impl FnMut(&Normal) -> Result<Tensor, Error>,
    ) -> Result<Inference, Error> {
        let top = self.top(features)?;
        let latents = draw(&top)?;
        let mut levels = vec![(top, latents.clone())];
        let last = features.images.len() - 1;
        let output = self
            .top_down
            .forward(&latents, condition, |resolution, group, hidden| {
                let features = &features.images[last - resolution];
                let [mean, log_scale] = group.posterior(hidden, features)?;
                let posterior = Normal::new(mean, log_scale)?;
                let base = draw(&posterior)?;
                levels.push((posterior, base.clone()));
                Ok::<_, Error>(base)
            })?;
        Ok(Inference { output, levels })
    }

    /// The KL divergence of each level, `[rows]`: from `draws` of z or u, or in closed form where there is one.
    fn kl_by_level(
        &self,
        bound: Bound,
        levels: &[(Normal, Tensor)],
        condition: &F::Condition,
    ) -> Result<Vec<Tensor>, Error> {
        let kl = |(index, (posterior, latents)): (usize, &(Normal, Tensor))| {
            let posterior = self.density(posterior)?;
            let (size, dtype) = (self.levels[index], latents.dtype());
            let prior = StandardNormal::new(size, dtype, latents.device());
            match (bound, index) {
                (Bound::Elbo, 0) => self.prior.kl_from(&posterior, latents, condition),
                (Bound::Elbo, _) => Ok(posterior.kl_divergence(&prior)?),
                (_, 0) => self.prior.sampled_kl_from(&posterior, latents, condition),
                _ => Ok((posterior.log_prob(latents)? - prior.log_prob(latents)?)?),
            }
        };
        levels.iter().enumerate().map(kl).collect()
    }

    /// A posterior as far as its gradient counts.
    fn density(&self, posterior: &Normal) -> Result<Normal, Error> {
        match self.objective.gradient {
            GradientEstimator::Total => Ok(posterior.clone()),
            GradientEstimator::Path => {
                let (loc, log_scale) = (posterior.loc().detach(), posterior.log_scale().detach());
                Ok(Normal::new(loc, log_scale)?)
            }
        }
    }

    /// The likelihood for latents u of all levels, `[n, latent_size]`.
    fn decoded(
        &self,
        latents: &Tensor,
        condition: &F::Condition,
    ) -> Result<PixelDistribution, Error> {
        let top = self
            .prior
            .forward(&narrow(latents, 0, self.levels[0])?, condition)?;
        let mut first = self.levels[0];
        let mut sizes = self.levels[1..].iter();
        let output = self.top_down.forward(&top, condition, |_, _, _| {
            let size = sizes.next().copied().unwrap_or_default();
            let base = narrow(latents, first, size);
            first += size;
            Ok::<_, Error>(base?)
        })?;
        self.likelihood.given(output)
    }

    /// u of all levels, `[n, latent_size]`, drawn by `draw` in blocks to bound the memory.
    fn encoded(
        &self,
        images: &Tensor,
        condition: &F::Condition,
        mut draw: impl FnMut(&Normal) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            let condition = &condition.narrow(first, count)?;
            let images = images.narrow(0, first, count)?;
            let features = self.bottom_up.features(&images, condition)?;
            let inference = self.infer(&features, condition, &mut draw)?;
            let mut levels = inference.levels.into_iter();
            let top = levels.next();
            let top = top.map(|(_, top)| self.prior.inverse(&top, condition));
            let mut latents: Vec<_> = top.transpose()?.into_iter().collect();
            latents.extend(levels.map(|(_, base)| base));
            Ok(Tensor::cat(&latents, 1)?)
        })
    }

    /// log p(x|z) and the KL divergence of each level for `draws` draws of each image: each `[n]`, or `[k, n]` for more than
    /// one draw.
    fn terms(
        &self,
        images: &Tensor,
        features: &Features,
        condition: &F::Condition,
        (draws, bound): (usize, Bound),
        generator: &mut Generator,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        let count = images.dim(0)?;
        let repeated = features.repeated(draws)?;
        let condition = &condition.repeated(draws)?;
        let inference = self.infer(&repeated, condition, |posterior| {
            Ok(posterior.rsample(&[], generator)?)
        })?;
        let by_draw = |rows: &Tensor, last: &[usize]| match draws {
            1 => Ok(rows.clone()),
            _ => rows.reshape([&[draws, count], last].concat()),
        };
        let output = by_draw(&inference.output, &[images.dim(1)?])?;
        let likelihood = self.likelihood.given(output)?.log_prob(images)?;
        let kl = self.kl_by_level(bound, &inference.levels, condition)?;
        let kl = kl.iter().map(|kl| by_draw(kl, &[]));
        Ok((likelihood, kl.collect::<Result<_, _>>()?))
    }

    /// [`Self::terms`] of the objective's bound, computed for `at_once` images at a time.
    fn terms_in_blocks(
        &self,
        images: &Tensor,
        condition: &F::Condition,
        (draws, at_once): (usize, usize),
        generator: &mut Generator,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        let mut blocks = Vec::new();
        let total = images.dim(0)?;
        let at_once = at_once.max(1);
        for first in (0..total).step_by(at_once) {
            let count = at_once.min(total - first);
            let condition = condition.narrow(first, count)?;
            let images = images.narrow(0, first, count)?;
            let features = self.bottom_up.features(&images, &condition)?;
            let kind = (draws, self.objective.bound);
            let (likelihood, mut terms) =
                self.terms(&images, &features, &condition, kind, generator)?;
            terms.push(likelihood);
            blocks.push(terms);
        }
        let whole = |index| {
            let parts: Vec<&Tensor> = blocks.iter().map(|terms| &terms[index]).collect();
            match parts[..] {
                [whole] => Ok(whole.clone()),
                _ => Tensor::cat(&parts, parts[0].rank() - 1),
            }
        };
        let kl = (0..self.levels.len())
            .map(whole)
            .collect::<Result<_, _>>()?;
        Ok((whole(self.levels.len())?, kl))
    }
}

impl<F: Sequential, G: Sequential<Condition = F::Condition>> Trainable for LadderVae<F, G> {
    /// [`Objective::loss`] with the sum of the KL divergences of all levels, which are the parts `kl_1` (next to the pixels)
    /// to `kl_L` (the top).
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        context: &mut LossContext,
    ) -> Result<Loss, Error> {
        let draws = self.objective.samples_after(context.epochs);
        let at_once = if context.is_training() {
            images.dim(0)?
        } else {
            ROWS / draws
        };
        let condition = F::Condition::from_labels(labels, self.classes(), images.dtype())?;
        let sizes = (draws, at_once);
        let generator = &mut context.generator;
        let (likelihood, kl) = self.terms_in_blocks(images, &condition, sizes, generator)?;
        let mut total = kl[0].clone();
        for kl in &kl[1..] {
            total = (total + kl)?;
        }
        // Evaluation uses the final β, so that metrics are comparable between epochs.
        let epochs = if context.is_training() {
            context.epochs
        } else {
            f64::INFINITY
        };
        let mut loss = self.objective.loss(&likelihood, &total, epochs)?;
        if context.is_training() && self.free_bits > 0.0 {
            // max(λ, KL) of the mean over the batch is KL and what is missing to λ.
            for kl in &kl {
                let missing = ((kl.mean_all()?.neg()? + self.free_bits)?.relu())?;
                let missing = (missing * self.objective.beta_after(epochs))?;
                loss.objective = loss.objective.broadcast_add(&missing)?;
            }
        }
        for (kl, name) in kl.iter().rev().zip(KL_OF_LEVELS) {
            loss.parts.push((name, mean_over_draws(kl)?));
        }
        self.likelihood
            .with_bits_per_dimension(loss, images.dim(1)?)
    }

    fn samples_after(&self, epochs: f64) -> usize {
        self.objective.samples_after(epochs)
    }
}

impl<F: Sequential, G: Sequential<Condition = F::Condition>> LatentModel for LadderVae<F, G> {
    type Condition = F::Condition;

    fn latent_size(&self) -> usize {
        self.levels.iter().sum()
    }

    fn levels(&self) -> Vec<usize> {
        self.levels.clone()
    }

    fn classes(&self) -> Option<usize> {
        Sequential::classes(&self.bottom_up)
    }

    fn encode(&self, images: &Tensor, condition: &F::Condition) -> Result<Tensor, Error> {
        self.encoded(images, condition, |posterior| Ok(posterior.loc().clone()))
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &F::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        self.encoded(images, condition, |posterior| {
            Ok(posterior.sample(&[], generator)?)
        })
    }

    fn decode(&self, latents: &Tensor, condition: &F::Condition) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let condition = condition.narrow(first, count)?;
            self.decoded(&latents.narrow(0, first, count)?, &condition)?
                .location()
        })
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &F::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let condition = condition.narrow(first, count)?;
            let likelihood = self.decoded(&latents.narrow(0, first, count)?, &condition)?;
            Ok(likelihood.sample(&[], generator)?)
        })
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        let size = self.latent_size();
        let (dtype, device) = self.prior.kind();
        Ok(generator.standard_normal((count, size), dtype, device)?)
    }

    /// Estimates log p(x) by importance sampling of all levels from q(z|x). The memory does not depend on the number of
    /// draws.
    fn log_likelihood(
        &self,
        images: &Tensor,
        condition: &F::Condition,
        samples: usize,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        refuse_no_samples(samples)?;
        in_blocks(images.dim(0)?, ROWS, 0, |first, count| {
            let images = images.narrow(0, first, count)?;
            let condition = condition.narrow(first, count)?;
            let features = self.bottom_up.features(&images, &condition)?;
            let at_once = ROWS / count.max(1);
            let mut mean = LogMeanExp::new(count);
            for first in (0..samples).step_by(at_once) {
                let draws = at_once.min(samples - first);
                let kind = (draws, Bound::MonteCarloElbo);
                let (mut weights, kl) =
                    self.terms(&images, &features, &condition, kind, generator)?;
                for kl in kl {
                    weights = (weights - kl)?;
                }
                mean.add(&weights.reshape((draws, count))?)?;
            }
            Ok(mean.finish(images.dtype(), images.device())?)
        })
    }
}

impl<F, G> Conditional for LadderVae<F, G>
where
    F: Sequential<Condition = Labels>,
    G: Sequential<Condition = Labels>,
{
}
