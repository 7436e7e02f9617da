use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{
    Bernoulli, Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal,
};
use latent_kernels::Activation;
use serde::{Deserialize, Serialize};

use crate::blocks::{ROWS, in_blocks};
use crate::error::{positive, refuse_no_samples, refuse_too_many};
use crate::log_mean_exp::LogMeanExp;
use crate::networks::{
    CLASSES, Concatenated, Condition, Conv2d, ConvolutionalConfig, ConvolutionalDecoder,
    ConvolutionalEncoder, ImageSize, Labels, Linear, Mlp, Network, Summed,
};
use crate::{Conditional, Error, LatentModel, Loss, Objective, Step, Trainable};

/// The shape of a fully connected [`Vae`], and what it is trained by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// Sizes of the encoder's hidden layers; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// How many dimensions the latent space has.
    pub latent_size: usize,
    /// What it is trained by.
    pub objective: Objective,
}

impl Default for VaeConfig {
    /// 784-512-2 with ReLU.
    fn default() -> Self {
        Self {
            hidden: vec![512],
            activation: Activation::Relu,
            latent_size: 2,
            objective: Objective::default(),
        }
    }
}

impl VaeConfig {
    /// Whether a VAE of this shape can exist for images of `pixels` values.
    ///
    /// # Errors
    /// The image, the latent space or a hidden layer has size 0; the objective is impossible; or there
    /// are more layers or weights than any computer that this is for could train.
    pub fn check(&self, pixels: usize) -> Result<(), Error> {
        const LAYERS: usize = 100;
        positive("pixels", pixels)?;
        positive("latent_size", self.latent_size)?;
        self.objective.check()?;
        self.hidden
            .iter()
            .try_for_each(|&size| positive("hidden", size))?;
        let layers = self.hidden.len();
        if layers > LAYERS {
            let value = format!("a list of {layers}");
            return Err(Error::Config {
                key: "hidden",
                value,
                remedy: "use 100 layers or fewer",
            });
        }
        let sizes = [&[pixels], &self.hidden[..], &[self.latent_size]].concat();
        let weights = sizes.windows(2).fold(0usize, |sum, pair| {
            sum.saturating_add(pair[0].saturating_mul(pair[1]))
        });
        let (key, value) = match self.hidden.iter().max() {
            Some(&largest) if largest > self.latent_size => ("hidden", largest),
            _ => ("latent_size", self.latent_size),
        };
        refuse_too_many(weights, key, &value)
    }
}

/// A variational autoencoder over an encoder and a decoder, fully connected unless said otherwise;
/// conditional, p(x|y), where the networks are ([`Network::Condition`]).
///
/// Kingma & Welling 2014, "Auto-Encoding Variational Bayes", with a Bernoulli likelihood of the
/// pixels (appendix C.1) and a diagonal normal posterior (C.2). For grey pixels that likelihood is
/// the cross-entropy of the literature, and the bound one of no probability; for pixels drawn as 0 or
/// 1 it bounds log p(x).
#[derive(Clone, Debug)]
pub struct Vae<E = Mlp, D = Mlp> {
    prior: StandardNormal,
    encoder: E,
    mean: Linear,
    log_variance: Linear,
    decoder: D,
    latent_size: usize,
    objective: Objective,
}

/// The fully connected conditional VAE: both networks see the label beside their input.
pub type ConditionalVae = Vae<Concatenated<Mlp>, Concatenated<Mlp>>;

/// The convolutional VAE.
pub type ConvolutionalVae = Vae<ConvolutionalEncoder, ConvolutionalDecoder>;

/// The conditional convolutional VAE: the first layer of both networks sees the label.
pub type ConditionalConvolutionalVae =
    Vae<ConvolutionalEncoder<Summed<Conv2d>>, ConvolutionalDecoder<Summed<Linear>>>;

