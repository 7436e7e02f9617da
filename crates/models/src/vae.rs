use candle_core::Tensor;
use candle_nn::VarBuilder;
use latent_distributions::{
    Bernoulli, Distribution, Generator, KlDivergence, Normal, Reparametrised, StandardNormal,
};
use latent_kernels::Activation;
use serde::{Deserialize, Serialize};

use crate::networks::{
    Condition, Conv2d, ConvolutionalConfig, ConvolutionalDecoder, ConvolutionalEncoder, Linear,
    Mlp, Network, Summed,
};
use crate::{Error, LatentModel, Loss, Trainable, error::positive};

/// The shape of a fully connected [`Vae`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VaeConfig {
    /// Sizes of the encoder's hidden layers; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// How many dimensions the latent space has.
    pub latent_size: usize,
}

impl Default for VaeConfig {
    /// 784-512-2 with ReLU.
    fn default() -> Self {
        Self {
            hidden: vec![512],
            activation: Activation::Relu,
            latent_size: 2,
        }
    }
}

impl VaeConfig {
    /// Whether a VAE of this shape can exist for images of `pixels` values.
    ///
    /// # Errors
    /// The image, the latent space or a hidden layer has size 0; or there are more layers or weights
    /// than any computer that this is for could train.
    pub fn check(&self, pixels: usize) -> Result<(), Error> {
        const LAYERS: usize = 100;
        const WEIGHTS: usize = 1 << 28;
        positive("pixels", pixels)?;
        positive("latent_size", self.latent_size)?;
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
        if weights > WEIGHTS {
            let (key, value) = match self.hidden.iter().max() {
                Some(&largest) if largest > self.latent_size => ("hidden", largest),
                _ => ("latent_size", self.latent_size),
            };
            let value = value.to_string();
            let remedy = "the encoder would have more than 268 million weights: make it smaller";
            return Err(Error::Config { key, value, remedy });
        }
        Ok(())
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
}

impl Vae {
    /// A VAE for images of `pixels` values, with its variables from `builder`: `encoder`, the heads
    /// `mean` and `log_variance`, and `decoder`.
    ///
    /// # Errors
    /// [`VaeConfig::check`] finds the shape impossible, or `builder` holds variables of other shapes.
    pub fn new(pixels: usize, config: &VaeConfig, builder: &VarBuilder) -> Result<Self, Error> {
        config.check(pixels)?;
        let VaeConfig {
            hidden,
            activation,
            latent_size,
        } = config;
        let features = hidden.last().copied().unwrap_or(pixels);
        let encoder_sizes = [&[pixels], &hidden[..]].concat();
        let mut decoder_sizes = [&encoder_sizes[..], &[*latent_size]].concat();
        decoder_sizes.reverse();

        let encoder = Mlp::new(
            &encoder_sizes,
            *activation,
            *activation,
            &builder.pp("encoder"),
        )?;
        let decoder = Mlp::new(
            &decoder_sizes,
            *activation,
            Activation::Identity,
            &builder.pp("decoder"),
        )?;
        Self::over(encoder, features, decoder, *latent_size, builder)
    }
}

/// The convolutional VAE.
impl Vae<ConvolutionalEncoder, ConvolutionalDecoder> {
    /// A VAE with its variables from `builder`: `encoder`, the heads `mean` and `log_variance`, and
    /// `decoder`.
    ///
    /// # Errors
    /// [`ConvolutionalConfig::check`] finds the shape impossible, or `builder` holds variables of other
    /// shapes.
    pub fn convolutional(
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check()?;
        let encoder = ConvolutionalEncoder::new(config, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::new(config, &builder.pp("decoder"))?;
        Self::over(
            encoder,
            config.features,
            decoder,
            config.latent_size,
            builder,
        )
    }
}

/// The conditional convolutional VAE.
impl Vae<ConvolutionalEncoder<Summed<Conv2d>>, ConvolutionalDecoder<Summed<Linear>>> {
    /// As [`Vae::convolutional`], with labels that the first layer of either network sees.
    ///
    /// # Errors
    /// As [`Vae::convolutional`].
    pub fn conditional_convolutional(
        config: &ConvolutionalConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check()?;
        let encoder = ConvolutionalEncoder::conditional(config, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::conditional(config, &builder.pp("decoder"))?;
        Self::over(
            encoder,
            config.features,
            decoder,
            config.latent_size,
            builder,
        )
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
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        let head = |name| {
            Linear::new(
                features,
                latent_size,
                Activation::Identity,
                &builder.pp(name),
            )
        };
        Ok(Self {
            prior: StandardNormal::new(latent_size, builder.dtype(), builder.device()),
            encoder,
            mean: head("mean")?,
            log_variance: head("log_variance")?,
            decoder,
            latent_size,
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

    /// p(x|z) = Bernoulli(f(z)), or p(x|z, y) of a conditional model.
    pub fn likelihood(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
    ) -> Result<Bernoulli, Error> {
        Ok(Bernoulli::new(self.decoder.forward(latents, condition)?))
    }
}

impl<E, D> Trainable for Vae<E, D>
where
    E: Network,
    D: Network<Condition = E::Condition>,
{
    /// The evidence lower bound, E[log p(x|z)] − KL(q(z|x) ‖ p(z)), the expectation over q(z|x) being
    /// estimated by one draw of z. Kingma & Welling 2014, equation 7.
    fn loss(
        &self,
        images: &Tensor,
        labels: &Tensor,
        generator: &mut Generator,
    ) -> Result<Loss, Error> {
        let condition = E::Condition::from_labels(labels, images.dtype())?;
        let posterior = self.posterior(images, &condition)?;
        let latents = posterior.rsample(&[], generator)?;
        let reconstruction = self
            .likelihood(&latents, &condition)?
            .log_prob(images)?
            .neg()?;
        let kl = posterior.kl_divergence(&self.prior)?;
        let objective = (&reconstruction + &kl)?;
        let elbo = objective.neg()?;
        let parts = vec![
            ("elbo", elbo),
            ("reconstruction", reconstruction),
            ("kl", kl),
        ];
        Ok(Loss { objective, parts })
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
        Ok(self.posterior(images, condition)?.mean()?)
    }

    fn encode_sample(
        &self,
        images: &Tensor,
        condition: &E::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        Ok(self.posterior(images, condition)?.sample(&[], generator)?)
    }

    fn decode(&self, latents: &Tensor, condition: &E::Condition) -> Result<Tensor, Error> {
        Ok(self.likelihood(latents, condition)?.mean()?)
    }

    fn decode_sample(
        &self,
        latents: &Tensor,
        condition: &E::Condition,
        generator: &mut Generator,
    ) -> Result<Tensor, Error> {
        Ok(self
            .likelihood(latents, condition)?
            .sample(&[], generator)?)
    }

    fn sample_prior(&self, count: usize, generator: &mut Generator) -> Result<Tensor, Error> {
        Ok(self.prior.sample(&[count], generator)?)
    }
}
