use candle_nn::VarBuilder;
use latent_kernels::{Activation, Shape};

use super::config::{ConvolutionalVaeConfig, VaeConfig};
use super::model::Vae;
use crate::Error;
use crate::error::positive;
use crate::networks::{
    AdditiveConditioning, ConcatConditioning, Conv2d, ConvolutionalDecoder, ConvolutionalEncoder,
    Linear, Mlp,
};

/// The fully connected conditional VAE: both networks see the label beside their input.
pub type ConditionalVae = Vae<ConcatConditioning<Mlp>, ConcatConditioning<Mlp>>;

/// The convolutional VAE.
pub type ConvolutionalVae = Vae<ConvolutionalEncoder, ConvolutionalDecoder>;

/// The conditional convolutional VAE: the first layer of both networks sees the label.
pub type ConditionalConvolutionalVae = Vae<
    ConvolutionalEncoder<AdditiveConditioning<Conv2d>>,
    ConvolutionalDecoder<AdditiveConditioning<Linear>>,
>;

/// The encoder without its heads, and the decoder, of images and latents with so many numbers beside
/// them.
fn mlp_networks(
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
    /// `mean` and `log_variance`, and `decoder`; `likelihood` and `prior` where these have variables.
    ///
    /// # Errors
    /// [`VaeConfig::check`] finds the shape impossible, or `builder` holds variables of other shapes.
    pub fn new(pixels: usize, config: &VaeConfig, builder: &VarBuilder) -> Result<Self, Error> {
        config.check(pixels)?;
        let [encoder, decoder] = mlp_networks(pixels, 0, config, builder)?;
        let features = config.hidden.last().copied().unwrap_or(pixels);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::from_networks(encoder, features, decoder, size, objective, builder)?
            .with_likelihood(config.likelihood, pixels, builder)?
            .with_prior(&config.prior, builder)
    }
}

impl ConditionalVae {
    /// As [`Vae::new`], of images with labels of so many classes. Sohn et al. 2015, with p(z) the same for all labels.
    ///
    /// # Errors
    /// As [`Vae::new`].
    pub fn conditional(
        pixels: usize,
        classes: usize,
        config: &VaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(pixels)?;
        positive("classes", classes)?;
        let networks = mlp_networks(pixels, classes, config, builder)?;
        let [encoder, decoder] = networks.map(|network| ConcatConditioning::new(network, classes));
        let features = config.hidden.last().copied().unwrap_or(pixels + classes);
        let (size, objective) = (config.latent_size, &config.objective);
        Self::from_networks(encoder, features, decoder, size, objective, builder)?
            .with_likelihood(config.likelihood, pixels, builder)?
            .with_prior(&config.prior, builder)
    }
}

impl ConvolutionalVae {
    /// A VAE for images of this shape with its variables from `builder`: `encoder`, the heads `mean` and
    /// `log_variance`, and `decoder`; `likelihood` and `prior` where these have variables.
    ///
    /// # Errors
    /// [`ConvolutionalVaeConfig::check`] finds the shape impossible, or `builder` holds variables of other
    /// shapes.
    pub fn convolutional(
        image: Shape,
        config: &ConvolutionalVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, 0)?;
        let networks = &config.networks;
        let encoder = ConvolutionalEncoder::new(image, networks, &builder.pp("encoder"))?;
        let decoder = ConvolutionalDecoder::new(image, networks, &builder.pp("decoder"))?;
        let (size, objective) = (networks.latent_size, &config.objective);
        Self::from_networks(
            encoder,
            networks.features,
            decoder,
            size,
            objective,
            builder,
        )?
        .with_likelihood(config.likelihood, image.elem_count(), builder)?
        .with_prior(&config.prior, builder)
    }
}

impl ConditionalConvolutionalVae {
    /// As [`Vae::convolutional`], with labels of so many classes that the first layer of either network sees.
    ///
    /// # Errors
    /// As [`Vae::convolutional`].
    pub fn conditional_convolutional(
        image: Shape,
        classes: usize,
        config: &ConvolutionalVaeConfig,
        builder: &VarBuilder,
    ) -> Result<Self, Error> {
        config.check(image, classes)?;
        positive("classes", classes)?;
        let networks = &config.networks;
        let encoder =
            ConvolutionalEncoder::conditional(image, classes, networks, &builder.pp("encoder"))?;
        let decoder =
            ConvolutionalDecoder::conditional(image, classes, networks, &builder.pp("decoder"))?;
        let (size, objective) = (networks.latent_size, &config.objective);
        Self::from_networks(
            encoder,
            networks.features,
            decoder,
            size,
            objective,
            builder,
        )?
        .with_likelihood(config.likelihood, image.elem_count(), builder)?
        .with_prior(&config.prior, builder)
    }
}