/// The encoder without its heads, and the decoder, of images and latents with so many numbers beside
/// them.
fn perceptrons(
    pixels: usize,
    beside: usize,
    config: &VaeConfig,
    builder: &VarBuilder,
) -> Result<[Mlp; 2], Error> {
    let VaeConfig {
        hidden,
        activation,
        latent_size,
        ..
    } = config;
    let encoder_sizes = [&[pixels + beside], &hidden[..]].concat();
    let mut decoder_sizes = [&[pixels], &hidden[..], &[latent_size + beside]].concat();
    decoder_sizes.reverse();
    let network =
        |name, sizes: &[usize], last| Mlp::new(sizes, *activation, last, &builder.pp(name));
    Ok([
        network("encoder", &encoder_sizes, *activation)?,
        network("decoder", &decoder_sizes, Activation::Identity)?,
    ])
}

impl Vae {
    /// A VAE for images of `pixels` values, with its variables from `builder`: `encoder`, the heads
    /// `mean` and `log_variance`, and `decoder`.
    ///
    /// # Errors
    /// [`VaeConfig::check`] finds the shape impossible, or `builder` holds variables of other shapes.
    pub fn new(pixels: usize, config: &VaeConfig, builder: &VarBuilder) -> Result<Self, Error> {
        config.check(pixels)?;
        let [encoder, decoder] = perceptrons(pixels, 0, config, builder)?;
        let features = config.hidden.last().copied().unwrap_or(pixels);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::over(encoder, features, decoder, size, objective, builder)
    }
}

impl ConditionalVae {
    /// As [`Vae::new`], of images with labels. Sohn et al. 2015, with p(z) the same for all labels.
    ///
    /// # Errors
    /// As [`Vae::new`].
    pub fn conditional(
        pixels: usize,
        config: &VaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(pixels)?;
        let networks = perceptrons(pixels, CLASSES, config, builder)?;
        let [encoder, decoder] = networks.map(Concatenated::new);
        let features = config.hidden.last().copied().unwrap_or(pixels + CLASSES);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::over(encoder, features, decoder, size, objective, builder)
    }
}

impl ConvolutionalVae {
    /// A VAE for images of this size with its variables from `builder`: `encoder`, the heads `mean` and
    /// `log_variance`, and `decoder`.
    ///
    /// # Errors
    /// [`ConvolutionalConfig::check`] finds the shape impossible, or `builder` holds variables of other
    /// shapes.
    pub fn convolutional(
        image: ImageSize,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image)?;
        let encoder = ConvolutionalEncoder::new(image, config, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::new(image, config, &builder.pp("decoder"))?;
        let (size, objective) = (config.latent_size, &config.objective);
        Self::over(encoder, config.features, decoder, size, objective, builder)
    }
}

impl ConditionalConvolutionalVae {
    /// As [`Vae::convolutional`], with labels that the first layer of either network sees.
    ///
    /// # Errors
    /// As [`Vae::convolutional`].
    pub fn conditional_convolutional(
        image: ImageSize,
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image)?;
        let encoder = ConvolutionalEncoder::conditional(image, config, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::conditional(image, config, &builder.pp("decoder"))?;
        let (size, objective) = (config.latent_size, &config.objective);
        Self::over(encoder, config.features, decoder, size, objective, builder)
    }
}

impl<E, D> Vae<E, D> {
    /// A VAE over any two networks: an encoder to `[n, features]` and a decoder from `[n, latent_size]`
    /// to the logits of the pixels. The heads `mean` and `log_variance` come from `builder`.
    ///
    /// # Errors
    /// `builder` holds variables of other shapes.
    pub fn over(
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
            prior: StandardNormal::new(latent_size, builder.dtype(), builder.device()),
            encoder,
            mean: head("mean")?,
            log_variance: head("log_variance")?,
            decoder,
            latent_size,
            objective: objective.clone(),
        })
    }
}

impl<E, D> Vae<E, D>
where
    E: Network,
    D: Network<Condition = E::Condition>,
{
    /// q(z|x) = N(μ(x), diag σ²(x)), or q(z|x, y) of a conditional model.
    pub fn posterior(&self, images: &Tensor, condition: &E::Condition) -> Result<Normal, Error> {
        let hidden = self.encoder.forward(images, condition)?;
        let log_scale = (self.log_variance.forward(&hidden)? * 0.5)?;
        Ok(Normal::new(self.mean.forward(&hidden)?, log_scale)?)
    }

    /// p(x|z) = Bernoulli(f(z)), or p(x|z, y) of a conditional model, for latents `[n, latent_size]` or
    /// several draws of them, `[k, n, latent_size]`.
    pub fn likelihood(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
    ) -> Result<Bernoulli, Error> {
        let Ok((draws, count, size)) = latents.dims3() else {
            return Ok(Bernoulli::new(self.decoder.forward(latents, condition)?));
        };
        let latents = latents.reshape((draws * count, size))?;
        let logits = self
            .decoder
            .forward(&latents, &condition.repeated(draws)?)?;
        Ok(Bernoulli::new(logits.reshape((draws, count, ()))?))
    }

    /// As [`Self::posterior`], of so many images at once that memory stays bounded.
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

    /// log p(x|z) of n images for latents `[n, latent_size]` or `[k, n, latent_size]`, `[n]` or `[k, n]`, of
    /// so many at once that memory stays bounded.
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
    /// [`Objective::loss`], with the expectation over q(z|x) estimated by the draws of z that it asks for.
    fn loss(&self, images: &Tensor, labels: &Tensor, step: &mut Step) -> Result<Loss, Error> {
        let condition = E::Condition::from_labels(labels, images.dtype())?;
        let posterior = self.posterior(images, &condition)?;
        let draws: &[usize] = match self.objective.samples_after(step.epochs) {
            1 => &[],
            samples => &[samples],
        };
        let latents = posterior.rsample(draws, &mut step.generator)?;
        let likelihood = if step.is_training() {
            self.likelihood(&latents, &condition)?.log_prob(images)?
        } else {
            self.log_likelihood_given(&latents, images, &condition)?
        };
        // A figure that is compared over epochs weighs the divergence as in the end; how many draws it is
        // of is the time that it takes.
        let epochs = if step.is_training() {
            step.epochs
        } else {
            f64::INFINITY
        };
        self.objective
            .loss(&likelihood, &latents, &posterior, &self.prior, epochs)
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

    fn encode(&self, images: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        Ok(self.posterior_in_blocks(images, condition)?.loc().clone())
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &E::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        let posterior = self.posterior_in_blocks(images, condition)?;
        Ok(posterior.sample(&[], generator)?)
    }

    fn kl_by_dimension(
        &self,
        images: &Tensor,
        condition: &E::Condition,
    ) -> Result<Option<Tensor>, Error> {
        let posterior = self.posterior_in_blocks(images, condition)?;
        // Every dimension is a distribution of its own.
        let [loc, log_scale] =
            [posterior.loc(), posterior.log_scale()].map(|of_all| of_all.unsqueeze(2));
        let one = StandardNormal::new(1, images.dtype(), images.device());
        Ok(Some(Normal::new(loc?, log_scale?)?.kl_divergence(&one)?))
    }

    fn decode(&self, latents: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        in_blocks(latents.dim(0)?, ROWS, 0, |first, count| {
            let condition = condition.narrow(first, count)?;
            let likelihood = self.likelihood(&latents.narrow(0, first, count)?, &condition)?;
            Ok(likelihood.mean()?)
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
            let likelihood = self.likelihood(&latents.narrow(0, first, count)?, &condition)?;
            Ok(likelihood.sample(&[], generator)?)
        })
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        Ok(self.prior.sample(&[count], generator)?)
    }

    /// By importance sampling from q(z|x): the bound of Burda et al. 2016, equation 8, in pieces that
    /// keep memory bounded however many draws there are.
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
            let joint = (likelihood + self.prior.log_prob(&latents)?)?;
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
